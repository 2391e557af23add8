"""Engines: one function over many specs, wherever that runs. They know nothing of faces.

A further engine is one file beside the others and one entry in `ENGINES`.
"""

from collections.abc import Callable

from fishprep.common.errors import ConfigurationError
from fishprep.engines.base import Engine
from fishprep.engines.cluster import ClusterSettings
from fishprep.engines.local import LocalEngine

LOCAL, RAY = "local", "ray"


def ray_engine(settings: ClusterSettings | None = None) -> Engine:
    """Workers on a Ray cluster. ConfigurationError where Ray is not installed."""
    try:
        from fishprep.engines.ray import RayEngine  # of the extra `cluster`
    except ImportError as error:
        raise ConfigurationError(f"--engine ray needs Ray ({error}): pip install 'fishfsr[cluster]'") from error
    return RayEngine(settings)


ENGINES: dict[str, Callable[[], Engine]] = {LOCAL: LocalEngine, RAY: ray_engine}
"""Name → what makes the engine."""


def create_engine(name: str = LOCAL, cluster: ClusterSettings | None = None) -> Engine:
    """An engine by its name. ConfigurationError for a name that there is not, or where `cluster` is told to one that runs here."""
    if name not in ENGINES:
        raise ConfigurationError(f"no engine is called {name!r}: there are {', '.join(ENGINES)}")
    if cluster is None:
        return ENGINES[name]()
    if name != RAY:
        raise ConfigurationError(
            f"--engine {name} works on this machine: --ray-address and what workers of a cluster get go with --engine ray"
        )
    return ray_engine(cluster)
