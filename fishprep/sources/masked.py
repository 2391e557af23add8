"""A source whose photos are face crops with parsing maps beside them, in a folder of their own."""

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from fishprep.common.errors import SourceError
from fishprep.common.status import Problem, Status
from fishprep.faces.photo import Photo
from fishprep.sources.base import Listing, Source
from fishprep.sources.links import link_problem

SUFFIX = ".png"


@dataclass(frozen=True)
class MaskedSource:
    """`source`, with the mask of each photo: below the folder `masks` at the photo's own path, `a/b.jpg` at `a/b.png`."""

    source: Source
    masks: Path
    follow_links: bool = False

    @property
    def kind(self) -> str:
        """Of the source."""
        return self.source.kind

    def listing(self) -> Listing:
        """As of the source; a photo without a mask is `bad_annotation`."""
        found = self.source.listing()
        return replace(found, photos=tuple(map(self._masked, found.photos)))

    def _masked(self, photo: Photo) -> Photo:
        if photo.problem is not None:
            return photo
        below = PurePosixPath(photo.relative).with_suffix(SUFFIX)
        path = self.masks / below
        if not os.path.lexists(path):
            return replace(photo, problem=Problem(Status.BAD_ANNOTATION, f"no mask {below} in the folder of masks"))
        return replace(photo, mask_file=path, problem=link_problem(path, self.masks, self.follow_links))


def with_masks(source: Source, root: Path, masks: Path, follow_links: bool) -> MaskedSource:
    """SourceError where there is no such folder, or it lies among the photos, which it would then be taken for."""
    if not masks.is_dir():
        raise SourceError(f"{masks}: no such folder of masks")
    if masks.resolve().is_relative_to(root.resolve()):
        raise SourceError(f"{masks}: lies in {root}, where it would be taken for photos: put masks beside the faces")
    return MaskedSource(source, masks, follow_links)
