"""Does a build hold what it says? Shards against the format, the manifest against the shards, small levels against large."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fishprep import algorithms, manifest
from fishprep.bookkeeping import check_against_plan
from fishprep.build import write_manifest
from fishprep.configuration import BuildConfiguration, recipe_hash
from fishprep.errors import FishPrepError
from fishprep.expected import taken_names
from fishprep.files import sha256_file
from fishprep.manifest import ShardRecord
from fishprep.output import read_retries, read_start, writing
from fishprep.parsing.base import FaceParser
from fishprep.parsing.skin import SkinFusion, skin_pyramid
from fishprep.pyramid import HR_SIZE, LR_SIZES, lr_pyramid
from fishprep.setup import WeightsFrom, make_parser
from fishprep.shards.reader import Shard
from fishprep.shards.schema import ShardName
from fishprep.status import Status
from fishprep.weights import RECORDS
from fishprep.words import counted


@dataclass(frozen=True)
class Verification:
    """problems: one line each, empty where the build is sound. notes: what was not checked, and why."""

    shards: int
    samples: int
    rederived: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Depth:
    """How much of each shard is derived again: `samples` of them; maps at 128² too, where `weights` give the parser."""

    samples: int = 16
    weights: WeightsFrom = field(default_factory=WeightsFrom)


def verify(folder: Path, depth: Depth | None, tell: Callable[[str], None] = lambda name: None) -> Verification:
    """Check a build; reads every byte of it. BuildError where the folder is not that of a build."""
    start = read_start(folder)
    records = manifest.finished(folder)
    parser, notes = _parser(start, depth)
    if not algorithms.are_recorded(start["versions"]):
        notes.append("built before versions of algorithms were recorded: the first version of each is assumed")
    problems: list[str] = []
    samples = rederived = 0
    for name, record in records.items():
        tell(str(name))
        try:
            problems += _check_shard(folder, name, record, start)
            if record.file is not None and depth is not None:
                with Shard(folder / record.file) as shard:
                    chosen = np.unique(np.linspace(0, len(shard) - 1, depth.samples).round().astype(int))
                    problems += _derive_again(shard, chosen, parser)
                    rederived += len(chosen)
        except (FishPrepError, OSError) as error:
            problems.append(str(error))
        samples += record.samples
    problems += _check_folder(folder, records)
    problems += check_against_plan(folder, records)
    problems += _check_ids(folder, records)
    problems += _check_manifest(folder, records)
    return Verification(len(records), samples, rederived, tuple(problems), tuple(notes))


def repair(folder: Path) -> None:
    """Write `manifest.json` and `samples.parquet` anew from the rows that stand; shards are never touched.

    BuildError where the folder is not that of a build, cannot be written, or a build is at work in it.
    """
    read_start(folder)
    with writing(folder):
        write_manifest(folder)


def _parser(start: dict[str, Any], depth: Depth | None) -> tuple[FaceParser | None, list[str]]:
    if depth is None:
        return None, []
    configuration = BuildConfiguration.recorded(start["configuration"])
    if changes := _other_algorithms(configuration, start["versions"]):
        return None, [f"not derived again, as other algorithms made it: {'; '.join(changes)}"]
    own = _own_parser_weights(configuration)
    asked = f"give {own} with --parser-weights"
    if own and depth.weights.parser is None:
        return None, [f"maps at 128 were not derived again: {asked}"]
    try:
        parser = make_parser(configuration, depth.weights)
    except FishPrepError as error:
        return None, [f"maps at 128 were not derived again: {error}"]
    versions = algorithms.recorded(configuration, start["versions"])
    if recipe_hash(configuration, parser.settings, parser.weights, versions) != start["recipe"]:
        mend = f"; {asked}" if own else ""
        return None, [f"maps at 128 were not derived again: the parser's weights are not those of the build{mend}"]
    return parser, []


def _other_algorithms(configuration: BuildConfiguration, before: dict[str, str]) -> list[str]:
    return algorithms.differences(before, algorithms.in_recipe(configuration))


def _own_parser_weights(configuration: BuildConfiguration) -> str:
    """The weights that a build parsed with by --parser-weights: none of the recorded files."""
    known = {record.sha256 for record in RECORDS}
    own = [f"{name} (SHA-256 {sha256})" for name, sha256 in configuration.weights.items() if sha256 not in known]
    return f"the weights that the shards were made with, {' and '.join(own)}," if own else ""


def _check_shard(folder: Path, name: ShardName, record: ShardRecord, start: dict[str, Any]) -> Iterator[str]:
    if record.file is None:
        return
    path = folder / record.file
    if not path.exists():
        yield f"{path}: gone; delete {name.rows_file} and build again"
        return
    if path.stat().st_size != record.bytes or sha256_file(path) != record.sha256:
        yield f"{path}: its bytes have changed since it was written; delete it and {name.rows_file}, and build again"
    with Shard(path) as shard:
        shard.check_values()
        if shard.attributes.recipe != start["recipe"]:
            yield f"{path}: made by another recipe than the build's"
        if shard.attributes.inputs != start["inputs"]:
            yield f"{path}: made from other inputs than the build's"
        yield from _check_rows(folder, name, shard)


def _check_rows(folder: Path, name: ShardName, shard: Shard) -> Iterator[str]:
    rows = manifest.read_rows(folder / name.rows_file)
    kept = [
        row for row in rows.select(["id", "index", "shard", "status", "box"]).to_pylist() if row["status"] == Status.OK
    ]
    if [row["index"] for row in kept] != list(range(len(shard))) or [row["id"] for row in kept] != shard.ids:
        yield f"{shard.path}: its samples are not those of {name.rows_file}"
    elif not np.array_equal(np.array([row["box"] for row in kept], np.float32), shard["box"]):
        yield f"{shard.path}: its boxes are not those of {name.rows_file}"


def _check_folder(folder: Path, records: dict[ShardName, ShardRecord]) -> Iterator[str]:
    files = {record.file for record in records.values()}
    own = {name.file for name in taken_names(folder)}
    for path in sorted(folder.glob("*.h5")):
        if path.name not in own:
            yield f"{path}: no shard of this build, though a training may take it for one: move it away"
        elif path.name not in files:
            yield f"{path}: no rows for it: not a finished shard; `fishprep build` makes it anew"


def _check_ids(folder: Path, records: dict[ShardName, ShardRecord]) -> Iterator[str]:
    """A sample is in one shard; a photo that a retry took up again counts where it was tried last."""
    first: dict[str, ShardName] = {}
    for name, table in manifest.last_tries(folder, records, list(read_retries(folder).values())):
        for sample, status in zip(table["id"].to_pylist(), table["status"].to_pylist(), strict=True):
            if status == Status.OK and first.setdefault(sample, name) != name:
                yield f"{folder / name.rows_file}: {sample!r} is in {first[sample].file} already"


def _check_manifest(folder: Path, records: dict[ShardName, ShardRecord]) -> Iterator[str]:
    if not (folder / manifest.MANIFEST).exists():
        yield f"{folder}: no {manifest.MANIFEST}: the build is not finished, or --repair writes it"
        return
    try:
        listed = [ShardRecord(**record) for record in manifest.read_manifest(folder)["shards"]]
        totals = manifest.totals_of(manifest.read_manifest(folder))
        rows = manifest.read_rows(folder / manifest.SAMPLES, ["status"])
    except (FishPrepError, KeyError, TypeError) as error:
        yield f"{folder}: damaged manifest ({error}); --repair writes it anew"
        return
    if listed != list(records.values()):
        yield f"{folder / manifest.MANIFEST}: lists other shards than those that stand; --repair writes it anew"
    if len(rows) != totals.samples + totals.dropped:
        yield f"{folder / manifest.SAMPLES}: {counted(len(rows), 'row')}, not the manifest's {totals.samples + totals.dropped}"


def _derive_again(shard: Shard, chosen: np.ndarray, parser: FaceParser | None) -> Iterator[str]:
    configuration = BuildConfiguration.recorded(shard.attributes.configuration)
    if _other_algorithms(configuration, shard.attributes.versions):
        return  # said in the notes
    hr, skin = shard.images(HR_SIZE)[chosen], shard.skin(HR_SIZE)[chosen]
    for size, expected in lr_pyramid(hr, configuration.resizer).items():
        if not np.array_equal(shard.images(size)[chosen], expected):
            yield f"{shard.path}: image/{size} is not image/128 resized by {configuration.resizer}"
    for size, expected in skin_pyramid(skin, LR_SIZES, configuration.mask_resizer).items():
        if not np.array_equal(shard.skin(size)[chosen], expected):
            yield f"{shard.path}: skin/{size} is not skin/128 brought to size by {configuration.mask_resizer}"
    if "classes/128" in shard:
        fused = SkinFusion.of(configuration.skin_classes).fuse(shard["classes/128"][chosen])
        if not np.array_equal(fused, skin):
            yield f"{shard.path}: skin/128 is not the fusion of classes/128"
    if parser is not None:
        yield from _parse_again(shard, hr, shard["landmarks"][chosen], skin, parser)


def _parse_again(
    shard: Shard, hr: np.ndarray, landmarks: np.ndarray, skin: np.ndarray, parser: FaceParser, tolerance: float = 0.001
) -> Iterator[str]:
    """Bit-equal on the machine that built it; on another the stated share of pixels may differ."""
    differing = float((parser.parse(hr, landmarks).skin != skin).mean())
    if differing > tolerance:
        yield f"{shard.path}: {differing:.2%} of the pixels of skin/128 are not what the parser makes of image/128"
