"""BasicSR's LMDB: `OUT/SPLIT_HR.lmdb`, `SPLIT_LR_x4.lmdb`, ... each with its `meta_info.txt`; named as the folders of PNGs."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fishprep.common.errors import BuildError, MissingLibraryError
from fishprep.formats.base import COMPRESSION, ExportPlan, ExportShard, Layer, TellFaces, fact_lines, png
from fishprep.formats.folder import folder_name, shown_pixels, write_lines
from fishprep.shards.reader import Shard

META = "meta_info.txt"
_ROOM = 1 << 26
"""Bytes of a database beside what its pictures take."""


class LmdbWriter:
    """One database for each split and layer: key → PNG. `OUT/SPLIT.jsonl` has ids, landmarks and boxes."""

    def __init__(self, plan: ExportPlan) -> None:
        self._plan, self._lmdb = plan, _library()

    def targets(self) -> list[Path]:
        databases = [self._database(split, layer) for split in self._plan.splits for layer in self._plan.layers]
        return [*databases, *(self._plan.out / f"{split}.jsonl" for split in self._plan.splits)]

    def write(self, part: ExportShard, shard: Shard, tell: TellFaces) -> None:
        """One transaction a database. BuildError where one refuses: a full disk, a damaged file."""
        split = part.name.split
        try:
            with ExitStack() as stack:
                written = {layer: self._transaction(stack, split, layer) for layer in self._plan.layers}
                for index, key in part.faces:
                    for layer, transaction in written.items():
                        transaction.put(key.encode(), png(shown_pixels(layer, shard, index)))
                    tell(1)
        except self._lmdb.Error as error:
            raise BuildError(f"{self._plan.out}: LMDB refuses to write {part.name}: {error}") from error

    def finish(self) -> None:
        for split in self._plan.splits:
            for layer in self._plan.layers:
                write_lines(self._database(split, layer) / META, self._meta(split, layer))
            write_lines(self._plan.out / f"{split}.jsonl", fact_lines(self._plan.of(split)))

    def _database(self, split: str, layer: Layer) -> Path:
        return self._plan.out / f"{split}_{folder_name(layer)}.lmdb"

    def _transaction(self, stack: ExitStack, split: str, layer: Layer) -> Any:
        faces = sum(len(part.keys) for part in self._plan.of(split))
        # a PNG is hardly larger than its pixels; the file grows as it is filled
        size = 2 * faces * (3 * layer.size**2 + 4096) + _ROOM
        environment = stack.enter_context(self._lmdb.open(str(self._database(split, layer)), map_size=size))
        return stack.enter_context(environment.begin(write=True))

    def _meta(self, split: str, layer: Layer) -> Iterator[str]:
        """`KEY.png (height,width,channels) level`, a line for each picture."""
        channels = 1 if layer.kind == "classes" else 3
        for part in self._plan.of(split):
            for key in part.keys:
                yield f"{key}.png ({layer.size},{layer.size},{channels}) {COMPRESSION}\n"


def _library() -> Any:
    try:
        import lmdb
    except ImportError as error:
        raise MissingLibraryError(
            "--to lmdb needs lmdb: pip install lmdb (in a checkout: pip install '.[formats]')"
        ) from error
    return lmdb
