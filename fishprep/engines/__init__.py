"""Engines: one function over many specs, wherever that runs. They know nothing of faces.

A further engine is one file beside the others and one entry in `ENGINES`.
"""

from collections.abc import Callable

from fishprep.common.errors import ConfigurationError
from fishprep.engines.base import Engine
from fishprep.engines.local import LocalEngine

LOCAL = "local"

ENGINES: dict[str, Callable[[], Engine]] = {LOCAL: LocalEngine}
"""Name → what makes the engine."""


def create_engine(name: str = LOCAL) -> Engine:
    """An engine by its name. ConfigurationError for a name that there is not."""
    if name not in ENGINES:
        raise ConfigurationError(f"no engine is called {name!r}: there are {', '.join(ENGINES)}")
    return ENGINES[name]()
