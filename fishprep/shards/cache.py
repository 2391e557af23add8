"""Shards of a bucket on this machine's disk: each fetched once, by one process, and proved by its hash."""

import hashlib
import shutil
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from fishprep.common.errors import ShardError
from fishprep.common.files import atomic
from fishprep.common.locks import file_lock
from fishprep.common.words import size_text
from fishprep.shards.pieces import differing, ranges
from fishprep.shards.remote import RemoteShard
from fishprep.storage.objects import ObjectStorage

AT_ONCE = 8
"""Shards that are under way at a time."""
PART = 16 * 2**20
"""Bytes of one request, at most."""

TellBytes = Callable[[int, int], None]
"""Takes the bytes that are here and all that are wanted."""


@dataclass(frozen=True)
class ShardCache:
    """A folder with a folder for each content, by its SHA-256, and in it the shard under its own name.

    Nothing is ever removed: whoever needs the room deletes the folder. Beside a shard stands what `eval` keeps of its faces.
    """

    folder: Path

    def path(self, shard: RemoteShard, wanted: Collection[str] | None) -> Path:
        """Where a shard belongs, there or not. wanted: the pieces that it must hold, None for all; others are holes in the file."""
        pieces = None if shard.pieces is None else wanted
        held = "" if pieces is None else "".join(f"-{n.replace('/', '')}" for n in sorted(pieces)) or "-rest"
        return self.folder / f"{shard.sha256}{held}" / shard.name.file

    def fetch(
        self, storage: ObjectStorage, shards: Sequence[RemoteShard], wanted: Collection[str] | None, tell: TellBytes
    ) -> list[Path]:
        """The shards as files here, in their order, with the `wanted` pieces and all that is small.

        One process fetches and others wait. ShardError where the bytes are not those that were recorded, or there is no room for
        them; OSError where the network or the disk fails: what was fetched by then stays.
        """
        if self._missing(shards, wanted):
            self.folder.mkdir(parents=True, exist_ok=True)
            with file_lock(self.folder / ".lock", timeout=-1):
                self._fetch_all(storage, self._missing(shards, wanted), wanted, tell)
        return [self._here(shard, wanted) or self.path(shard, wanted) for shard in shards]

    def _here(self, shard: RemoteShard, wanted: Collection[str] | None) -> Path | None:
        """The file that holds what is wanted of a shard, or all of it."""
        for path in (self.path(shard, None), self.path(shard, wanted)):
            if path.is_file() and path.stat().st_size == shard.bytes:
                return path
        return None

    def _missing(self, shards: Sequence[RemoteShard], wanted: Collection[str] | None) -> list[RemoteShard]:
        return [shard for shard in shards if self._here(shard, wanted) is None]

    def _fetch_all(
        self, storage: ObjectStorage, shards: Sequence[RemoteShard], wanted: Collection[str] | None, tell: TellBytes
    ) -> None:
        sizes = [fetched_bytes(shard, wanted) for shard in shards]
        free = shutil.disk_usage(self.folder).free
        if sum(sizes) > free:
            raise ShardError(
                f"{self.folder}: {size_text(sum(sizes))} of {storage} are not here yet, and {size_text(free)} are free: make "
                "room, or name another folder with --cache"
            )
        done = 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                coming = {
                    pool.submit(self._fetch, storage, shard, wanted): size
                    for shard, size in zip(shards, sizes, strict=True)
                }
                for each in as_completed(coming):
                    each.result()
                    done += coming[each]
                    tell(done, sum(sizes))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetch(self, storage: ObjectStorage, shard: RemoteShard, wanted: Collection[str] | None) -> None:
        path, name = self.path(shard, wanted), shard.name.file
        path.parent.mkdir(exist_ok=True)
        with atomic(path) as temporary:
            with open(temporary, "r+b") as stream:
                stream.truncate(shard.bytes)
                for start, end in _ranges(shard, wanted):
                    stream.seek(start)
                    for part in range(start, end, PART):
                        stream.write(storage.read_range(name, part, min(part + PART, end)))
            if not _is_proved(temporary, shard, wanted):
                raise ShardError(
                    f"{storage.where(name)}: its bytes are not those that the manifest speaks of; look with: fishprep verify {storage}"
                )


def fetched_bytes(shard: RemoteShard, wanted: Collection[str] | None) -> int:
    """Bytes of a shard with the `wanted` pieces and all that is small."""
    return sum(end - start for start, end in _ranges(shard, wanted))


def _ranges(shard: RemoteShard, wanted: Collection[str] | None) -> list[tuple[int, int]]:
    if wanted is None or shard.pieces is None:
        return [(0, shard.bytes)]
    return ranges(shard.pieces, shard.bytes, wanted)


def _is_proved(path: Path, shard: RemoteShard, wanted: Collection[str] | None) -> bool:
    if path.stat().st_size != shard.bytes:
        return False
    if wanted is None or shard.pieces is None:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == shard.sha256
    return differing(path, shard.pieces, wanted) is None
