"""How much a report shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportSettings:
    """Numbers of pictures: kept faces a split, faces a way of finding them other than the first, photos a reason of dropping, faces at
    either end of a histogram, pairs of near-duplicates. seed: of the samples drawn where there are more. where: a condition on the
    rows; those of which it is true are all that the report knows of (None: all rows)."""

    faces_per_split: int = 48
    second_tries: int = 200
    photos_per_status: int = 24
    extremes: int = 5
    pairs: int = 40
    seed: int = 0
    where: str | None = None
