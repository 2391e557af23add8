"""From 19 classes to the binary skin map, and from 128² to the smaller sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fishprep.common.errors import ConfigurationError
from fishprep.parsing.classes import ClassOrder, FaceClass, number

FUSION_VERSION = 1
RESIZE_VERSIONS = {"nearest": 1, "area": 1}
"""Of the maps that fusion and each way of making them smaller give: whoever changes a pixel raises it."""


@dataclass(frozen=True)
class SkinFusion:
    """Which classes become 1; all others become 0. The paper: skin alone (facial components are 0).

    classes: names of `FaceClass`, kept in the order of CelebAMask-HQ whatever order they were given in.
    """

    classes: tuple[FaceClass, ...] = (FaceClass.SKIN,)

    @classmethod
    def of(cls, names: Sequence[str]) -> "SkinFusion":
        """From names as typed; ConfigurationError for an unknown one, one given twice, or none at all."""
        known = [str(face_class) for face_class in FaceClass]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ConfigurationError(f"no class is called {unknown[0]!r}: there are {', '.join(known)}")
        if not names or len(set(names)) != len(names):
            raise ConfigurationError("skin classes: name at least one class, and each once")
        return cls(tuple(face_class for face_class in FaceClass if str(face_class) in names))

    def fuse(self, classes: np.ndarray) -> np.ndarray:
        """classes: uint8 of any shape in CelebAMask-HQ's order; the same shape in {0, 1}, uint8."""
        table = np.zeros(len(FaceClass), dtype=np.uint8)
        table[[number(face_class, ClassOrder.CELEBAMASK) for face_class in self.classes]] = 1
        return table[classes]


@dataclass(frozen=True)
class MaskResize:
    """How a binary map is made smaller by a whole factor.

    threshold: None takes the nearest pixel, exactly as torch's `interpolate(mode="nearest")` does inside the networks
        (the top left pixel of each block); a number in (0, 1] sets a pixel where at least that share of its block is set.
    """

    threshold: float | None = None

    @classmethod
    def of(cls, text: str) -> "MaskResize":
        """From `nearest` or `area:T` as typed; ConfigurationError for anything else."""
        if text == "nearest":
            return cls()
        name, _, share = text.partition(":")
        try:
            threshold = float(share)
        except ValueError:
            threshold = float("nan")
        if name != "area" or not 0 < threshold <= 1:
            raise ConfigurationError(
                f"mask resize {text!r}: nearest, or area:T with T above 0 and at most 1 (area:0.5)"
            )
        return cls(threshold)

    @property
    def method(self) -> str:
        """The name without the threshold, a key of `RESIZE_VERSIONS`."""
        return "nearest" if self.threshold is None else "area"

    def __str__(self) -> str:
        if self.threshold is None:
            return "nearest"
        short = f"{self.threshold:g}"
        return f"area:{short if float(short) == self.threshold else repr(self.threshold)}"

    def resize(self, masks: np.ndarray, size: int) -> np.ndarray:
        """masks (N, S, S) uint8 in {0, 1} → (N, size, size) uint8 in {0, 1}; `size` divides S."""
        count, side = masks.shape[:2]
        factor, rest = divmod(side, size)
        if rest or masks.shape != (count, side, side) or masks.dtype != np.uint8:
            raise ValueError(
                f"masks of shape {masks.shape}, {masks.dtype}, cannot be brought to {size} by a whole factor"
            )
        if self.threshold is None:
            return np.ascontiguousarray(masks[:, ::factor, ::factor])
        # A row at a time: a tenth of what a mean over two axes takes.
        counts = _sums(masks.reshape(count * size, factor, side))
        counts = _sums(counts.reshape(-1, size, factor).swapaxes(1, 2))
        return (counts.reshape(count, size, size) / factor**2 >= self.threshold).astype(np.uint8)


def _sums(masks: np.ndarray) -> np.ndarray:
    """(N, k, S) → (N, S) uint32, over the middle."""
    total = masks[:, 0].astype(np.uint32)
    for row in range(1, masks.shape[1]):
        total += masks[:, row]
    return total


def skin_pyramid(skin: np.ndarray, sizes: Sequence[int], method: MaskResize | str = "nearest") -> dict[int, np.ndarray]:
    """The skin map at each of `sizes`, always made from the full one: {size: (N, size, size) uint8 in {0, 1}}.

    skin: (N, 128, 128) uint8 in {0, 1}.
    """
    resize = MaskResize.of(method) if isinstance(method, str) else method
    return {size: resize.resize(skin, size) for size in sizes}
