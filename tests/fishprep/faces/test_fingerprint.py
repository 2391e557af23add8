"""What a build was made from, by content: whatever decides the fate of a photo is in it."""

import hashlib
import tracemalloc
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fishprep.builds.manifest import PlannedPhoto, inputs_hash
from fishprep.common.status import Problem, Status
from fishprep.decoding.decode import Limits
from fishprep.faces.fingerprint import annotation, content
from fishprep.faces.photo import Photo
from fishprep.landmarks.base import Reference

PHOTO = Photo("a", Path("a.png"), "a.png", split="train")
FACTS: dict[str, dict[str, Any]] = {
    "identity": {"identity": "7"},
    "licence": {"licence": "CC0"},
    "problem": {"problem": Problem(Status.LINK_OUTSIDE, "")},
    "points": {"reference": Reference(points=np.ones((68, 2), np.float32))},
    "five": {"reference": Reference(five=np.ones((5, 2), np.float32))},
    "box": {"reference": Reference(box=(1.0, 2.0, 3.0, 4.0))},
    "eyes": {"reference": Reference(eyes=np.ones((2, 2), np.float32))},
    "file": {"points_file": Path(__file__)},
}


def test_an_annotation_is_all_that_the_source_says() -> None:
    hashes = {name: annotation(replace(PHOTO, **values)) for name, values in FACTS.items()}
    assert annotation(PHOTO) == "" and len({*hashes.values(), ""}) == len(FACTS) + 1
    assert annotation(replace(PHOTO, identity="8")) != hashes["identity"]
    assert {f.name for f in fields(Reference)} <= FACTS.keys(), "a new fact of a reference belongs into the hash"


@pytest.mark.parametrize("name", [f.name for f in fields(PlannedPhoto) if f.name != "path"])
def test_inputs_are_every_fact_of_the_plan(name: str) -> None:
    line = PlannedPhoto("a", "a.png", "train", "0" * 64, "1" * 64)
    assert inputs_hash([line]) != inputs_hash([replace(line, **{name: "x"})])
    assert inputs_hash([line, replace(line, id="b")]) != inputs_hash([replace(line, id="b"), line])


def test_a_photo_is_hashed_without_being_held(tmp_path: Path) -> None:
    """A plan hashes many at once, in the process that cannot be replaced."""
    path = tmp_path / "a.bin"
    with path.open("wb") as stream:
        stream.truncate(24 * 2**20)
    tracemalloc.start()
    found = content(replace(PHOTO, path=path), Limits())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == hashlib.sha256(bytes(24 * 2**20)).hexdigest() and most < 8 * 2**20
    assert (
        content(replace(PHOTO, path=path), Limits(max_bytes=1000))
        == content(replace(PHOTO, path=tmp_path), Limits())
        == ""
    )
