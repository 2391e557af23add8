"""Shards → a folder in the format of others: checked, planned, written a shard at a time, gone on with where it was stopped."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fishprep.common.errors import BuildError, ConfigurationError, ShardError
from fishprep.common.files import read_text, sha256_file, write_text
from fishprep.common.progress import TellCount
from fishprep.common.version import __version__
from fishprep.common.where import spelt
from fishprep.formats import EXPORTS
from fishprep.formats.base import ExportPlan, ExportShard, ExportWriter, Layer, layers_of
from fishprep.formats.keys import file_keys
from fishprep.shards.reader import Shard
from fishprep.shards.schema import SIZES, ShardName, shard_paths
from fishprep.shards.view import chosen_samples
from fishprep.storage.lock import locked
from fishprep.storage.own import refuse_foreign, says

RECORD = "export.json"
FORMAT = "fishprep-export"
VERSION = 1
WHERE = "where"


@dataclass(frozen=True)
class ExportRequest:
    """What to export. to: a key of `EXPORTS`. sizes: of images and skin maps. where: a condition on the rows beside the shards; only the
    faces of which it is true (None: all)."""

    shards: Path
    out: Path
    to: str = "folder"
    sizes: tuple[int, ...] = SIZES
    where: str | None = None


@dataclass(frozen=True)
class Exported:
    """What came of it. by_split: faces. written, resumed: shards written now, and those that were there."""

    by_split: dict[str, int]
    written: int
    resumed: int


def export_shards(request: ExportRequest, tell: TellCount = lambda done, total: None) -> Exported:
    """Write the faces of a folder of shards into `request.out`: all, or those that `request.where` chooses, under the same names.

    ConfigurationError: a condition that does not fit the rows, or chooses none; an unknown format or size, an output folder with
    another export or with files of others under the names that would be written. ShardError names a shard that cannot be used, before
    anything is written. BuildError: the disk refuses; what is done is kept, and the same request goes on. tell: gets faces done and all
    faces.
    """
    _check(request)
    plan = _plan(request)
    record = _record(request, plan)
    writer = EXPORTS[request.to].create(plan)
    try:
        with locked(request.out):
            done = _begin(request.out, record, writer.targets())
            return _write(plan, writer, record, done, tell)
    except OSError as error:
        where = error.filename or request.out
        raise BuildError(
            f"{where}: {error.strerror or error}; what is done is kept, the same command goes on"
        ) from error


def _check(request: ExportRequest) -> None:
    if request.to not in EXPORTS:
        raise ConfigurationError(f"--to: {request.to!r} is not one of {', '.join(EXPORTS)}")
    if not request.sizes or (unknown := sorted(set(request.sizes) - set(SIZES))):
        listed = ", ".join(map(str, unknown)) if request.sizes else "nothing"
        raise ConfigurationError(f"--sizes: {listed}: shards have {', '.join(map(str, SIZES))}")
    if request.out.resolve() == request.shards.resolve():
        raise ConfigurationError(f"{request.out}: the shards lie there; choose another folder for what is exported")


def _plan(request: ExportRequest) -> ExportPlan:
    """Open, check and hash every shard."""
    paths = shard_paths(request.shards)
    if not paths:
        raise ShardError(f"{request.shards}: no shards (SPLIT-NNNNN.h5) in it")
    layers: dict[tuple[Layer, ...], Path] = {}
    ids: dict[Path, list[str]] = {}
    for path in paths:
        with Shard(path) as shard:
            shard.check_values()
            if shard.attributes.split != _name(path).split:
                raise ShardError(f"{path}: holds the split {shard.attributes.split}")
            layers.setdefault(layers_of(shard, request.sizes), path)
            ids[path] = shard.ids
    if len(layers) > 1:
        first, other = layers.values()
        raise ShardError(f"{first} and {other}: one has the 19 classes, the other has not: export them apart")
    keys = _keys(ids)
    shards = [_part(path, keys[path], request.where) for path in paths]
    if request.where is not None:
        shards = [shard for shard in shards if shard.keys]
        if not shards:
            raise ConfigurationError(f"{request.shards}: no face is chosen by --where {request.where!r}")
    return ExportPlan(request.out, tuple(shards), next(iter(layers)))


def _part(path: Path, keys: tuple[str, ...], where: str | None) -> ExportShard:
    """keys: of all faces of the shard."""
    chosen = range(len(keys)) if where is None else chosen_samples(path, len(keys), where).tolist()
    return ExportShard(path, _name(path), sha256_file(path), tuple(chosen), tuple(keys[index] for index in chosen))


def _keys(ids: dict[Path, list[str]]) -> dict[Path, tuple[str, ...]]:
    """Keys of the faces of each shard, different in all of them."""
    every = [name for names in ids.values() for name in names]
    if len(set(every)) != len(every):
        name = next(name for name, count in Counter(every).items() if count > 1)
        paths = [str(path) for path, names in ids.items() if name in names]
        raise ShardError(f"{' and '.join(paths)}: both hold a face {name!r}: export them apart")
    keys = iter(file_keys(every))
    return {path: tuple(next(keys) for _ in names) for path, names in ids.items()}


def _name(path: Path) -> ShardName:
    name = ShardName.parse(path)
    assert name is not None  # `shard_paths` gives no others
    return name


def _record(request: ExportRequest, plan: ExportPlan) -> dict[str, Any]:
    """What makes an export this one."""
    recipes = []
    for part in plan.shards:
        with Shard(part.path) as shard:
            recipes.append(shard.attributes.recipe)
    record = {
        "format": FORMAT,
        "version": VERSION,
        "to": request.to,
        "layers": [layer.name for layer in plan.layers],
        "recipes": sorted(set(recipes)),
        "shards": {str(part.name): part.sha256 for part in plan.shards},
    }
    # no key without one: exports from before there were conditions go on
    return record if request.where is None else {**record, WHERE: spelt(request.where)}


def _begin(out: Path, record: dict[str, Any], targets: Sequence[Path]) -> set[str]:
    """The shards that are done of the export that is in the folder; none where this one begins."""
    path = out / RECORD
    if not says(path, ({*record, "done"} - {WHERE})):
        refuse_foreign((path, *targets), "export")
        return set()
    before = json.loads(read_text(path))
    differing = [name for name in dict.fromkeys((*record, WHERE)) if before.get(name) != record.get(name)]
    if differing:
        raise ConfigurationError(
            f"{out}: holds an export of something else ({', '.join(differing)} differ): choose another folder, or delete this one"
        )
    return set(before["done"])


def _write(plan: ExportPlan, writer: ExportWriter, record: dict[str, Any], done: set[str], tell: TellCount) -> Exported:
    faces = _Count(sum(len(part.keys) for part in plan.shards), tell)
    resumed = len(done)
    _say(plan.out, record, plan, done)
    for part in plan.shards:
        if str(part.name) in done:
            faces.add(len(part.keys))
            continue
        with Shard(part.path) as shard:
            writer.write(part, shard, faces.add)
        done.add(str(part.name))
        _say(plan.out, record, plan, done)
    writer.finish()
    by_split = {split: sum(len(part.keys) for part in plan.of(split)) for split in plan.splits}
    return Exported(by_split, len(plan.shards) - resumed, resumed)


def _say(out: Path, record: dict[str, Any], plan: ExportPlan, done: set[str]) -> None:
    ordered = [str(part.name) for part in plan.shards if str(part.name) in done]
    facts = {**record, "done": ordered, "producer": f"fishprep {__version__}"}
    write_text(out / RECORD, json.dumps(facts, indent=1) + "\n")


class _Count:
    """Faces done."""

    def __init__(self, total: int, tell: TellCount) -> None:
        self._done, self._total, self._tell = 0, total, tell

    def add(self, count: int) -> None:
        self._done += count
        self._tell(self._done, self._total)
