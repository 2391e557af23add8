"""Several questions to one storage, asked at the same time where that helps."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fishprep.storage.base import Storage

T = TypeVar("T")
R = TypeVar("R")

REQUESTS = 32
"""Requests to a storage that are under way at a time."""


def at_once(function: Callable[[T], R], items: Iterable[T], storage: Storage) -> list[R]:
    """`function` of each item, in order; by threads where the storage is far away, as a request there is mostly waiting."""
    if not storage.is_shared:
        return [function(item) for item in items]
    with ThreadPoolExecutor(REQUESTS) as pool:
        return list(pool.map(function, items))
