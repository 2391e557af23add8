"""A retry that was stopped halfway: gone on with by the same command, or removed."""

from dataclasses import dataclass
from typing import Any

from fishprep.builds.expected import missing, plan_of, planned_specs, retried_names
from fishprep.builds.folder import BuildFolder
from fishprep.builds.summary import write_manifest
from fishprep.common.words import counted


@dataclass(frozen=True)
class Pending:
    """A retry that was stopped halfway: its file, what it recorded, and how many of its shards stand."""

    file: str
    record: dict[str, Any]
    standing: int

    def told(self, folder: BuildFolder) -> str:
        """What it is, and the ways out."""
        overrides = self.record["overrides"].items()
        settings = "".join(f", {name.replace('_', '-')} {value}" for name, value in overrides)
        statuses = f"status {' and '.join(self.record['statuses'])}" if self.record["statuses"] else "marked by hand"
        shards = counted(len(self.record["specs"]), "shard")
        return (
            f"{folder} holds a retry that was stopped halfway ({self.file}: {statuses}{settings}; "
            f"{self.standing} of {shards} done). The same command goes on with it; --overwrite removes it and its shards first."
        )


def unfinished(folder: BuildFolder) -> Pending | None:
    """The retry that was stopped; None where all are whole. One whose shards all stand, but of which the manifest does not tell
    yet, was stopped at its very end."""
    told = folder.manifest().get("retries")
    for file, record in folder.retries().items():
        names = retried_names(record)
        lacking = missing(folder, names)
        if lacking or (told is not None and record not in told):
            return Pending(file, record, len(names) - len(lacking))
    return None


def remove_unfinished(folder: BuildFolder) -> None:
    """Remove the retry that was stopped, with its shards, and write the manifest anew; nothing where there is none."""
    pending = unfinished(folder)
    if pending is None:
        return
    planned = planned_specs(folder, plan_of(folder))
    folder.withdraw(*(name for name in retried_names(pending.record) if name not in planned))
    folder.remove_retry(pending.file)
    write_manifest(folder)
