"""How fast a training goes."""

import time


class Pace:
    """Seconds a step takes, measured since the last question; validations do not count."""

    def __init__(self, step: int) -> None:
        self._step, self._since = step, time.monotonic()

    def pause(self, seconds: float) -> None:
        self._since += seconds

    def seconds_per_step(self, step: int) -> float:
        now = time.monotonic()
        spent = (now - self._since) / max(1, step - self._step)
        self._step, self._since = step, now
        return max(spent, 1e-9)
