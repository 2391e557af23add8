"""Devices by name, and what they compute in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from fishprep.common.errors import DeviceError
from fishprep.common.turns import turn
from fishprep.common.words import counted

DEFAULT_DEVICE = "auto"


def resolve_device(name: str = DEFAULT_DEVICE) -> torch.device:
    """`auto` (CUDA where there is one, else the CPU), `cpu`, `cuda` or `cuda:N` to a device that is here.

    Raises DeviceError for another name or a CUDA device that is not here; nothing is replaced silently.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda" if count else "cpu")
    if not re.fullmatch("cpu|cuda(:[0-9]+)?", name):
        raise DeviceError(f"unknown device {name!r}: expected auto, cpu, cuda or cuda:N")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= count:
        raise DeviceError(f"device {name!r} is not there: this machine shows {counted(count, 'CUDA device')}")
    return device


def own_device(name: str) -> str:
    """Of `cuda`, which names none of several devices, the one that this worker takes in its turn; any other name as it is."""
    if name != "cuda" or not torch.cuda.is_available():
        return name
    return f"cuda:{turn(torch.cuda.device_count())}"


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 itself: CPUs with AVX512-BF16 or AMX, GPUs since Ampere."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


@contextmanager
def exact_convolutions(device: torch.device) -> Iterator[None]:
    """On CUDA: float32 is float32, and the algorithm is the same from run to run."""
    if device.type != "cuda":
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield
