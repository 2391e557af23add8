"""Many files read by a few threads, in order."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 512
"""Items taken up together: whoever is told hears this often of it."""


def together(function: Callable[[T], R], items: Iterable[T], tell: Callable[[int], None], threads: int) -> Iterator[R]:
    """`function` of each item, in the order of the items. It spends its time in files or in libraries that let other threads work.

    tell: gets the number of items done so far.
    """
    waiting, done = iter(items), 0
    with ThreadPoolExecutor(threads) as pool:
        while some := list(islice(waiting, AT_ONCE)):
            yield from pool.map(function, some)
            done += len(some)
            tell(done)
