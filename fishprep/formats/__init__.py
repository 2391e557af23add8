"""Shards in the formats that other projects read.

A further format is one file beside the others, with a class as `base.ExportWriter` says, and one entry in `EXPORTS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fishprep.formats.base import ExportPlan, ExportWriter


@dataclass(frozen=True)
class ExportKind:
    """A format. create: its writer, which is imported then; MissingLibraryError where a library that it needs is not installed."""

    title: str
    create: Callable[[ExportPlan], ExportWriter]


def _folder(plan: ExportPlan) -> ExportWriter:
    from fishprep.formats.folder import FolderWriter

    return FolderWriter(plan)


def _lmdb(plan: ExportPlan) -> ExportWriter:
    from fishprep.formats.lmdb import LmdbWriter

    return LmdbWriter(plan)


def _webdataset(plan: ExportPlan) -> ExportWriter:
    from fishprep.formats.webdataset import TarWriter

    return TarWriter(plan)


def _parquet(plan: ExportPlan) -> ExportWriter:
    from fishprep.formats.parquet import ParquetFileWriter

    return ParquetFileWriter(plan)


EXPORTS = {
    "folder": ExportKind("folders of PNGs, as the authors' code and BasicSR read them", _folder),
    "lmdb": ExportKind("BasicSR's LMDB with meta_info.txt", _lmdb),
    "webdataset": ExportKind("tar files of WebDataset", _webdataset),
    "parquet": ExportKind("Parquet with image columns, as Hugging Face's datasets reads it", _parquet),
}
"""What `--to` may name."""
