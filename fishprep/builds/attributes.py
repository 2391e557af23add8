"""The attributes that all shards of a build share: what its photos were made by."""

import json
from dataclasses import dataclass

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.versions import PRODUCER


@dataclass(frozen=True)
class BuildAttributes:
    """The attributes that all shards of a build share."""

    configuration: BuildConfiguration
    recipe: str
    inputs: str
    versions: dict[str, str]

    def texts(self) -> dict[str, str]:
        """As `shards.writer.write_shard` takes them."""
        return {
            "producer": PRODUCER,
            "configuration": self.configuration.json_text(),
            "recipe": self.recipe,
            "inputs": self.inputs,
            "versions": json.dumps(self.versions, sort_keys=True),
            "weights": json.dumps(self.configuration.weights, sort_keys=True),
        }
