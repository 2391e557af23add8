"""`fishprep.build`: photos in, verified shards out; `build_part`: one of several calls that build together."""

from fishprep.builds.build import Unfinished
from fishprep.builds.build import build as build_shards
from fishprep.builds.build import build_part as build_shards_of_part
from fishprep.builds.part import Part
from fishprep.common.progress import Progress
from fishprep.engines import LOCAL, create_engine
from fishprep.engines.cluster import ClusterSettings
from fishprep.public.news import Chosen, Listener, News, unheard
from fishprep.public.planning import prepare
from fishprep.public.result import BuildResult, PartResult
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
    cluster: ClusterSettings | None = None,
    progress: Listener | None = None,
) -> BuildResult:
    """Build shards in `out`, a folder or a bucket (`s3://bucket/prefix`), from the photos in the folder `source`.

    A build that was stopped goes on where it was (`resume`), or is removed first (`overwrite`). Tells of Compared, of Planned
    just before the first photo, of Progress. engine: what runs the work, by its name in `engines.ENGINES`; cluster: where, of `ray`.

    Raises SourceError, ConfigurationError and WeightsError before anything is written: a source that cannot be used, settings
    that contradict each other or the build that is in `out`, weights that are not here. BuildError where the disk is full, `out`
    cannot be written or another build is at work in it; what was finished stands.
    """
    settings, folder, progress = settings or BuildSettings(), located(out), progress or unheard
    runner = create_engine(engine, cluster)
    prepared = prepare(source, folder, settings, progress, resume=not overwrite)
    request = prepared.request(folder)
    progress(prepared.told())
    return BuildResult.of(folder, build_shards(request, settings.workers, progress, resume, overwrite, runner))


def build_part(
    source: StrPath,
    out: StrPath,
    part: str,
    settings: BuildSettings | None = None,
    *,
    progress: Listener | None = None,
) -> PartResult:
    """Build every N-th shard of what `build` builds; part: `I/N`, from `0/N` to `N-1/N`.

    Any number of calls may be at work at the same time, on machines that share the folder `out`, without knowing of each other.
    The one that is last finishes the build, and so does a `build` afterwards. N may be another one each time. Tells of Chosen
    after Planned: the photos of the part. Raises what `build` does; BuildError also while a `build` is at work in `out`.
    """
    settings, folder, progress = settings or BuildSettings(), located(out), progress or unheard
    chosen = Part.of(part)
    prepared = prepare(source, folder, settings, progress)
    request = prepared.request(folder)
    progress(prepared.told())
    every = list(prepared.plan.specs(settings.shard_size))
    of_part = Chosen(sum(len(spec.photos) for spec in chosen.take(every)))
    done = build_shards_of_part(request, chosen, settings.workers, _after_looking(progress, of_part))
    if isinstance(done, Unfinished):
        return PartResult(folder, part, done.built, done.resumed, done.shards, done.missing, None)
    whole = BuildResult.of(folder, done)
    return PartResult(folder, part, done.built, done.resumed, len(every), 0, whole)


def _after_looking(progress: Listener, chosen: Chosen) -> Listener:
    """Tell of `chosen` as soon as all photos were looked at: what comes then is of the part alone."""
    waiting = [chosen]

    def tell(news: News) -> None:
        if waiting and isinstance(news, Progress) and not news.looked_at:
            progress(waiting.pop())
        progress(news)

    return tell
