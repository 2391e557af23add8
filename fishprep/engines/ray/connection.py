"""Joining a cluster, and leaving it."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

from fishprep.common.errors import BuildError
from fishprep.engines.cluster import HERE

STORE_BYTES = 80 << 20
"""Of Ray's store of objects, where the cluster is started here: what is sent is small."""


@contextmanager
def connected(address: str) -> Iterator[None]:
    """The cluster at an address, for as long as the block runs; one that this process has joined already is left as it is."""
    if ray.is_initialized():
        yield
        return
    started: dict[str, Any] = (
        {"object_store_memory": STORE_BYTES, "include_dashboard": False} if address == HERE else {}
    )
    try:
        with _own_signals():
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **started)
    except (ConnectionError, RuntimeError, ValueError) as error:  # no cluster there; another version of Ray or Python
        raise BuildError(
            f"no Ray cluster at {address!r}: {first_line(error)}. Start one with `ray start --head`, give its address with "
            "--ray-address HOST:PORT, or have one started here with --ray-address local"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself as it connects."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def first_line(error: BaseException) -> str:
    """What an error of Ray says, without its traces."""
    return _lines(error)[0]


def last_line(error: BaseException) -> str:
    """What an error of Ray says at the end of its traces: what was raised over there."""
    return _lines(error)[-1]


def _lines(error: BaseException) -> list[str]:
    return [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
