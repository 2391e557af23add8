"""What a build has made by each of its records, so that it can be taken into another build: its plan, its extensions, its retries."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fishprep.builds.expected import Specs, extended_specs, plan_of, planned_specs, recorded_names, retried_specs
from fishprep.builds.folder import BuildFolder
from fishprep.builds.names import PLAN
from fishprep.common.canonical import sha256_json
from fishprep.shards.schema import ShardName


@dataclass(frozen=True)
class Making:
    """The photos of each shard that a record speaks of, in order, by the shard's name. file: of the record, or PLAN; facts: what it
    says."""

    file: str
    facts: dict[str, Any]
    specs: Specs

    @property
    def is_retry(self) -> bool:
        """Whether its photos are those of other makings, tried again."""
        return "statuses" in self.facts

    @property
    def photos(self) -> list[str]:
        """Ids, in order."""
        return [line.id for lines in self.specs.values() for line in lines]

    def is_made_of_the_same(self, other: "Making") -> bool:
        """Whether both were planned alike: of the same photos, in the same splits, of which their sources say the same."""
        if self.is_retry or other.is_retry:
            keys = ("statuses", "overrides", "photos", "configuration")
            return self.is_retry and other.is_retry and all(self.facts[key] == other.facts[key] for key in keys)
        sizes = [[len(lines) for lines in making.specs.values()] for making in (self, other)]
        return self.facts["inputs"] == other.facts["inputs"] and sizes[0] == sizes[1]


def makings_of(folder: BuildFolder) -> Iterator[Making]:
    """The plan, then the extensions, then the retries. BuildError where a record is damaged."""
    yield Making(PLAN, folder.start(), planned_specs(folder))
    for file, record in folder.extensions().items():
        yield Making(file, record, extended_specs(folder, file, record))
    plan = plan_of(folder)
    for file, record in folder.retries().items():
        yield Making(file, record, retried_specs(folder.where(file), record, plan))


def origin_of(folder: BuildFolder, making: Making) -> dict[str, str]:
    """What tells a making from every other one, wherever it is copied to."""
    return {"build": sha256_json(folder.start()), "file": making.file}


def names_as(making: Making, record: dict[str, Any]) -> dict[ShardName, ShardName]:
    """The shards of a making by what they are called where it stands as `record`."""
    return dict(zip(making.specs, recorded_names(record), strict=True))
