"""Weight files that fishprep can use, and whether all is here that it needs: what `fishprep models` and `doctor` show."""

from collections.abc import Iterable

from fishprep.common.doctor import Finding
from fishprep.common.doctor import examine as examine_machine
from fishprep.common.weights import WeightRecord, WeightStore
from fishprep.weights import RECORDS

WEIGHTS: tuple[WeightRecord, ...] = RECORDS
"""The records of fishprep's own: landmark backends and parsers."""


def examine(records: Iterable[WeightRecord] = WEIGHTS) -> list[Finding]:
    """Versions, libraries, devices, the weights of `records`, the cache; a finding has a `problem` where something is wrong with it.
    Raises nothing of what it finds."""
    return examine_machine(records, WeightStore.from_environment())
