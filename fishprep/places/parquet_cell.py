"""A picture in a column of a Parquet file, as Hugging Face's data sets hold them."""

from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fishprep.common.errors import DecodeError, out_of_memory
from fishprep.common.parquet import readable
from fishprep.common.status import Status
from fishprep.decoding.decode import Limits, check_bytes
from fishprep.places.archive import Archive
from fishprep.places.base import ReadBytes, Stamp

GROUPS_KEPT = 2
"""Row groups whose pictures a process keeps: its photos come in the order of the plan, so mostly from one group, or by threads from two."""

LARGEST_GROUP = 4 * 2**30
"""Bytes of a row group, unpacked, which is read as a whole."""


@dataclass(frozen=True)
class ParquetCell:
    """Row `row` of row group `group`; `column`: the name of the column, or of its part, that holds the bytes (`image.bytes`)."""

    archive: Archive
    name: str
    column: str
    group: int
    row: int

    def __str__(self) -> str:
        return f"{self.archive.path}/{self.name}"

    def stamp(self) -> Stamp:
        """Where it stands in a file of which time. How large it is only reading tells."""
        return Stamp(None, f"{self.archive.stamp.version} at {self.group} {self.row}")

    def read(self, limits: Limits) -> ReadBytes:
        """As `Place.read` says. The pictures of its row group are read together."""
        try:
            cell = _pictures(self.archive, self.column, self.group)[self.row]
        except (OSError, pa.ArrowException, IndexError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DecodeError(Status.UNREADABLE, f"cannot be read from the Parquet file: {reason}") from error
        except MemoryError as error:
            raise DecodeError(Status.FAILED, out_of_memory("read")) from error
        if not cell.is_valid:
            raise DecodeError(Status.UNREADABLE, "no bytes in its row")
        check_bytes(cell.as_buffer().size, limits)
        return ReadBytes(cell.as_py(), self.stamp())


@lru_cache(maxsize=GROUPS_KEPT)
def _pictures(archive: Archive, column: str, group: int) -> pa.ChunkedArray:
    archive.check(archive.path.stat())
    with readable(archive.path) as stream, pq.ParquetFile(stream) as file:
        size = file.metadata.row_group(group).total_byte_size
        if size > LARGEST_GROUP:
            raise DecodeError(
                Status.TOO_LARGE,
                f"its row group has {size:,} bytes, at most {LARGEST_GROUP:,}: write smaller row groups",
            )
        values = file.read_row_group(group, columns=[column]).column(0)
    for part in column.split(".")[1:]:
        values = pc.struct_field(values, part)
    return values
