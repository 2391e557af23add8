"""`fishprep.export`: shards in the format of others."""

from collections.abc import Sequence
from pathlib import Path

from fishprep.common.errors import ConfigurationError
from fishprep.common.progress import TellCount
from fishprep.formats import EXPORTS
from fishprep.formats.export import Exported, ExportRequest, export_shards
from fishprep.public.settings import StrPath
from fishprep.shards.schema import SIZES
from fishprep.storage.named import located

FORMATS = tuple(EXPORTS)
"""What `export` takes as `to`."""


def export(
    shards: StrPath,
    out: StrPath,
    to: str = "folder",
    *,
    sizes: Sequence[int] = SIZES,
    where: str | None = None,
    progress: TellCount = lambda done, total: None,
) -> Exported:
    """Write the faces of the folder `shards` into the folder `out`: as `folder`s of PNGs, `lmdb`, `webdataset` or `parquet`.

    Pixels are exactly those of the shards; ids, splits, landmarks, boxes and maps go along (docs/formats.md). sizes: of images and
    skin maps. where: only the faces of whose rows, beside the shards, a condition is true (`blur > 40`), under the names that they have
    among all. An export of the same shards that was stopped goes on; files of others in `out` stand. progress: gets faces done, and
    all. Raises ConfigurationError, ShardError, BuildError as `export_shards`, MissingLibraryError without the library of the format.
    """
    place, into = located(shards), located(out)
    if not isinstance(place, Path):
        raise ConfigurationError(
            f"{place}: shards are exported from files of this machine; copy them into a folder first"
        )
    if not isinstance(into, Path):
        raise ConfigurationError(f"{into}: an export is written into a folder of this machine; copy it from there")
    return export_shards(ExportRequest(place, into, to, tuple(sizes), where), progress)
