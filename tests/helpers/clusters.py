"""A Ray cluster of several nodes on this machine: a real control plane, and a real raylet for each node."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
    "agent_register_timeout_ms": 200_000,
    "worker_niceness": 0,
}
"""A node that refuses is known for dead after seconds; one that only takes its time, on a busy machine, is not.
Workers take their share of a busy machine, too, where Ray has them wait for whoever else has something to do."""


def patiently(begin: Callable[[], Any]) -> Any:
    """A node, tried again where it did not come up in the time that Ray gives it: half a minute, however busy the machine is."""
    for _ in range(4):
        with suppress(Exception):
            return begin()
    return begin()


class Nodes:
    """Machines of a cluster, each of which has room for one worker, the head too."""

    def __init__(self) -> None:
        head = {
            "num_cpus": 1,
            "env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, (str(HELPERS), os.environ.get("PYTHONPATH"))))},
            "include_dashboard": False,
            "include_log_monitor": False,
            "object_store_memory": STORE_BYTES,
            "_system_config": QUICK,
        }
        self._cluster = patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
        self.nodes: list[Any] = [self._cluster.head_node]

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self, first: Path | None = None, **environment: str) -> Any:
        """One more machine. first: a folder that its processes look into before all others; what they find in their environment."""
        path = os.pathsep.join(str(folder) for folder in (first, HELPERS, os.environ.get("PYTHONPATH")) if folder)
        variables = {"PYTHONPATH": path, **environment}
        node = patiently(
            lambda: self._cluster.add_node(
                wait=False, num_cpus=1, object_store_memory=STORE_BYTES, env_vars=variables, include_log_monitor=False
            )
        )
        self.nodes.append(node)
        return node

    def remove(self, node: Any) -> None:
        """It is gone, with all that ran there, as when its power is cut."""
        self.nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def cut_off(self, node: Any) -> None:
        """The cluster has lost it, and what runs there does not know: nobody waits for its raylet, so that this seems to live."""
        os.kill(self.raylet(node), signal.SIGKILL)

    @staticmethod
    def raylet(node: Any) -> int:
        return int(node.all_processes["raylet"][0].process.pid)

    def above(self, process: int) -> Any:
        """The node whose raylet stands above a worker process."""
        above = {process}
        while process > 1:
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
            above.add(process)
        (found,) = [node for node in self.nodes if self.raylet(node) in above]
        return found

    def close(self) -> None:
        ray.shutdown()
        self._cluster.shutdown()


@contextmanager
def nodes(count: int) -> Iterator[Nodes]:
    """So many machines, the head among them."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = Nodes()
    try:
        for _ in range(count - 1):
            made.add()
        yield made
    finally:
        made.close()
