"""The commands answer at once: what they run is imported when it runs."""

import subprocess
import sys


def test_the_commands_are_there_without_torch() -> None:
    check = "import sys, fishcli.prep, fishcli.fsr; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
