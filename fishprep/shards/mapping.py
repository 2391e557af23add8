"""A file mapped into memory without a descriptor that stays open: shards may be more than files a process may hold open."""

import ctypes
import errno
import mmap
import os
import sys
import weakref
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_FAILED = ctypes.c_void_p(-1).value


def map_file(path: Path) -> np.ndarray:
    """The bytes of a file, (size,) uint8, strictly read-only; unmapped when the last view of them is gone.

    Raises OSError where the file is empty or cannot be opened or mapped.
    """
    with open(path, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if not size:
            raise OSError(errno.EINVAL, "the file is empty", str(path))
        if sys.version_info >= (3, 13):
            mapped = memoryview(mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ, trackfd=False))
        elif os.name == "posix":
            mapped = _mapped(stream.fileno(), size, path)
        else:  # Windows counts no handles against a process
            mapped = memoryview(mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ))
    return np.frombuffer(mapped, np.uint8)


def _mapped(descriptor: int, size: int, path: Path) -> memoryview:
    """As `mmap.mmap`, which before Python 3.13 keeps a duplicate of the descriptor open for as long as it lives."""
    map_, unmap = _system_calls()
    address = map_(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    if address == _FAILED:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
    view = (ctypes.c_ubyte * size).from_address(address)
    # Not at exit: other threads and finalizers may still read; the system takes the mapping away with the process.
    weakref.finalize(view, unmap, address, size).atexit = False
    return memoryview(view).toreadonly()


@cache
def _system_calls() -> tuple[Callable[..., Any], Callable[..., Any]]:
    library = ctypes.CDLL(None, use_errno=True)
    map_, unmap = library.mmap, library.munmap
    map_.restype = ctypes.c_void_p
    offset = ctypes.c_int64 if ctypes.sizeof(ctypes.c_void_p) == 8 else ctypes.c_long
    map_.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, offset)
    unmap.restype = ctypes.c_int
    unmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return map_, unmap
