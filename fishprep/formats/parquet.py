"""Parquet as Hugging Face's `datasets` reads it: `OUT/data/SPLIT-NNNNN.parquet` with image columns, and a card that names the splits."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fishprep.common.files import atomic, write_text
from fishprep.common.parquet import writable
from fishprep.formats.base import ExportPlan, ExportShard, TellFaces, face_facts, png
from fishprep.shards.reader import Shard

CARD = "README.md"
ROWS = 100
"""Faces in a row group: what a reader takes at once."""

_PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_PLAIN = {
    "id": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "landmarks": (
        pa.list_(pa.list_(pa.float32(), 2), 68),
        {"feature": {"feature": {"dtype": "float32", "_type": "Value"}, "length": 2, "_type": "List"}, "length": 68}
        | {"_type": "List"},
    ),
    "box": (
        pa.list_(pa.float32(), 4),
        {"feature": {"dtype": "float32", "_type": "Value"}, "length": 4, "_type": "List"},
    ),
    "angle": (pa.float32(), {"dtype": "float32", "_type": "Value"}),
    "shard": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "index": (pa.int32(), {"dtype": "int32", "_type": "Value"}),
}
"""Columns that are no pictures: their types for Arrow and for `datasets`."""


class ParquetFileWriter:
    """A file for each shard, a row for each face."""

    def __init__(self, plan: ExportPlan) -> None:
        self._plan = plan
        pictures = {layer.name: (_PICTURE, {"_type": "Image"}) for layer in plan.layers}
        columns = {"id": _PLAIN["id"], **pictures, **_PLAIN}
        described = json.dumps({"info": {"features": {name: feature for name, (_, feature) in columns.items()}}})
        self._schema = pa.schema([(name, kind) for name, (kind, _) in columns.items()], {"huggingface": described})

    def targets(self) -> list[Path]:
        return [*(self._path(part) for part in self._plan.shards), self._plan.out / CARD]

    def write(self, part: ExportShard, shard: Shard, tell: TellFaces) -> None:
        path = self._path(part)
        path.parent.mkdir(exist_ok=True)
        rows = self._rows(part, shard)
        with atomic(path) as temporary, writable(temporary) as stream, pq.ParquetWriter(stream, self._schema) as writer:
            while some := list(islice(rows, ROWS)):
                writer.write_table(pa.Table.from_pylist(some, self._schema))
                tell(len(some))

    def finish(self) -> None:
        files = "".join(f"  - split: {split}\n    path: data/{split}-*.parquet\n" for split in self._plan.splits)
        text = (
            f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n\n"
            "Face crops with landmarks and parsing maps, exported from shards of fishprep. They are under the terms of the photos that "
            "the shards were built from.\n"
        )
        write_text(self._plan.out / CARD, text)

    def _path(self, part: ExportShard) -> Path:
        return self._plan.out / "data" / f"{part.name}.parquet"

    def _rows(self, part: ExportShard, shard: Shard) -> Iterator[dict[str, Any]]:
        for index, key in part.faces:
            known = face_facts(part, shard, index, key)
            pictures = {
                layer.name: {"bytes": png(layer.pixels(shard, index)), "path": f"{key}.png"}
                for layer in self._plan.layers
            }
            yield {**pictures, **{name: known[name] for name in _PLAIN}}
