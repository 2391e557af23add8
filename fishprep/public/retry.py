"""`fishprep.retry`: what a build dropped, tried again with other settings."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from fishprep.builds.bymarks import marks_of
from fishprep.builds.dropped import count_photos
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import Totals, totals_of
from fishprep.builds.origins import origins, photos_of_others
from fishprep.builds.request import OVERRIDES, RetryRequest
from fishprep.builds.retry import retry as retry_photos
from fishprep.common.device import resolve_device
from fishprep.common.errors import ConfigurationError
from fishprep.common.status import Status
from fishprep.engines import LOCAL, create_engine
from fishprep.engines.cluster import ClusterSettings
from fishprep.landmarks import MARKED
from fishprep.public.news import Chosen, Listener, unheard
from fishprep.public.paths import weights_from
from fishprep.public.result import BuildResult
from fishprep.public.settings import RetrySettings, StrPath
from fishprep.storage.named import located


def retry(
    out: StrPath,
    status: str | Sequence[str] = (),
    settings: RetrySettings | None = None,
    *,
    overwrite: bool = False,
    engine: str = LOCAL,
    cluster: ClusterSettings | None = None,
    progress: Listener | None = None,
) -> BuildResult:
    """Try the photos of the finished build in `out` that have a `status` (or one of several) again, into further shards of it.

    With `settings.points` those that are marked there are tried, of any status where none is given.
    Shards that stand are never rewritten. A retry that was stopped goes on with the same settings; with `overwrite` it is
    removed first. Tells of Chosen just before the first photo, of Progress. engine, cluster: as in `build`.

    Raises ConfigurationError where no photo has such a status or the settings would change the recipe, SourceError
    where the source is gone, BuildError as `build` does.
    """
    settings, folder, progress = settings or RetrySettings(), located(out), progress or unheard
    if settings.workers < 1:
        raise ConfigurationError(f"--workers {settings.workers}: at least one is needed")
    statuses = (status,) if isinstance(status, str) else tuple(status)
    if unknown := [name for name in statuses if name not in tuple(Status)]:
        raise ConfigurationError(f"no status is called {unknown[0]!r}: there are {', '.join(Status)}")
    if not statuses and settings.points is None:
        raise ConfigurationError("retry: of which status are the photos that are tried again?")
    overrides = {name: value for name, value in asdict(settings).items() if name in OVERRIDES and value is not None}
    if "device" in overrides:
        overrides["device"] = str(resolve_device(overrides["device"]))
    marks = None if settings.points is None else marks_of(BuildFolder.at(folder), Path(settings.points))
    if marks is not None:
        overrides.setdefault("landmarks", MARKED)
    own, *others = origins(BuildFolder.at(folder))
    photos = own.listing(folder, settings.follow_links).photos
    further, unopened = photos_of_others(own, others, folder, settings.follow_links)
    request = RetryRequest(
        folder=folder,
        photos=(*photos, *further),
        statuses=statuses,
        overrides=overrides,
        weights=weights_from(settings.weights_dir, settings.parser_weights),
        follow_links=settings.follow_links or own.facts.get("follow_links", False),
        marks=marks,
        unopened=unopened,
    )
    progress(Chosen(count_photos(folder, statuses) if marks is None else len(marks)))
    return BuildResult.of(
        folder, retry_photos(request, settings.workers, progress, overwrite, create_engine(engine, cluster))
    )


def totals(out: StrPath) -> Totals:
    """The totals of the finished build in `out`; BuildError where there is none."""
    return totals_of(BuildFolder.at(located(out)).manifest())
