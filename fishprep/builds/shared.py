"""Equal files in two splits of a build, found in its rows."""

from collections.abc import Mapping

import numpy as np

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ShardRecord
from fishprep.builds.samples import last_tries
from fishprep.common.words import counted
from fishprep.shards.schema import SPLITS, ShardName


def shared_pictures(folder: BuildFolder, records: Mapping[ShardName, ShardRecord]) -> list[str]:
    """A note where equal files are in two splits, as copies in folders of somebody's split may be. 25 bytes of memory a photo."""
    contents, splits, places = _contents(folder, records)
    order = np.argsort(contents, kind="stable")
    contents, splits, places = contents[order], splits[order], places[order]
    begins = np.flatnonzero(np.r_[True, contents[1:] != contents[:-1]][: len(contents)])
    first = np.repeat(begins, np.diff(np.r_[begins, len(contents)]))
    others = np.flatnonzero(splits != splits[first])
    if not len(others):
        return []
    names = list(records)
    pair = others[np.argmin(places[others, 0] * 2**32 + places[others, 1])]
    one, other = (_photo(folder, names[places[at, 0]], int(places[at, 1])) for at in (pair, first[pair]))
    return [
        f"{counted(len(others), 'photo')} of the same bytes as one in another split, the first {one!r} in "
        f"`{SPLITS[splits[pair]]}` and {other!r} in `{SPLITS[splits[first[pair]]]}`: what is measured on one may have been "
        "trained on"
    ]


def _contents(
    folder: BuildFolder, records: Mapping[ShardName, ShardRecord]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each photo that could be read the first 8 bytes of its hash, (N,) uint64, its split, (N,) uint8, and where it stands:
    (N, 2) int64, the number of its shard and of its row."""
    contents: list[np.ndarray] = [np.empty(0, np.uint64)]
    splits: list[np.ndarray] = [np.empty(0, np.uint8)]
    places: list[np.ndarray] = [np.empty((0, 2), np.int64)]
    for number, (name, table) in enumerate(last_tries(folder, records, list(folder.retries().values()))):
        shas, photos = table["sha256"].to_pylist(), table["photo"].to_pylist()
        rows = [i for i, sha in enumerate(shas) if sha and (not i or photos[i] != photos[i - 1])]
        contents.append(np.array([int(shas[i][:16], 16) for i in rows], np.uint64))
        splits.append(np.full(len(rows), SPLITS.index(name.split), np.uint8))
        places.append(np.array([(number, i) for i in rows], np.int64).reshape(-1, 2))
    return np.concatenate(contents), np.concatenate(splits), np.concatenate(places)


def _photo(folder: BuildFolder, name: ShardName, row: int) -> str:
    ((_, table),) = last_tries(folder, [name], list(folder.retries().values()))
    return table["photo"][row].as_py()
