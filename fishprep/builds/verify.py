"""Does a build hold what it says? Shards against the format, the manifest against the shards, small levels against large."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fishprep.builds import algorithms
from fishprep.builds.bookkeeping import check_against_plan, check_rows, check_tables
from fishprep.builds.configuration import BuildConfiguration, recipe_hash
from fishprep.builds.expected import recorded_names, taken_names
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import ShardRecord
from fishprep.builds.names import MOVED
from fishprep.builds.networks import WeightsFrom, make_parser
from fishprep.builds.shared import shared_pictures
from fishprep.common.errors import FishPrepError
from fishprep.common.files import sha256_file
from fishprep.common.status import Status
from fishprep.common.words import counted
from fishprep.faces.pyramid import lr_pyramid
from fishprep.faces.turned import eye_angle
from fishprep.parsing import PARSERS
from fishprep.parsing.base import FaceParser
from fishprep.parsing.skin import SkinFusion, skin_pyramid
from fishprep.shards.pieces import pieces_of
from fishprep.shards.reader import Shard
from fishprep.shards.schema import HR_SIZE, LR_SIZES, ShardName, contents_hash
from fishprep.shards.versions import are_recorded, differences
from fishprep.storage.base import Storage
from fishprep.weights import RECORDS


@dataclass(frozen=True)
class Verification:
    """problems: one line each, empty where the build is sound. notes: what was not checked, and why, and what is no fault of the
    build but should be known."""

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


def verify(
    place: Path | Storage,
    depth: Depth | None,
    tell: Callable[[str], None] = lambda name: None,
    rows_only: bool = False,
) -> Verification:
    """Check a build; reads every byte of it. BuildError where the folder is not that of a build. rows_only: no shard is looked at."""
    folder = BuildFolder.at(place)
    start = folder.start()
    records = folder.finished()
    later = (*folder.extensions().values(), *folder.retries().values())
    recorded = {name: facts for facts in later for name in recorded_names(facts)}
    parser, notes = _parser(start, depth)
    if not are_recorded(start["versions"]):
        notes.append("built before versions of algorithms were recorded: the first version of each is assumed")
    problems: list[str] = []
    samples = rederived = 0
    passed_over = _passed_over(folder, records, rows_only)
    for name, record in records.items():
        tell(str(name))
        try:
            problems += check_rows(folder, name, record)
            if name in passed_over:
                continue
            problems += _check_shard(folder, name, record, recorded.get(name, start))
            if record.file is not None and depth is not None:
                with folder.shard(name) as shard:
                    chosen = np.unique(np.linspace(0, len(shard) - 1, depth.samples).round().astype(int))
                    problems += (f"{folder.where(name.file)}: {p}" for p in _derive_again(shard, chosen, parser))
                    rederived += len(chosen)
        except (FishPrepError, OSError) as error:
            problems.append(str(error))
    samples = sum(record.samples for record in records.values())
    problems += [] if rows_only else _check_folder(folder, records)
    problems += check_against_plan(folder, records)
    problems += check_tables(folder, records)
    if not problems:
        notes += shared_pictures(folder, records)
    if passed_over:
        places = "" if rows_only else f" ({', '.join(folder.elsewhere().places())})"
        what = "not looked at: rows and records alone" if rows_only else f"elsewhere{places}, and not looked at"
        notes.insert(0, f"{counted(len(passed_over), 'shard')} {what}")
    return Verification(len(records), samples, rederived, tuple(problems), tuple(notes))


def _passed_over(folder: BuildFolder, records: dict[ShardName, ShardRecord], rows_only: bool) -> set[ShardName]:
    """Shards that are not looked at: all, or those that were moved away on purpose, to where nobody can look from here."""
    kept = {name: record for name, record in records.items() if record.file is not None}
    elsewhere = folder.elsewhere()
    return {
        name
        for name, record in kept.items()
        if rows_only or (elsewhere.knows(record) and folder.storage_of(name) is None)
    }


def _parser(start: dict[str, Any], depth: Depth | None) -> tuple[FaceParser | None, list[str]]:
    if depth is None:
        return None, []
    configuration = BuildConfiguration.recorded(start["configuration"])
    if changes := _other_algorithms(configuration, start["versions"]):
        return None, [f"not derived again, as other algorithms made it: {'; '.join(changes)}"]
    if PARSERS[configuration.parser].is_given:
        return None, ["maps at 128 were not derived again: they were given, not made of the pictures"]
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
    return differences(before, algorithms.in_recipe(configuration))


def _own_parser_weights(configuration: BuildConfiguration) -> str:
    """The weights that a build parsed with by --parser-weights: none of the recorded files."""
    known = {record.sha256 for record in RECORDS}
    own = [f"{name} (SHA-256 {sha256})" for name, sha256 in configuration.weights.items() if sha256 not in known]
    return f"the weights that the shards were made with, {' and '.join(own)}," if own else ""


def _check_shard(folder: BuildFolder, name: ShardName, record: ShardRecord, facts: dict[str, Any]) -> Iterator[str]:
    if record.file is None:
        return
    storage = folder.storage_of(name) or folder.storage
    path = storage.where(name.file)
    size = storage.size(name.file)
    again = "build again" if "specs" not in facts else "retry again" if "statuses" in facts else "extend again"
    if size is None and storage is not folder.storage:
        yield f"{path}: gone, though it was moved there: put it back, or take it out of {MOVED}, delete {name.rows_file} and {again}"
        return
    if size is None:
        yield (
            f"{path}: gone; delete {name.rows_file} and {again}; if it was moved on purpose, `fishprep move {folder} PLACE` "
            "records where it is"
        )
        return
    with storage.local(name.file) as here:
        if size != record.bytes or sha256_file(here) != record.sha256:
            yield f"{path}: its bytes have changed since it was written; delete it and {name.rows_file}, and {again}"
        if record.pieces not in (None, pieces_of(here)):
            yield f"{path}: its pieces are not those that were recorded; delete it and {name.rows_file}, and {again}"
        with Shard(here, path) as shard:
            shard.check_values()
            yield from (f"{path}: {problem}" for problem in _check_attributes(shard, name, facts))
            yield from (f"{path}: {problem}" for problem in _check_samples(folder, name, shard))


def _check_attributes(shard: Shard, name: ShardName, facts: dict[str, Any]) -> Iterator[str]:
    """facts: what the build, or the retry that made the shard, recorded."""
    attributes = shard.attributes
    if attributes.split != name.split:
        yield f"holds samples of the split `{attributes.split}`"
    if attributes.recipe != facts["recipe"]:
        yield "made by another recipe than the build's"
    if attributes.inputs != facts["inputs"]:
        yield "made from other inputs than the build's"
    mine, recorded = (BuildConfiguration.recorded(c) for c in (attributes.configuration, facts["configuration"]))
    if changes := mine.differences(recorded):
        yield f"made with other settings than were recorded: {'; '.join(changes)}"
    if sorted(attributes.weights.values()) != sorted(facts["configuration"]["weights"].values()):
        yield "names other weights than were recorded"
    if attributes.versions != facts["versions"]:
        yield "made with other versions of libraries than were recorded"


def _check_samples(folder: BuildFolder, name: ShardName, shard: Shard) -> Iterator[str]:
    rows = folder.rows(name)
    columns = ["id", "index", "status", "box", "angle", "sha256"]
    kept = [row for row in rows.select(columns).to_pylist() if row["status"] == Status.OK]
    if [row["index"] for row in kept] != list(range(len(shard))) or [row["id"] for row in kept] != shard.ids:
        yield f"its samples are not those of {name.rows_file}"
    elif not np.array_equal(np.array([row["box"] for row in kept], np.float32), shard["box"]):
        yield f"its boxes are not those of {name.rows_file}"
    elif not np.array_equal(np.array([row["angle"] or 0 for row in kept], np.float32), shard.angles):
        yield f"its angles are not those of {name.rows_file}"
    elif shard.attributes.contents not in ("", contents_hash(row["sha256"] for row in kept)):
        yield f"its photos had other bytes than {name.rows_file} says"


def _check_folder(folder: BuildFolder, records: dict[ShardName, ShardRecord]) -> Iterator[str]:
    files = {record.file for record in records.values()}
    own = {name.file for name in taken_names(folder)}
    for file in (file for file in folder.storage.list() if file.endswith(".h5")):
        if file not in own:
            yield f"{folder.where(file)}: no shard of this build, though a training may take it for one: move it away"
        elif file not in files:
            yield f"{folder.where(file)}: no rows for it: not a finished shard; `fishprep build` makes it anew"


def _derive_again(shard: Shard, chosen: np.ndarray, parser: FaceParser | None) -> Iterator[str]:
    configuration = BuildConfiguration.recorded(shard.attributes.configuration)
    if _other_algorithms(configuration, shard.attributes.versions):
        return  # said in the notes
    yield from _check_level(shard, chosen, configuration.upright)
    hr, skin = shard.images(HR_SIZE)[chosen], shard.skin(HR_SIZE)[chosen]
    for size, expected in lr_pyramid(hr, configuration.resizer).items():
        if not np.array_equal(shard.images(size)[chosen], expected):
            yield f"image/{size} is not image/128 resized by {configuration.resizer}"
    for size, expected in skin_pyramid(skin, LR_SIZES, configuration.mask_resizer).items():
        if not np.array_equal(shard.skin(size)[chosen], expected):
            yield f"skin/{size} is not skin/128 brought to size by {configuration.mask_resizer}"
    if "classes/128" in shard:
        fused = SkinFusion.of(configuration.skin_classes).fuse(shard["classes/128"][chosen])
        if not np.array_equal(fused, skin):
            yield "skin/128 is not the fusion of classes/128"
    if parser is not None:
        yield from _parse_again(shard, hr, shard["landmarks"][chosen], skin, parser)


def _check_level(shard: Shard, chosen: np.ndarray, upright: bool, tolerance: float = 0.01) -> Iterator[str]:
    """Crops stand turned where the recipe turns them, and the eyes are level in them to `tolerance` degrees."""
    if upright != ("angle" in shard):
        yield "has no angles, though its crops are turned" if upright else "has angles, though no crop is turned"
    elif upright and (worst := max(abs(eye_angle(points)) for points in shard["landmarks"][chosen])) > tolerance:
        yield f"eyes that are turned by {worst:.2f} degrees in their crop, though its crops are turned until they are level"


def _parse_again(
    shard: Shard, hr: np.ndarray, landmarks: np.ndarray, skin: np.ndarray, parser: FaceParser, tolerance: float = 0.001
) -> Iterator[str]:
    """Bit-equal on the machine that built it; on another the stated share of pixels may differ."""
    differing = float((parser.parse(hr, landmarks).skin != skin).mean())
    if differing > tolerance:
        yield f"{differing:.2%} of the pixels of skin/128 are not what the parser makes of image/128"
