"""Memory that is kept: seen in the pages that the system has to hand over anew."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from fishprep.common.allocation import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()
for number in range(5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(60_000_000, np.uint8)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults * resource.getpagesize())
"""


def _faulted_in(how: str) -> int:
    """Bytes of the last of five equal blocks, each freed before the next, that came from the system."""
    run = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_a_freed_block_is_taken_again_without_the_system() -> None:
    # NumPy may ask for huge pages, of which a block this large has 28: so bytes at 4 KB a fault are a lower bound.
    assert _faulted_in("kept") < 30_000
    assert _faulted_in("plain") > 90_000
