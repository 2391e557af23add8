"""Seconds in which a process looked on."""

import time


class Clock:
    """Counts at most twice the usual time between two looks: when the machine slept, or all was stopped, nobody was late."""

    def __init__(self, look_every: float) -> None:
        self._most, self._seconds, self._last = 2 * look_every, 0.0, time.monotonic()

    def look(self) -> float:
        """The seconds so far."""
        now = time.monotonic()
        self._seconds += min(now - self._last, self._most)
        self._last = now
        return self._seconds
