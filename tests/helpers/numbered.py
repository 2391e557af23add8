"""Specs of numbers to be squared, some of which do harm: work for engines, without a face in it."""

import errno
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fishprep.common.errors import FishPrepError
from fishprep.common.progress import Progress
from fishprep.common.steps import Steps
from fishprep.common.turns import turn

Tell = Callable[[object], None]


@dataclass(frozen=True)
class Numbers:
    """A spec whose parts are written numbers; what is left out has a reason."""

    parts: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict, hash=False)
    is_trial: bool = False

    def trial(self, parts: Sequence[str]) -> "Numbers":
        return replace(self, parts=tuple(parts), is_trial=True)

    def without(self, blamed: Mapping[str, str]) -> "Numbers":
        return Numbers(tuple(part for part in self.parts if part not in blamed), dict(blamed))


def numbers(*values: int) -> Numbers:
    return Numbers(tuple(map(str, values)))


def square() -> Callable[[Numbers, Tell], tuple[list[int], Mapping[str, str]]]:
    """3 and 4 alone fail as a whole; 13 and 14 kill the process, 15 raises, 16 never ends."""

    def one(number: int) -> int:
        if number == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 14:
            os.abort()
        if number == 15:
            raise MemoryError
        while number == 16:
            time.sleep(0.01)
        return number * number

    def work(spec: Numbers, tell: Tell) -> tuple[list[int], Mapping[str, str]]:
        if spec.parts == ("3",):
            raise FishPrepError("three is not to be squared")
        if spec.parts == ("4",):
            raise OSError(errno.ENOSPC, "No space left on device")
        steps, results = Steps(tell), []
        for part in spec.parts:
            with steps.at("square", part):
                results.append(one(int(part)))
            if not spec.is_trial:
                tell(Progress(1))
        return results, spec.left_out

    return work


def turns() -> Callable[[Numbers, Tell], tuple[int, int]]:
    """Tells which worker it is, of a hundred and of three; 13 kills it."""

    def work(spec: Numbers, tell: Tell) -> tuple[int, int]:
        with Steps(tell).at("turn", *spec.parts):
            if spec.parts == ("13",):
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(0.3)
        return turn(100), turn(3)

    return work


def unfit() -> Callable[[Numbers, Tell], int]:
    raise FishPrepError("no weights")


def broken() -> Callable[[Numbers, Tell], int]:
    raise RuntimeError("CUDA error: no kernel image is available for execution on the device")


def killed() -> Callable[[Numbers, Tell], int]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
