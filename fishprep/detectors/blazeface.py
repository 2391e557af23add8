"""BlazeFace, full range, as a detector: turned, small and half-hidden faces, in a few milliseconds a tile on a CPU."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from types import MappingProxyType

import numpy as np

from fishprep.common.errors import WeightsError
from fishprep.common.tensors import load_state_dict
from fishprep.common.weights import WeightStore
from fishprep.detectors.base import Detection
from fishprep.detectors.blazeface_network import SIDE, STEP, BlazeFaceNetwork, anchors
from fishprep.detectors.blazeface_runs import NetworkRunner, runner_on
from fishprep.detectors.suppression import suppressed, surest
from fishprep.detectors.tiles import Tile, first_side, search_sides, tiles
from fishprep.detectors.weights import BLAZEFACE

SHARED = SIDE // 4
"""Pixels that neighbouring tiles share: the largest face that is whole in one of them wherever it lies."""

LEAST_SIDE = 128
"""Pixels to which a smaller picture is enlarged, if not to `SIDE`: what it looks at costs by its pixels."""


@dataclass(frozen=True)
class BlazeFaceSettings:
    """min_score: below it a detection is none; tile_score: the same in a tile of part of the picture, of which there are many.
    smallest: tiles are cut while a pixel of theirs is at least so many of the picture's; None looks at the whole picture alone.
    turns: quarter turns by which each tile is looked at: the network sees faces up to about 50 degrees from upright."""

    min_score: float = 0.5
    smallest: float | None = None
    turns: tuple[int, ...] = (0,)
    tile_score: float = 0.7


def load_blazeface(settings: BlazeFaceSettings, store: WeightStore, device: str = "cpu") -> "BlazeFace":
    """The detector with its recorded weights. Raises as `load_blazeface_network` and `runner_on` do."""
    return BlazeFace(runner_on(device, load_blazeface_network(store)), settings)


def load_blazeface_network(store: WeightStore) -> BlazeFaceNetwork:
    """The network with its recorded weights, float32, on the CPU. WeightsError where they are missing or damaged."""
    path = store.locate(BLAZEFACE)
    network = BlazeFaceNetwork()
    try:
        network.load_state_dict(load_state_dict(path))
    except RuntimeError as error:
        raise WeightsError(f"{path}: not the weights of BlazeFace: {error}") from error
    return network.float().eval().requires_grad_(False)


class BlazeFace:
    """The detector. Pictures are searched tile by tile, by a runner that several detectors may share."""

    name = "blazeface"
    weights = MappingProxyType({BLAZEFACE.file: BLAZEFACE.sha256})

    def __init__(self, runner: NetworkRunner, settings: BlazeFaceSettings) -> None:
        self.runner, self.settings = runner, settings

    def find(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """As `Detector.find`."""
        cut = [(number, *each) for number, image in enumerate(images) for each in self._tiles(image)]
        cut.sort(
            key=lambda each: each[1].image.shape
        )  # a batch has one shape; what is seen of a picture keeps its order
        seen: dict[tuple[int, int], list[tuple[np.ndarray, np.ndarray]]] = {}
        for part in _batches(cut, self.runner.at_once):
            looked = self._look([tile for _, tile, _ in part], [least for _, _, least in part])
            for (number, tile, _), (places, scores) in zip(part, looked, strict=True):
                points = _in_order(tile.to_picture(places.reshape(len(places), 8, 2)))
                seen.setdefault((number, tile.turns), []).append((points.reshape(len(points), 16), scores))
        return [self._faces([seen[number, turns] for turns in self.settings.turns]) for number in range(len(images))]

    def lowered(self, min_score: float) -> "BlazeFace":
        """The same detector with another threshold."""
        return BlazeFace(self.runner, replace(self.settings, min_score=min_score, tile_score=min_score))

    def _faces(self, looks: list[list[tuple[np.ndarray, np.ndarray]]]) -> list[Detection]:
        """What the looks at a picture, one for each turn, say together: of two that see one face the surer counts alone."""
        each = [
            suppressed(np.concatenate([v for v, _ in look]), np.concatenate([s for _, s in look])) for look in looks
        ]
        values, scores = np.concatenate([v for v, _ in each]), np.concatenate([s for _, s in each])
        kept = surest(values[:, :4], scores)
        return [
            Detection((v[0], v[1], v[2], v[3]), float(score), v[4:].reshape(6, 2))
            for v, score in zip(values[kept], scores[kept], strict=True)
        ]

    def _tiles(self, image: np.ndarray) -> list[tuple[Tile, float]]:
        """What is looked at, and the score from which a detection there is one."""
        height, width = image.shape[:2]
        smallest = self.settings.smallest
        first = first_side(height, width, SIDE, LEAST_SIDE, STEP)
        further = [] if smallest is None else search_sides(height, width, SIDE, smallest)[1:]
        sides = [(first, self.settings.min_score), *((side, self.settings.tile_score) for side in further)]
        upright = [(tile, least) for side, least in sides for tile in tiles(image, side, SIDE, SHARED, STEP)]
        return [(tile.turned(turns), least) for tile, least in upright for turns in self.settings.turns]

    def _look(self, cut: list[Tile], least: list[float]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each tile, all of one shape: boxes and six points (N, 16) in its pixels, and scores (N,), none below its `least`."""
        sure = self.runner.sure(np.stack([tile.image for tile in cut]), np.array(least))
        pairs = sure.values.reshape(-1, 8, 2)
        middles = anchors(*cut[0].image.shape[:2])[sure.anchor]
        centre, half = pairs[:, 0] + middles, pairs[:, 1] / 2
        points = (pairs[:, 2:] + middles[:, None]).reshape(-1, 12)
        values = np.concatenate((centre - half, centre + half, points), 1)
        sized = (half > 0).all(1)
        return [(values[mine], sure.score[mine]) for mine in (sized & (sure.tile == tile) for tile in range(len(cut)))]


def _batches(cut: list[tuple[int, Tile, float]], at_once: int) -> Iterator[list[tuple[int, Tile, float]]]:
    """At most `at_once` neighbours of one shape."""
    for _, alike in groupby(cut, key=lambda each: each[1].image.shape):
        while part := list(islice(alike, at_once)):
            yield part


def _in_order(points: np.ndarray) -> np.ndarray:
    """Boxes of a turned tile (the first two of each face's points are their corners) with the lesser corner first again."""
    corners = points[:, :2]
    return np.concatenate((corners.min(1, keepdims=True), corners.max(1, keepdims=True), points[:, 2:]), 1)
