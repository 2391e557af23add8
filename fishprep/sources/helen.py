"""Helen, as its authors or as iBUG publish it: photos, 68 points in `.pts` files beside them, its own name lists."""

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from fishprep.common import names
from fishprep.common.errors import SourceError
from fishprep.common.lists import Named, fit
from fishprep.faces.photo import Photo
from fishprep.sources.base import LeftOut, Listing, SourceRequest
from fishprep.sources.folder import FolderSource, walk_photos
from fishprep.sources.layout import Layout, by_folders, split_of, survey

LICENCE = "Helen / iBUG 300-W: non-commercial research only"
LISTS = {"trainnames": "train", "testnames": "test"}


@dataclass(frozen=True)
class HelenSource:
    """Photos below `root`; the official split by `trainnames.txt` and `testnames.txt`, else by folders `trainset`, `testset`.

    asked: the user has said that this is Helen: photos without lists and folders are all `train`.
    """

    root: Path
    follow_links: bool = False
    exclude: Path | None = None
    points: Path | None = None
    asked: bool = False
    layout: Layout | None = None
    kind: str = "helen"

    def listing(self) -> Listing:
        """Photos in the order of their paths. SourceError where the lists contradict each other."""
        layout = self.layout or survey(self.root, self.follow_links, self.exclude)
        found = walk_photos(
            FolderSource(self.root, LICENCE, self.follow_links, self.exclude, self.points, layout=layout)
        )
        own = _own_points(layout)
        if own:
            found = replace(found, photos=tuple(_with_own_points(photo, own) for photo in found.photos))
        lists = layout.lists_for(LISTS)
        if not lists:
            return by_folders(found, layout, self.asked)
        listed: dict[str, str] = {}
        for path in lists:
            split = LISTS[path.stem.lower()]
            for number, line in layout.lines(path):
                if listed.setdefault(line, split) != split:
                    raise SourceError(f"{path}, line {number}: {line!r} is in the list of `{listed[line]}` already")
        fitted = fit(listed, [Named(photo.relative) for photo in found.photos], lists[0].parent)
        splits = [listed[name] if name else "" for name in fitted.names]
        photos = tuple(replace(photo, split=split) for photo, split in zip(found.photos, splits, strict=True))
        absent = (LeftOut(len(fitted.unknown), "name", "in the lists, without a photo"),) if fitted.unknown else ()
        return replace(found, photos=photos, left_out=(*found.left_out, *absent))


def open_helen(request: SourceRequest, layout: Layout) -> HelenSource:
    """Helen below a folder."""
    return HelenSource(request.root, request.follow_links, request.exclude, request.points, request.is_asked, layout)


def marks(layout: Layout) -> list[Path]:
    """What tells that a folder holds Helen: its lists, or folders of splits in a folder of its name and nowhere else."""
    splits = [folder for folder in layout.folders if split_of(folder.name)]
    within = [folder for folder in splits if folder.parent.name.lower() == "helen"]
    return [*layout.lists_named(LISTS), *(within if within == splits else [])]


def _own_points(layout: Layout) -> dict[str, Path]:
    """Photo → Helen's own file of its 194 points: `annotation/1.txt`, with the name in the first line."""
    files = [path for path in layout.lists if path.parent.name == "annotation" and path.stem.isdecimal()]
    return {next(layout.lines(path), (0, ""))[1]: path for path in files if layout.tree.is_file(path)}


def _with_own_points(photo: Photo, own: dict[str, Path]) -> Photo:
    path = own.get(PurePosixPath(photo.relative).stem)
    if photo.points_file is not None or path is None:
        return photo
    where = names.text(path.name)
    problem = (
        f"{where} in annotation/ has Helen's own 194 points; 68 in iBUG's order are needed, as its 300-W copy has them"
    )
    return replace(photo, points_problem=problem)
