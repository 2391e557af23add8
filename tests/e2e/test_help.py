"""The commands answer at once: what they run is imported when it runs."""

import subprocess
import sys


def test_the_commands_are_there_without_torch() -> None:
    check = "import sys, fishcli.prep, fishcli.fsr; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
