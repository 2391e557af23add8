"""What is asked of a trained pair by those who restore faces with it."""

from typing import Protocol

from torch import Tensor

from fishfsr.checkpoint import Details


class Resolver(Protocol):
    """What is asked of a trained pair; `FaceSuperResolver` is one."""

    details: Details

    @property
    def scale(self) -> int:
        """HR over LR size."""
        ...

    def upscale(self, lr: Tensor) -> Tensor:
        """LR faces (N, 3, h, w), RGB in [0, 1], to (N, 3, scale·h, scale·w), float32, not clamped."""
        ...
