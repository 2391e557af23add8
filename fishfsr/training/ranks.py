"""The processes of a training: one, or several under torchrun."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from fishfsr.errors import ConfigurationError, PeerError
from fishprep.common.device import resolve_device

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ranks:
    """This process's `rank` among `world`, and its `device`. With one process every method gives back what it is given."""

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    def together(self, work: Callable[[], Value]) -> Value:
        """What `work` gives here, once it has come to its end in every process.

        Where it raises in one of them, it raises in all: its own error there, PeerError in the others. So none is left
        waiting for one that is gone. `work` itself must not wait for other processes.
        """
        if self.world == 1:
            return work()
        error: Exception | None = None
        try:
            result = work()
        except Exception as raised:  # it is raised below, when the others know of it
            error = raised
        failed = self.sums([float(error is not None and self.rank == rank) for rank in range(self.world)])
        if error is not None:
            raise error
        if any(failed):
            named = ", ".join(str(rank) for rank, vote in enumerate(failed) if vote)
            raise PeerError(f"stopped with the others, since process {named} failed; its own message says why")
        return result

    def sums(self, values: list[float]) -> list[float]:
        """Sums over all processes, computed in float64."""
        if self.world == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return total.tolist()

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Put the mean over all processes in the place of each tensor; one message for all of them."""
        if self.world == 1:
            return
        parts = list(tensors)
        flat = torch.cat([part.reshape(-1) for part in parts])
        dist.all_reduce(flat)
        flat /= self.world
        for part, mean in zip(parts, flat.split([part.numel() for part in parts]), strict=True):
            part.copy_(mean.view(part.shape))

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Put the first process's values in the place of each tensor."""
        if self.world > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)


@contextmanager
def process_group(device: str) -> Iterator[Ranks]:
    """The group that torchrun's environment describes, else this process alone.

    Under torchrun `auto` and `cuda` stand for the CUDA device of the process's local rank. Raises DeviceError for a
    device that is not there.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Ranks(resolve_device(device))
        return
    if device.startswith("cuda:"):
        raise ConfigurationError(f"--device {device}: under torchrun each process takes its own device; use cuda")
    own = resolve_device(device)
    if own.type == "cuda":
        own = resolve_device(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(own)
    # It has the group that there is when it is imported as a default argument, and so keeps it alive for ever: gloo's threads then
    # outlive the interpreter, and abort the process. Optimizers import it.
    import_module("torch.distributed.nn.functional")
    dist.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        yield Ranks(own, dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
