"""A photo as its source lists it, as text of a plan: what a worker needs to know of it beside the plan's other columns."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from fishprep.common.status import Problem, Status
from fishprep.faces.photo import Fingerprint, Photo
from fishprep.landmarks.base import NO_REFERENCE, Reference
from fishprep.places.records import Root, place_of, place_record

_TEXTS = {"licence": "", "identity": None, "points_problem": "", "note": ""}
_FILES = ("points_file", "mask_file")
_ARRAYS: dict[str, type[np.floating]] = {
    "points": np.float32,
    "five": np.float32,
    "eyes": np.float32,
    "marks": np.float64,
}


def listed_text(photo: Photo, root: Root) -> str:
    """JSON without what is empty; an empty text where the photo lies in a place that has no record."""
    place = place_record(photo.place, root)
    if place is None:
        return ""
    facts: dict[str, Any] = {"place": place}
    facts |= {name: value for name, empty in _TEXTS.items() if (value := getattr(photo, name)) != empty}
    facts |= {name: root.below(str(path)) for name in _FILES if (path := getattr(photo, name)) is not None}
    if photo.problem is not None:
        facts["problem"] = [str(photo.problem.status), photo.problem.reason]
    if photo.reference is not NO_REFERENCE:
        facts["reference"] = _reference(photo.reference)
    return json.dumps(facts, separators=(",", ":"))


def photo_of(text: str, photo_id: str, relative: str, split: str, planned: Fingerprint, root: Root) -> Photo:
    """The photo again, as it was planned. KeyError, TypeError or ValueError where the text is none of `listed_text`."""
    facts = json.loads(text)
    others: dict[str, Any] = {name: facts[name] for name in _TEXTS if name in facts}
    others |= {name: Path(root.at(facts[name])) for name in _FILES if name in facts}
    status, reason = facts.get("problem", (None, ""))
    return Photo(
        photo_id,
        place_of(facts["place"], root),
        relative,
        split=split,
        reference=_reference_of(facts["reference"]) if "reference" in facts else NO_REFERENCE,
        problem=None if status is None else Problem(Status(status), reason),
        planned=planned,
        **others,
    )


def _reference(reference: Reference) -> dict[str, Any]:
    facts: dict[str, Any] = {
        name: values.ravel().tolist() for name in _ARRAYS if (values := getattr(reference, name)) is not None
    }
    return facts if reference.box is None else facts | {"box": list(reference.box)}


def _reference_of(facts: dict[str, Any]) -> Reference:
    arrays = {name: np.array(facts[name], kind).reshape(-1, 2) for name, kind in _ARRAYS.items() if name in facts}
    return Reference(**arrays, box=tuple(facts["box"]) if "box" in facts else None)
