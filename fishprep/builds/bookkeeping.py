"""Do the records of a build agree with each other? Rows with the plan, tables and manifest with the rows."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from fishprep.builds import manifest
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.expected import extended_specs, plan_of, planned_specs, recorded_names, retried_specs
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import PlannedPhoto, ShardRecord
from fishprep.builds.names import CONFIGURATION, MANIFEST, PLAN, SAMPLES
from fishprep.builds.samples import SEAL, Tally, contents, last_tries
from fishprep.builds.summary import manifest_facts
from fishprep.common.canonical import sha256_json
from fishprep.common.errors import BuildError, FishPrepError, UnreadableError, refusal
from fishprep.common.status import Status
from fishprep.common.words import counted
from fishprep.shards.schema import ShardName

_WRITTEN_WITH = ("producer", "schema_version")
"""Of the version that wrote the manifest, which need not be the one that made the shards."""

_OF_PLAN = ["photo", "path", "split", "sha256", "status"]


def check_against_plan(folder: BuildFolder, records: Mapping[ShardName, ShardRecord]) -> Iterator[str]:
    """Every spec holds the photos that the plan and the retries give it, in their order, as they were planned."""
    plan = plan_of(folder)
    if manifest.inputs_hash(folder.plan()) != folder.start()["inputs"]:
        yield f"{folder.where(PLAN)}: not the plan that {CONFIGURATION} speaks of; pass --overwrite to build anew"
    specs = planned_specs(folder)
    unstarted = [name for name in specs if name not in records]
    if unstarted:
        photos = sum(len(specs[name]) for name in unstarted)
        yield f"{folder}: no row for {counted(photos, 'photo')} of the plan: the build is not finished; run it again"
    later: set[ShardName] = set()
    for command, file, record in _later_records(folder):
        names = recorded_names(record)
        later |= set(names)
        if lacking := [name for name in names if name not in records]:
            yield (
                f"{folder.where(file)}: {counted(len(lacking), 'shard')} of this {command} not there, the first {lacking[0]}: the same "
                f"`fishprep {command}` goes on with it, with --overwrite it is removed"
            )
        try:
            if command == "retry":
                specs |= retried_specs(folder.where(file), record, plan)
                continue
            specs |= extended_specs(folder, file, record)
            if manifest.inputs_hash(folder.plan(file)) != record["inputs"]:
                yield f"{folder.where(file)}: its photos are not those that it was recorded with"
        except BuildError as error:
            yield str(error)
    for name in records:
        if name in specs:
            yield from _check_spec(folder, name, specs[name])
        elif name not in later:
            yield f"{folder.where(name.rows_file)}: neither of the build nor of a retry; delete it and {name.file}"


def _later_records(folder: BuildFolder) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Command, file and record of what came after the build."""
    yield from (("extend", file, record) for file, record in folder.extensions().items())
    yield from (("retry", file, record) for file, record in folder.retries().items())


def _check_spec(folder: BuildFolder, name: ShardName, lines: tuple[PlannedPhoto, ...]) -> Iterator[str]:
    path = folder.where(name.rows_file)
    rows = folder.rows(name, _OF_PLAN).to_pylist()
    if list(dict.fromkeys(row["photo"] for row in rows)) != [line.id for line in lines]:
        yield f"{path}: its photos are not those of {name} in the plan, in their order"
    planned = {line.id: line for line in lines}
    for row in rows:
        if row["photo"] in planned:
            yield from (f"{path}: {row['photo']!r}: {problem}" for problem in _differences(row, planned[row["photo"]]))


def _differences(row: dict[str, Any], line: PlannedPhoto) -> Iterator[str]:
    """What a row says of its photo against the plan, which knows no hash of what could not be read then."""
    if row["path"] != line.path:
        yield f"its path is {row['path']!r}, in the plan {line.path!r}"
    if row["split"] != line.split:
        yield f"its split is `{row['split']}`, in the plan `{line.split}`"
    same = row["sha256"] == line.sha256 or not row["sha256"] or not line.sha256
    if not same and row["status"] != Status.CHANGED:
        yield "its bytes changed between the plan and the build"


def check_rows(folder: BuildFolder, name: ShardName, record: ShardRecord) -> Iterator[str]:
    """The rows of a spec say what they said when they were written, and what its record says."""
    path = folder.where(name.rows_file)
    table = folder.rows(name)
    if record.rows_sha256 is not None and manifest.rows_hash(table) != record.rows_sha256:
        yield f"{path}: changed since it was written; --repair restores it where {SAMPLES} still holds it"
    kept = 0
    for row in table.select(["id", "status", "shard", "index", "box"]).to_pylist():
        is_kept = row["status"] == Status.OK
        kept += is_kept
        place = (str(name), kept - 1) if is_kept else (None, None)
        if (
            row["status"] not in list(Status)
            or (row["shard"], row["index"]) != place
            or is_kept != (row["box"] is not None)
        ):
            yield f"{path}: {row['id']!r}: its status, its place in the shard and its box do not go together"
    said = (record.name, record.file, record.samples, record.rows)
    if said != (str(name), name.file if kept else None, kept, len(table)):
        yield f"{path}: its record speaks of other rows, or of another shard"


def check_tables(folder: BuildFolder, records: Mapping[ShardName, ShardRecord]) -> Iterator[str]:
    """`samples.parquet` and `manifest.json` say what rows and records say, every fact of it; a sample is in one shard.

    A photo that a retry took up again counts where it was tried last.
    """
    if folder.storage.size(MANIFEST) is None:
        yield f"{folder}: no {MANIFEST}: the build is not finished, or --repair writes it"
        return
    samples, tally, first = _Stored(folder), Tally(), dict[str, ShardName]()
    for name, table in last_tries(folder, records, list(folder.retries().values())):
        tally.add(table)
        samples.compare(name, table)
        for sample, status in zip(table["id"].to_pylist(), table["status"].to_pylist(), strict=True):
            if status == Status.OK and first.setdefault(sample, name) != name:
                yield f"{folder.where(name.rows_file)}: {sample!r} is in {first[sample].file} already"
    if problem := samples.problem():
        yield f"{folder.where(SAMPLES)}: {problem}"
    try:
        said = folder.manifest()
        facts = contents(*manifest_facts(folder), tally.totals(records.values()), records.values())
        yield from _check_manifest(folder.where(MANIFEST), said, facts)
    except (FishPrepError, AttributeError, KeyError, TypeError) as error:
        can_look = not isinstance(error, UnreadableError)
        yield f"{folder}: damaged manifest ({error}); --repair writes it anew" if can_look else str(error)


def _check_manifest(path: str, said: dict[str, Any], facts: dict[str, Any]) -> Iterator[str]:
    seal = said.pop(SEAL, None)
    if seal is not None and seal != sha256_json(said):
        yield f"{path}: changed since it was written; --repair writes it anew"
    if [ShardRecord(**record) for record in said["shards"]] != [ShardRecord(**record) for record in facts["shards"]]:
        yield f"{path}: lists other shards than those that stand; --repair writes it anew"
    for key in facts.keys() - {"shards", *_WRITTEN_WITH}:
        if not _same(key, said[key], facts[key]):
            yield f"{path}: `{key}` is not what the other records say; --repair writes it anew"


def _same(key: str, said: Any, fact: Any) -> bool:
    """Whether an entry says what it should, whichever version wrote it."""
    if key == "configuration":
        return BuildConfiguration.recorded(said) == BuildConfiguration.recorded(fact)
    if key == "totals" and "without_sample" not in said:
        return {**said, "without_sample": fact["without_sample"]} == fact
    return said == fact


class _Stored:
    """`samples.parquet`, read along with the rows that it should hold, so that memory does not grow with the build."""

    def __init__(self, folder: BuildFolder) -> None:
        self._folder = folder
        self._problem = "" if folder.storage.size(SAMPLES) is not None else "not there"
        self._refusal = ""
        self._rest = manifest.ROW_SCHEMA.empty_table()
        self._batches = self._read()

    def compare(self, name: ShardName, rows: pa.Table) -> None:
        """The next rows must be these."""
        if self._problem:
            return
        stored = self._take(len(rows))
        if not self._problem and not stored.equals(rows) and manifest.rows_hash(stored) != manifest.rows_hash(rows):
            self._problem = f"holds other rows than {name.rows_file}"

    def problem(self) -> str:
        """What was wrong, once all rows were compared; empty where nothing was."""
        if not self._problem and len(self._take(1)):
            self._problem = "holds more rows than the shards have"
        return self._refusal or (self._problem and f"{self._problem}; --repair writes it anew")

    def _read(self) -> Iterator[pa.Table]:
        with self._folder.samples_to_read() as file:
            yield from (_with_all_columns(pa.Table.from_batches([batch])) for batch in file.iter_batches())

    def _take(self, count: int) -> pa.Table:
        try:
            while len(self._rest) < count and (batch := next(self._batches, None)) is not None:
                self._rest = pa.concat_tables([self._rest, batch])
        except (OSError, ValueError, pa.ArrowException) as error:
            self._refusal = refusal(error) or ""
            self._problem = f"damaged ({error})"
        taken, self._rest = self._rest.slice(0, count), self._rest.slice(count)
        return taken


def _with_all_columns(table: pa.Table) -> pa.Table:
    """With nothing in the columns that an older build did not have yet."""
    padded = pa.concat_tables([manifest.ROW_SCHEMA.empty_table(), table], promote_options="default")
    return padded.select(manifest.ROW_SCHEMA.names)
