"""dlib's ResNet of face recognition: faces to vectors of 128 numbers, in this process or on several cores.

dlib keeps Python's lock while it computes: what is to run at once runs in processes of its own. This module imports no torch, so
that they start at once. A vector does not depend on the others that are computed beside it.
"""

import io
import platform
import signal
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fishprep.common.errors import EmbeddingError
from fishprep.recognition.weights import IDENTITY

NAME = "dlib-resnet-128"
LENGTH = 128
CHIP_SIZE = 150
CHIP_PADDING = 0.25
_SIZE = struct.Struct("<q")

_Faces = NDArray[np.uint8]
"""(N, h, w, 3) RGB."""
_Points = NDArray[np.float32]
"""(N, 68, 2): x, y in pixels of the faces."""
_Vectors = NDArray[np.float64]
"""(N, 128), not of unit length."""


def made_by() -> dict[str, str]:
    """All that decides the vector of a face and its landmarks: kept ones are good where this is the same."""
    return {
        "embedder": NAME,
        "weights": IDENTITY.sha256,
        "dlib": str(_dlib().__version__),
        "chip": f"{CHIP_SIZE}, padding {CHIP_PADDING}",
        "cpu": platform.machine(),
    }


class Recogniser:
    """The network of a file of weights, in this process."""

    def __init__(self, weights: Path) -> None:
        self._dlib = _dlib()
        self._network = self._dlib.face_recognition_model_v1(str(weights))

    def vectors(self, faces: _Faces, landmarks: _Points | None) -> _Vectors:
        """With landmarks each face is cut out as dlib trained it: upright, 150², a quarter of the face as margin. Without, the whole
        picture is scaled to 150²."""
        if not len(faces):
            return np.empty((0, LENGTH))
        chips = [self._chip(face, None if landmarks is None else landmarks[index]) for index, face in enumerate(faces)]
        found = self._network.compute_face_descriptor(chips)
        return np.array([list(vector) for vector in found], dtype=np.float64)

    def close(self) -> None:
        """Nothing to be done."""

    def _chip(self, face: _Faces, points: _Points | None) -> _Faces:
        dlib = self._dlib
        face = np.ascontiguousarray(face)
        if points is None:
            return dlib.resize_image(face, CHIP_SIZE, CHIP_SIZE)
        height, width = face.shape[:2]
        parts = [dlib.point(int(x), int(y)) for x, y in np.rint(points)]
        shape = dlib.full_object_detection(dlib.rectangle(0, 0, width - 1, height - 1), parts)
        return dlib.get_face_chip(face, shape, size=CHIP_SIZE, padding=CHIP_PADDING)


class RecogniserCrew:
    """As `Recogniser`, in `processes` of its own, which end with `close` or with this process."""

    def __init__(self, weights: Path, processes: int) -> None:
        self._crew = [_start(weights) for _ in range(processes)]
        self._threads = ThreadPoolExecutor(processes)

    def vectors(self, faces: _Faces, landmarks: _Points | None) -> _Vectors:
        """The same as of a `Recogniser`. EmbeddingError where a process died."""
        parts = np.array_split(np.arange(len(faces)), len(self._crew))
        work = [(faces[part], None if landmarks is None else landmarks[part]) for part in parts]
        return np.concatenate(list(self._threads.map(_ask, self._crew, work)))

    def close(self) -> None:
        """End the processes."""
        self._threads.shutdown()
        for member in self._crew:
            member.kill()
            member.wait()
            for pipe in (member.stdin, member.stdout):
                if pipe is not None:
                    pipe.close()


def answer(weights: str) -> None:
    """What a process of a crew runs: arrays from stdin, vectors to stdout, until there is nothing more to read."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks is told, and ends this one
    network = Recogniser(Path(weights))
    while (faces := _receive(sys.stdin.buffer)) is not None:
        landmarks = _receive(sys.stdin.buffer)
        _send(
            sys.stdout.buffer, network.vectors(faces, landmarks if landmarks is not None and len(landmarks) else None)
        )


def _start(weights: Path) -> "subprocess.Popen[bytes]":
    # -P: a file of the folder that somebody works in is no module of ours
    program = "import sys; from fishprep.recognition.network import answer; answer(sys.argv[1])"
    words = [sys.executable, "-P", "-c", program, str(weights)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _ask(member: "subprocess.Popen[bytes]", work: tuple[_Faces, _Points | None]) -> _Vectors:
    faces, landmarks = work
    if not len(faces):
        return np.empty((0, LENGTH))
    assert member.stdin is not None and member.stdout is not None
    try:
        _send(member.stdin, faces)
        _send(member.stdin, np.empty(0, np.float32) if landmarks is None else landmarks)
        found = _receive(member.stdout)
    except (OSError, ValueError):
        found = None
    if found is None:
        raise EmbeddingError(
            f"a process that computes identity vectors ended (exit code {member.wait()}), perhaps for want of memory: "
            "try again, or do without them (eval --identity none, leaks without --identity)"
        )
    return found


def _send(stream: IO[bytes], array: np.ndarray) -> None:
    packed = io.BytesIO()
    np.save(packed, array, allow_pickle=False)
    data = packed.getvalue()
    stream.write(_SIZE.pack(len(data)) + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> np.ndarray | None:
    """The next array; None at the end of the stream."""
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    data = stream.read(_SIZE.unpack(head)[0])
    return np.load(io.BytesIO(data), allow_pickle=False)


def _dlib() -> Any:
    import dlib  # loads in 0.1 s, and few need it

    return dlib
