"""Entry points: nothing that takes time is imported before Ctrl-C is heeded."""

import sys
from importlib import import_module


def fishprep() -> None:
    """The command `fishprep`."""
    _start("fishcli.prep")


def fishfsr() -> None:
    """The command `fishfsr`."""
    _start("fishcli.fsr")


def _start(module: str) -> None:
    try:
        import_module(module).main()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
