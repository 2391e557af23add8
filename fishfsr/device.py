"""Device names of the command line to devices."""

import torch

from fishfsr.errors import DeviceError


def resolve_device(name: str) -> torch.device:
    """`auto` (CUDA where there is one, else CPU), `cpu`, `cuda` or `cuda:n` to a device that is there.

    Raises DeviceError for another name or a device that is missing; nothing is replaced silently.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {name!r}: use auto, cpu, cuda or cuda:n") from error
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"device {name!r} is not supported: use auto, cpu, cuda or cuda:n")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise DeviceError(f"device {name!r} is not there: this machine shows {count} CUDA devices")
    return device
