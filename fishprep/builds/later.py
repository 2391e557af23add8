"""The records of what came after a build: its retries and its extensions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fishprep.builds import tables
from fishprep.builds.facts import fill_facts, read_facts
from fishprep.builds.manifest import PlannedPhoto
from fishprep.builds.names import is_extension, is_retry, next_extension, next_retry
from fishprep.builds.records import ExtensionRecord, RetryRecord, check_record
from fishprep.storage.base import Storage


@dataclass(frozen=True)
class LaterRecords:
    """Those that stand in a storage."""

    storage: Storage

    def retries(self) -> dict[str, dict[str, Any]]:
        """The recorded retries, by the names of their files, in order; BuildError where one is damaged."""
        records = {name: read_facts(self.storage, name) for name in self.storage.list("retry-") if is_retry(name)}
        for name, facts in records.items():
            check_record(RetryRecord, facts, self.storage.where(name))
        return records

    def add_retry(self, facts: Mapping[str, Any]) -> str:
        """Record a new retry; the name of its file."""
        name = next_retry(self.storage.list("retry-"))
        with self.storage.create(name) as path:
            fill_facts(path, facts)
        return name

    def write_retry(self, name: str, facts: Mapping[str, Any]) -> None:
        """Record a retry under the name of its file, as it was recorded elsewhere."""
        with self.storage.put(name) as path:
            fill_facts(path, facts)

    def extensions(self) -> dict[str, dict[str, Any]]:
        """What is recorded of the extensions beside their photos, by the names of their files, in order; BuildError as `retries`."""
        named = [name for name in self.storage.list("extend-") if is_extension(name)]
        records = {name: tables.read_extension(self.storage, name) for name in named}
        for name, facts in records.items():
            check_record(ExtensionRecord, facts, self.storage.where(name))
        return records  # type: ignore[return-value]  # just looked at

    def add_extension(
        self, shards: Iterable[Sequence[PlannedPhoto]], facts: Mapping[str, Any], name: str | None = None
    ) -> str:
        """Record an extension, with the photos of one shard after another; the name of its file. name: None for a new one."""
        name = name or next_extension(self.storage.list("extend-"))
        tables.write_extension(self.storage, name, shards, facts)
        return name

    def forget(self, name: str) -> None:
        """Forget a retry or an extension, by the name of its file."""
        self.storage.delete(name)
