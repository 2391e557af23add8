"""The rows of a build as columns of numbers, and the few rows that are shown; both read in streaming form."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ROW_SCHEMA, are_rows
from fishprep.builds.names import SAMPLES
from fishprep.common.errors import BuildError, ConfigurationError, unusable
from fishprep.common.status import Status
from fishprep.common.where import Where

MEASURES = ("side", "yaw", "pitch", "roll", "blur", "skin")
_NAMES = ("status", "split", "landmark_backend", "licence", "shard")
_KEYS = ("photo", "sha256", "identity")
_BATCH = 4096


@dataclass(frozen=True)
class SamplePlace:
    """Where a sample lies: `SPLIT-NNNNN` and its index."""

    shard: str
    index: int


@dataclass(frozen=True, eq=False)
class CodedColumn:
    """A column of few different texts: codes (N,) int32, `names[code]` is the text; nothing is the empty text."""

    names: tuple[str, ...]
    codes: np.ndarray

    def __getitem__(self, number: int) -> str:
        return self.names[self.codes[number]]

    def equal(self, name: str) -> np.ndarray:
        """(N,) bool: where the text is `name`."""
        if name not in self.names:
            return np.zeros(len(self.codes), bool)
        return self.codes == self.names.index(name)

    def counts(self, mask: np.ndarray) -> dict[str, int]:
        """How often each text stands where `mask` does, the most frequent first, then by name."""
        totals = np.bincount(self.codes[mask], minlength=len(self.names)).tolist()
        found = [(name, total) for name, total in zip(self.names, totals, strict=True) if total]
        return dict(sorted(found, key=lambda pair: (-pair[1], pair[0])))


@dataclass(frozen=True, eq=False)
class Columns:
    """All N rows of a build, in their order.

    index: (N,) int32, -1 where nothing was kept. measures: name → (N,) float32, NaN where there is none. fingerprint: (N,)
    uint64, 0 where there is none. photo, content, identity: (N,) uint64, equal where the texts are; 0 where there is none.
    """

    status: CodedColumn
    split: CodedColumn
    backend: CodedColumn
    licence: CodedColumn
    shard: CodedColumn
    index: np.ndarray
    measures: dict[str, np.ndarray]
    fingerprint: np.ndarray
    photo: np.ndarray
    content: np.ndarray
    identity: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    @property
    def kept(self) -> np.ndarray:
        """(N,) bool: rows of samples."""
        return self.status.equal(Status.OK)

    def place(self, number: int) -> SamplePlace:
        """Where the sample of a kept row lies."""
        return SamplePlace(self.shard[number], int(self.index[number]))


def read_columns(folder: BuildFolder, where: Where | None = None) -> Columns:
    """Read the rows of `samples.parquet`, those alone of which `where` is true. BuildError where it is missing, damaged or of other
    columns, ConfigurationError where `where` is true of none."""
    names: dict[str, dict[str, int]] = {column: {} for column in _NAMES}
    parts: dict[str, list[np.ndarray]] = {}
    for batch in _batches(folder, [*_NAMES, *_KEYS, *MEASURES, "index", "fingerprint"], where):
        for column, part in _numbers(batch, names):
            parts.setdefault(column, []).append(part)
    whole = {column: np.concatenate(pieces) for column, pieces in parts.items()}
    if not whole and where is not None:
        raise ConfigurationError(f"{folder.where(SAMPLES)}: no row is chosen by --where {where.text!r}")
    if not whole:
        raise BuildError(f"{folder.where(SAMPLES)}: no rows in it: the build saw no photos")
    return Columns(
        **{
            {"landmark_backend": "backend"}.get(column, column): CodedColumn(tuple(names[column]), whole[column])
            for column in _NAMES
        },
        index=whole["index"],
        measures={name: whole[name] for name in MEASURES},
        fingerprint=whole["fingerprint"],
        photo=whole["photo"],
        content=whole["sha256"],
        identity=whole["identity"],
    )


def read_chosen(folder: BuildFolder, numbers: Iterable[int], where: Where | None = None) -> dict[int, dict[str, Any]]:
    """Whole rows of `samples.parquet` by their numbers, among those of which `where` is true."""
    chosen = np.unique(np.fromiter(numbers, np.int64))
    rows: dict[int, dict[str, Any]] = {}
    start = 0
    for batch in _batches(folder, ROW_SCHEMA.names, where):
        here = chosen[(chosen >= start) & (chosen < start + batch.num_rows)]
        rows |= zip(here.tolist(), batch.take(pa.array(here - start)).to_pylist(), strict=True)
        start += batch.num_rows
    return rows


def _batches(folder: BuildFolder, columns: list[str], where: Where | None) -> Iterator[pa.RecordBatch]:
    """Batches that are not empty."""
    path = folder.where(SAMPLES)
    try:
        with folder.samples_to_read() as file:
            if not are_rows(file.schema_arrow):
                raise BuildError(f"{path}: its columns are not those of a build of this version")
            asked = [*columns, *(name for name in (where.columns if where else ()) if name not in columns)]
            for batch in file.iter_batches(_BATCH, columns=asked):
                chosen = batch if where is None else batch.filter(pa.array(where.mask(pa.Table.from_batches([batch]))))
                if chosen.num_rows:
                    yield chosen.select([name for name in columns if name in chosen.schema.names])
    except (OSError, pa.ArrowException) as error:
        said = f"missing or damaged ({error}); `fishprep verify --repair` makes it anew"
        raise unusable(path, error, said) from error


def _numbers(batch: pa.RecordBatch, names: dict[str, dict[str, int]]) -> Iterator[tuple[str, np.ndarray]]:
    for column, known in names.items():
        texts = (text or "" for text in batch[column].to_pylist())
        yield column, np.array([known.setdefault(text, len(known)) for text in texts], np.int32)
    for column in _KEYS:
        yield column, np.array([_key(text) for text in batch[column].to_pylist()], np.uint64)
    for column in MEASURES:
        yield column, batch[column].cast(pa.float32()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    yield "index", batch["index"].fill_null(-1).to_numpy(zero_copy_only=False)
    yield "fingerprint", batch["fingerprint"].fill_null(0).to_numpy(zero_copy_only=False)


def _key(text: str | None) -> int:
    """64 bits of a hash: two texts share them with a chance of 1 in 10^9 among 200,000."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") if text else 0
