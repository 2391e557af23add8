"""What a worker of a cluster is on its machine: a local engine with one process, which is given one spec after another."""

import contextlib
import os
import platform
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fishprep.common.errors import BuildError
from fishprep.engines.attempt import Raised, Returned
from fishprep.engines.base import Done, S, Work, WorkNews
from fishprep.engines.local import LocalEngine


@dataclass(frozen=True)
class Machine:
    """Where a station stands. cpu: its kind; the bytes of a shard are the same on one kind."""

    host: str
    cpu: str


class Station:
    """Works on one spec after another by a process of its own, so that what a spec does to that costs a part alone, as everywhere.

    make_work, seconds: as `Engine.run` has them. folder: of whoever asks; paths that are relative are meant from there.
    """

    def __init__(self, make_work: Callable[[], Work[S, Any]], seconds: float | None, folder: str) -> None:
        with contextlib.suppress(OSError):  # not there: no path that is relative can be meant
            os.chdir(folder)
        _outlive_the_process()
        self._spec: object = None
        self._news: list[WorkNews] = []
        self._events = LocalEngine().run(make_work, self._specs(), 1, self._news.append, seconds)

    def machine(self) -> Machine:
        """Where this is."""
        return Machine(socket.gethostname(), cpu_kind())

    def work(self, spec: object) -> tuple[Returned | Raised, list[WorkNews]]:
        """What came of a spec, and the news that nobody has asked for yet. BuildError where this machine cannot do such work."""
        self._spec = spec
        try:
            event = next(self._events)
        except BuildError as error:
            raise BuildError(str(error)) from None  # by its words alone: it is sent to another machine
        if isinstance(event, Done):
            return Returned(event.result), self.news()
        return Raised(event.reason, event.system_error), self.news()

    def news(self) -> list[WorkNews]:
        """What was told since this was asked last."""
        news = self._news.copy()
        del self._news[: len(news)]
        return news

    def _specs(self) -> Iterator[Any]:
        while True:
            yield self._spec


def cpu_kind() -> str:
    """Maker, family and model, as Linux knows them; elsewhere what Python knows."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return platform.processor() or platform.machine()
    lines = dict(line.split(":", 1) for line in first.splitlines() if ":" in line)
    known = {name.strip(): value.strip() for name, value in lines.items()}
    named = [
        known[name] for name in ("vendor_id", "cpu family", "model", "CPU implementer", "CPU part") if name in known
    ]
    return " ".join([platform.machine(), *named])


def _outlive_the_process() -> None:
    """Ray offers its processes to Linux first where memory runs out; the worker process below is to go before this one."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("100")
