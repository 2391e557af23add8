"""Samples → one HDF5 file, whole or not at all."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import h5py
import numpy as np

from fishprep.common.errors import ShardError
from fishprep.common.files import atomic
from fishprep.shards import schema
from fishprep.shards.reader import Shard

ALIGNMENT = 64
"""Larger datasets start at multiples of this, so that a mapped float32 array is aligned."""


@dataclass(frozen=True, eq=False)
class Samples:
    """N samples as arrays, in the shapes of `schema.FIELDS`. `classes` is None where they are not kept, `angles` where no crop is
    turned."""

    images: Mapping[int, np.ndarray]
    skin: Mapping[int, np.ndarray]
    classes: np.ndarray | None
    landmarks: np.ndarray
    boxes: np.ndarray
    ids: list[str]
    split: str
    angles: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def datasets(self) -> dict[str, np.ndarray | list[str]]:
        """Everything by the name of its dataset, in the order of the format."""
        named: dict[str, np.ndarray | list[str]] = {schema.image(s): self.images[s] for s in schema.SIZES}
        named |= {schema.skin(s): self.skin[s] for s in schema.SIZES}
        if self.classes is not None:
            named["classes/128"] = self.classes
        named |= {"landmarks": self.landmarks, "box": self.boxes}
        if self.angles is not None:
            named["angle"] = self.angles
        return named | {
            "id": self.ids,
            "split": [self.split] * len(self.ids),
        }


def write_shard(path: Path, samples: Samples, attributes: Mapping[str, str]) -> None:
    """Write `samples` (at least one) to `path`: temporary name, close, reopen and check, flush, rename.

    `attributes` are those of `schema.ATTRIBUTES` but for `samples`, `split`, `schema_version`, which follow from the rest, and with or
    without `schema.CONTENTS`.
    The same samples and attributes give the same bytes. Raises ShardError where the samples break the format, OSError
    where the disk does not take them; nothing is left behind in either case.
    """
    with atomic(path) as temporary:
        fill_shard(temporary, samples, attributes, str(path))


def fill_shard(path: Path, samples: Samples, attributes: Mapping[str, str], where: str) -> None:
    """As `write_shard`, into a file that is made whole, or removed, by somebody else. where: its later place, for messages."""
    if not len(samples):
        raise ShardError(f"{where}: a shard holds at least one sample")
    try:
        _write(path, samples, attributes)
    except (OSError, RuntimeError) as error:
        raise _system_error(error, where) from error
    with Shard(path) as written:
        written.check_values()


def _write(path: Path, samples: Samples, attributes: Mapping[str, str]) -> None:
    """By way of memory, of which it takes twice the file. HDF5 writes much while objects are taken apart, where an error of the
    disk is lost (the shard would stand, with zeros in it) or ends the process: it must never see one."""
    with h5py.File(
        uuid4().hex,  # of equal names, HDF5 takes those that two threads make for one file
        "w",
        driver="core",
        backing_store=False,
        libver=("earliest", "v110"),
        alignment_threshold=512,
        alignment_interval=ALIGNMENT,
    ) as file:
        _fill(file, samples, attributes)
        file.flush()
        content = file.id.get_file_image()
    path.write_bytes(content)


def _fill(file: h5py.File, samples: Samples, attributes: Mapping[str, str]) -> None:
    datasets = samples.datasets()
    file.attrs["schema_version"] = schema.SCHEMA_VERSION if samples.angles is None else schema.TURNED_VERSION
    file.attrs["split"] = samples.split
    file.attrs["samples"] = np.int64(len(samples))
    for name, text in attributes.items():
        file.attrs[name] = text
    for field in schema.FIELDS:
        if field.name not in datasets:
            continue
        values = datasets[field.name]
        if field.dtype is None:
            file.create_dataset(field.name, data=values, dtype=h5py.string_dtype("utf-8"))
        else:
            array = np.ascontiguousarray(values, dtype=field.dtype)
            dataset = file.create_dataset(field.name, data=array, dtype=field.dtype)
            if field.name == "classes/128":
                dataset.attrs["class_order"] = schema.CLASS_ORDER


def _system_error(error: Exception, where: str) -> OSError:
    """HDF5 reports a full disk as an OSError or a RuntimeError, with the system's number in its text."""
    match = re.search(r"errno = (\d+)", str(error))
    number = int(match[1]) if match else getattr(error, "errno", None)
    if number is None:
        return OSError(f"{where}: cannot be written: {error}")
    return OSError(number, os.strerror(number), where)
