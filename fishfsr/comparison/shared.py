"""The networks that several methods need and that the user gives: ParsingNet, and a network of landmarks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fishfsr.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fishfsr.comparison.folder import ComparisonFolder
from fishfsr.comparison.plan import ComparisonPlan, Shared
from fishfsr.errors import CheckpointError, ConfigurationError
from fishfsr.inference.find import find_checkpoint
from fishfsr.methods.fan import FanWeights, load_fan
from fishfsr.models.config import NetworkConfig
from fishprep.common.files import sha256_file


@dataclass(frozen=True, eq=False)
class GivenNetwork:
    """A network out of the checkpoint `source`, which has this SHA-256; `alone`: without what else is there, `path`: where that lies."""

    stage: str
    source: str
    sha256: str
    alone: Checkpoint
    path: Path

    @property
    def config(self) -> NetworkConfig:
        """The network's own record."""
        network = self.alone.parsing_net or self.alone.alignment_net
        assert network is not None
        return network.config

    def write(self) -> None:
        """Put it into its file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(self.path, self.alone)


def find_given(
    named: Sequence[str | Path], plan: ComparisonPlan, folder: ComparisonFolder
) -> Mapping[str, GivenNetwork]:
    """The networks in the checkpoints `named` that the plan needs, by stage; nothing is written.

    Raises CheckpointError for a file that holds neither, ConfigurationError where the width is another one than a method needs.
    """
    needed = {each.stage for each in plan.shared}
    found: dict[str, GivenNetwork] = {}
    for each in named:
        path = find_checkpoint(each)
        loaded = load_checkpoint(path)
        details = replace(loaded.details, results={}, training={})
        alone = {
            "parsing": Checkpoint(parsing_net=loaded.parsing_net, details=details),
            "alignment": Checkpoint(alignment_net=loaded.alignment_net, details=details),
        }
        if not any(checkpoint.networks for checkpoint in alone.values()):
            raise CheckpointError(f"{path}: holds neither a ParsingNet nor a network of landmarks")
        for stage, checkpoint in alone.items():
            if checkpoint.networks and stage in needed:
                found[stage] = GivenNetwork(stage, str(each), sha256_file(path), checkpoint, folder.given(stage))
    _check_width(found.get("alignment"), plan.shared)
    return found


def find_fans(plan: ComparisonPlan) -> Mapping[str, FanWeights]:
    """FAN's weights, for each contestant that takes them by its name; each file is read once to see that it fits.

    Raises WeightsError and CheckpointError as `load_fan` does.
    """
    asked = {each.contestant.name: each.config.alignment for each in plan.entries}
    return {name: load_fan(each.weights).weights for name, each in asked.items() if each.aligner == "fan"}


def _check_width(given: GivenNetwork | None, needed: Sequence[Shared]) -> None:
    """DIC holds the network of landmarks itself; ParsingNet may be as wide as it likes."""
    if given is None:
        return
    wrong = [each.width for each in needed if each.stage == "alignment" and each.width != given.config.width]
    if wrong:
        raise ConfigurationError(
            f"{given.source}: a network of landmarks of width {given.config.width}, and methods here need {wrong[0]}"
        )
