"""What a remapped build records: all that the build before it recorded, but for what makes the maps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fishprep.builds import algorithms
from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.configuration import BuildConfiguration, recipe_hash
from fishprep.builds.expected import planned_names, recorded_names
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ShardRecord
from fishprep.builds.versions import PRODUCER
from fishprep.common.canonical import sha256_json
from fishprep.common.libraries import installed_versions, library_versions
from fishprep.detectors import weights as of_detectors
from fishprep.landmarks import weights as of_landmarks
from fishprep.parsing import PARSERS
from fishprep.parsing.base import FaceParser
from fishprep.shards.schema import ShardName
from fishprep.shards.versions import FIRST, are_recorded

REMAPPED = "remapped"
"""Key of the records of a build: a list, an entry for each time that its maps were made anew."""


@dataclass(frozen=True)
class MapSettings:
    """How maps are made anew. parser: as it is called with its weights. None is as the build before had it, of `parser_size` and
    `parser_precision` what the weights were made for."""

    parser: str
    parser_size: int | None
    parser_precision: str | None
    skin_classes: tuple[str, ...] | None
    mask_resizer: str | None
    keep_classes: bool | None
    device: str
    threads: int

    def over(self, before: BuildConfiguration) -> BuildConfiguration:
        """A configuration with these maps, and with no weights yet. ConfigurationError where they do not go together."""
        kept = {
            name: value
            for name in ("skin_classes", "mask_resizer", "keep_classes")
            if (value := getattr(self, name)) is not None
        }
        others = {
            "parser": self.parser,
            "parser_size": self.parser_size,
            "parser_precision": self.parser_precision,
            "device": self.device,
            "threads": self.threads,
        }
        return BuildConfiguration.recorded(before.model_dump(mode="json") | kept | others | {"weights": {}}).normal()


@dataclass(frozen=True)
class Origin:
    """The build that is remapped: its records, and those of the shards that are its own or its retries'."""

    folder: BuildFolder
    start: dict[str, Any]
    retries: dict[str, dict[str, Any]]
    extensions: dict[str, dict[str, Any]]
    shards: dict[ShardName, ShardRecord]

    @classmethod
    def of(cls, folder: BuildFolder) -> "Origin":
        """BuildError where a record is damaged."""
        start, retries, extensions, finished = folder.start(), folder.retries(), folder.extensions(), folder.finished()
        later = [name for facts in (*extensions.values(), *retries.values()) for name in recorded_names(facts)]
        names = [*planned_names(folder), *later]
        return cls(folder, start, retries, extensions, {name: finished[name] for name in names if name in finished})

    @property
    def configuration(self) -> BuildConfiguration:
        """Of the build; a retry may have other limits."""
        return BuildConfiguration.recorded(self.start["configuration"])

    @property
    def faces(self) -> int:
        """In all shards."""
        return sum(record.samples for record in self.shards.values())


@dataclass(frozen=True)
class RemappedRecords:
    """What is to stand in the new build: `configuration.json` and the records of retries and extensions, by their files."""

    start: dict[str, Any]
    retries: dict[str, dict[str, Any]]
    extensions: dict[str, dict[str, Any]]

    @classmethod
    def of(
        cls, origin: Origin, maps: MapSettings, parser: FaceParser, masks: Mapping[str, Any] | None
    ) -> "RemappedRecords":
        """masks: where given maps lie, and the digests of each shard's."""
        before = origin.configuration
        after = maps.over(before).filled({}, parser.settings)
        step = {
            "build": str(origin.folder),
            "recipe": origin.start["recipe"],
            "parser": before.parser,
            "shards": sha256_json([[r.name, r.sha256, r.rows_sha256] for r in origin.shards.values()]),
            "masks": masks,
            "producer": PRODUCER,
            "versions": library_versions() | installed_versions(after.parser_runtimes),
        }
        start = origin.start | _remade(origin.start, maps, parser)
        source = {name: value for name, value in (start.get("source") or {}).items() if name != "masks"}
        note = f"maps made anew of the stored faces ({maps.parser}): all else is that of a build with recipe {step['recipe']}"
        start |= {"source": source} if source else {}
        start |= {
            "notes": [*start.get("notes", []), note],
            REMAPPED: [*start.get(REMAPPED, []), step],
        }
        later = [
            {file: record | _remade(record, maps, parser) for file, record in records.items()}
            for records in (origin.retries, origin.extensions)
        ]
        return cls(start, *later)

    def attributes(self) -> dict[ShardName | None, BuildAttributes]:
        """Of each shard of a retry or an extension; of all others under None."""
        found: dict[ShardName | None, BuildAttributes] = {None: _attributes(self.start)}
        for record in (*self.retries.values(), *self.extensions.values()):
            found |= dict.fromkeys(recorded_names(record), _attributes(record))
        return found

    def differences(self, stored: Mapping[str, Any]) -> list[str]:
        """What is set otherwise than in the start of a remap that was `stored`, and what has changed since."""
        one, other = (BuildConfiguration.recorded(each["configuration"]) for each in (stored, self.start))
        changes = one.differences(other, stored["recipe"] == self.start["recipe"])
        was, is_ = _last(stored), _last(self.start)
        if was.get("shards") != is_["shards"]:
            changes.append("the build that is remapped: its shards are others")
        if (was.get("masks") or {}).get("shards") != (is_["masks"] or {}).get("shards"):
            changes.append("the masks")
        libraries = {**was.get("versions", {})}
        changes += [
            f"{name}: {libraries.get(name)} → {new}"
            for name, new in is_["versions"].items()
            if libraries.get(name) != new
        ]
        if not changes and _compared(stored) != _compared(self.start):
            changes.append("what the records of the build say")
        return changes


def _compared(start: Mapping[str, Any]) -> dict[str, Any]:
    """Without where builds and masks lie, which may be moved, and what release it was that wrote it."""
    steps = [
        {**step, "build": "", "producer": "", "masks": (step.get("masks") or {}).get("shards")}
        for step in start.get(REMAPPED, [])
    ]
    return {**start, REMAPPED: steps}


def _last(start: Mapping[str, Any]) -> dict[str, Any]:
    steps = start.get(REMAPPED) or [{}]
    return dict(steps[-1])


def _attributes(facts: Mapping[str, Any]) -> BuildAttributes:
    configuration = BuildConfiguration.recorded(facts["configuration"])
    return BuildAttributes(configuration, facts["recipe"], facts["inputs"], facts["versions"])


def _remade(facts: Mapping[str, Any], maps: MapSettings, parser: FaceParser) -> dict[str, Any]:
    """What the record of a build or of a retry says of its recipe, with other maps."""
    before = BuildConfiguration.recorded(facts["configuration"])
    weights = {**_of_landmarks(before), **parser.weights}
    after = maps.over(before).filled(weights, parser.settings)
    versions = _versions(facts["versions"], before, after)
    recipe = recipe_hash(after, parser.settings, parser.weights, algorithms.recorded(after, versions))
    return {"configuration": after.model_dump(mode="json"), "recipe": recipe, "versions": versions}


def _of_landmarks(before: BuildConfiguration) -> dict[str, str]:
    """The weights but those of the parser, without loading either."""
    if not PARSERS[before.parser].is_network:
        return dict(before.weights)
    known = {record.sha256 for record in (*of_landmarks.RECORDS, *of_detectors.RECORDS)}
    return {name: sha256 for name, sha256 in before.weights.items() if sha256 in known}


def _versions(recorded: Mapping[str, str], before: BuildConfiguration, after: BuildConfiguration) -> dict[str, str]:
    """Of what made the pictures as they were recorded, with those of what makes the maps now."""
    if not are_recorded(recorded):
        recorded = {**recorded, **dict.fromkeys(algorithms.versions(before), FIRST)}
    of_maps = {*algorithms.in_maps(before), *before.parser_runtimes} - {*before.landmark_request.runtimes}
    others = {name: version for name, version in recorded.items() if name not in of_maps}
    return installed_versions(after.parser_runtimes) | others | algorithms.in_maps(after)
