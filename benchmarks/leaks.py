"""How long `fishprep leaks` searches, and what memory it takes: the faces of a build, multiplied.

    python benchmarks/leaks.py SHARDS [--faces 200000]

Every invented face has the hash of one of the build's with up to four bits turned over, so that there are as many near pairs as that many
real ones would have. About a third also have that face's picture, the others some other one's: so as many pairs are laid over each other.
8 of 10 are in train, 1 in val, 1 in test. Prints a table.
"""

import argparse
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from fishprep.builds.folder import BuildFolder
from fishprep.overlaps.pictures import candidates, same_photos
from fishprep.overlaps.table import FaceTable, SplitPlace, face_table

SHARE_ALIKE = 0.35


@dataclass(frozen=True, eq=False)
class Multiplied(FaceTable):
    """looks: (N,) number of the face of `of` whose picture each shows."""

    of: FaceTable
    looks: np.ndarray

    def pictures(self, numbers: np.ndarray, size: int) -> Iterator[tuple[list[int], np.ndarray]]:
        shown, places = np.unique(self.looks[numbers], return_inverse=True)
        order, ends = np.argsort(places, kind="stable"), np.cumsum(np.bincount(places))
        for keys, pictures in self.of.pictures(shown, size):
            for key, picture in zip(keys, pictures, strict=True):
                mine = order[ends[key - 1] if key else 0 : ends[key]]
                yield mine.tolist(), np.broadcast_to(picture, (len(mine), *picture.shape))


def multiplied(table: FaceTable, count: int) -> Multiplied:
    rng = np.random.default_rng(0)
    parent = rng.integers(0, len(table), count)
    hashes = table.fingerprint[parent]
    turned = rng.integers(0, 5, count)
    for number in range(4):
        bit = np.uint64(1) << rng.integers(0, 64, count).astype(np.uint64)
        hashes = np.where(turned > number, hashes ^ bit, hashes)
    alike = rng.random(count) < SHARE_ALIKE
    values = {field.name: getattr(table, field.name) for field in fields(FaceTable)} | {
        "places": tuple(SplitPlace(0, split) for split in ("train", "val", "test")),
        "place": rng.choice(3, count, p=(0.8, 0.1, 0.1)).astype(np.int32),
        "fingerprint": hashes,
        "content": np.arange(1, count + 1, dtype=np.uint64),
    }
    for name in ("set", "row", "identity", "photo"):
        values[name] = np.zeros(count, getattr(table, name).dtype)
    return Multiplied(**values, of=table, looks=np.where(alike, parent, rng.integers(0, len(table), count)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("--faces", type=int, default=200_000)
    options = parser.parse_args()
    table = multiplied(face_table([BuildFolder.at(options.shards)]), options.faces)
    began = time.process_time()
    near = candidates(table)
    hashed = time.process_time()
    placed: list[int] = []
    found, complete = same_photos(table, lambda done, total: placed.append(total))
    ended = time.process_time()
    shown = Table(
        "faces", "near hashes in two places", "s", "laid over each other", "found", "s in all", "MB", "complete"
    )
    shown.add_row(
        f"{options.faces:,}",
        f"{len(near):,}",
        f"{hashed - began:.0f}",
        f"{placed[-1] if placed else 0:,}",
        f"{len(found):,}",
        f"{ended - hashed:.0f}",
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,}",
        str(complete),
    )
    Console().print(shown)


if __name__ == "__main__":
    main()
