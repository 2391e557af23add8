"""Small finished builds, to be reported on."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import skimage.data
from PIL import Image
from small_build import Sample, Written, dropped_row, face, write_build

from fishprep.common.status import Status


@pytest.fixture
def empty(tmp_path: Path) -> Written:
    """Folders for a build that a test writes itself."""
    written = Written(tmp_path / "out", tmp_path / "photos")
    written.folder.mkdir()
    written.source.mkdir()
    return written


@pytest.fixture
def build(empty: Written) -> Callable[..., Written]:
    """Writes a build: `build(samples, dropped, **facts)`."""
    return lambda samples, dropped=(), **facts: write_build(empty, list(samples), list(dropped), **facts)


@pytest.fixture
def built(empty: Written) -> Written:
    """12 kept faces in two splits, 3 of them found at the known place, and photos dropped for four reasons."""
    samples = [
        Sample(f"a/{i:02d}", face(noise=i + 1), "test" if i % 4 == 0 else "train", identity=f"p{i}") for i in range(12)
    ]
    samples[1:4] = [replace(sample, backend="dlib-known-place") for sample in samples[1:4]]
    Image.fromarray(skimage.data.astronaut()).save(empty.source / "sky.png")
    (empty.source / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    digests = {
        name: hashlib.sha256((empty.source / name).read_bytes()).hexdigest() for name in ("sky.png", "broken.jpg")
    }
    seen = {"candidate": "blazeface", "candidate_score": 0.31, "candidate_box": (180.0, 70.0, 270.0, 160.0)}
    dropped = [
        dropped_row("sky", Status.NO_FACE, "no face found", path="sky.png", sha256=digests["sky.png"], **seen),
        dropped_row("broken", Status.UNDECODABLE, "cut short", path="broken.jpg", sha256=digests["broken.jpg"]),
        dropped_row("gone", Status.NO_FACE, "no face found", path="gone.jpg", sha256="f" * 64),
        dropped_row("lost", Status.MISSING, "named in the list, not on the disk"),
    ]
    return write_build(empty, samples, dropped)
