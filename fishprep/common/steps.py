"""What a process is at: told before each step, so that whoever watches it knows over what it died or hangs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fishprep.common.errors import PartError, reason_of


@dataclass(frozen=True)
class Step:
    """Work on some parts of a spec has begun; on none: the lane is free again. A process is at one step in each lane at a time,
    in each thread where several do the same, and has the limit on time once for each part."""

    lane: str
    parts: tuple[str, ...] = ()
    thread: int = 0


class Steps:
    """Tells the steps of a process. `tell` may be called from several threads."""

    def __init__(self, tell: Callable[[Step], None] = lambda step: None) -> None:
        self._tell = tell

    @contextmanager
    def at(self, lane: str, *parts: str) -> Iterator[None]:
        """Tell of a step for as long as the block runs. What it raises becomes a PartError of those parts."""
        thread = threading.get_native_id()
        self._tell(Step(lane, parts, thread))
        try:
            yield
        except Exception as error:
            raise PartError(parts, reason_of(lane, error)) from error
        self._tell(Step(lane, thread=thread))
