"""Devices by name, and what they compute in."""

import torch

from fishprep.common.errors import ConfigurationError
from fishprep.common.words import counted

DEFAULT_DEVICE = "auto"


def resolve_device(name: str = DEFAULT_DEVICE) -> torch.device:
    """`auto` (CUDA where there is one, else the CPU), `cpu`, `cuda` or `cuda:N` to a device that is here.

    ConfigurationError for another name or a CUDA device that is not here; nothing is replaced silently.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if name != "cpu" and (kind != "cuda" or not (number or "0").isdecimal()):
        raise ConfigurationError(f"--device {name}: expected auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count()
    if kind == "cuda" and int(number or 0) >= count:
        raise ConfigurationError(
            f"--device {name}: this machine has {counted(count, 'CUDA device')} that torch can use"
        )
    return torch.device(name)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 itself: CPUs with AVX512-BF16 or AMX, GPUs since Ampere."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
