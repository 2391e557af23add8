"""`fishprep.plan`: the dry run of a build."""

from dataclasses import dataclass

from fishprep.builds.estimate import Estimate, estimate
from fishprep.public.news import Listener, Planned, unheard
from fishprep.public.planning import prepare
from fishprep.public.settings import BuildSettings, StrPath


@dataclass(frozen=True)
class PlanResult:
    """What a build would do, into how many shards, and what it would cost."""

    planned: Planned
    shards: int
    estimate: Estimate


def plan(source: StrPath, settings: BuildSettings | None = None, *, progress: Listener | None = None) -> PlanResult:
    """Say what `build` would do, and cost; nothing is written.

    A few photos are taken all the way to samples, in memory. Raises SourceError, ConfigurationError and WeightsError as
    `build` does, BuildError where the photos could not be tried.
    """
    settings = settings or BuildSettings()
    prepared = prepare(source, None, settings, progress or unheard)
    configuration = prepared.resolved.configuration
    cost = estimate(prepared.plan, configuration, prepared.weights, settings.workers)
    shards = sum(1 for _ in prepared.plan.specs(configuration.shard_size))
    return PlanResult(prepared.told(), shards, cost)
