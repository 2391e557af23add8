"""How many threads torch and OpenCV compute on, set for a while: both count them for the whole process, which is the caller's."""

from collections.abc import Iterator
from contextlib import contextmanager

from fishprep.common.opencv import cv2


@contextmanager
def threads(count: int | None, opencv: bool = False) -> Iterator[None]:
    """Torch, and with `opencv` OpenCV too, compute on `count` threads inside; what was set before is put back.

    None changes nothing. Raises ValueError for a count below 1, MissingLibraryError where OpenCV is wanted and cannot be loaded.
    """
    if count is None:
        yield
        return
    if count < 1:
        raise ValueError(f"threads = {count}: at least one is needed")
    import torch  # takes seconds; who names no count needs none of it

    before = torch.get_num_threads(), cv2.getNumThreads() if opencv else None
    torch.set_num_threads(count)
    if opencv:
        cv2.setNumThreads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        if before[1] is not None:
            cv2.setNumThreads(before[1])
