"""The names of the files of a build: nothing that has another name is the build's."""

import re
from pathlib import Path

from fishprep.shards.schema import ShardName

CONFIGURATION = "configuration.json"
PLAN = "plan.parquet"
MANIFEST = "manifest.json"
SAMPLES = "samples.parquet"
REPORT = "report.html"
CROISSANT, CARD = "croissant.json", "card.md"
MOVED = "moved.json"

MERGED = "merged"
"""Key of a record that was taken over from another build: which build that is, and which of its files."""

MARKS = (PLAN, CONFIGURATION)
"""A folder that holds one of them is known for a build's. Written first, and removed last, in this order."""
SINGLE = (MANIFEST, SAMPLES, REPORT, CROISSANT, CARD, MOVED, *MARKS)
_RETRY = re.compile(r"retry-(?P<number>\d{4,})\.json")
_LIST = re.compile(r"retry-\d{4,}\.parquet")
_EXTENSION = re.compile(r"extend-(?P<number>\d{4,})\.parquet")


def is_own(name: str) -> bool:
    """Whether a build writes files of this name."""
    if name in SINGLE or shard_of(name) is not None:
        return True
    return is_retry(name) or is_list(name) or is_extension(name)


def is_retry(name: str) -> bool:
    """Whether a file of this name is the record of a retry."""
    return _RETRY.fullmatch(name) is not None


def list_of(retry: str) -> str:
    """The name of the list of photos from which the workers of a retry read, by that of its record."""
    return str(Path(retry).with_suffix(".parquet"))


def is_list(name: str) -> bool:
    """Whether a file of this name is the list of a retry that is at work, or was killed."""
    return _LIST.fullmatch(name) is not None


def next_retry(names: list[str]) -> str:
    """The name of the next record of a retry: after all that are there, whichever of them were deleted."""
    return f"retry-{_next(_RETRY, names):04d}.json"


def is_extension(name: str) -> bool:
    """Whether a file of this name is the record of an extension."""
    return _EXTENSION.fullmatch(name) is not None


def next_extension(names: list[str]) -> str:
    """The name of the next record of an extension, as `next_retry`."""
    return f"extend-{_next(_EXTENSION, names):04d}.parquet"


def _next(pattern: re.Pattern[str], names: list[str]) -> int:
    return max((int(match["number"]) for name in names if (match := pattern.fullmatch(name))), default=0) + 1


def shard_of(name: str) -> ShardName | None:
    """The shard that a file of this name is, or holds the rows of."""
    path = Path(name)
    return ShardName.parse(path.with_suffix(".h5")) if path.suffix in (".h5", ".parquet") else None
