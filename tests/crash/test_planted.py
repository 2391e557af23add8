"""The list of planted faults keeps step with the project; that each is noticed is shown by `planted.py`."""

from pathlib import Path

from faults import PLANTED

ROOT = Path(__file__).parents[2]


def test_every_fault_has_its_place() -> None:
    assert len({fault.name for fault in PLANTED}) == len(PLANTED) >= 85
    for fault in PLANTED:
        text = (ROOT / fault.file).read_text()
        assert text.count(fault.old) == 1, f"{fault.name}: {text.count(fault.old)} times in {fault.file}"
        compile(text.replace(fault.old, fault.new), fault.file, "exec")
        assert (ROOT / fault.tests[0]).is_file(), fault.name
