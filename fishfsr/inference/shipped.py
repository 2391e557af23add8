"""The trained pairs of the distribution `fishfsr-weights`: what runs where no checkpoint is named."""

from pathlib import Path

from fishprep.common.errors import WeightsError
from fishprep.weights import RECORDS, WeightStore

PREFIX = "fishfsr-x"


def shipped(store: WeightStore) -> list[Path]:
    """One checkpoint per scale, its SHA-256 checked; none where the distribution is not installed.

    Raises WeightsError for a file that is missing in it or damaged.
    """
    records = [record for record in RECORDS if record.name.startswith(PREFIX)]
    try:
        for record in records:
            store.path(record)
    except WeightsError:
        return []
    return [store.locate(record) for record in records]
