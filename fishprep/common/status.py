"""The fate of a photo or face: every input ends in the manifest with exactly one of these."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """One word per fate; the row's `reason` is one line that says more."""

    OK = "ok"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"  # --faces reject
    TOO_SMALL = "too_small"  # the crop has fewer pixels a side than asked for
    NOT_SQUARE = "not_square"  # --crop none: the picture, which is taken for a face crop
    OUTSIDE = "outside"  # too large a share of the crop lies outside the photo
    LANDMARKS_OUTSIDE = "landmarks_outside"  # the middle of the landmarks lies outside the photo
    LANDMARKS_DISAGREE = "landmarks_disagree"  # with the data set's own reference points
    UNDECODABLE = "undecodable"  # not a picture, or a damaged one
    TOO_LARGE = "too_large"  # more pixels or bytes than the limits allow
    CHANGED = "changed"  # its bytes or its points are not those that were planned
    UNREADABLE = "unreadable"  # the file cannot be opened: permissions, a dangling link
    LINK_OUTSIDE = "link_outside"  # a symbolic link that leaves the source folder
    MISSING = "missing"  # named in a list, not on the disk
    FAILED = "failed"  # whatever it did: out of memory, out of time, an exception, a process that died of it
    BAD_ANNOTATION = "bad_annotation"  # its landmarks file cannot be read


@dataclass(frozen=True)
class Problem:
    """Why a photo or a face is not kept: a status and one line of reason."""

    status: Status
    reason: str
