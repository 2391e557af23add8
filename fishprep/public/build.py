"""`fishprep.build`: photos in, verified shards out."""

from fishprep.builds.build import build as build_shards
from fishprep.builds.request import BuildRequest
from fishprep.engines import LOCAL, create_engine
from fishprep.public.news import Listener, unheard
from fishprep.public.planning import prepare
from fishprep.public.result import BuildResult
from fishprep.public.settings import BuildSettings, StrPath
from fishprep.storage.named import located


def build(
    source: StrPath,
    out: StrPath,
    settings: BuildSettings | None = None,
    *,
    resume: bool = True,
    overwrite: bool = False,
    engine: str = LOCAL,
    progress: Listener | None = None,
) -> BuildResult:
    """Build shards in `out`, a folder or a bucket (`s3://bucket/prefix`), from the photos in the folder `source`.

    A build that was stopped goes on where it was (`resume`), or is removed first (`overwrite`). Tells of Compared, of Planned
    just before the first photo, of Progress. engine: what runs the work, by its name in `engines.ENGINES`.

    Raises SourceError, ConfigurationError and WeightsError before anything is written: a source that cannot be used, settings
    that contradict each other or the build that is in `out`, weights that are not here. BuildError where the disk is full, `out`
    cannot be written or another build is at work in it; what was finished stands.
    """
    settings, folder, progress = settings or BuildSettings(), located(out), progress or unheard
    runner = create_engine(engine)
    prepared = prepare(source, folder, settings, progress)
    request = BuildRequest(folder, prepared.plan, prepared.resolved, prepared.weights, prepared.origin)
    progress(prepared.told())
    return BuildResult.of(folder, build_shards(request, settings.workers, progress, resume, overwrite, runner))
