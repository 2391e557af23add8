"""A Ray cluster of several nodes on this machine: a real control plane, and a real raylet for each node."""

import os

os.environ.setdefault("RAY_raylet_start_wait_time_s", "150")  # read as Ray is imported; a busy machine takes its time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

from fishprep.engines.ray.connection import STORE_BYTES

HELPERS = Path(__file__).parent
QUICK = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 20_000,
    "health_check_failure_threshold": 4,
}
"""A node that refuses is known for dead after seconds; one that only takes its time, on a busy machine, is not."""


class Nodes:
    """Machines of a cluster, each of which has room for one worker."""

    def __init__(self) -> None:
        head = {
            "num_cpus": 0,
            "include_dashboard": False,
            "include_log_monitor": False,
            "object_store_memory": STORE_BYTES,
            "_system_config": QUICK,
        }
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes: list[Any] = []

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self, first: Path | None = None, **environment: str) -> Any:
        """One more machine. first: a folder that its processes look into before all others; what they find in their environment."""
        path = os.pathsep.join(str(folder) for folder in (first, HELPERS, os.environ.get("PYTHONPATH")) if folder)
        variables = {"PYTHONPATH": path, **environment}
        node = self._cluster.add_node(
            wait=False, num_cpus=1, object_store_memory=STORE_BYTES, env_vars=variables, include_log_monitor=False
        )
        self.nodes.append(node)
        return node

    def remove(self, node: Any) -> None:
        """It is gone, with all that ran there, as when its power is cut."""
        self.nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def close(self) -> None:
        ray.shutdown()
        self._cluster.shutdown()


@contextmanager
def nodes(count: int) -> Iterator[Nodes]:
    """So many machines beside the head, which does no work."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = Nodes()
    try:
        for _ in range(count):
            made.add()
        yield made
    finally:
        made.close()
