"""Weight files that fishprep can use, and whether all is here that it needs: what `fishprep models` and `doctor` show."""

from collections.abc import Iterable

from fishprep.common.doctor import Finding
from fishprep.common.doctor import examine as examine_machine
from fishprep.common.weights import WeightRecord, WeightStatus, WeightStore
from fishprep.common.words import counted
from fishprep.public.settings import BuildSettings
from fishprep.weights import RECORDS

WEIGHTS: tuple[WeightRecord, ...] = RECORDS
"""The records of fishprep's own: landmark backends and parsers."""

DEFAULT_WEIGHTS = ("dlib-68", "blazeface-full", BuildSettings().parser)
"""Records that `build` needs when it is told nothing; a test compares them with what it takes."""


def examine(records: Iterable[WeightRecord] = WEIGHTS) -> list[Finding]:
    """Versions, libraries, extras, devices, the weights of `records`, disks, and what `build` would run when it is told nothing.

    A finding has a `problem` where something is wrong with it. Raises nothing of what it finds.
    """
    store = WeightStore.from_environment()
    return [*examine_machine(records, store), _build(store)]


def _build(store: WeightStore) -> Finding:
    usual = BuildSettings()
    lacking = [each for each in RECORDS if each.name in DEFAULT_WEIGHTS and store.status(each) is WeightStatus.MISSING]
    names = ", ".join(each.name for each in lacking)
    value = f"landmarks {usual.landmarks} ({usual.detector}), parser {usual.parser}, {counted(usual.workers, 'worker')}"
    mend = "in a checkout: pip install ./weights; fishprep models list says what each is"
    return Finding("build runs", value, f"weights {names} are missing; {mend}" if lacking else "")
