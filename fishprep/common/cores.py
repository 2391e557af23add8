"""How many cores this process may use."""

import math
import os
from pathlib import Path

_QUOTAS = (Path("/sys/fs/cgroup/cpu.max"), Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"))
"""Of a container, in the second version of Linux's control groups and in the first."""


def available_cores() -> int:
    """Cores that the system lets this process run on, at least 1: fewer than the machine has where a batch system or a container
    has set some aside for it."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, math.ceil(_quota() or allowed)))


def _quota() -> float | None:
    """Cores that a container is given; None where there is no limit."""
    for file in _QUOTAS:
        try:
            words = file.read_text(encoding="ascii").split()
            period = words[1] if len(words) > 1 else file.with_name("cpu.cfs_period_us").read_text(encoding="ascii")
            quota = float(words[0]) / float(period)
        except (OSError, ValueError, IndexError, ZeroDivisionError):  # "max": no limit
            continue
        return quota if quota > 0 else None
    return None
