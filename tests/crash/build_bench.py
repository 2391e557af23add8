"""A source, a split and a folder for builds of stubs: what is done there, what is read there, and what a command said."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fuse import Killed, fused, was_believed
from stubs import STUB, settings

import fishprep
from fishprep.builds.names import shard_of
from fishprep.common.errors import FishPrepError
from fishprep.common.files import meant_for
from fishprep.storage.lock import LOCK

SMALL, LARGE, LIMIT = 90, 120, 100
Fault = tuple[int, str] | None


@dataclass(frozen=True)
class Photo:
    """A photo of the model."""

    split: str
    side: int
    shade: int

    @property
    def data(self) -> bytes:
        """Its file."""
        return json.dumps({"side": self.side, "shade": self.shade}).encode()

    @property
    def sha256(self) -> str:
        """Of its file."""
        return hashlib.sha256(self.data).hexdigest()

    def row(self, name: str, limit: int) -> tuple[str, str, str]:
        """What its row must say: split, hash, status."""
        return self.split, self.sha256, "ok" if self.side >= limit else "too_small"


def says_the_same(table: bytes, other: bytes) -> bool:
    with suppress(pa.ArrowException, OSError, ValueError):
        one, two = (pq.read_table(pa.BufferReader(content)) for content in (table, other))
        return bool(one.equals(two, check_metadata=True))
    return False


def may_become(was: Photo, now: Photo, made: str | None) -> bool:
    same = (was.split, len(was.data)) == (now.split, len(now.data))
    return same and made in (None, now.sha256)


@dataclass(frozen=True)
class Broken:
    """What was lost or changed behind the build's back: what it held, and the photos that it was made of."""

    content: bytes
    plan: dict[str, Photo] | None


def _hashes(path: Path) -> dict[str, str]:
    with suppress(pa.ArrowException, OSError):
        rows = pq.read_table(path, columns=["photo", "sha256", "status"]).to_pylist()
        return {row["photo"]: row["sha256"] for row in rows if row["status"] != "changed"}
    return {}


class BuildBench:
    """Where builds of stubs are made. `photos`: those of the source; `ever`: all that were there once, by their hashes."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="crash-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.source, self.out, self.split = self.root / "source", self.root / "out", self.root / "split.txt"
        self.source.mkdir()
        self.photos: dict[str, Photo] = {}
        self.ever: dict[str, Photo] = {}
        self.foreign: dict[str, bytes] = {}
        self._verified: dict[bytes, tuple[str, ...]] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    def _put(self, name: str, photo: Photo) -> None:
        self.photos[name] = self.ever[photo.sha256] = photo
        path = self.source / f"{name}.png"
        path.write_bytes(photo.data)
        seconds = int(
            hashlib.sha256(photo.data).hexdigest()[:7], 16
        )  # what is planned without being read is known by its time
        os.utime(path, (seconds, seconds))

    def _remove(self, name: str) -> None:
        del self.photos[name]
        (self.source / f"{name}.png").unlink()

    def _write_split(self) -> None:
        self.split.write_text("".join(f"{name} {photo.split}\n" for name, photo in sorted(self.photos.items())))

    def _command(self, fault: Fault, run: Callable[..., Any], **arguments: Any) -> str | None:
        """Run: empty where it ended well, what it said where it was refused, None where it was killed."""
        after, kind = fault or (None, "KILL")
        try:
            with fused(self.out, after, kind) as called:
                run(**arguments)
        except (FishPrepError, KeyboardInterrupt) as error:
            if not isinstance(error, KeyboardInterrupt):
                assert str(self.out) in str(error) or str(self.source) in str(error) or "split" in str(error), str(
                    error
                )
            return str(error) or "interrupted"
        except Killed:
            return None
        assert fault is None or not was_believed(called, fault), f"{called[fault[0]]} was refused, and believed"
        return ""

    def _run_build(self, overwrite: bool = False, interrupted: bool = False) -> None:
        def listen(news: object) -> None:
            if interrupted:
                raise KeyboardInterrupt("Ctrl-C")

        self._write_split()
        fishprep.build(
            self.source, self.out, settings(self.split, LIMIT), engine=STUB, overwrite=overwrite, progress=listen
        )

    def _run_retry(self, limit: int) -> None:
        self._write_split()
        fishprep.retry(self.out, "too_small", fishprep.RetrySettings(min_side=limit, workers=1), engine=STUB)

    def _run_repair(self) -> None:
        fishprep.verify(self.out, repair=True)

    def _problems(self) -> tuple[str, ...]:
        """What verify says, which depends on the folder alone: asked once of each state of it."""
        digest = hashlib.sha256()
        for name, content in sorted(self._files(temporary=True).items()):
            digest.update(f"{name} {len(content)} ".encode() + content)
        state = digest.digest()
        if state not in self._verified:
            try:
                self._verified[state] = fishprep.verify(self.out).problems
            except FishPrepError as error:
                self._verified[state] = (str(error),)
        return self._verified[state]

    def _files(self, temporary: bool = False) -> dict[str, bytes]:
        if not self.out.exists():
            return {}
        paths = (p for p in self.out.iterdir() if p.is_file() and p.name != LOCK and p.name not in self.foreign)
        return {p.name: p.read_bytes() for p in paths if temporary or meant_for(p.name) is None}

    def _rows_files(self) -> list[Path]:
        return [path for path in self.out.glob("*-*.parquet") if shard_of(path.name) is not None]

    def _made(self) -> dict[str, str]:
        """Photo → hash of the bytes that the build has made something of, by the rows that stand."""
        return {name: found for path in self._rows_files() for name, found in _hashes(path).items()}

    def _listed(self) -> dict[str, str]:
        """The same by the table of all rows."""
        return _hashes(self.out / "samples.parquet")

    def _is_plan_of(self, photos: dict[str, Photo], path: Path) -> bool:
        """Whether a plan, and the rows that stand, are of these photos."""
        lines = {line["id"]: (line["split"], line["size"]) for line in pq.read_table(path).to_pylist()}
        made = self._made()
        return lines == {name: (photo.split, len(photo.data)) for name, photo in photos.items()} and all(
            made.get(name, photo.sha256) == photo.sha256 for name, photo in photos.items()
        )
