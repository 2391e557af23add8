"""A process that has everything loaded, and forks one that runs a command: a start costs milliseconds, and no seconds.

A request `{"program", "arguments", "log"}` forks a process that waits, and is answered with its number;
`go` lets it run, and is answered with how it ended (as `os.waitstatus_to_exitcode` says it) and with the MiB that it took. What it
prints goes to `log`. With `"stub": true` a build makes its faces of nothing, as `stubs` says; `after`, `fault` and `out` are those of
`fuse.fused`, by real signals. With `"here": true` the command runs in this process itself, so that what it loads late is loaded
from then on.
"""

import ctypes
import os
import resource
import signal
import sys
import traceback
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click
import numpy as np

Request = dict[str, Any]
ANYBODY = -1
PR_SET_PTRACER = 0x59616D61


def serve(line: Connection, scratch: Path) -> None:
    """Answer requests until the line is closed. In a process that `warm` gave, with what a command needs of its environment."""
    os.environ |= {"FISHFSR_OFFLINE": "1", "COLUMNS": "200", "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": str(scratch)}
    sys.dont_write_bytecode = True  # calls of each run are counted
    _load()
    while True:
        try:
            request = line.recv()
        except EOFError:
            return
        line.send(_run(request) if request.get("here") else _begun(request, line))


def _begun(request: Request, line: Connection) -> tuple[int, int]:
    """Fork a process for a request, tell its number, let it run when that is said; how it ended, and the MiB that it took."""
    wait, go = os.pipe()
    child = os.fork()
    if not child:
        os.close(go)
        _forked(request, wait)
    os.close(wait)
    line.send(child)
    line.recv()
    os.write(go, b"g")
    os.close(go)
    _, status, used = os.wait4(child, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return os.waitstatus_to_exitcode(status), max(0, used.ru_maxrss - before) // 1024


def _load() -> None:
    import cv2
    from here import Here

    from fishfsr.training import loop
    from fishprep.common.files import atomic
    from fishprep.engines import ENGINES

    ENGINES["local"] = Here  # work by this process: its calls are the command's

    def draw_curves(metrics: Path, picture: Path) -> None:
        """As the one that takes two seconds, but for the picture."""
        with atomic(picture) as temporary:
            temporary.write_bytes(cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes())

    loop.draw_curves = draw_curves


def _forked(request: Request, wait: int) -> None:
    """What the forked process does; it never returns."""
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "seconds" in request:
        resource.setrlimit(resource.RLIMIT_CPU, (request["seconds"],) * 2)
    os.read(wait, 1)
    code = 70
    try:
        code = _run(request)
    finally:
        os._exit(code)


def _run(request: Request) -> int:
    from fishcli import common, fsr, prep
    from fuse import fused
    from stubs import StubEngine

    from fishprep.common.errors import FishPrepError
    from fishprep.engines import ENGINES

    groups: dict[str, tuple[click.Group, common.Errors]] = {
        "fishprep": (prep.cli, (FishPrepError,)),
        "fishfsr": (fsr.cli, fsr.ERRORS),
    }
    program, arguments = request["program"], request["arguments"]
    if request.get("stub"):
        ENGINES["local"] = StubEngine
    with (
        open(request["log"], "w", buffering=1) as log,
        redirect_stdout(log),
        redirect_stderr(log),
        ExitStack() as fuse,
    ):
        if "after" in request:
            fuse.enter_context(fused(Path(request["out"]), request["after"], request["fault"], really=True))
        try:
            return common.execute(groups[program][0], program, arguments, groups[program][1])
        except BaseException:
            traceback.print_exc()
            return 70
