"""LR faces made worse while training: a network that has seen clean bicubic alone fails on real photos."""

import io
from typing import Annotated

import numpy as np
from PIL import Image
from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError("the first of the two limits must not be above the second")
    return limits


Range = Annotated[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0, le=100)]], AfterValidator(_ordered)]


class Degradation(BaseModel):
    """Ranges that each LR face draws from, in this order of use; off by default.

    `share`: of faces that are degraded at all; the rest stay clean. `blur`: sigma of a Gaussian, in LR pixels. `noise`: sigma
    of Gaussian noise, in grey levels (0-255), independent in each channel. `jpeg`: quality, 1-100; None leaves JPEG out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    blur: Range = (0.0, 0.0)
    noise: Range = (0.0, 0.0)
    jpeg: (
        Annotated[
            tuple[Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=1, le=100)]], AfterValidator(_ordered)
        ]
        | None
    ) = None

    @property
    def active(self) -> bool:
        """Whether any face is changed."""
        return self.share > 0 and (self.blur[1] > 0 or self.noise[1] > 0 or self.jpeg is not None)

    def apply(self, lr: np.ndarray, seed: int, places: np.ndarray) -> None:
        """Degrade LR faces (N, s, s, 3) uint8 in place; what a face draws is a function of `seed` and its place."""
        for face, place in zip(lr, places.tolist(), strict=True):
            rng = np.random.default_rng((seed, 0xDE6, place))
            if rng.random() < self.share:
                face[:] = self._degraded(face, rng)

    def _degraded(self, face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        blurred = gaussian(face.astype(np.float64), rng.uniform(*self.blur))
        noisy = blurred + rng.normal(0.0, 1.0, face.shape) * rng.uniform(*self.noise)
        levels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        if self.jpeg is None:
            return levels
        return jpeg(levels, int(rng.integers(self.jpeg[0], self.jpeg[1], endpoint=True)))


def gaussian(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur (h, w, 3) float by a Gaussian of `sigma` pixels, cut at 3 sigma, the border repeated."""
    radius = int(np.ceil(3 * sigma))
    if radius == 0:
        return image
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padding = [(radius, radius) if a == axis else (0, 0) for a in range(3)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, padding, mode="edge"), len(kernel), axis)
        image = windows @ kernel
    return image


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """(h, w, 3) uint8 through JPEG and back."""
    with io.BytesIO() as stream:
        Image.fromarray(image).save(stream, "JPEG", quality=quality)
        return np.asarray(Image.open(stream))
