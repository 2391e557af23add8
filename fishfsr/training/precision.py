"""Mixed precision by name: what `auto` means on a device, and what a device cannot do."""

from dataclasses import dataclass

import torch

from fishfsr.errors import DeviceError
from fishfsr.inference.runner import DTYPES
from fishfsr.training.config import TrainingPrecision
from fishprep.common.device import gains_by_bfloat16


@dataclass(frozen=True)
class Amp:
    """Autocast in `name` on `device`; float16 needs its gradients scaled."""

    device: torch.device
    name: str

    def autocast(self) -> torch.autocast:
        """The context of a forward pass."""
        return torch.autocast(self.device.type, DTYPES[self.name], enabled=self.name != "float32")

    def scaler(self) -> torch.amp.GradScaler:
        """One that does nothing unless in float16."""
        return torch.amp.GradScaler(self.device.type, enabled=self.name == "float16")


def amp(precision: TrainingPrecision, device: torch.device, earlier: str | None = None) -> Amp:
    """`auto` takes what an `earlier` sitting of the run took, so that a run is of one precision wherever it goes on.

    Without one it takes bfloat16 where the device gains by it (GPUs since Ampere; CPUs on which it was measured to be faster), else
    float32. Raises DeviceError for float16 on a CPU; nothing is replaced silently.
    """
    if precision == "auto":
        return Amp(device, earlier or ("bfloat16" if gains_by_bfloat16(device) else "float32"))
    if precision == "float16" and device.type != "cuda":
        raise DeviceError(f"float16 needs a CUDA device, not {device}: use bfloat16 or float32")
    return Amp(device, precision)
