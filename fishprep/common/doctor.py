"""What this machine has of what the commands need; nothing that is missing keeps the rest from being told."""

import os
import platform
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fishprep.common.errors import FishPrepError
from fishprep.common.opencv import load_opencv
from fishprep.common.version import __version__
from fishprep.common.weights import WeightRecord, WeightStatus, WeightStore
from fishprep.common.words import counted, size_text

_LIBRARIES = {
    "torch": "torch",
    "numpy": "numpy",
    "PIL": "pillow",
    "h5py": "h5py",
    "pyarrow": "pyarrow",
    "safetensors": "safetensors",
    "_dlib_pybind11": "dlib-bin",
}
"""Modules that are code of the machine and can fail to load, by the distribution that has them."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `problem`: what is wrong with it and what to do; empty where nothing is."""

    name: str
    value: str
    problem: str = ""


def examine(records: Iterable[WeightRecord], store: WeightStore) -> list[Finding]:
    """Look at everything: versions, libraries, devices, the weights of `records`, the cache. Raises nothing of what it finds."""
    return [
        Finding("fishfsr", __version__),
        Finding("python", f"{platform.python_version()}, {platform.platform()}"),
        *(_library(module, name) for module, name in _LIBRARIES.items()),
        _opencv(),
        *_devices(),
        *_weights(records, store),
        _cache(store),
    ]


def _library(module: str, distribution: str) -> Finding:
    try:
        import_module(module)
        return Finding(distribution, version(distribution))
    except PackageNotFoundError:
        return Finding(distribution, "of another distribution")
    except (ImportError, OSError) as error:
        reason = str(error).partition("\n")[0]
        return Finding(
            distribution, "cannot be loaded", f"{reason}; install it anew: pip install --force-reinstall {distribution}"
        )


def _opencv() -> Finding:
    try:
        return Finding("opencv", str(load_opencv().__version__))
    except FishPrepError as error:
        return Finding("opencv", "cannot be loaded", str(error))


def _devices() -> Iterator[Finding]:
    yield Finding(
        "cpu",
        counted(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, "core"),
    )
    try:
        import torch

        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    except (ImportError, OSError, RuntimeError) as error:
        yield Finding("cuda", "cannot be asked", str(error).partition("\n")[0])
        return
    yield Finding("cuda", ", ".join(names) or "none: all runs on the CPU")


def _weights(records: Iterable[WeightRecord], store: WeightStore) -> Iterator[Finding]:
    for record in records:
        status = store.status(record)
        damaged = status is WeightStatus.DAMAGED
        yield Finding(
            f"weights {record.name}",
            str(status),
            f"{store.path(record)} is not what it is called; delete it, then: fishprep models download {record.name}"
            if damaged
            else "",
        )


def _cache(store: WeightStore) -> Finding:
    folder = store.folder
    above = next((path for path in (folder, *folder.parents) if path.is_dir()), Path("/"))
    free = f"{folder}, {size_text(shutil.disk_usage(above).free)} free"
    writable = os.access(above, os.W_OK)
    return Finding(
        "cache", free, "" if writable else f"{above} cannot be written; name another folder in FISHFSR_CACHE_DIR"
    )
