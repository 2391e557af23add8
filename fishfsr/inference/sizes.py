"""Which faces a trained pair is for, and at which size they go through it, by the pixels of their crops' sides."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from fishfsr.models.config import SCALES
from fishprep.shards.schema import HR_SIZE

SMALLEST_SIDE = HR_SIZE // max(SCALES)
"""Pixels a side of the smallest LR face: that of the largest scale."""

LARGEST_SIDE: Mapping[int, int] = MappingProxyType({16: 10, 8: 22, 4: 55, 2: HR_SIZE - 1})
"""Scale → pixels a side of the largest crop that its pair takes where one of a larger LR size is at hand.

Of larger crops that one makes more. Measured by `benchmarks/sizes.py` (docs/upscaling.md), as is the next.
"""

LARGEST_AS_IT_IS = 2
"""Side of a crop over the LR size up to which the pair of the largest LR size at hand takes it, at its own size."""


def sides_served(scales: Collection[int]) -> dict[int, tuple[int, int]]:
    """Scale → the smallest and the largest crop side that its pair takes where pairs of all these scales are at hand.

    >>> sides_served([2, 4, 8, 16])
    {16: (8, 10), 8: (11, 22), 4: (23, 55), 2: (56, 127)}
    """
    served, smallest, last = {}, SMALLEST_SIDE, min(scales)
    for scale in sorted(scales, reverse=True):
        largest = largest_side(scale, scale == last)
        served[scale] = smallest, largest
        smallest = largest + 1
    return served


def largest_side(scale: int, last: bool) -> int:
    """Pixels a side of the largest crop for a pair of this scale; `last`: whether none of a larger LR size is at hand."""
    return min(HR_SIZE - 1, LARGEST_AS_IT_IS * HR_SIZE // scale) if last else LARGEST_SIDE[scale]


def side_given(side: int, scale: int) -> int:
    """Pixels a side at which a crop of `side` goes through a pair of this scale: its own, as the networks take any size and make more of
    that than of the crop brought to the LR size; where it is larger than any that the pair takes, that of the largest.

    >>> [side_given(side, 8) for side in (12, 16, 20, 40)]
    [12, 16, 20, 32]
    """
    return min(side, largest_side(scale, last=True))
