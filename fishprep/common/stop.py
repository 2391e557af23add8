"""Reasons to stop early: a signal, or the time is up. Neither breaks into a step."""

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Literal

Reason = Literal["time", "interrupted", "terminated"]
REASONS: tuple[Reason, ...] = ("time", "interrupted", "terminated")
_SIGNALS: dict[int, Reason] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class StopRequest:
    """While entered, Ctrl-C and SIGTERM only leave a note here; a second one acts as before.

    `minutes` from its making on the time is up; None: never. Signals are heard in the main thread alone.
    """

    def __init__(self, minutes: float | None = None) -> None:
        self._end = None if minutes is None else time.monotonic() + 60 * minutes
        self._noted: Reason | None = None
        self._before: dict[int, object] = {}

    @property
    def reason(self) -> Reason | None:
        """Why to stop, if at all."""
        if self._noted is None and self._end is not None and time.monotonic() >= self._end:
            return "time"
        return self._noted

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = _SIGNALS[number]
        self._give_back()

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before = {}
