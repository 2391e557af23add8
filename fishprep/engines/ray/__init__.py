"""Workers on the machines of a Ray cluster, an actor each. Specs go out, what came of them comes back; never a photo.

Retries are our own, as only we know what a spec is. At least once, never exactly once: a worker that was given up may still
finish, and what it writes must bear that.
"""

import os

os.environ.setdefault(
    "RAY_USAGE_STATS_ENABLED", "0"
)  # read as Ray is imported: it tells its makers of every cluster otherwise

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ray.exceptions import RayError

from fishprep.common.errors import BuildError
from fishprep.engines.base import Done, Failed, R, S, Tell, Work, nobody
from fishprep.engines.cluster import ClusterSettings
from fishprep.engines.dispatch import Dispatch
from fishprep.engines.ray.connection import connected, first_line
from fishprep.engines.ray.crew import RayCrew


class RayEngine:
    """As `Engine`, on a cluster.

    A worker that dies on a machine that lives costs its spec a try; what is lost with a machine costs nothing; where nobody can
    tell yet, that is waited for. A machine that cannot do the work, or is of another kind than the first, is left out by name.
    """

    repeats = True

    def __init__(self, settings: ClusterSettings | None = None) -> None:
        self.settings = settings or ClusterSettings()

    def run(
        self,
        make_work: Callable[[], Work[S, R]],
        specs: Iterable[S],
        workers: int,
        tell: Tell = nobody,
        seconds: float | None = None,
    ) -> Iterator[Done[S, R] | Failed[S]]:
        """As `Engine.run`. BuildError where there is no such cluster, or none of its machines can do the work."""
        with connected(self.settings.address):
            crew = RayCrew(self.settings, lambda hire: hire(make_work, seconds, str(Path.cwd())), max(1, workers))
            dispatch = Dispatch(specs, tell, self.settings.patience)
            try:
                yield from crew.through(dispatch)
            except RayError as error:
                raise BuildError(f"the Ray cluster is lost: {first_line(error)}") from error
            finally:
                crew.dismiss()
