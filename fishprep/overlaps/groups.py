"""Faces of one key that stand in several places: equal files, and people by their names."""

from collections.abc import Iterator

import numpy as np


def across_places(keys: np.ndarray, place: np.ndarray) -> Iterator[np.ndarray]:
    """For every key but 0 that stands in several places, the numbers of all its faces, ascending; keys in no order that says anything.

    keys (N,) uint64, place (N,) int32.
    """
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=np.uint64(0)))
    for numbers in np.split(order, starts)[1:]:
        if (place[numbers] != place[numbers[0]]).any():
            yield numbers


def first_of_each(numbers: np.ndarray, place: np.ndarray) -> Iterator[tuple[int, int]]:
    """Of the faces `numbers`, the first of each place with the first of each other one."""
    _, first = np.unique(place[numbers], return_index=True)
    chosen = numbers[np.sort(first)].tolist()
    for number, one in enumerate(chosen):
        for other in chosen[number + 1 :]:
            yield one, other
