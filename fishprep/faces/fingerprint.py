"""What a photo was when a build was planned, by content: its bytes, and what its source says of it."""

import hashlib
from functools import lru_cache
from pathlib import Path

from fishprep.common.canonical import sha256_json
from fishprep.common.errors import DecodeError
from fishprep.common.files import sha256_file
from fishprep.decoding.decode import Limits
from fishprep.faces.photo import Photo
from fishprep.landmarks.base import Reference


def content(photo: Photo, limits: Limits) -> str:
    """SHA-256 of the bytes of a photo; empty where they are not to be had, or over the limits."""
    if photo.problem is not None:
        return ""
    try:
        return hashlib.sha256(photo.place.read(limits).data).hexdigest()
    except DecodeError:
        return ""


def annotation(photo: Photo) -> str:
    """SHA-256 over everything but the pixels that decides the fate of a photo; empty where there is nothing."""
    reference = photo.reference
    facts = {
        "points": _numbers(reference, "points"),
        "five": _numbers(reference, "five"),
        "eyes": _numbers(reference, "eyes"),
        "box": reference.box,
        "file": _content(photo.points_file) if photo.points_file else None,
        "problem": str(photo.problem.status) if photo.problem else None,
        "licence": photo.licence or None,
        "identity": photo.identity,
    }
    if reference.marks is not None:
        facts["marks"] = _numbers(reference, "marks")
    if photo.mask_file is not None:  # no key without one: plans from before there were masks keep their hashes
        facts["mask"] = _content(photo.mask_file)
    return sha256_json(facts) if any(value is not None for value in facts.values()) else ""


def _content(path: Path) -> str:
    try:
        status = path.stat()
        return _cached_sha256(path, status.st_mtime_ns, status.st_size)
    except OSError:
        return ""


@lru_cache(maxsize=2)
def _cached_sha256(path: Path, modified: int, size: int) -> str:
    """One file may hold the points of thousands of photos."""
    return sha256_file(path)


def _numbers(reference: Reference, name: str) -> list[float] | None:
    values = getattr(reference, name)
    return None if values is None else values.ravel().tolist()
