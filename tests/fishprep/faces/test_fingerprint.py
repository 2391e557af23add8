"""What a build was made from, by content: whatever decides the fate of a photo is in it."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fishprep.builds.manifest import PlannedPhoto, inputs_hash
from fishprep.common.status import Problem, Status
from fishprep.faces.fingerprint import annotation
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
