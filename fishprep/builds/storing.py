"""A finished shard into a build: the file, then its rows, which make it done."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import pyarrow as pa

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ShardRecord
from fishprep.common.errors import BuildError
from fishprep.common.status import Status
from fishprep.shards.schema import CONTENTS, ShardName, contents_hash
from fishprep.shards.writer import Samples


@dataclass(frozen=True)
class ShardStore:
    """Stores shards with their rows. begun: `BuildFolder.identity` of the build; nothing is stored once another one was begun in its
    place."""

    folder: BuildFolder
    begun: str | None = None

    def store(
        self, name: ShardName, rows: pa.Table, samples: Samples | None, attributes: Mapping[str, str]
    ) -> ShardRecord:
        """The record that stands then; samples: None where nothing was kept. OSError where the disk refuses, BuildError where
        another build is at work."""
        if self.begun is not None and self.folder.identity() != self.begun:
            raise BuildError(
                f"{self.folder}: another build was begun in it meanwhile; nothing more of this one is stored"
            )
        record = ShardRecord(str(name), None, None, 0, 0, len(rows))
        if samples is not None:
            try:
                stored = self.folder.write_shard(name, samples, {**attributes, **_contents(rows)})
            except FileExistsError:  # another build was first
                return self.folder.record(name)
            record = replace(record, **asdict(stored), samples=len(samples))
        record = self.folder.commit(name, rows, record)
        if not self.folder.holds(name, record):
            self.folder.withdraw(name)
            raise BuildError(
                f"{self.folder.where(name.file)}: replaced by another build while its rows were written; it will be built anew"
            )
        return record


def _contents(rows: pa.Table) -> dict[str, str]:
    """The attribute that says what the bytes of the photos of a shard were."""
    pairs = zip(rows["status"].to_pylist(), rows["sha256"].to_pylist(), strict=True)
    return {CONTENTS: contents_hash(sha256 for status, sha256 in pairs if status == Status.OK)}
