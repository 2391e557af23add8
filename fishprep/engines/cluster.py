"""How to reach a cluster, and what a worker on it is given."""

from dataclasses import dataclass, field

from fishprep.engines.dispatch import Patience

NEAREST = "auto"
HERE = "local"


@dataclass(frozen=True)
class ClusterSettings:
    """address: `HOST:PORT` of the head; `auto`: the cluster of this machine, or of RAY_ADDRESS; `local`: start one here.
    cpus, gpus, memory: what each worker is counted with where the cluster places it: cores, GPUs (a quarter is allowed), bytes."""

    address: str = NEAREST
    cpus: float = 1
    gpus: float = 0
    memory: int | None = None
    patience: Patience = field(default_factory=Patience)
