"""What this machine has of what the commands need; nothing that is missing keeps the rest from being told."""

import os
import platform
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fishprep.common.cores import available_cores
from fishprep.common.errors import FishPrepError
from fishprep.common.extras import extras
from fishprep.common.onnx_runtime import load_onnxruntime
from fishprep.common.opencv import load_opencv
from fishprep.common.version import __version__
from fishprep.common.weights import WeightRecord, WeightStatus, WeightStore
from fishprep.common.words import counted, joined, size_text

_LIBRARIES = {
    "torch": "torch",
    "numpy": "numpy",
    "PIL": "pillow",
    "h5py": "h5py",
    "pyarrow": "pyarrow",
    "safetensors": "safetensors",
    "_dlib_pybind11": "dlib-bin",
    "onnxruntime": "onnxruntime",
}
"""Modules that are code of the machine and can fail to load, by the distribution that has them."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `problem`: what is wrong with it and what to do; empty where nothing is."""

    name: str
    value: str
    problem: str = ""


def examine(records: Iterable[WeightRecord], store: WeightStore) -> list[Finding]:
    """Look at everything: versions, libraries, extras, devices, the weights of `records`, disks. Raises nothing of what it finds."""
    return [
        Finding("fishfsr", __version__),
        Finding("python", f"{platform.python_version()}, {platform.platform()}"),
        *(_library(module, name) for module, name in _LIBRARIES.items()),
        _opencv(),
        *_extras(),
        *_devices(),
        *_weights(records, store),
        _cache(store),
        _disk(),
    ]


def _library(module: str, distribution: str) -> Finding:
    try:
        load_onnxruntime() if module == "onnxruntime" else import_module(module)
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


def _extras() -> Iterator[Finding]:
    """An extra that is not here is no problem: who wants it can be told what to type."""
    for extra, libraries in extras().items():
        here = ", ".join(f"{name} {found}" for name, found in libraries.items() if found)
        lacking = [name for name, found in libraries.items() if not found]
        asked = f"not here: {', '.join(lacking)} (pip install '.[{extra}]' in a checkout)" if lacking else ""
        yield Finding(f"extra {extra}", joined(here, asked))


def _devices() -> Iterator[Finding]:
    yield Finding("cpu", counted(available_cores(), "core"))
    try:
        import torch

        from fishprep.common.device import bfloat16_speed, has_bfloat16_instructions

        speed = bfloat16_speed() if has_bfloat16_instructions() else None
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    except (ImportError, OSError, RuntimeError) as error:
        yield Finding("cuda", "cannot be asked", str(error).partition("\n")[0])
        return
    yield Finding(
        "bfloat16",
        "slow on this CPU: neither AVX512-BF16 nor AMX"
        if speed is None
        else f"{speed:.1f} times as fast as float32 here",
    )
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


def _disk() -> Finding:
    try:
        return Finding("disk", f"{Path.cwd()}, {size_text(shutil.disk_usage('.').free)} free")
    except OSError as error:
        return Finding("disk", "cannot be asked", f"the folder that this runs in: {error.strerror or error}")


def _cache(store: WeightStore) -> Finding:
    folder = store.folder
    above = next((path for path in (folder, *folder.parents) if path.is_dir()), Path("/"))
    free = f"{folder}, {size_text(shutil.disk_usage(above).free)} free"
    writable = os.access(above, os.W_OK)
    return Finding(
        "cache", free, "" if writable else f"{above} cannot be written; name another folder in FISHFSR_CACHE_DIR"
    )
