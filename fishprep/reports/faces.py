"""Samples of shards → pictures of faces, with what is drawn over them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from fishprep.builds.folder import BuildFolder
from fishprep.common.errors import BuildError
from fishprep.common.opencv import cv2
from fishprep.reports.columns import SamplePlace
from fishprep.reports.images import data_uri
from fishprep.shards.reader import Shard
from fishprep.shards.schema import HR_SIZE, ShardName

QUALITY = 78


@dataclass(frozen=True)
class FacePicture:
    """A face at 128²: `uri` the picture; `points` and `skin` SVG paths in its pixels (centres at integers): a dot for each
    landmark, and the outline of the skin map, holes included (fill rule evenodd)."""

    uri: str
    points: str
    skin: str


def draw_faces(folder: BuildFolder, places: Mapping[int, SamplePlace]) -> dict[int, FacePicture]:
    """The pictures of samples, by the keys of `places`, without those whose shards were moved out of reach. One is open at a time.

    Raises ShardError where a shard cannot be read, BuildError where a place is not in it.
    """
    pictures = {}
    for shard, keys in by_shard(folder, places):
        for key in keys:
            index = places[key].index
            pictures[key] = FacePicture(
                data_uri(shard.images(HR_SIZE)[index], QUALITY),
                points_path(shard["landmarks"][index]),
                skin_path(shard.skin(HR_SIZE)[index]),
            )
    return pictures


def by_shard(folder: BuildFolder, places: Mapping[int, SamplePlace]) -> Iterator[tuple[Shard, list[int]]]:
    """Each shard that is needed, open, with the keys of its places; but those that were moved to where they cannot be reached."""
    keys: dict[str, list[int]] = defaultdict(list)
    for key, place in places.items():
        keys[place.shard].append(key)
    for name in sorted(keys):
        # a row may name anything, a path that leads out of the folder too
        parsed = ShardName.parse(f"{name}.h5")
        if parsed is None or str(parsed) != name:
            raise BuildError(f"{folder}: a row names the shard {name!r}; `fishprep verify` says more")
        if folder.storage_of(parsed) is None:
            continue
        with folder.shard(parsed) as shard:
            if not all(0 <= places[key].index < len(shard) for key in keys[name]):
                raise BuildError(
                    f"{folder.where(parsed.file)}: a row names a sample beyond its end; `fishprep verify` says more"
                )
            yield shard, keys[name]


def points_path(landmarks: np.ndarray) -> str:
    """(68, 2) → lines without length, which round caps make dots."""
    return "".join(f"M{x:.4g} {y:.4g}h0" for x, y in landmarks.tolist())


def skin_path(skin: np.ndarray) -> str:
    """(128, 128) uint8 in {0, 1} → closed outlines along the outer edge of its pixels' centres, holes too."""
    outlines, _ = cv2.findContours(np.ascontiguousarray(skin), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    simple = (cv2.approxPolyDP(outline, 0.7, True)[:, 0] for outline in outlines)
    return "".join(f"M{'L'.join(f'{x} {y}' for x, y in outline.tolist())}Z" for outline in simple if len(outline) > 2)
