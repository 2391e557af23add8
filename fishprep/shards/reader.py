"""A shard on disk → arrays that are mapped, not read: what every consumer of shards uses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from fishprep.common.errors import ShardError, refusal
from fishprep.shards import schema
from fishprep.shards.mapping import map_file
from fishprep.shards.texts import check_attributes, check_dataset


@dataclass(frozen=True)
class ShardAttributes:
    """What a shard says of itself. `configuration`, `versions`, `weights` are the parsed JSON objects."""

    schema_version: str
    producer: str
    split: str
    samples: int
    configuration: dict[str, Any]
    recipe: str
    inputs: str
    versions: dict[str, str]
    weights: dict[str, str]
    contents: str = ""
    """`schema.contents_hash` of its photos; empty in shards from before it was stored."""


class Shard:
    """An open shard: every numeric dataset mapped into memory, read-only.

    The HDF5 file is opened only to learn where the datasets lie, and closed again; what stays is one mapping of the
    file and no open file, so any number of shards can be held. A Shard can be pickled (it is opened anew, by its path)
    and used after a fork and from many threads.

    Raises ShardError on opening where the file is truncated, not a shard, of a format it cannot read, or has datasets of
    other names, shapes or dtypes than the format's, or datasets that lie outside it (links to other files are not followed).
    Values are checked by `check_values`, not on opening.
    """

    def __init__(self, path: Path | str, where: str | None = None) -> None:
        """where: what messages call it, where `path` is a copy of what lies elsewhere."""
        self.path, self.where = Path(path), where or str(path)
        if self.path.exists() and not self.path.is_file():
            raise ShardError(f"{self.where}: not a regular file")
        try:
            # Without a lock: a shard never changes under its name, and drives there are that have none.
            with h5py.File(self.path, "r", locking=False) as file:
                self._bytes: np.ndarray | None = map_file(self.path)
                check_attributes(self.where, file, self._bytes)
                self.attributes = _read_attributes(self.where, file)
                self._layout = _read_layout(self.where, file, self.attributes.samples)
                self.ids = _read_text(self.where, file, "id", self._bytes)
                self.splits = _read_text(self.where, file, "split", self._bytes)
        except FileNotFoundError as error:
            raise ShardError(f"{self.where}: there is no such file") from error
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, ArithmeticError) as error:
            said = refusal(error) or f"truncated, damaged or not a shard: {_first_line(error)}"
            raise ShardError(f"{self.where}: {said}") from error
        self._arrays = {name: self._map(name) for name in self._layout}

    def __len__(self) -> int:
        return self.attributes.samples

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def __getitem__(self, name: str) -> np.ndarray:
        """The mapped array of a dataset (`image/128`, `skin/16`, `landmarks`, ...), read-only, first axis the sample."""
        try:
            return self._arrays[name]
        except KeyError:
            raise ShardError(f"{self.where}: no dataset {name}; it has {', '.join(self._arrays)}") from None

    def arrays(self) -> dict[str, np.ndarray]:
        """All mapped arrays by the name of their dataset."""
        return dict(self._arrays)

    def extent(self, name: str) -> tuple[int, int]:
        """Where the values of a dataset lie in the file: offset and bytes."""
        return self._layout[name][0], self[name].nbytes

    def images(self, size: int) -> np.ndarray:
        """(N, size, size, 3) uint8 RGB."""
        return self[schema.image(size)]

    def skin(self, size: int) -> np.ndarray:
        """(N, size, size) uint8 in {0, 1}."""
        return self[schema.skin(size)]

    @property
    def angles(self) -> np.ndarray:
        """(N,) float32: degrees by which the crops stand turned clockwise in their photos; 0 in a shard without turned crops."""
        return self["angle"] if "angle" in self else np.zeros(len(self), np.float32)

    def gather(self, name: str, indices: Sequence[int] | np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Copy the samples `indices` of a dataset into `out` (or a new array), one memory copy a sample.

        Raises IndexError where an index is not in [0, N).
        """
        chosen = np.asarray(indices, np.intp)
        if chosen.size and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise IndexError(f"{self.where}: indices must lie in [0, {len(self)})")
        # mode="clip" lets NumPy write straight into `out`; the indices have been checked above
        return np.take(self[name], chosen, axis=0, out=out, mode="clip")

    def check_values(self) -> None:
        """Read everything and raise ShardError at the first value that the format forbids."""
        for field in schema.FIELDS:
            if field.name not in self or field.largest is None or field.largest == 255:
                continue
            largest = int(self[field.name].max())
            if largest > field.largest:
                raise ShardError(
                    f"{self.where}: {field.name} holds {largest}, the largest valid value is {field.largest}"
                )
        if not np.isfinite(self["landmarks"]).all():
            raise ShardError(f"{self.where}: landmarks that are not finite")
        boxes = self["box"]
        if not np.isfinite(boxes).all() or not (boxes[:, 2:] > boxes[:, :2]).all():
            raise ShardError(f"{self.where}: a crop box without extent")
        if not (np.abs(self.angles) <= 180).all():  # nor NaN
            raise ShardError(f"{self.where}: an angle that is not in [-180, 180]")
        if len(set(self.ids)) != len(self.ids):
            raise ShardError(f"{self.where}: ids that are not unique")
        if set(self.splits) != {self.attributes.split}:
            raise ShardError(f"{self.where}: samples of another split than the shard's ({self.attributes.split})")

    def close(self) -> None:
        """Drop the mapping; arrays handed out before stay valid."""
        self._arrays = {}
        self._bytes = None

    def __enter__(self) -> "Shard":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[type["Shard"], tuple[Path, str]]:
        return Shard, (self.path, self.where)

    def _map(self, name: str) -> np.ndarray:
        offset, shape, dtype = self._layout[name]
        size = int(np.prod(shape)) * dtype.itemsize
        assert self._bytes is not None
        if offset + size > len(self._bytes):
            raise ShardError(f"{self.where}: truncated: {name} ends beyond the end of the file")
        return self._bytes[offset : offset + size].view(dtype).reshape(shape)


def _read_attributes(where: str, file: h5py.File) -> ShardAttributes:
    attributes = file.attrs
    if "schema_version" not in attributes:
        raise ShardError(f"{where}: an HDF5 file, but no shard: it has no attribute schema_version")
    version = str(attributes["schema_version"])
    if version.partition(".")[0] != str(schema.READABLE_MAJOR):
        raise ShardError(
            f"{where}: shard format {version}; this version reads {schema.READABLE_MAJOR}.x: "
            "install a newer release, or build the shards again"
        )
    missing = [name for name in schema.ATTRIBUTES if name not in attributes]
    if missing:
        raise ShardError(f"{where}: missing attributes: {', '.join(missing)}")
    texts = {name: attributes[name] for name in schema.ATTRIBUTES if name != "samples"}
    if schema.CONTENTS in attributes:
        texts[schema.CONTENTS] = attributes[schema.CONTENTS]
    if strange := [name for name, text in texts.items() if not isinstance(text, str)]:
        raise ShardError(f"{where}: attribute {strange[0]} is not text")
    objects = {name: _json_object(where, name, texts[name]) for name in ("configuration", "versions", "weights")}
    samples = attributes["samples"]
    if not isinstance(samples, np.integer) or samples < 1:
        raise ShardError(f"{where}: says that it holds {samples} samples")
    return ShardAttributes(samples=int(samples), **(texts | objects))


def _json_object(where: str, name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ShardError(f"{where}: attribute {name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ShardError(f"{where}: attribute {name} is not a JSON object")
    return value


Places = dict[str, tuple[int, tuple[int, ...], np.dtype]]


def _read_layout(where: str, file: h5py.File, samples: int) -> Places:
    layout: Places = {}
    for field in schema.FIELDS:
        dataset = _dataset(where, file, field.name)
        if dataset is None:
            if field.optional:
                continue
            raise ShardError(f"{where}: no dataset {field.name}")
        if dataset.shape != (samples, *field.shape):
            raise ShardError(f"{where}: {field.name} has shape {dataset.shape}, not {(samples, *field.shape)}")
        if field.dtype is None:
            continue
        if dataset.dtype != field.dtype:
            raise ShardError(f"{where}: {field.name} has dtype {dataset.dtype}, not {field.dtype}")
        offset = dataset.id.get_offset()
        if offset is None:
            raise ShardError(f"{where}: {field.name} has no values")
        layout[field.name] = (int(offset), dataset.shape, field.dtype)
    return layout


def _dataset(where: str, file: h5py.File, name: str) -> h5py.Dataset | None:
    """A dataset that lies in this file, in one piece; None where there is none of the name.

    Links, which may lead into any file of the machine, are not followed, nor is a dataset taken whose values lie in one.
    """
    place: h5py.Group | h5py.Dataset = file
    for part in name.split("/"):
        # not `part in place`, which follows a link to see whether there is something at its end
        if not isinstance(place, h5py.Group) or not place.id.links.exists(part.encode()):
            return None
        if place.id.links.get_info(part.encode()).type != h5py.h5l.TYPE_HARD:
            raise ShardError(f"{where}: {name} is a link to another place; a shard holds all of its datasets itself")
        place = place[part]
    if not isinstance(place, h5py.Dataset):
        raise ShardError(f"{where}: {name} is not a dataset")
    if place.external or place.id.get_create_plist().get_layout() != h5py.h5d.CONTIGUOUS:
        raise ShardError(
            f"{where}: {name} is chunked, compressed, virtual or in another file; a shard's datasets are contiguous"
        )
    return place


def _read_text(where: str, file: h5py.File, name: str, data: np.ndarray) -> list[str]:
    dataset = _dataset(where, file, name)
    assert dataset is not None, "the layout has been read"
    text = h5py.check_string_dtype(dataset.dtype)
    if text is None:
        raise ShardError(f"{where}: {name} is not text")
    if text.length is None:
        check_dataset(where, dataset, data)
    return [str(value) for value in dataset.asstr("utf-8")[:]]


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].strip() or type(error).__name__
