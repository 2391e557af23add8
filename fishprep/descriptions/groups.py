"""Faces counted by what can be measured of them: their size in the photo, blur, pose, the colour of the skin's own pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ShardRecord
from fishprep.common.errors import BuildError
from fishprep.common.opencv import cv2
from fishprep.reports.columns import Columns
from fishprep.shards.schema import HR_SIZE, ShardName

SIDE, BLUR, YAW = (64, 128, 256), (50, 200, 800), (15, 30, 45)
ITA = (-30.0, 10.0, 28.0, 41.0, 55.0)
ITA_NAMES = ("dark", "brown", "tan", "intermediate", "light", "very light")
"""Bounds of the individual typology angle in degrees, from dark to very light (Chardon et al., 1991)."""


@dataclass(frozen=True)
class Group:
    """A bin of a measure: its name, and how many faces of each split are in it."""

    name: str
    by_split: dict[str, int]


@dataclass(frozen=True)
class Grouping:
    """A measure, in words, and its bins in order; `said` is what must be known of it."""

    title: str
    groups: tuple[Group, ...]
    said: str = ""


def groupings(folder: BuildFolder, columns: Columns, records: Sequence[ShardRecord]) -> tuple[Grouping, ...]:
    """The four of a build. Shards are read one after the other. ShardError where one cannot be read."""
    measured = (
        ("side of the crop in the photo, px", columns.measures["side"], SIDE, "", ""),
        ("blur: variance of the Laplacian of the HR face", columns.measures["blur"], BLUR, "", "Low is blurred."),
        ("turned to the side, degrees", np.abs(columns.measures["yaw"]), YAW, "°", "From the 68 points."),
    )
    found = [
        Grouping(title, _counted(columns, np.digitize(values, bounds), _names(bounds, unit)), said)
        for title, values, bounds, unit, said in measured
    ]
    angles = _skin_angles(folder, columns, records)
    light = (
        "Individual typology angle of the median skin pixel, from what the map calls skin: of the picture, its light and its camera, "
        "not of a person."
    )
    bins = np.where(np.isnan(angles), len(ITA_NAMES), np.digitize(angles, ITA))
    names = (*ITA_NAMES, *(["no skin in the map"] if np.isnan(angles[columns.kept]).any() else []))
    return (*found, Grouping("colour of the skin's pixels", _counted(columns, bins, names), light))


def skin_angle(image: np.ndarray, skin: np.ndarray) -> float:
    """Individual typology angle in degrees of the median of the skin's pixels, atan2(L - 50, b) in CIELAB; NaN without skin.

    image (H, W, 3) uint8 sRGB, skin (H, W) in {0, 1}.
    """
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[skin.astype(bool)]
    if not len(lab):
        return float("nan")
    lightness, _, yellow = np.median(lab, axis=0).tolist()
    return float(np.degrees(np.arctan2(lightness - 50, yellow)))


def _skin_angles(folder: BuildFolder, columns: Columns, records: Sequence[ShardRecord]) -> np.ndarray:
    """(N,) of the rows; NaN where nothing was kept."""
    angles = np.full(len(columns), np.nan)
    for record in records:
        name = ShardName.parse(f"{record.name}.h5")
        rows = np.flatnonzero(columns.shard.equal(record.name))
        if name is None or not len(rows):
            continue
        with folder.shard(name) as shard:
            images, maps = shard.images(HR_SIZE), shard.skin(HR_SIZE)
            if not all(0 <= index < len(shard) for index in columns.index[rows].tolist()):
                raise BuildError(f"{shard.where}: a row names a sample beyond its end; `fishprep verify` says more")
            for row in rows.tolist():
                index = int(columns.index[row])
                angles[row] = skin_angle(images[index], maps[index])
    return angles


def _counted(columns: Columns, bins: np.ndarray, names: Sequence[str]) -> tuple[Group, ...]:
    return tuple(
        Group(name, columns.split.counts(columns.kept & (bins == number))) for number, name in enumerate(names)
    )


def _names(bounds: Sequence[int], unit: str) -> list[str]:
    between = [f"{low} to {high}{unit}" for low, high in pairwise(bounds)]
    return [f"below {bounds[0]}{unit}", *between, f"{bounds[-1]}{unit} and more"]
