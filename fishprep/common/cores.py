"""How many cores this process may run on."""

import os


def available_cores() -> int:
    """At least 1; those that the system lets this process use, where it says so, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
