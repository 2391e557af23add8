"""The folder of a build: which files in it are the build's own, who may write in it, and what may be removed from it.

Somebody's own files may lie beside a build. Nothing is removed or replaced that is not the build's by its name, in a folder
that holds a build.
"""

import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import Timeout

from fishprep.builds import manifest
from fishprep.common.errors import BuildError, ConfigurationError, unusable
from fishprep.shards.schema import ShardName
from fishprep.storage.lock import LOCK, locked
from fishprep.storage.own import says

_LAST = (manifest.PLAN, manifest.CONFIGURATION)
"""Removed last, in this order: a folder that holds one of them is known for a build's, wherever a removal was stopped."""
_SINGLE = (manifest.MANIFEST, manifest.SAMPLES, manifest.REPORT, *_LAST)
_RETRY = re.compile(r"retry-\d{4,}\.json")
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.\d+\.tmp")
_RECORDED = {"configuration", "recipe", "inputs", "versions"}


def is_own(name: str) -> bool:
    """Whether a build writes files of this name."""
    return name in _SINGLE or _RETRY.fullmatch(name) is not None or shard_of(name) is not None


def shard_of(name: str) -> ShardName | None:
    """The shard that a file of this name is, or holds the rows of."""
    path = Path(name)
    return ShardName.parse(path.with_suffix(".h5")) if path.suffix in (".h5", ".parquet") else None


def shards_named(folder: Path) -> set[ShardName]:
    """Shards of which a file is there, the shard or its rows, whoever wrote it."""
    return {name for path in folder.iterdir() if (name := shard_of(path.name)) is not None}


def is_build(folder: Path) -> bool:
    """Whether a folder holds a build, be it damaged or stopped at its very start."""
    return says(folder / manifest.CONFIGURATION, _RECORDED) or _is_plan(folder / manifest.PLAN)


def _is_plan(path: Path) -> bool:
    try:
        return set(pq.read_schema(path).names) >= {"id", "path", "split", "sha256"}
    except (OSError, pa.ArrowException):
        return False


def check_free(folder: Path, overwrite: bool) -> None:
    """ConfigurationError where a build in a folder would replace files that are no build's; nothing is written.

    With `overwrite` the folder must hold a build, or nothing.
    """
    with _refusals(folder):
        if not folder.is_dir() or is_build(folder):
            return
        names = sorted(path.name for path in folder.iterdir() if path.name != LOCK)
    if names and overwrite:
        raise ConfigurationError(
            f"{folder} holds no build that --overwrite could remove, but {names[0]!r}: leave --overwrite out, or choose "
            "another folder"
        )
    foreign = [name for name in names if is_own(name) or name.endswith(".h5")]
    if foreign:
        raise ConfigurationError(
            f"{folder} holds {foreign[0]!r} but no build ({manifest.CONFIGURATION}): choose another folder"
        )


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make a folder and let only one build at a time into it; the lock goes with the process that holds it.

    BuildError where another build is at work, or where the system refuses a file.
    """
    with _refusals(folder), locked(folder):
        yield


@contextmanager
def _refusals(folder: Path) -> Iterator[None]:
    """What the system refuses, as BuildError."""
    try:
        yield
    except Timeout as error:
        raise BuildError(f"{folder}: another build is at work in it") from error
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        raise BuildError(
            f"{folder}: cannot build in it: {error.strerror or error}{place}; give a folder that can be written"
        ) from error


def remove_build(folder: Path, names: Collection[ShardName] | None) -> None:
    """Remove the files of the build in a folder, its shards those of `names` (None: all that are named as shards).

    Where it holds none, nothing is removed.
    """
    if not is_build(folder):
        return
    for path in sorted(folder.iterdir()):
        shard = shard_of(path.name)
        if (shard is not None and (names is None or shard in names)) or _RETRY.fullmatch(path.name):
            path.unlink()
    remove_temporary(folder)
    for name in _SINGLE:
        (folder / name).unlink(missing_ok=True)


def remove_leftovers(folder: Path, names: Collection[ShardName]) -> None:
    """What a build that was killed left: temporary files, and those of its shards `names` whose rows were not written any more."""
    remove_temporary(folder)
    for name in names:
        if not (folder / name.rows_file).exists():
            (folder / name.file).unlink(missing_ok=True)


def remove_temporary(folder: Path) -> None:
    """Files that were being written when a build was killed."""
    for path in list(folder.iterdir()):
        match = _TEMPORARY.fullmatch(path.name)
        if match and is_own(match["name"]):
            path.unlink(missing_ok=True)


def read_start(folder: Path) -> dict[str, Any]:
    """What a build recorded at its start; BuildError where it is missing or damaged."""
    path = folder / manifest.CONFIGURATION
    if not path.exists():
        raise BuildError(f"{folder}: no {path.name} in it: not the folder of a build")
    facts = _read_json(path)
    if missing := sorted(_RECORDED - facts.keys()):
        raise BuildError(f"{path}: not that of a build: it says nothing of {', '.join(missing)}")
    return facts


def read_retries(folder: Path) -> dict[Path, dict[str, Any]]:
    """The recorded retries of a build, by their files, in order; BuildError where one is damaged."""
    paths = sorted(path for path in folder.iterdir() if _RETRY.fullmatch(path.name))
    return {path: _read_json(path) for path in paths}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise unusable(path, error, f"damaged ({error})") from error
    if not isinstance(facts, dict):
        raise BuildError(f"{path}: damaged (no JSON object)")
    return facts
