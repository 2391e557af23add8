"""Photos that are worked on by threads before it is their turn: read, where they are far away, so that nobody waits for the network."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from threading import Condition
from typing import TypeVar

from fishprep.common.errors import DecodeError
from fishprep.decoding.decode import Limits
from fishprep.faces.photo import Photo
from fishprep.places.base import ReadBytes
from fishprep.places.object import Object

READERS = 16
MOST_BYTES = 256 * 2**20
"""That have been asked for and not been taken yet; one photo may be larger."""

ReadPhoto = Callable[[], ReadBytes]
"""Gives the bytes of a photo, or raises as `Place.read` does."""


T = TypeVar("T")
R = TypeVar("R")


def work_ahead(
    work: Callable[[T], R], items: Iterable[T], threads: int, most: int, size: Callable[[R], int], room: int
) -> Iterator[R]:
    """`work` of each item, in order, done by threads while the caller is busy with what came before.

    most: items that are taken up and not given yet, at most. Of their results, by `size`, no more than `room` wait for the caller, but
    for one that each thread is at and the two whose turn is next.
    """
    shelf = _Shelf(room)
    coming, waiting = enumerate(items), deque[Future[R]]()
    with ThreadPoolExecutor(threads) as pool:
        try:
            while True:
                for number, item in islice(coming, most - len(waiting)):
                    waiting.append(pool.submit(shelf.put, number, partial(work, item), size))
                if not waiting:
                    return
                result = waiting.popleft().result()
                shelf.take(size(result))
                yield result
        finally:
            shelf.close()
            for future in waiting:
                future.cancel()


class _Shelf:
    """Results that wait for their turn, and those who wait for room among them."""

    def __init__(self, room: int) -> None:
        self._room, self._held, self._taken, self._open = room, 0, 0, True
        self._changed = Condition()

    def put(self, number: int, make: Callable[[], R], size: Callable[[R], int]) -> R:
        """Make the result of this number as soon as there is room, or it is one of the two next."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open or self._held < self._room or number <= self._taken + 1)
            if not self._open:
                raise CancelledError
        result = make()
        with self._changed:
            self._held += size(result)
        return result

    def take(self, size: int) -> None:
        """The next result leaves."""
        with self._changed:
            self._held -= size
            self._taken += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody waits for room any more, and nothing is made."""
        with self._changed:
            self._open = False
            self._changed.notify_all()


def is_far(photo: Photo) -> bool:
    """Whether a photo comes over a network: waiting for it says nothing about it."""
    return photo.problem is None and isinstance(photo.place, Object)


def read_ahead(photos: Iterable[Photo], limits: Limits) -> Iterator[tuple[Photo, ReadPhoto]]:
    """Each photo, in order, and what reads it. Those that are far are being read by then, others when they are asked for."""
    waiting = iter(photos)
    first = next(waiting, None)
    if first is None:
        return
    everything = chain([first], waiting)
    if not isinstance(first.place, Object):  # a source is of one kind
        yield from ((photo, _reader(photo, limits)) for photo in everything)
        return
    with ThreadPoolExecutor(READERS) as pool:
        yield from _ahead(everything, limits, pool)


def waited_for(read: ReadPhoto) -> ReadPhoto:
    """The same, once it is known what it gives: a network that fails is raised here, where it is no step of the photo's way, as it
    must neither take the time of the photo nor become its row."""
    try:
        found = read()
    except DecodeError as error:
        problem = error

        def refuse() -> ReadBytes:
            raise problem

        return refuse
    return lambda: found


def _ahead(photos: Iterable[Photo], limits: Limits, pool: ThreadPoolExecutor) -> Iterator[tuple[Photo, ReadPhoto]]:
    coming: deque[tuple[Photo, ReadPhoto, int]] = deque()
    asked = 0
    try:
        for photo in photos:
            size = min(photo.place.stamp().size or 0, limits.max_bytes) if is_far(photo) else 0
            while coming and (asked + size > MOST_BYTES or len(coming) >= 2 * READERS):
                done, read, held = coming.popleft()
                yield done, read
                asked -= held
            future: Future[ReadBytes] | None = pool.submit(photo.place.read, limits) if is_far(photo) else None
            coming.append((photo, future.result if future is not None else _reader(photo, limits), size))
            asked += size
        yield from ((photo, read) for photo, read, _ in coming)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _reader(photo: Photo, limits: Limits) -> ReadPhoto:
    return lambda: photo.place.read(limits)
