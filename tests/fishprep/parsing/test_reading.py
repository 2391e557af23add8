"""Classes read from logits: what interpolating all of them gives, whatever is skipped."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fishprep.parsing import reading
from fishprep.parsing.placement import Placement
from fishprep.parsing.reading import read_classes


def _logits(kind: str, side: int, seed: int) -> torch.Tensor:
    """(2, 19, side, side): smooth as a network's, or noise, of which no two neighbours agree."""
    noise = torch.randn(2, 19, side, side, generator=torch.Generator().manual_seed(seed))
    smooth = noise if kind == "noise" else 6 * F.avg_pool2d(noise, 9, 1, 4, count_include_pad=False)
    if kind != "bytes":
        return smooth
    return ((smooth - smooth.min()) / (smooth.max() - smooth.min()) * 255).round().to(torch.uint8)


def _all_interpolated(logits: torch.Tensor, height: int, width: int, size: int) -> torch.Tensor:
    """(n, 19, H, W) float64: in numbers of its own, of where a pixel of the image lies in the square and of what `np.interp` does."""
    s, t = logits.shape[2:]
    share = min(1.0, size / max(height, width))
    h, w = round(height * share), round(width * share)
    side = max(h, w)

    def positions(length: int, shrunk: int, count: int) -> np.ndarray:
        at = ((np.arange(length) + 0.5) / length * shrunk + (side - shrunk) // 2) / side * size - 0.5
        return np.clip(at, 0, size - 1) * (count - 1) / (size - 1)

    values = logits.double().numpy()
    across = np.apply_along_axis(lambda row: np.interp(positions(width, w, t), np.arange(t), row), 3, values)
    return torch.from_numpy(
        np.apply_along_axis(lambda line: np.interp(positions(height, h, s), np.arange(s), line), 2, across)
    )


@pytest.mark.parametrize("kind", ["smooth", "noise", "bytes"])
@pytest.mark.parametrize(
    ("height", "width", "size", "side"),
    [
        (128, 128, 160, 160),
        (128, 128, 160, 80),
        (128, 128, 64, 32),
        (300, 200, 64, 64),
        (40, 90, 96, 48),
        (1, 5, 64, 64),
    ],
)
def test_it_is_the_largest_of_the_interpolated_logits(kind: str, height: int, width: int, size: int, side: int) -> None:
    logits = _logits(kind, side, seed=height + side)
    made = read_classes(logits, Placement.of(height, width, size))
    assert made.shape == (2, height, width) and made.dtype == torch.uint8
    expected = _all_interpolated(logits, height, width, size)
    chosen = expected.gather(1, made[:, None].long())[:, 0]
    assert float((expected.amax(dim=1) - chosen).max()) < 2e-4 * float(expected.abs().max()), (
        "a class that is not the largest"
    )
    assert len(made.unique()) > 5 or made.numel() < 50


def test_bytes_are_as_floats_and_of_equal_ones_the_first_counts() -> None:
    logits = _logits("bytes", 64, seed=1) // 16  # many are equal
    place = Placement.of(128, 128, 64)
    assert torch.equal(read_classes(logits, place), read_classes(logits.float(), place))
    assert not read_classes(torch.full((1, 19, 32, 32), 255, dtype=torch.uint8), place).any()


@pytest.mark.parametrize("size", [64, 160])
def test_bands_and_parts_change_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    logits, place = _logits("smooth", size, seed=3), Placement.of(300, 200, size)
    whole = read_classes(logits, place)
    monkeypatch.setattr(reading, "ROWS", 7)
    monkeypatch.setattr(reading, "PIXELS", 100)
    assert torch.equal(read_classes(logits, place), whole)


def test_a_map_does_not_depend_on_its_neighbours() -> None:
    logits, place = _logits("smooth", 64, seed=4), Placement.of(128, 128, 64)
    assert torch.equal(read_classes(logits[1:], place)[0], read_classes(logits, place)[1])
