"""From a network's logits to the classes of an image's pixels."""

from collections.abc import Iterator

import torch
from torch import Tensor

from fishprep.parsing.placement import Placement, Taps

ROWS = 256
"""Rows of a large map made at once."""

PIXELS = 2**16
"""Pixels whose logits are interpolated at once: those of a photo of noise would fill the memory."""


def read_classes(logits: Tensor, place: Placement) -> Tensor:
    """The class of the largest logit at each pixel of the images that lie at `place`; the first of equal ones.

    logits: (n, C, s, t) of any dtype, int16 from -1024 to 1023, C at most 32; n images of one size. Returns (n, H, W) uint8. The logits
    are read linearly between their places at the centres of the pixels, which is no shift, as taking the nearest one is.
    """
    down, across = place.rows(logits.shape[2]).to(logits.device), place.columns(logits.shape[3]).to(logits.device)
    if max(logits.shape[2:]) < max(place.height, place.width) / 2:
        return _all_interpolated(logits.float(), down, across)
    largest = _largest(logits)
    maps = torch.empty(len(logits), place.height, place.width, dtype=torch.uint8, device=logits.device)
    for one, classes, made in zip(logits, largest, maps, strict=True):
        made[:] = _read(one, classes, down, across)
    return maps


def _all_interpolated(logits: Tensor, down: Taps, across: Taps) -> Tensor:
    """Of coarse logits, between which classes change at most pixels: as a product."""
    halfway, rows = logits @ across.matrix().T, down.matrix()
    bands = [_largest(band @ halfway) for band in rows.split(ROWS)]
    return torch.cat(bands, dim=1)


def _read(logits: Tensor, largest: Tensor, down: Taps, across: Taps) -> Tensor:
    """(C, s, t) and their classes (s, t) → (H, W) uint8."""
    return torch.cat([_read_rows(logits, largest, part, across) for part in _bands(down)])


def _bands(down: Taps) -> Iterator[Taps]:
    for lower, share in zip(down.lower.split(ROWS), down.share.split(ROWS), strict=True):
        yield Taps(lower, share, down.count)


def _read_rows(logits: Tensor, largest: Tensor, down: Taps, across: Taps) -> Tensor:
    """Where the four around a pixel agree on the largest, so does all that lies between them; the others are interpolated."""
    upper, under = largest[down.lower], largest[down.lower + 1]
    classes = upper[:, across.lower]
    others = (upper[:, across.lower + 1], under[:, across.lower], under[:, across.lower + 1])
    differ = (classes != others[0]) | (classes != others[1]) | (classes != others[2])
    rows, columns = differ.nonzero(as_tuple=True)
    flat, width = logits.flatten(1), logits.shape[2]
    for row, column in zip(rows.split(PIXELS), columns.split(PIXELS), strict=True):
        first = down.lower[row] * width + across.lower[column]
        y, x = down.share[row].float(), across.share[column].float()
        above = flat[:, first] * (1 - x) + flat[:, first + 1] * x
        below = flat[:, first + width] * (1 - x) + flat[:, first + width + 1] * x
        classes[row, column] = (above * (1 - y) + below * y).argmax(dim=0).to(torch.uint8)
    return classes


def _largest(logits: Tensor) -> Tensor:
    """(n, C, s, t) → (n, s, t) uint8: the first of the largest."""
    if logits.dtype not in (torch.uint8, torch.int16):
        return logits.max(dim=1).indices.to(torch.uint8)  # three times as fast as argmax() over so few planes
    # A class stands below its number: one maximum finds both, ten times as fast.
    best = (logits[:, 0].to(torch.int16) << 5) + 31
    for number in range(1, logits.shape[1]):
        torch.maximum(best, (logits[:, number].to(torch.int16) << 5) + (31 - number), out=best)
    return (31 - (best & 31)).to(torch.uint8)
