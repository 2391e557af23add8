"""Batches of views: which faces a step sees, and threads that draw them ahead of it."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from fishprep.parsing.labelled import LabelledFaces
from fishprep.parsing.training.config import ParserTraining
from fishprep.parsing.training.parsed import ParsedCrops
from fishprep.parsing.training.sides import put_right
from fishprep.parsing.training.views import draw_view

AHEAD = 3  # steps
WITHIN = (0.9, 1.3)  # sides of the views of a crop, as multiples of the face's: it shows little more than the face
_ORDER, _VIEW = 0, 1  # what a random stream is for


class Batches:
    """Views (N, s, s, 3) uint8 and classes (N, m, m) uint8 for each step.

    What a step sees is a function of the seed and the step alone, whatever the number of threads.
    """

    def __init__(self, faces: LabelledFaces, config: ParserTraining, parsed: ParsedCrops | None = None) -> None:
        """parsed: crops that a parser has labelled, the first `config.parsed` of each batch; None: all is labelled by hand."""
        self._faces, self._config, self._parsed = faces, config, parsed
        self._drawn = round(config.batch * config.parsed) if parsed is not None else 0  # of each batch
        self._repeats = repeat_factors(faces, config.rare)

    def from_step(self, step: int, threads: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Batches of `step`, `step + 1`, ... to the last one of the training."""
        size = self._config.batch
        positions = iter(range(step * size, self._config.steps * size))
        order = _Order(self._repeats, self._config.seed)
        with ThreadPoolExecutor(threads) as pool:
            waiting: list[Future[tuple[np.ndarray, np.ndarray]]] = []
            try:
                while True:
                    for position in positions:
                        waiting.append(pool.submit(self._view, position, self._face(position, order)))
                        if len(waiting) == AHEAD * size:
                            break
                    if not waiting:
                        return
                    views = [view.result() for view in waiting[:size]]
                    del waiting[:size]
                    yield np.stack([view for view, _ in views]), np.stack([classes for _, classes in views])
            finally:
                for view in waiting:
                    view.cancel()

    def _face(self, position: int, order: "_Order") -> int | None:
        """The labelled face of a position; None where a parsed one is to be drawn."""
        batch, place = divmod(position, self._config.batch)
        if place < self._drawn:
            return None
        return order.face(batch * (self._config.batch - self._drawn) + place - self._drawn)

    def _view(self, position: int, face: int | None) -> tuple[np.ndarray, np.ndarray]:
        config = self._config
        rng = np.random.default_rng((config.seed, _VIEW, position))
        sizes = config.size, config.map_size
        if face is not None:
            picture, classes = self._faces.read(face)
            classes = put_right(classes) if config.sides else classes
            return draw_view(picture, classes, self._faces.faces[face].face, sizes, rng, config.views)
        assert self._parsed is not None
        picture, classes, box = self._parsed.read(int(rng.integers(len(self._parsed))))
        return draw_view(picture, classes, box, sizes, rng, replace(config.views, side=WITHIN))


def repeat_factors(faces: LabelledFaces, rare: float) -> np.ndarray:
    """(N,) float64, 1 and more: sqrt(rare / share of the faces that have the class), the largest over a face's classes."""
    present = np.array([face.present for face in faces.faces])
    share = present.mean(axis=0)
    of_class = np.sqrt(np.maximum(1.0, rare / np.maximum(share, 1e-12)))
    return np.where(present, of_class, 1.0).max(axis=1)


class _Order:
    """Face of each position: rounds in which every face comes up, the rare ones more than once, each shuffled anew."""

    def __init__(self, repeats: np.ndarray, seed: int) -> None:
        self._repeats, self._seed = repeats, seed
        self._round, self._start, self._faces = -1, 0, np.empty(0, dtype=np.int64)

    def face(self, position: int) -> int:
        """Positions are asked for in rising order."""
        while position >= self._start + len(self._faces):
            self._start += len(self._faces)
            self._round += 1
            rng = np.random.default_rng((self._seed, _ORDER, self._round))
            times = np.floor(self._repeats + rng.random(len(self._repeats))).astype(np.int64)
            self._faces = rng.permutation(np.repeat(np.arange(len(times)), times))
        return int(self._faces[position - self._start])
