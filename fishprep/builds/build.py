"""From a plan to a finished build: every shard that is not there yet, then the manifest."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain

from fishprep.builds.builder import BuilderFactory
from fishprep.builds.expected import missing, names_to_remove, recorded_names, taken_names
from fishprep.builds.folder import BuildFolder
from fishprep.builds.output import check_free, remove_build, remove_leftovers, writing
from fishprep.builds.part import Part
from fishprep.builds.request import BuildRequest
from fishprep.builds.run import Crew, Finished, Run, finish, run_specs
from fishprep.builds.specs import PlannedSpecs
from fishprep.builds.start import start
from fishprep.common.errors import BuildError
from fishprep.common.progress import Progress, TellProgress
from fishprep.common.words import same_command
from fishprep.engines import create_engine
from fishprep.engines.base import Engine
from fishprep.shards.schema import ShardName
from fishprep.storage.together import at_once

_ROWS_AT_ONCE = 256
"""Files of rows whose photos are held together with the plan at a time."""


@dataclass(frozen=True)
class Unfinished:
    """A part that is whole, of a build that lacks `missing` of its `shards`; `built`, `resumed`: of the part."""

    built: int
    resumed: int
    shards: int
    missing: int


def build(
    request: BuildRequest,
    workers: int,
    tell: TellProgress,
    resume: bool = True,
    overwrite: bool = False,
    engine: Engine | None = None,
) -> Finished:
    """Build every shard that is not there yet, then the manifest. engine: None for worker processes on this machine.

    Raises ConfigurationError where the folder holds a build of another configuration or other inputs (unless `overwrite`) or
    any build at all (with `resume` off), and BuildError where the disk is full, the folder cannot be written or another build is
    at work in it. What was finished stands in every case.
    """
    folder = BuildFolder.at(request.folder)
    check_free(folder, overwrite)
    with writing(folder):
        if overwrite:
            remove_build(folder, names_to_remove(folder))
        begun = _begin(folder, request, tell, resume)
        run = begun.run(begun.specs, Crew(engine or create_engine(), workers, tell), same_command(overwrite, resume))
        return finish(folder, run, len(begun.specs) - run.built, same_command(overwrite, resume))


def build_part(
    request: BuildRequest, part: Part, workers: int, tell: TellProgress, engine: Engine | None = None
) -> Finished | Unfinished:
    """Build the shards of a part that are not there yet; the manifest too, where no shard of the build is missing then.

    Any number of calls may be at work at the same time, on the same part too; a `build` is kept out, as it keeps out these. Raises
    what `build` does.
    """
    folder = BuildFolder.at(request.folder).shared()
    check_free(folder, overwrite=False)
    with writing(folder):
        begun = _begin(folder, request, tell, resume=True)
        mine = part.take(begun.specs)
        run = begun.run(mine, Crew(engine or create_engine(), workers, tell), same_command(overwrite=False))
        resumed = len(mine) - run.built
        missing_names = missing(folder, begun.specs.names)
        if missing_names and not run.failures:
            return Unfinished(run.built, resumed, len(begun.specs), len(missing_names))
        return finish(folder, run, resumed, same_command(overwrite=False))


@dataclass(frozen=True)
class _Begun:
    """A build whose start is recorded, or was: all its specs, and those that are done."""

    factory: BuilderFactory
    specs: PlannedSpecs
    done: Collection[ShardName]

    def run(self, chosen: PlannedSpecs, crew: Crew, again: str) -> Run:
        """Build those of the chosen specs that are not done."""
        todo = chosen.only([name not in self.done for name in chosen.names]).large_first()
        crew.tell(Progress(photos=chosen.photo_count - todo.photo_count))
        return run_specs(self.factory, todo, crew, again)


def _begin(folder: BuildFolder, request: BuildRequest, tell: TellProgress, resume: bool) -> _Begun:
    started = start(folder, request, resume, lambda number: tell(Progress(looked_at=number)))
    remove_leftovers(folder, taken_names(folder))
    done = folder.standing(folder.finished())
    specs = started.specs
    _refuse_other_photos(folder, specs.only([name in done for name in specs.names]))
    source = str(request.origin.get("root", ""))
    return _Begun(BuilderFactory(folder, started.attributes, request.weights, folder.identity(), source), specs, done)


def _refuse_other_photos(folder: BuildFolder, done: PlannedSpecs) -> None:
    """A retry of an earlier version could take the number of a shard that was lost: its rows are not those of the build's."""
    some = (done.names[first : first + _ROWS_AT_ONCE] for first in range(0, len(done), _ROWS_AT_ONCE))
    tables = chain.from_iterable(
        at_once(lambda name: folder.rows(name, ["photo"]), names, folder.storage) for names in some
    )
    for name, rows, ids in zip(done.names, tables, done.ids(), strict=True):
        if set(rows["photo"].to_pylist()) != set(ids):
            named = [file for file, record in folder.retries().items() if name in recorded_names(record)]
            raise BuildError(
                f"{folder.where(name.rows_file)} holds other photos than the plan gives it; delete it, {name.file}"
                f"{''.join(f' and {name}' for name in named)}, and run the same command again"
            )
