"""The worst, the median and the best faces by one measure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sheet:
    """Faces shown together: `name` is a file name's part, `title` stands above them, `numbers` are theirs in the split."""

    name: str
    title: str
    numbers: tuple[int, ...]


def sheets(values: NDArray[np.float64], shown: int) -> list[Sheet]:
    """Sheets of `shown` faces each, from the lower to the higher of `values` (N,); what is not a number counts as worst.

    No face is on two sheets: where there are too few for three, all are on one. Equal values keep the faces' order.
    """
    if not shown:
        return []
    ascending = np.argsort(np.where(np.isnan(values), -np.inf, values), kind="stable")
    if len(ascending) < 3 * shown:
        return [Sheet("all", "All faces, the worst first", _numbers(ascending))]
    middle = (len(ascending) - shown) // 2
    return [
        Sheet("worst", "The worst", _numbers(ascending[:shown])),
        Sheet("median", "Around the median", _numbers(ascending[middle : middle + shown])),
        Sheet("best", "The best", _numbers(ascending[: -shown - 1 : -1])),
    ]


def _numbers(chosen: NDArray[np.intp]) -> tuple[int, ...]:
    return tuple(int(number) for number in chosen)
