"""Devices by name, and what they compute in."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from fishprep.common.errors import DeviceError
from fishprep.common.turns import turn
from fishprep.common.words import counted

DEFAULT_DEVICE = "auto"

WORTHWHILE = 1.25
"""Times as fast that bfloat16 must be for `auto` to take it."""


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


def gains_by_bfloat16(device: torch.device) -> bool:
    """Whether a training computes faster in bfloat16: on GPUs since Ampere, and on CPUs where `bfloat16_speed` is well above 1."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return has_bfloat16_instructions() and bfloat16_speed() >= WORTHWHILE


def has_bfloat16_instructions() -> bool:
    """Whether the CPU has AVX512-BF16 or AMX. That says little: one without AMX may be slower by them than in float32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


@cache
def bfloat16_speed() -> float:
    """How many times as fast as in float32 this CPU goes forward and back through a convolution in bfloat16: measured once, in CPU
    time of one thread, in 0.15 s. A virtual Xeon with AVX512-BF16 whose AMX is hidden has 0.7."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _seconds(torch.float32) / _seconds(torch.bfloat16)
    finally:
        torch.set_num_threads(threads)


def _seconds(dtype: torch.dtype) -> float:
    """The least of some; zeros do, as nothing is drawn from the random numbers of a training."""
    weights = torch.zeros(64, 64, 3, 3, dtype=dtype, requires_grad=True)
    features = torch.zeros(4, 64, 32, 32, dtype=dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    taken = []
    for _ in range(5):
        start = time.thread_time()
        torch.nn.functional.conv2d(features, weights, padding=1).sum().backward()
        taken.append(time.thread_time() - start)
    return min(taken)


@contextmanager
def exact_convolutions(device: torch.device) -> Iterator[None]:
    """On CUDA: float32 is float32, and the algorithm is the same from run to run."""
    if device.type != "cuda":
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield
