"""One crop → 128² → 64², 32², 16², 8², by a named resizer; every level from the 128², never from the next larger one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from fishprep.shards.schema import HR_SIZE, LR_SIZES

Resize = Callable[[np.ndarray, int], np.ndarray]
"""(N, H, W, 3) uint8, side s → (N, s, s, 3) uint8."""


def pillow_bicubic(images: np.ndarray, size: int) -> np.ndarray:
    """Pillow's antialiased bicubic (a = -0.5): the field's usual kernel, and this project's canonical one."""
    out = np.empty((len(images), size, size, 3), np.uint8)
    for index, image in enumerate(images):
        out[index] = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC))
    return out


def torch_bicubic(images: np.ndarray, size: int) -> np.ndarray:
    """PyTorch's antialiased bicubic on uint8: within one grey level of Pillow's, faster in batches."""
    import torch  # takes seconds to load, and the canonical kernel does not need it
    from torch.nn import functional

    if len(images) == 0:
        return np.empty((0, size, size, 3), np.uint8)
    batch = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    resized = functional.interpolate(batch, (size, size), mode="bicubic", align_corners=False, antialias=True)
    return resized.permute(0, 2, 3, 1).contiguous().numpy()


def matlab_bicubic(images: np.ndarray, size: int) -> np.ndarray:
    """MATLAB's `imresize(image, [s s])`: bicubic with antialiasing and mirrored borders, in float64, rounded half up."""
    height, width = images.shape[1:3]
    rows, columns = _matlab_weights(height, size), _matlab_weights(width, size)
    resized = np.einsum("yh,nhwc->nywc", rows, images.astype(np.float64), optimize=True)
    resized = np.einsum("xw,nywc->nyxc", columns, resized, optimize=True)
    return np.clip(np.floor(resized + 0.5), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Resizer:
    """A kernel. version: of the pixels that it gives: whoever changes them raises it."""

    version: int
    resize: Resize

    def __call__(self, images: np.ndarray, size: int) -> np.ndarray:
        """(N, H, W, 3) uint8 → (N, size, size, 3) uint8."""
        return self.resize(images, size)


RESIZERS = {
    "pillow-bicubic": Resizer(1, pillow_bicubic),
    "torch-bicubic": Resizer(1, torch_bicubic),
    "matlab-bicubic": Resizer(1, matlab_bicubic),
}
"""What `--resizer` may name."""


def hr_face(crop: np.ndarray, resizer: str) -> np.ndarray:
    """A crop (H, W, 3) uint8 of any size → the HR face, (128, 128, 3) uint8. A crop that is not square is stretched."""
    return RESIZERS[resizer](crop[None], HR_SIZE)[0]


def lr_pyramid(hr: np.ndarray, resizer: str, sizes: Iterable[int] = LR_SIZES) -> dict[int, np.ndarray]:
    """HR faces (N, 128, 128, 3) uint8 → {size: (N, size, size, 3) uint8}, each resized from `hr` itself."""
    return {size: RESIZERS[resizer](hr, size) for size in sizes}


@lru_cache(maxsize=64)
def _matlab_weights(length: int, size: int) -> np.ndarray:
    """(size, length) float64: row i holds the weights of the input pixels in output pixel i."""
    scale = size / length
    stretch = min(scale, 1.0)
    centres = (np.arange(size) + 0.5) / scale - 0.5
    reach = int(np.ceil(4 / stretch)) + 2
    taps = np.floor(centres - 2 / stretch).astype(int)[:, None] + np.arange(reach)
    weights = _cubic((centres[:, None] - taps) * stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = np.mod(taps, 2 * length)
    mirrored = np.where(mirrored < length, mirrored, 2 * length - 1 - mirrored)
    matrix = np.zeros((size, length))
    np.add.at(matrix, (np.arange(size)[:, None], mirrored), weights)
    return matrix


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic kernel with a = -0.5."""
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x * x + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, inner, np.where(x < 2, outer, 0.0))
