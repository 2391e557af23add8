"""The trained pairs of the distribution `fishfsr-weights`: what runs where no checkpoint is named."""

from pathlib import Path

from fishfsr.weights import PAIRS
from fishprep.common.errors import WeightsError
from fishprep.common.weights import WeightStore


def shipped(store: WeightStore) -> list[Path]:
    """One checkpoint per scale, its SHA-256 checked; none where the distribution is not installed.

    Raises WeightsError for a file that is missing in it or damaged.
    """
    try:
        for record in PAIRS:
            store.path(record)
    except WeightsError:
        return []
    return [store.locate(record) for record in PAIRS]
