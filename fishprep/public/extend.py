"""`fishprep.extend`: photos that came later, or of a second source, as further shards of a finished build."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.extend import Hearing
from fishprep.builds.extend import extend as extend_build
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import Totals
from fishprep.builds.origins import PhotoOrigin, called_as_typed, opened_as, origins
from fishprep.builds.request import ExtendRequest
from fishprep.common.errors import ConfigurationError
from fishprep.engines import LOCAL, create_engine
from fishprep.engines.cluster import ClusterSettings
from fishprep.parsing.given import GIVEN
from fishprep.places.records import Root
from fishprep.public.news import Chosen, Compared, Listener, unheard
from fishprep.public.paths import optional_path, weights_from
from fishprep.public.result import BuildResult
from fishprep.public.settings import ExtendSettings, StrPath
from fishprep.sources import SourceRequest, open_source
from fishprep.sources.prefixed import with_prefix
from fishprep.storage.base import Storage
from fishprep.storage.named import located, url_of

_FILES = ("list", "points", "masks")


@dataclass(frozen=True)
class ExtendResult:
    """A build that was extended.

    totals: of the whole build. added: new photos of each split; empty where there was nothing to add, and `build` is None then.
    already: photos of a second source that stand in the build under the same names, byte for byte. gone, changed: paths of photos of the
    build that the source has no longer, or with other bytes; redescribed: of which it says something else; nothing is done about
    them. later: photos that came to the source after the extension began that was gone on with, and wait for the next.
    """

    out: Path | Storage
    totals: Totals
    added: dict[str, int]
    build: BuildResult | None
    already: int
    gone: tuple[str, ...]
    changed: tuple[str, ...]
    redescribed: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    later: int


def extend(
    out: StrPath,
    source: StrPath | None = None,
    settings: ExtendSettings | None = None,
    *,
    overwrite: bool = False,
    engine: str = LOCAL,
    cluster: ClusterSettings | None = None,
    progress: Listener | None = None,
) -> ExtendResult:
    """Build the photos that the finished build in `out` has not yet, of its own source or of a second one, into further shards of it.

    Shards that stand are never rewritten, and everybody keeps his split. An extension that was stopped goes on with the same
    arguments; with `overwrite` it is removed first. Tells of Compared, of Chosen just before the first photo, of Progress. engine,
    cluster: as in `build`.

    Raises SourceError where the source is gone, ConfigurationError where it is of another kind, the weights are not the build's or
    a name means another photo, BuildError as `build` does.
    """
    settings, place, tell = settings or ExtendSettings(), located(out), progress or unheard
    if settings.workers < 1:
        raise ConfigurationError(f"--workers {settings.workers}: at least one is needed")
    folder = BuildFolder.at(place)
    folder.manifest()
    configuration = BuildConfiguration.recorded(folder.start()["configuration"])
    request = _source(folder, place, source, settings)
    if (request.masks is not None) != (configuration.parser in GIVEN):
        raise ConfigurationError(
            f"--masks goes with a build of given masks, and {folder} was built by {configuration.parser}"
        )
    with called_as_typed(request.root):
        opened = open_source(request)
        if opened.kind != configuration.source:
            raise ConfigurationError(
                f"{request.root}: a source of kind {opened.kind}, and {folder} was built from one of kind {configuration.source}: "
                f"say --source {configuration.source} if it is that, or build it into a folder of its own"
            )
        listing = with_prefix(opened, settings.prefix).listing()
    hear = Hearing(lambda total: tell(Chosen(total)), tell, lambda done, total: tell(Compared(done, total)))
    asked = ExtendRequest(
        folder=place,
        origin=PhotoOrigin(opened_as(request, opened.kind), "", settings.prefix),
        listing=listing,
        root=Root(url_of(request.root) or str(request.root)),
        weights=weights_from(settings.weights_dir, settings.parser_weights),
        split=optional_path(settings.split),
    )
    done = extend_build(asked, settings.workers, hear, create_engine(engine, cluster), overwrite)
    facts: dict[str, Any] = {
        name: tuple(done.facts.get(name, ())) for name in ("gone", "changed", "redescribed", "left_out", "notes")
    }
    whole = None if done.finished is None else BuildResult.of(place, done.finished)
    return ExtendResult(place, done.totals, done.added, whole, done.already, later=done.later, **facts)


def _source(
    folder: BuildFolder, out: Path | Storage, source: StrPath | None, settings: ExtendSettings
) -> SourceRequest:
    """A second source as the settings say it; that of the build as it is recorded, but for what they say."""
    given = {name: value for name, value in asdict(settings).items() if value is not None}
    own = origins(folder)[0].facts
    facts = dict(own) if source is None else {"root": str(located(source)), "kind": "auto"}
    facts |= {name: given[name] for name in ("wild", "licence", "follow_links") if name in given}
    facts |= {name: str(given[name]) for name in _FILES if name in given}
    facts |= {"kind": given["source"]} if "source" in given else {}
    return PhotoOrigin(facts, "").request(out)
