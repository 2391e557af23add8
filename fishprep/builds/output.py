"""Who may write where a build is, and what may be replaced and removed there.

Somebody's own files may lie beside a build. Nothing is removed or replaced that is not the build's by its name, in a folder
that holds a build.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from fishprep.builds.folder import RECORDED, BuildFolder
from fishprep.builds.names import CONFIGURATION, MARKS, PLAN, SINGLE, is_extension, is_list, is_own, is_retry, shard_of
from fishprep.builds.tables import is_plan
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.shards.schema import ShardName
from fishprep.storage.base import InUseError


def is_build(folder: BuildFolder) -> bool:
    """Whether a folder holds a build, be it damaged or stopped at its very start."""
    try:
        known = json.loads(folder.storage.read(CONFIGURATION).decode("utf-8"))
    except (OSError, ValueError):
        known = None
    return (isinstance(known, dict) and known.keys() >= RECORDED) or is_plan(folder.storage, PLAN)


def check_free(folder: BuildFolder, overwrite: bool) -> None:
    """ConfigurationError where a build in a folder would replace files that are no build's; nothing is written.

    With `overwrite` the folder must hold a build, or nothing.
    """
    with _refusals(folder):
        names = folder.storage.list()
        if not names or is_build(folder):
            return
    if overwrite:
        raise ConfigurationError(
            f"{folder} holds no build that --overwrite could remove, but {names[0]!r}: leave --overwrite out, or choose "
            "another folder"
        )
    foreign = [name for name in names if is_own(name) or name.endswith(".h5")]
    if foreign:
        raise ConfigurationError(f"{folder} holds {foreign[0]!r} but no build ({CONFIGURATION}): choose another folder")


@contextmanager
def writing(folder: BuildFolder) -> Iterator[None]:
    """Make a folder and let only one build at a time into it; the lock goes with the process that holds it.

    BuildError where another build is at work, or where the system refuses a file.
    """
    with _refusals(folder), folder.storage.exclusive():
        yield


@contextmanager
def _refusals(folder: BuildFolder) -> Iterator[None]:
    """What the system refuses, as BuildError."""
    try:
        yield
    except InUseError as error:
        raise BuildError(f"{folder}: another build is at work in it") from error
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        mend = "see to it and try again" if folder.storage.is_shared else "give a folder that can be written"
        raise BuildError(f"{folder}: cannot build in it: {error.strerror or error}{place}; {mend}") from error


def remove_build(folder: BuildFolder, names: Collection[ShardName] | None) -> None:
    """Remove the files of the build in a folder, its shards those of `names` (None: all that are named as shards).

    Where it holds none, nothing is removed.
    """
    if not is_build(folder):
        return
    standing = folder.storage.list()
    shards = {name for file in standing if (name := shard_of(file)) and (names is None or name in names)}
    folder.withdraw(*sorted(shards))
    folder.storage.delete(*filter(is_list, standing))
    records = (name for name in standing if is_retry(name) or is_extension(name))
    folder.storage.delete(*records)  # after its shards, which would else pass for the build's
    folder.storage.sweep(is_own)
    folder.storage.delete(*(name for name in SINGLE if name not in MARKS))
    folder.storage.delete(*MARKS)  # last: wherever a removal is stopped, what is left is known for a build's


def remove_leftovers(folder: BuildFolder, names: Collection[ShardName]) -> None:
    """What a build or a retry that was killed left: temporary files, lists, and those of its shards `names` whose rows were not
    written any more.

    Where others may be at work, a shard without rows may be theirs: it stays until its spec is done.
    """
    folder.storage.sweep(is_own)
    if folder.storage.is_shared:
        return
    standing = set(folder.storage.list())
    shards = (n.file for n in names if n.file in standing and n.rows_file not in standing)
    folder.storage.delete(*sorted(filter(is_list, standing)), *shards)
