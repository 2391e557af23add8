"""Dropped photos → thumbnails, where the source can still be read."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from fishprep.common.errors import DecodeError
from fishprep.common.status import Status
from fishprep.decoding.decode import Limits, decode
from fishprep.reports.images import data_uri
from fishprep.sources.found import PlaceFinder

SIDE = 200
MARK = "#ffb000"
"""Of the box around what was seen and not believed."""
QUALITY = 70


@dataclass(frozen=True)
class Thumbnail:
    """A photo made small: `uri` is None where there is nothing to see, `problem` says why."""

    uri: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class PhotoFolder:
    """The source of a build, read as carefully as the build read it. further: the sources of its extensions, each with the word
    before the names of its photos."""

    root: Path
    limits: Limits
    further: tuple[tuple[Path, str], ...] = ()

    @cached_property
    def _finders(self) -> tuple[tuple[PlaceFinder, str], ...]:
        return tuple(
            (PlaceFinder(root), f"{prefix}/" if prefix else "") for root, prefix in ((self.root, ""), *self.further)
        )

    def thumbnail(self, row: dict[str, Any]) -> Thumbnail:
        """The photo of a row, with the box of its candidate.

        Only a file with the recorded SHA-256 is shown, so a row cannot bring another file into the page.
        """
        if row["status"] == Status.FAILED:
            return Thumbnail(problem="not opened again here: see the reason")
        if not row["sha256"]:
            return Thumbnail(problem="the build could not read it")
        try:
            data = self._read(row["path"] or "", row["sha256"])
        except DecodeError as error:
            return Thumbnail(problem=f"not to be seen any more: {error.reason}")
        except ValueError:  # a path with a null character
            return Thumbnail(problem="not to be seen: not a path")
        if data is None:
            return Thumbnail(problem="the photo has changed since the build")
        try:
            return Thumbnail(data_uri(_small(decode(data, self.limits), row.get("candidate_box")), QUALITY))
        except DecodeError as error:
            return Thumbnail(problem=error.reason)

    def _read(self, path: str, sha256: str) -> bytes | None:
        """The bytes with this hash at a path in one of the sources; None where other ones are there. DecodeError where nothing is."""
        refusals: list[DecodeError] = []
        fitting = [(finder, path[len(word) :]) for finder, word in self._finders if path.startswith(word)]
        for finder, relative in fitting:
            try:
                data = finder.place(relative).read(self.limits).data
            except DecodeError as error:
                refusals.append(error)
                continue
            if hashlib.sha256(data).hexdigest() == sha256:
                return data
        if len(refusals) == len(fitting):
            raise refusals[0]
        return None


def _small(image: np.ndarray, box: Sequence[float] | None) -> np.ndarray:
    picture = Image.fromarray(image)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=2)
    if box is not None and np.isfinite(box).all():
        scale = np.array(picture.size) / image.shape[1::-1]
        corners = ((np.reshape(box, (2, 2)) + 0.5) * scale).clip(0, np.array(picture.size) - 1)
        if (corners[1] > corners[0]).all():
            ImageDraw.Draw(picture).rectangle(corners.ravel().tolist(), outline=MARK, width=2)
    return np.asarray(picture)
