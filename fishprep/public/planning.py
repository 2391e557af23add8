"""Source and settings → all that a build needs: what `plan` and `build` share."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.networks import WeightsFrom
from fishprep.builds.origins import WithoutExtended, called_as_typed, is_extended, opened_as
from fishprep.builds.plan import Plan, make_plan
from fishprep.builds.redrawn import DrawnBefore
from fishprep.builds.request import BuildRequest
from fishprep.builds.resolved import Resolved, resolve
from fishprep.builds.splits import is_file_rule
from fishprep.common.device import resolve_device
from fishprep.common.errors import ConfigurationError
from fishprep.faces.crop import RECIPES
from fishprep.parsing.given import GIVEN
from fishprep.places.records import Root
from fishprep.public.news import Compared, Listener, Planned
from fishprep.public.paths import optional_path, weights_from
from fishprep.public.settings import BuildSettings, StrPath
from fishprep.sources import SourceRequest, open_source
from fishprep.storage.base import Storage
from fishprep.storage.named import located, url_of


@dataclass(frozen=True)
class Prepared:
    """A build before its first photo. origin: how to open its source again, as it is recorded."""

    plan: Plan
    resolved: Resolved
    weights: WeightsFrom
    origin: dict[str, Any]
    root: Root
    """Where the source is, as it was typed."""

    def request(self, folder: Path | Storage) -> BuildRequest:
        """For a build into a folder, or another storage."""
        return BuildRequest(folder, self.plan, self.resolved, self.weights, self.origin, self.root)

    def told(self) -> Planned:
        """As news."""
        configuration = self.resolved.configuration
        expand = RECIPES[configuration.crop][1] if configuration.expand is None else configuration.expand
        return Planned(
            photos=self.plan.by_split,
            left_out=self.plan.left_out,
            notes=self.plan.notes,
            recipe=self.resolved.recipe,
            configuration=configuration.model_dump(mode="json"),
            expand=expand,
        )


def prepare(
    source: StrPath, out: Path | Storage | None, settings: BuildSettings, progress: Listener, resume: bool = True
) -> Prepared:
    """List and split the source, load every network once. ConfigurationError, SourceError and WeightsError as those raise.

    resume: take the split that the build in `out` has drawn, where it did so of the same photos.
    """
    root = Path(str(located(source)))
    if settings.workers < 1:
        raise ConfigurationError(f"--workers {settings.workers}: at least one is needed")
    request = SourceRequest(
        root=root,
        kind=settings.source,
        table=optional_path(settings.list),
        points=optional_path(settings.points),
        masks=optional_path(settings.masks),
        wild=settings.wild,
        licence=settings.licence,
        follow_links=settings.follow_links,
        exclude=out if out is None else Path(str(out)),
    )
    if (request.masks is not None) != (settings.parser in GIVEN):
        raise ConfigurationError(f"--masks and --parser {' or '.join(GIVEN)} go together")
    with called_as_typed(root):
        opened = open_source(request)
    if out is not None and resume and is_extended(folder := BuildFolder.at(out)):
        opened = WithoutExtended(opened, folder)
    names = set(BuildConfiguration.model_fields) - {"source", "weights", "device"}
    values = {name: value for name, value in asdict(settings).items() if name in names and value is not None}
    device = str(resolve_device(settings.device))
    configuration = BuildConfiguration.parse({**values, "source": opened.kind, "device": device})
    drawn = DrawnBefore.of(BuildFolder.at(out), configuration) if out is not None and resume else None
    with called_as_typed(root):
        plan = make_plan(
            opened,
            configuration,
            lambda done, total: progress(Compared(done, total)),
            settings.workers,
            drawn.again if drawn else lambda photos, notes: None,
        )
    configuration = configuration.model_copy(update={"split": plan.rule})
    if not plan.photos:
        raise ConfigurationError(f"{root}: the split {settings.split!r} leaves no photos")
    weights = weights_from(settings.weights_dir, settings.parser_weights)
    split = str(Path(settings.split).resolve()) if is_file_rule(plan.rule) else settings.split
    origin = opened_as(request, opened.kind) | {"split": split}
    return Prepared(plan, resolve(configuration, weights), weights, origin, Root(url_of(root) or str(root)))
