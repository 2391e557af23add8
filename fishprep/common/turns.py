"""Which of several workers on a machine this process is, so that they take its devices in turn."""

import os

WORKER = "FISHPREP_WORKER_NUMBER"
"""Variable of a worker's environment: from 0, by the engine that began it."""


def turn(count: int) -> int:
    """Which of `count` devices is this process's, from 0; the first for who is no worker, or where there is none."""
    return int(os.environ.get(WORKER, "0")) % max(1, count)
