"""Where the photos of a build come from, as it is recorded: its own source, and those that it was extended from."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fishprep.builds.folder import BuildFolder
from fishprep.builds.names import is_extension
from fishprep.common.errors import BuildError, SourceError
from fishprep.faces.photo import Photo
from fishprep.sources import Listing, Source, SourceRequest, open_source
from fishprep.sources.prefixed import with_prefix
from fishprep.storage.named import url_of


@dataclass(frozen=True)
class PhotoOrigin:
    """A source as it was opened; prefix: the word before the names of its photos. file: of the plan that they stand in."""

    facts: Mapping[str, Any]
    file: str
    prefix: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """Root and prefix: photos of one place are told apart by their paths."""
        return str(self.facts["root"]), self.prefix

    def request(self, out: object, follow_links: bool = False) -> SourceRequest:
        """To open it again; links that leave it are followed where the build did, or where asked for now."""
        path = {name: self.facts.get(name) for name in ("list", "points", "masks")}
        return SourceRequest(
            root=Path(self.facts["root"]),
            kind=self.facts["kind"],
            table=Path(path["list"]) if path["list"] else None,
            points=Path(path["points"]) if path["points"] else None,
            masks=Path(path["masks"]) if path["masks"] else None,
            wild=self.facts.get("wild", False),
            licence=self.facts.get("licence", ""),
            follow_links=follow_links or self.facts.get("follow_links", False),
            exclude=Path(str(out)),
        )

    def listing(self, out: object, follow_links: bool = False) -> Listing:
        """What it lists now. SourceError where it is gone."""
        with called_as_typed(Path(self.facts["root"])):
            return with_prefix(open_source(self.request(out, follow_links)), self.prefix).listing()


def origins(folder: BuildFolder) -> list[PhotoOrigin]:
    """The source of a build, then those of its extensions. BuildError where its records say nothing of it."""
    own = folder.start().get("source")
    if own is None:
        raise BuildError(f"{folder}: its records say nothing of its source")
    extended = (
        PhotoOrigin(record["source"], file, record.get("prefix", "")) for file, record in folder.extensions().items()
    )
    return [PhotoOrigin(own, ""), *extended]


def is_extended(folder: BuildFolder) -> bool:
    """Whether there are extensions; False too where nobody can look."""
    try:
        return any(map(is_extension, folder.storage.list("extend-")))
    except OSError:  # which is said when the build goes on
        return False


def photos_of_others(
    this: PhotoOrigin, others: Sequence[PhotoOrigin], out: object, follow_links: bool = False
) -> tuple[tuple[Photo, ...], tuple[str, ...]]:
    """The photos of those of the `others` that are not `this` source, each once; and what is wrong with those that are not here."""
    found: list[Photo] = []
    unopened: list[str] = []
    for origin in {origin.place: origin for origin in others if origin.place != this.place}.values():
        try:
            found += origin.listing(out, follow_links).photos
        except SourceError as error:
            unopened.append(str(error))
    return tuple(found), tuple(unopened)


def opened_as(request: SourceRequest, kind: str) -> dict[str, Any]:
    """How a source was opened, for the records of a build. kind: of what was opened."""
    return {
        "root": url_of(request.root) or str(request.root.resolve()),
        "kind": kind if kind != "list" else "auto",
        "list": request.table and str(request.table.resolve()),
        "points": request.points and str(request.points.resolve()),
        **({"masks": str(request.masks.resolve())} if request.masks else {}),
        "wild": request.wild,
        "licence": request.licence,
        "follow_links": request.follow_links,
    }


@contextmanager
def called_as_typed(root: Path) -> Iterator[None]:
    """What is said of a bucket calls it by its url."""
    try:
        yield
    except SourceError as error:
        url = url_of(root)
        if url is None:
            raise
        raise SourceError(str(error).replace(str(root), url)) from error


@dataclass(frozen=True)
class WithoutExtended:
    """A source without the photos that an extension of its build has taken: these are the extension's."""

    source: Source
    folder: BuildFolder

    @property
    def kind(self) -> str:
        """Of the source."""
        return self.source.kind

    def listing(self) -> Listing:
        """As of the source."""
        found = self.source.listing()
        taken = {line.path for file in self.folder.extensions() for line in self.folder.plan(file)}
        return replace(found, photos=tuple(photo for photo in found.photos if photo.relative not in taken))
