"""Specs through an engine: what one run built, what failed, and the build that is whole after it."""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from fishprep.builds.builder import ShardResult
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import Totals
from fishprep.builds.summary import write_manifest
from fishprep.common.errors import BuildError
from fishprep.common.progress import TellProgress
from fishprep.common.words import counted
from fishprep.engines.base import Done, Engine

_FATAL = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "file too large",
}


@dataclass(frozen=True)
class Crew:
    """Who builds: an engine with so many workers; `tell` hears of their progress."""

    engine: Engine
    workers: int
    tell: TellProgress


@dataclass(frozen=True)
class Run:
    """What came of the specs of one run; `failures` are those that were not built, with the reason."""

    failures: tuple[tuple[str, str], ...]
    seconds: dict[str, float]
    built: int


class WorkFactory(Protocol):
    """Makes, in a worker, what writes shards of `folder`; BuildError says why this machine is not fit for it. max_seconds: of a
    step, for each of its photos."""

    @property
    def folder(self) -> BuildFolder: ...

    @property
    def max_seconds(self) -> float: ...

    def shared(self) -> Self:
        """The same, where several write at the same time."""
        ...

    def __call__(self) -> Callable[[Any, Callable[[object], None]], ShardResult | None]: ...


def run_specs(factory: WorkFactory, todo: Sequence[Any], crew: Crew, again: str) -> Run:
    """Build specs, which have a `name` each. BuildError at once where the disk takes no more; other failures are collected.

    again: the command that goes on with what stands, in words.
    """
    failures: list[tuple[str, str]] = []
    seconds: dict[str, float] = {}
    built = 0
    if not todo:
        return Run((), seconds, 0)
    if crew.engine.repeats:
        factory = factory.shared()
    for event in crew.engine.run(factory, todo, min(crew.workers, len(todo)), crew.tell, factory.max_seconds):  # type: ignore[arg-type]
        if isinstance(event, Done):
            built += 1
            assert event.result is not None  # only a trial has none
            for stage, spent in event.result.seconds.items():
                seconds[stage] = seconds.get(stage, 0.0) + spent
            continue
        failures.append((str(event.spec.name), event.reason))
        if event.system_error in _FATAL:
            raise BuildError(
                f"{factory.folder}: {_FATAL[event.system_error]}, while writing {event.spec.name}. "
                f"Finished shards are kept: make room and run {again} again."
            )
    return Run(tuple(failures), seconds, built)


@dataclass(frozen=True)
class Finished:
    """A build that is whole: its totals, the seconds of each stage, and how many specs were built now and before."""

    totals: Totals
    seconds: dict[str, float]
    built: int
    resumed: int


def finish(folder: BuildFolder, run: Run, resumed: int, again: str) -> Finished:
    """The manifest of a build that is whole; BuildError, and no manifest, where specs failed."""
    if run.failures:
        listed = "\n  ".join(f"{name}: {reason}" for name, reason in run.failures)
        raise BuildError(
            f"{folder}: {counted(len(run.failures), 'shard')} could not be built:\n  {listed}\n"
            f"The others are kept; run {again} again to try these once more."
        )
    if folder.storage.is_shared:
        records = folder.finished()
        torn = [str(name) for name in records.keys() - folder.standing(records).keys()]
        if torn:
            raise BuildError(
                f"{folder}: {counted(len(torn), 'shard')} ({min(torn)} first) not the ones that their rows speak of: somebody else wrote "
                f"there; run {again} again to make them anew"
            )
    return Finished(write_manifest(folder), run.seconds, run.built, resumed)
