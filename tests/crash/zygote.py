"""A process that has everything loaded, and forks one that runs a command: a start costs milliseconds, and no seconds.

Requests come as lines of JSON on stdin: `{"program", "arguments", "log"}` forks a process that waits, and answers with its number;
`go` lets it run, and answers with how it ended (as `os.waitstatus_to_exitcode` says it) and with the MiB that it took. What it
prints goes to `log`. With `"stub": true` a build makes its faces of nothing, as `stubs` says; `after`, `fault` and `out` are those of
`fuse.fused`, by real signals. With `"here": true` the command runs in this process itself, so that what it loads late is loaded
from then on.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import traceback
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import click
import numpy as np

ANYBODY = -1
PR_SET_PTRACER = 0x59616D61


def main() -> None:
    """Load, then serve until stdin ends."""
    _load()
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("here"):
            print(_run(request), flush=True)
            continue
        wait, go = os.pipe()
        child = os.fork()
        if not child:
            os.close(go)
            _forked(request, wait)
        os.close(wait)
        print(child, flush=True)
        sys.stdin.readline()
        os.write(go, b"g")
        os.close(go)
        _, status, used = os.wait4(child, 0)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(os.waitstatus_to_exitcode(status), max(0, used.ru_maxrss - before) // 1024, flush=True)


def _load() -> None:
    import cv2
    import dlib
    import torch
    from here import Here

    from fishfsr.training import loop
    from fishprep.common.files import atomic
    from fishprep.engines import ENGINES

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    for reader in ("get_frontal_face_detector", "shape_predictor", "cnn_face_detection_model_v1"):
        setattr(dlib, reader, cache(getattr(dlib, reader)))  # a second each, for every process that is forked later too
    ENGINES["local"] = Here  # work by this process: its calls are the command's

    def draw_curves(metrics: Path, picture: Path) -> None:
        """As the one that takes two seconds, but for the picture."""
        with atomic(picture) as temporary:
            temporary.write_bytes(cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes())

    loop.draw_curves = draw_curves


def _forked(request: dict[str, object], wait: int) -> None:
    """What the forked process does; it never returns."""
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "seconds" in request:
        resource.setrlimit(resource.RLIMIT_CPU, (int(str(request["seconds"])),) * 2)
    os.read(wait, 1)
    code = 70
    try:
        code = _run(request)
    finally:
        os._exit(code)


def _run(request: dict[str, object]) -> int:
    from fishcli import common, fsr, prep
    from fuse import fused
    from stubs import StubEngine

    from fishprep.common.errors import FishPrepError
    from fishprep.engines import ENGINES

    groups: dict[str, tuple[click.Group, common.Errors]] = {
        "fishprep": (prep.cli, (FishPrepError,)),
        "fishfsr": (fsr.cli, fsr.ERRORS),
    }
    program, arguments = str(request["program"]), list(request["arguments"])  # type: ignore[call-overload]
    if request.get("stub"):
        ENGINES["local"] = StubEngine
    with (
        open(str(request["log"]), "w", buffering=1) as log,
        redirect_stdout(log),
        redirect_stderr(log),
        ExitStack() as fuse,
    ):
        if "after" in request:
            fuse.enter_context(fused(Path(str(request["out"])), request["after"], str(request["fault"]), really=True))  # type: ignore[arg-type]
        try:
            return common.execute(groups[program][0], program, arguments, groups[program][1])
        except BaseException:
            traceback.print_exc()
            return 70


if __name__ == "__main__":
    main()
