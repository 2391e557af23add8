"""From a plan to a finished build: every shard that is not there yet, then the manifest."""

from fishprep.builds.builder import BuilderFactory
from fishprep.builds.expected import retried_names, taken_names
from fishprep.builds.folder import BuildFolder, at_once
from fishprep.builds.output import check_free, remove_build, remove_leftovers, writing
from fishprep.builds.plan import ShardSpec, as_planned, divide
from fishprep.builds.request import BuildRequest
from fishprep.builds.run import Crew, Finished, finish, run_specs
from fishprep.builds.start import start
from fishprep.common.errors import BuildError
from fishprep.common.progress import Progress, TellProgress
from fishprep.common.words import same_command
from fishprep.engines import create_engine
from fishprep.engines.base import Engine
from fishprep.shards.schema import ShardName


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
            remove_build(folder, _taken_names(folder))
        started = start(folder, request, resume, lambda number: tell(Progress(looked_at=number)))
        remove_leftovers(folder, taken_names(folder))
        done = folder.standing(folder.finished())
        photos = as_planned(request.plan.photos, started.lines)
        specs = list(divide(photos, request.resolved.configuration.shard_size))
        todo = [spec for spec in specs if spec.name not in done]
        _refuse_other_photos(folder, [spec for spec in specs if spec.name in done])
        tell(Progress(photos=sum(len(spec.photos) for spec in specs if spec.name in done)))
        again = same_command(overwrite, resume)
        run = run_specs(
            BuilderFactory(folder, started.attributes, request.weights, folder.identity()),
            todo,
            Crew(engine or create_engine(), workers, tell),
            again,
        )
        return finish(folder, run, len(specs) - len(todo), again)


def _taken_names(folder: BuildFolder) -> set[ShardName] | None:
    """None where the records are damaged that would tell."""
    try:
        return taken_names(folder)
    except BuildError:
        return None


def _refuse_other_photos(folder: BuildFolder, done: list[ShardSpec]) -> None:
    """A retry of an earlier version could take the number of a shard that was lost: its rows are not those of the build's."""
    standing = at_once(lambda spec: folder.rows(spec.name, ["photo"]), done, folder.storage)
    for spec, rows in zip(done, standing, strict=True):
        if set(rows["photo"].to_pylist()) != {photo.id for photo in spec.photos}:
            named = [file for file, record in folder.retries().items() if spec.name in retried_names(record)]
            raise BuildError(
                f"{folder.where(spec.name.rows_file)} holds other photos than the plan gives it; delete it, {spec.name.file}"
                f"{''.join(f' and {name}' for name in named)}, and run the same command again"
            )
