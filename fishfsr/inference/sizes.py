"""Which faces a trained pair is for, by the pixels of their crops' sides."""

from collections.abc import Iterable

from fishfsr.models.config import SCALES
from fishprep.shards.schema import HR_SIZE

SMALLEST_SIDE = HR_SIZE // max(SCALES)
"""Pixels a side of the smallest LR face: that of the largest scale."""

LARGEST_SHRINK = 1.4
"""Side of a crop over an LR size up to which a model makes more of the shrunken crop than bicubic does of the whole one.

Measured by `benchmarks/sizes.py` (docs/upscaling.md); a crop stretched to the next LR size gains next to nothing.
"""


def sides_served(scales: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Scale → the smallest and the largest crop side that its pair takes where pairs of all these scales are at hand.

    >>> sides_served([4, 8, 16])
    {16: (8, 11), 8: (12, 22), 4: (23, 44)}
    """
    served, smallest = {}, SMALLEST_SIDE
    for scale in sorted(scales, reverse=True):
        largest = int(HR_SIZE // scale * LARGEST_SHRINK)
        served[scale] = smallest, largest
        smallest = largest + 1
    return served
