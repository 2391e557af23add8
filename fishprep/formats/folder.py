"""Folders of PNGs, named as the authors' code looks for them; BasicSR's `PairedImageDataset` reads any two of them.

`OUT/SPLIT/HR`, `LR` (x8), `LR_x4`, `LR_x16`, and the skin maps `global_2_LR` (x8), `global_2_LR_x4`, ... in three channels; x2 and the maps
of HR are named in the same way. The authors pair files by their order, BasicSR by their names: both are the same in all folders.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fishprep.common.errors import ConfigurationError
from fishprep.common.files import atomic, flush_folder, meant_for
from fishprep.formats.base import ExportPlan, ExportShard, Layer, TellFaces, fact_lines, png
from fishprep.shards.reader import Shard


def folder_name(layer: Layer) -> str:
    """What the authors call it: x8 has no mark."""
    if layer.kind == "classes":
        return "classes"
    of = "HR" if layer.scale == 1 else "LR" if layer.scale == 8 else f"LR_x{layer.scale}"
    return of if layer.kind == "image" else f"global_2_{of}"


def shown_pixels(layer: Layer, shard: Shard, index: int) -> np.ndarray:
    """As the authors' and BasicSR's readers want it: (s, s, 3), skin in three equal channels; classes stay (s, s)."""
    pixels = layer.pixels(shard, index)
    return np.repeat(pixels[..., None], 3, axis=2) if layer.kind == "skin" else pixels


class FolderWriter:
    """A PNG for each face and layer; `OUT/SPLIT.jsonl` has ids, landmarks and boxes."""

    def __init__(self, plan: ExportPlan) -> None:
        self._plan = plan
        self._swept: set[Path] = set()

    def targets(self) -> list[Path]:
        return [self._plan.out / name for split in self._plan.splits for name in (split, f"{split}.jsonl")]

    def write(self, part: ExportShard, shard: Shard, tell: TellFaces) -> None:
        """ConfigurationError where a file stands that is not the one that would be written."""
        folders = {layer: self._plan.out / part.name.split / folder_name(layer) for layer in self._plan.layers}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
            self._sweep(folder)
        for index, key in part.faces:
            for layer, folder in folders.items():
                _place(folder / f"{key}.png", png(shown_pixels(layer, shard, index)))
            tell(1)
        _flush(folders.values())

    def finish(self) -> None:
        for split in self._plan.splits:
            write_lines(self._plan.out / f"{split}.jsonl", fact_lines(self._plan.of(split)))

    def _sweep(self, folder: Path) -> None:
        """Remove, once, what an export that was killed has left half written."""
        if folder not in self._swept:
            self._swept.add(folder)
            for path in folder.iterdir():
                if (meant_for(path.name) or "").endswith(".png"):
                    path.unlink(missing_ok=True)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Lines of text, whole or not at all."""
    with atomic(path) as temporary, open(temporary, "w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.writelines(lines)


def _place(path: Path, data: bytes) -> None:
    """One of very many files: renamed into place, and flushed with all others of its shard."""
    try:
        with atomic(path, replace=False, flushed=False) as temporary:
            temporary.write_bytes(data)
    except FileExistsError:
        if path.read_bytes() != data:
            raise ConfigurationError(
                f"{path}: another file than this export would write: take it away, or choose another folder"
            ) from None


def _flush(folders: Iterable[Path]) -> None:
    if hasattr(os, "sync"):
        os.sync()
    for folder in folders:
        flush_folder(folder)
