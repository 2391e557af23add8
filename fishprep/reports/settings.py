"""How much a report shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportSettings:
    """Numbers of pictures: kept faces a split, faces a way of finding them other than the first, photos a reason of dropping,
    faces at either end of a histogram, pairs of near-duplicates. seed: of the samples drawn where there are more."""

    faces_per_split: int = 48
    second_tries: int = 200
    photos_per_status: int = 24
    extremes: int = 5
    pairs: int = 40
    seed: int = 0
