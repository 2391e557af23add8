"""A retry or an extension that was stopped halfway: gone on with by the same command, or removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fishprep.builds.expected import missing, planned_names, recorded_names
from fishprep.builds.folder import BuildFolder
from fishprep.builds.names import MERGED
from fishprep.builds.summary import write_manifest
from fishprep.common.errors import BuildError
from fishprep.common.words import counted


@dataclass(frozen=True)
class Pending:
    """A retry or an extension that was stopped halfway: its file, what it recorded, and how many of its shards stand."""

    file: str
    record: dict[str, Any]
    standing: int

    def told(self, folder: BuildFolder) -> str:
        """What it is, and the ways out."""
        shards = counted(len(self.record["specs"]), "shard")
        return (
            f"{folder} holds {self._what()}; {self.standing} of {shards} done). "
            "The same command goes on with it; --overwrite removes it and its shards first."
        )

    def _what(self) -> str:
        if MERGED in self.record:
            return f"a part that was taken in halfway by `fishprep merge` ({self.file}"
        if "statuses" not in self.record:
            prefix = self.record.get("prefix", "")
            said = f", prefix {prefix}" if prefix else ""
            return f"an extension that was stopped halfway ({self.file}: from {self.record['source']['root']}{said}"
        overrides = self.record["overrides"].items()
        settings = "".join(f", {name.replace('_', '-')} {value}" for name, value in overrides)
        statuses = f"status {' and '.join(self.record['statuses'])}" if self.record["statuses"] else "marked by hand"
        return f"a retry that was stopped halfway ({self.file}: {statuses}{settings}"


def unfinished(folder: BuildFolder) -> Pending | None:
    """The retry that was stopped; None where all are whole. One whose shards all stand, but of which the manifest does not tell
    yet, was stopped at its very end."""
    return _unfinished(folder, "retries", folder.retries())


def unfinished_extension(folder: BuildFolder) -> Pending | None:
    """The same of extensions."""
    return _unfinished(folder, "extensions", folder.extensions())


def _unfinished(folder: BuildFolder, key: str, records: Mapping[str, dict[str, Any]]) -> Pending | None:
    told = folder.manifest().get(key, None if key == "retries" else [])
    for file, record in records.items():
        names = recorded_names(record)
        lacking = missing(folder, names)
        if lacking or (told is not None and record not in told):
            return Pending(file, record, len(names) - len(lacking))
    return None


def remove_pending(folder: BuildFolder, pending: Pending | None) -> None:
    """Remove a retry or an extension that was stopped, with its shards, and write the manifest anew; nothing where there is none."""
    if pending is None:
        return
    planned = set(planned_names(folder))
    folder.withdraw(*(name for name in recorded_names(pending.record) if name not in planned))
    folder.forget(pending.file)
    write_manifest(folder)


def refuse_unfinished_build(folder: BuildFolder, before: str) -> None:
    """BuildError where a shard of the build itself was lost: that is for `build` to make anew, under its own number."""
    if lost := missing(folder, planned_names(folder)):
        raise BuildError(
            f"{folder}: {counted(len(lost), 'shard')} of the build missing, the first {lost[0]}: "
            f"run its `fishprep build` again before {before}"
        )
