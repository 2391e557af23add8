"""Rows of a build as the cards that a page shows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fishprep.common.names import printable
from fishprep.reports.faces import FacePicture
from fishprep.reports.histograms import MEASURES
from fishprep.reports.photos import Thumbnail


@dataclass(frozen=True)
class Card:
    """A face or a photo; exactly one of `face` and `photo` is set. label: what stands below it, short. facts: lines for the enlarged
    view. reason: why it was dropped. candidate: what was seen in the photo and not believed."""

    label: str
    facts: str
    reason: str = ""
    candidate: str = ""
    face: FacePicture | None = None
    photo: Thumbnail | None = None


def face_card(row: Mapping[str, Any], face: FacePicture) -> Card:
    """The card of a sample."""
    score = f" (score {row['score']:.2f})" if _known(row.get("score")) else ""
    measured = (measure.phrase(row[measure.name]) for measure in MEASURES if _known(row[measure.name]))
    turned = f", crop turned by {row['angle']:.1f} degrees" if _known(row.get("angle")) else ""
    lines = [
        row["id"],
        f"{row['split']}, landmarks by {row['landmark_backend']}{score}, {row['shard']} [{row['index']}]",
        f"{row['path']}, {row['width']} x {row['height']} px{turned}",
        ", ".join(measured),
    ]
    return Card(_short(row["id"]), _lines(lines), face=face)


def photo_card(row: Mapping[str, Any], photo: Thumbnail) -> Card:
    """The card of a photo of which no face was kept."""
    size = f", {row['width']} x {row['height']} px" if row["width"] else ""
    candidate = _candidate(row)
    facts = _lines([row["id"], row["reason"], candidate, f"{row['path']}{size}", row["split"]])
    return Card(_short(row["id"]), facts, printable(row["reason"] or ""), printable(candidate), photo=photo)


def _candidate(row: Mapping[str, Any]) -> str:
    """The best of what was seen and not believed, in words; empty where nothing was, and in rows from before it was stored."""
    if not row.get("candidate"):
        return ""
    score = f", score {row['candidate_score']:.2f}" if _known(row.get("candidate_score")) else ""
    return f"not believed: {row['candidate']}{score}"


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _short(name: str) -> str:
    """The last part of an id."""
    return printable(name.rpartition("/")[2] or name)


def _lines(lines: list[str | None]) -> str:
    return "\n".join(printable(line) for line in lines if line)
