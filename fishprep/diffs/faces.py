"""The faces that two builds have in common → how far their crops, points, maps and pixels are apart."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from fishprep.builds.folder import BuildFolder
from fishprep.common.errors import BuildError
from fishprep.common.progress import TellCount
from fishprep.diffs.records import BuildRecords, FacePlace
from fishprep.faces.turned import corners, turned_about
from fishprep.shards.reader import Shard
from fishprep.shards.schema import HR_SIZE, ShardName

_TOGETHER = 256
_OPEN = 64
"""Shards of the second build that are held open: each is a mapping of its file."""


@dataclass(frozen=True, eq=False)
class FaceDiffs:
    """Of N faces, in the order of `ids`; all (N,).

    shift: of the corner of the crop that moved most, as a share of the crop's side. points: mean distance of the 68 points in the
    photo, as a share of the side. iou: of the skin maps at 128². psnr: of the HR images over RGB in dB, infinite where they are equal.
    equal: whether image, map, points and box are the same bytes. same_photo: whether the photos' bytes are.
    """

    ids: tuple[str, ...]
    shift: np.ndarray
    points: np.ndarray
    iou: np.ndarray
    psnr: np.ndarray
    equal: np.ndarray
    same_photo: np.ndarray

    def worst(self, measure: str, count: int) -> np.ndarray:
        """Numbers of the `count` faces that differ most by `shift`, `points`, `iou` or `psnr`, the most first; none that are equal."""
        values = getattr(self, measure)
        distance = values if measure in ("shift", "points") else -values
        order = np.argsort(-distance, kind="stable")
        return order[~self.equal[order]][:count]


def compare_faces(
    folders: tuple[BuildFolder, BuildFolder],
    records: tuple[BuildRecords, BuildRecords],
    ids: Sequence[str],
    tell: TellCount,
) -> FaceDiffs:
    """Read the faces `ids` of both builds and compare them. tell: gets faces done, and all.

    Shards are read in the order of the first build's; what stays in memory are seven numbers a face. ShardError where a shard
    cannot be read, BuildError where a row names what is not there.
    """
    one, other = (each.faces for each in records)
    parts: list[np.ndarray] = []
    with _Open(folders[0], 1) as first, _Open(folders[1], _OPEN) as second:
        for start in range(0, len(ids), _TOGETHER):
            some = ids[start : start + _TOGETHER]
            pairs = [(first.read(one[name]), second.read(other[name])) for name in some]
            parts.append(np.array([_measured(*pair) for pair in pairs], np.float64).reshape(-1, 5))
            tell(start + len(some), len(ids))
    table = np.concatenate([np.empty((0, 5)), *parts])
    shift, points, iou, psnr, equal = table.T
    same = np.array([one[name].sha256 == other[name].sha256 for name in ids], bool)
    return FaceDiffs(tuple(ids), shift, points, iou, psnr, equal.astype(bool), same)


@dataclass(frozen=True, eq=False)
class StoredFace:
    """image (128, 128, 3) uint8 RGB, skin (128, 128) uint8 in {0, 1}, points (68, 2) in pixels of the image, box (4,) in those of the
    photo, angle in degrees."""

    image: np.ndarray
    skin: np.ndarray
    points: np.ndarray
    box: np.ndarray
    angle: float

    @property
    def side(self) -> float:
        """Longer side of the crop, in pixels of the photo."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    def in_photo(self) -> np.ndarray:
        """(68, 2) float64: the points in the photo, whose pixels are centred on whole numbers, as those of the image are."""
        level = self.box[:2] + (self.points + 0.5) / HR_SIZE * (self.box[2:] - self.box[:2])
        return turned_about(level, (self.box[:2] + self.box[2:]) / 2, self.angle)

    def corners(self) -> np.ndarray:
        """(4, 2) float64: of the crop, in the photo."""
        x0, y0, x1, y1 = self.box.tolist()
        return corners((x0, y0, x1, y1), self.angle)


class _Open:
    """Shards of a build, a few of them open at a time."""

    def __init__(self, folder: BuildFolder, most: int) -> None:
        self._folder, self._most = folder, most
        self._open: dict[str, tuple[Shard, ExitStack]] = {}

    def __enter__(self) -> "_Open":
        return self

    def __exit__(self, *failed: object) -> None:
        for _, stack in self._open.values():
            stack.close()

    def read(self, place: FacePlace) -> StoredFace:
        """A face. BuildError where its row names what is not there."""
        shard, index = self._shard(place.shard), place.index
        if not 0 <= index < len(shard):
            raise BuildError(f"{shard.where}: a row names a sample beyond its end; `fishprep verify` says more")
        return StoredFace(
            shard.images(HR_SIZE)[index],
            shard.skin(HR_SIZE)[index],
            np.asarray(shard["landmarks"][index], np.float64),
            np.asarray(shard["box"][index], np.float64),
            float(shard.angles[index]),
        )

    def _shard(self, name: str) -> Shard:
        if name not in self._open:
            parsed = ShardName.parse(f"{name}.h5")
            if parsed is None or str(parsed) != name:  # a row may name anything
                raise BuildError(f"{self._folder}: a row names the shard {name!r}; `fishprep verify` says more")
            if len(self._open) == self._most:
                self._open.pop(next(iter(self._open)))[1].close()
            stack = ExitStack()
            self._open[name] = stack.enter_context(self._folder.shard(parsed)), stack
        return self._open[name][0]


def _measured(one: StoredFace, other: StoredFace) -> tuple[float, float, float, float, bool]:
    shift = np.linalg.norm(one.corners() - other.corners(), axis=1).max() / one.side
    points = np.linalg.norm(one.in_photo() - other.in_photo(), axis=1).mean() / one.side
    union = np.count_nonzero(one.skin | other.skin)
    iou = np.count_nonzero(one.skin & other.skin) / union if union else 1.0
    error = np.square(one.image.astype(np.float64) - other.image).mean()
    psnr = np.inf if error == 0 else 10 * np.log10(255**2 / error)
    equal = error == 0 and iou == 1 and np.array_equal(one.points, other.points) and np.array_equal(one.box, other.box)
    return float(shift), float(points), iou, float(psnr), bool(equal)
