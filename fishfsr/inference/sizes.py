"""Which faces a trained pair is for, by the pixels of their crops' sides."""

from collections.abc import Collection

from fishfsr.models.config import SCALES
from fishprep.shards.schema import HR_SIZE

SMALLEST_SIDE = HR_SIZE // max(SCALES)
"""Pixels a side of the smallest LR face: that of the largest scale."""

LARGEST_SHRINK = 1.4
"""Side of a crop over the largest LR size at hand up to which its model makes more of the shrunken crop than bicubic does of the whole.

Measured by `benchmarks/sizes.py` (docs/upscaling.md), as is the next.
"""

SHRINK_BELOW_A_LARGER = 1.25
"""The same where a model of a larger LR size is at hand, which from there on makes more of the crop, stretched to its own."""


def sides_served(scales: Collection[int]) -> dict[int, tuple[int, int]]:
    """Scale → the smallest and the largest crop side that its pair takes where pairs of all these scales are at hand.

    >>> sides_served([4, 8, 16])
    {16: (8, 10), 8: (11, 20), 4: (21, 44)}
    """
    served, smallest, last = {}, SMALLEST_SIDE, min(scales)
    for scale in sorted(scales, reverse=True):
        largest = largest_side(scale, scale == last)
        served[scale] = smallest, largest
        smallest = largest + 1
    return served


def largest_side(scale: int, last: bool) -> int:
    """Pixels a side of the largest crop for a pair of this scale; `last`: whether none of a larger LR size is at hand."""
    return int(HR_SIZE // scale * (LARGEST_SHRINK if last else SHRINK_BELOW_A_LARGER))
