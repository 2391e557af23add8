"""LR faces of other sizes, and made worse: a network that has seen clean bicubic alone fails on real photos."""

import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fishprep.faces.pyramid import pillow_bicubic

DegradationName = Literal["none", "sizes", "spoiled", "wild"]

SIZES: Mapping[str, Any] = MappingProxyType({"resized": 1.0, "sizes": (0.7, 1.4)})
SPOILED: Mapping[str, Any] = MappingProxyType({"share": 1.0, "blur": (0.0, 0.8), "noise": (0.0, 8.0), "jpeg": (40, 95)})
DEGRADATIONS: Mapping[DegradationName, Mapping[str, Any]] = MappingProxyType(
    {"none": {}, "sizes": SIZES, "spoiled": SPOILED, "wild": {**SIZES, **SPOILED}}
)
"""What `name` stands for; a field that is given beside it wins."""


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError("the first of the two limits must not be above the second")
    return limits


Portion = Annotated[float, Field(ge=0, le=1)]
Range = Annotated[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0, le=100)]], AfterValidator(_ordered)]
Factors = Annotated[
    tuple[Annotated[float, Field(ge=0.25)], Annotated[float, Field(ge=0.25, le=4)]], AfterValidator(_ordered)
]


class Degradation(BaseModel):
    """What each LR face draws from, in this order of use; off by default.

    `name`: one of `DEGRADATIONS`, which fills in what is not given. `resized`: share of faces that are made anew from their HR
    face at another size, a factor of `sizes` of the LR size, and brought to the LR size by Pillow's bicubic kernel after all else.
    `share`: of faces that are spoiled; the others stay sharp. `blur`: sigma of a Gaussian, in pixels of the face at its size.
    `noise`: sigma of Gaussian noise, in grey levels (0-255), independent in each channel. `jpeg`: quality, 1-100; None leaves
    JPEG out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: DegradationName = "none"
    resized: Portion = 0.0
    sizes: Factors = (1.0, 1.0)
    share: Portion = 0.0
    blur: Range = (0.0, 0.0)
    noise: Range = (0.0, 0.0)
    jpeg: (
        Annotated[
            tuple[Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=1, le=100)]], AfterValidator(_ordered)
        ]
        | None
    ) = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        """The fields of a name under those that are given."""
        if isinstance(values, Mapping) and isinstance(values.get("name"), str):
            return {**DEGRADATIONS.get(values["name"], {}), **values}
        return values

    @property
    def spoils(self) -> bool:
        """Whether any face is blurred, noisy or compressed."""
        return self.share > 0 and (self.blur[1] > 0 or self.noise[1] > 0 or self.jpeg is not None)

    @property
    def resizes(self) -> bool:
        """Whether any face comes in another size."""
        return self.resized > 0 and self.sizes != (1.0, 1.0)

    @property
    def active(self) -> bool:
        """Whether any face is changed."""
        return self.spoils or self.resizes

    def apply(self, hr: np.ndarray, lr: np.ndarray, seed: int, places: np.ndarray) -> None:
        """Degrade LR faces (N, s, s, 3) uint8 in place; `hr` (N, 128, 128, 3) uint8 are the faces that they were made from.

        What a face draws is a function of `seed` and its place, whatever else is in the batch.
        """
        sizes = self._sizes(lr.shape[1], seed, places)
        for size in np.unique(sizes).tolist():
            rows = np.flatnonzero(sizes == size)
            if size == lr.shape[1]:
                lr[rows] = self._spoiled(lr[rows], seed, places[rows])
            else:
                lr[rows] = pillow_bicubic(
                    self._spoiled(pillow_bicubic(hr[rows], size), seed, places[rows]), lr.shape[1]
                )

    def _sizes(self, lr_size: int, seed: int, places: np.ndarray) -> np.ndarray:
        """Side of each face before it is brought to the LR size, (N,)."""
        sizes = np.full(len(places), lr_size)
        if self.resizes:
            for row, place in enumerate(places.tolist()):
                rng = np.random.default_rng((seed, 0x512E, place))  # of its own: the other draws stay what they were
                if rng.random() < self.resized:
                    sizes[row] = max(1, round(lr_size * rng.uniform(*self.sizes)))
        return sizes

    def _spoiled(self, faces: np.ndarray, seed: int, places: np.ndarray) -> np.ndarray:
        """Faces (N, s, s, 3) uint8 of one size, spoiled or not, as each draws."""
        if not self.spoils:
            return faces
        rngs = [np.random.default_rng((seed, 0xDE6, place)) for place in places.tolist()]
        rows = [row for row, rng in enumerate(rngs) if rng.random() < self.share]
        if not rows:
            return faces
        chosen = [rngs[row] for row in rows]
        changed = gaussian(faces[rows].astype(np.float64), np.array([rng.uniform(*self.blur) for rng in chosen]))
        for face, rng in zip(changed, chosen, strict=True):
            face += rng.normal(0.0, 1.0, face.shape) * rng.uniform(*self.noise)
        levels = np.clip(np.rint(changed), 0, 255).astype(np.uint8)
        if self.jpeg is not None:
            for face, rng in zip(levels, chosen, strict=True):
                face[:] = jpeg(face, int(rng.integers(self.jpeg[0], self.jpeg[1], endpoint=True)))
        spoiled = faces.copy()
        spoiled[rows] = levels
        return spoiled


def gaussian(images: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Blur (N, s, s, 3) float, each by a Gaussian of its own of `sigmas` (N,) pixels, cut at 3 sigma, the border repeated."""
    spread = blurring(images.shape[1], sigmas)
    return np.einsum("nyh,nhwc,nxw->nyxc", spread, images, spread, optimize=True)


def blurring(size: int, sigmas: np.ndarray) -> np.ndarray:
    """(N, size, size): row i holds the weights of the input pixels in output pixel i of a line of `size`."""
    radii = np.ceil(3 * sigmas).astype(int)
    reach = np.arange(-radii.max(initial=0), radii.max(initial=0) + 1)
    weights = np.exp(-0.5 * (reach / np.maximum(sigmas, 1e-9)[:, None]) ** 2) * (np.abs(reach) <= radii[:, None])
    weights /= weights.sum(1, keepdims=True)
    matrices = np.zeros((len(sigmas), size, size))
    rows = np.arange(size)
    for number, step in enumerate(reach.tolist()):
        matrices[:, rows, np.clip(rows + step, 0, size - 1)] += weights[:, number, None]
    return matrices


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """(h, w, 3) uint8 through JPEG and back."""
    with io.BytesIO() as stream:
        Image.fromarray(image).save(stream, "JPEG", quality=quality)
        return np.asarray(Image.open(stream))
