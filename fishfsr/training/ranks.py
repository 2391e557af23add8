"""The processes of a training: one, or several under torchrun."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from fishfsr.errors import ConfigurationError


@dataclass(frozen=True)
class Ranks:
    """This process's `rank` among `world`. With one process every method gives back what it is given."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    def sums(self, values: list[float], device: torch.device) -> list[float]:
        """Sums over all processes, computed in float64."""
        if self.world == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(total)
        return total.tolist()

    def wait(self) -> None:
        """Until all processes are here: what the first has written can then be read by all."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def joined(device: str) -> Iterator[tuple[Ranks, str]]:
    """The group that torchrun's environment describes, else one process; and the device of this one.

    Under torchrun `auto` and `cuda` stand for the CUDA device of the process's local rank.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Ranks(), device
        return
    if device.startswith("cuda:"):
        raise ConfigurationError(f"--device {device}: under torchrun each process takes its own device; use cuda")
    local = int(os.environ["LOCAL_RANK"])
    on_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if on_cuda:
        torch.cuda.set_device(local)
    dist.init_process_group("nccl" if on_cuda else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size()), f"cuda:{local}" if on_cuda else "cpu"
    finally:
        dist.destroy_process_group()
