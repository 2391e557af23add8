"""What a build was made from, by content: whatever decides the fate of a photo is in it."""

import hashlib
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
from fishprep.places.file import File

PHOTO = Photo("a", File.at(Path("a.png")), "a.png", split="train")
FACTS: dict[str, dict[str, Any]] = {
    "identity": {"identity": "7"},
    "licence": {"licence": "CC0"},
    "problem": {"problem": Problem(Status.LINK_OUTSIDE, "")},
    "points": {"reference": Reference(points=np.ones((68, 2), np.float32))},
    "five": {"reference": Reference(five=np.ones((5, 2), np.float32))},
    "box": {"reference": Reference(box=(1.0, 2.0, 3.0, 4.0))},
    "eyes": {"reference": Reference(eyes=np.ones((2, 2), np.float32))},
    "marks": {"reference": Reference(marks=np.zeros((3, 2), np.float32))},
    "file": {"points_file": Path(__file__)},
}


def test_an_annotation_is_all_that_the_source_says() -> None:
    hashes = {name: annotation(replace(PHOTO, **values)) for name, values in FACTS.items()}
    assert annotation(PHOTO) == "" and len({*hashes.values(), ""}) == len(FACTS) + 1
    assert annotation(replace(PHOTO, identity="8")) != hashes["identity"]
    assert {f.name for f in fields(Reference)} <= FACTS.keys(), "a new fact of a reference belongs into the hash"


@pytest.mark.parametrize("name", ["id", "split", "annotation"])
def test_inputs_are_what_a_plan_knows_of_its_photos(name: str) -> None:
    line = PlannedPhoto("a", "a.png", "train", None, "1" * 64, size=100, version="1")
    assert inputs_hash([line]) != inputs_hash([replace(line, **{name: "x"})])
    assert inputs_hash([line]) == inputs_hash([replace(line, size=None, version="2")]), "these hang on where it lies"


def test_inputs_of_a_plan_with_hashes_are_those_that_its_build_recorded() -> None:
    line = PlannedPhoto("a", "a.png", "train", "0" * 64, "1" * 64)
    told = f'["a","train","{"0" * 64}","{"1" * 64}"]\n'
    assert inputs_hash([line]) == hashlib.sha256(told.encode()).hexdigest()
    assert inputs_hash([line]) != inputs_hash([replace(line, sha256="2" * 64)])


def test_inputs_have_an_order() -> None:
    line = PlannedPhoto("a", "a.png", "train", None, "1" * 64, size=100, version="1")
    assert inputs_hash([line, replace(line, id="b")]) != inputs_hash([replace(line, id="b"), line])


def test_a_photo_is_hashed_within_the_limits(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(5000))
    assert content(replace(PHOTO, place=File.at(path)), Limits()) == hashlib.sha256(bytes(5000)).hexdigest()
    assert (
        content(replace(PHOTO, place=File.at(path)), Limits(max_bytes=1000))
        == content(replace(PHOTO, place=File.at(tmp_path)), Limits())
        == ""
    )
