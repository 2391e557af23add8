"""The machine of builds, with each command a process of its own, which is really killed."""

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from build_machine import LIMIT, BuildMachine, Fault
from calls import Commands

RUNS = ("--workers", "1", "--quiet")
BUILD = ("--landmarks", "annotation", "--parser", "landmark-skin", "--device", "cpu", "--shard-size", "2", *RUNS)


class ProcessMachine(BuildMachine):
    """As `BuildMachine`."""

    commands: ClassVar[Commands]
    ends: ClassVar[Counter[tuple[str, int]]] = Counter()

    def _command(self, fault: Fault, run: Callable[..., Any], **arguments: Any) -> str | None:
        self._write_split()
        after, kind = fault or (None, "KILL")
        if arguments.pop("interrupted", False):
            after, kind = 14, "INT"
        ended = self.commands.run(
            self._words(run.__name__, **arguments), stub=True, after=after, fault=kind, out=str(self.out)
        )
        self.ends[run.__name__.removeprefix("_run_"), ended.code] += 1
        assert "Traceback" not in ended.printed, ended.printed
        if ended.code == -9:
            return None
        return "" if ended.code in (0, 3) else f"{ended.code}: {ended.printed}"

    def _words(self, name: str, overwrite: bool = False, limit: int = LIMIT) -> tuple[str, ...]:
        photos, out, split = map(str, (self.source, self.out, self.split))
        if name == "_run_build":
            flags = ("--overwrite",) if overwrite else ()
            return ("fishprep", "build", photos, out, "--split", split, "--min-side", str(limit), *BUILD, *flags)
        if name == "_run_retry":
            return ("fishprep", "retry", out, "--status", "too_small", "--min-side", str(limit), *RUNS)
        return ("fishprep", "verify", out, "--repair")
