"""A photo that a source names, before it is opened."""

from dataclasses import dataclass
from pathlib import Path

from fishprep.common.status import Problem
from fishprep.landmarks.base import NO_REFERENCE, Reference
from fishprep.places.base import Place, Stamp


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a photo was when its build was planned.

    sha256: of its bytes; empty where they were not to be had; None where it is not known, or does not matter.
    annotation: SHA-256 of what its source says of it.
    stamp: what was known of its bytes without reading them; None where it does not matter, a part of it that is empty likewise.
    """

    sha256: str | None
    annotation: str
    stamp: Stamp | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Photo:
    """One input of a build.

    id: unique in the build; `relative` without its suffix, as a rule.
    place: where its bytes are.
    relative: its path in the source, as text (`names.text`), with / between folders.
    licence: terms of the photo, for the manifest.
    split: `train`, `val` or `test`; empty until the split is made.
    identity: name of the person where the source knows it.
    reference: what the source's annotation files say of the face.
    points_file: a file with its 68 points, read when the photo is; points_problem: why there is none.
    mask_file: its parsing map, where the maps are given and not made.
    note: what the source found out about it that decides nothing, for its rows.
    problem: set where the file is known not to be usable; it is not opened then.
    stamp: what was known of its bytes when it was listed; None where nobody has looked.
    planned: what it must still be when it is opened; None where nobody has looked before.
    """

    id: str
    place: Place
    relative: str
    licence: str = ""
    split: str = ""
    identity: str | None = None
    reference: Reference = NO_REFERENCE
    points_file: Path | None = None
    points_problem: str = ""
    mask_file: Path | None = None
    note: str = ""
    problem: Problem | None = None
    planned: Fingerprint | None = None
    stamp: Stamp | None = None
