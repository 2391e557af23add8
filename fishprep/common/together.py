"""Many files read by a few threads, in order."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

THREADS = min(8, (os.cpu_count() or 1) * 2)
"""Which read files."""

AT_ONCE = 512
"""Items taken up together: whoever is told hears this often of it."""

_RUN = 16
"""Items that a thread takes at a time: to hand over a single one would cost more than a look at a file."""


def together(function: Callable[[T], R], items: Iterable[T], tell: Callable[[int], None], threads: int) -> Iterator[R]:
    """`function` of each item, in the order of the items. It spends its time in files or in libraries that let other threads work.

    tell: gets the number of items done so far.
    """
    waiting, done = iter(items), 0
    with ThreadPoolExecutor(threads) as pool:
        while some := list(islice(waiting, AT_ONCE)):
            runs = [some[first : first + _RUN] for first in range(0, len(some), _RUN)]
            for results in pool.map(lambda run: [function(item) for item in run], runs):
                yield from results
            done += len(some)
            tell(done)
