"""A bucket of an object store, or what begins with a prefix in it, as a storage."""

import errno
import io
import os
import random
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from fishprep.common.files import sha256_file
from fishprep.storage import client
from fishprep.storage.lease import LEASE, held
from fishprep.storage.ranges import Ranges

if TYPE_CHECKING:
    from obstore.store import ObjectStore

REQUESTS = 32
"""That are under way at a time where there are many."""
TRIES, FAILURES = 12, 2
"""Of a conditional put that is told that somebody else is at it, and of one that came to nothing in spite of obstore's retries."""

_OURS = re.compile(rf"{re.escape(LEASE)}|\.probe-[0-9a-f]{{32}}")


@dataclass(frozen=True)
class Standing:
    """What stands under a name: its bytes, since when, what a put must name that is to replace it and nothing later, and what its
    writer left."""

    bytes: int
    modified: datetime
    version: dict[str, str]
    sha256: str | None
    writer: str | None


@dataclass(frozen=True)
class ObjectStorage:
    """The objects whose keys are those of a `url` (`s3://bucket/prefix`), a slash and a name.

    A file is filled on this machine and put whole, with its SHA-256. Endpoint, region and credentials come from the environment, as
    obstore takes them. What is right hangs on conditional puts alone, never on a lock; `exclusive` finds out whether the server knows
    them. What the network refuses is an OSError (PermissionError where access is).
    """

    url: str
    leaves_note: bool = True
    """Whether `exclusive` leaves a note for others, and tells of theirs; those who share the work do not."""
    is_shared: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", self.url.rstrip("/"))

    def __str__(self) -> str:
        return self.url

    def where(self, name: str) -> str:
        return f"{self.url}/{name}"

    @property
    def store(self) -> "ObjectStore":
        """obstore's, with the keys below the prefix. ConfigurationError where there is no obstore or the url is none."""
        return client.store(self.url)

    def read(self, name: str) -> bytes:
        return self.bytes_of(self.get(name), name)

    def get(self, name: str) -> Any:
        """An answer whose `meta` is known, and whose bytes are still to come: `bytes_of`."""
        with client.refusals(self.where(name)):
            return client.obstore().get(self.store, name)

    def bytes_of(self, found: Any, name: str) -> bytes:
        """The bytes of an answer."""
        with client.refusals(self.where(name)):
            return bytes(found.bytes())

    def walk(self) -> Iterator[Any]:
        """What is known of all objects below the url, however many slashes their keys have: `path`, `size`, `e_tag`."""
        with client.refusals(self.url):
            for some in client.obstore().list(self.store):
                yield from some

    def read_range(self, name: str, start: int, end: int) -> bytes:
        """The bytes of a file from `start` to `end`, which is not among them."""
        with client.refusals(self.where(name)):
            return bytes(client.obstore().get_range(self.store, name, start=start, end=end))

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        with _scratch(name) as path:
            with client.refusals(self.where(name)):
                try:
                    self._fetch(name, path)
                except FileNotFoundError:
                    path.unlink(missing_ok=True)
            yield path

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        found = self.standing(name)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.where(name))
        with io.BufferedReader(Ranges(lambda start, end: self.read_range(name, start, end), found.bytes)) as stream:
            yield stream

    @contextmanager
    def put(self, name: str, settled: Callable[[], bool] | None = None) -> Iterator[Path]:
        with _scratch(name) as path:
            path.touch()
            yield path
            if settled is not None:
                self._create(name, path, settled)
                return
            with client.refusals(self.where(name)):
                attributes = {"sha256": sha256_file(path), "writer": uuid.uuid4().hex}
                client.obstore().put(self.store, name, path, attributes=attributes, chunk_size=64 * 2**20)

    @contextmanager
    def create(self, name: str) -> Iterator[Path]:
        with _scratch(name) as path:
            path.touch()
            yield path
            self._create(name, path, lambda: True)

    def standing(self, name: str) -> Standing | None:
        """What stands under a name, without its bytes."""
        with client.refusals(self.where(name)):
            try:
                found = client.obstore().get(self.store, name, options={"head": True})
            except FileNotFoundError:
                return None
        version = {key: value for key in ("e_tag", "version") if (value := found.meta.get(key)) is not None}
        said = {key.lower(): value for key, value in found.attributes.items()}
        return Standing(
            found.meta["size"], found.meta["last_modified"], version, said.get("sha256"), said.get("writer")
        )

    def size(self, name: str) -> int | None:
        found = self.standing(name)
        return None if found is None else found.bytes

    def sha256(self, name: str) -> str | None:
        found = self.standing(name)
        return None if found is None else found.sha256

    def list(self, prefix: str = "") -> list[str]:
        """What lies below a further slash is there by the name before it, as folders of a folder are."""
        with client.refusals(self.url):
            found = client.obstore().list_with_delimiter(self.store)
        names = {meta["path"] for meta in found["objects"]} | {path.rstrip("/") for path in found["common_prefixes"]}
        return sorted(name for name in names if name.startswith(prefix) and not _OURS.fullmatch(name))

    def delete(self, *names: str) -> None:
        def remove(name: str) -> None:
            with client.refusals(self.where(name)), suppress(FileNotFoundError):
                client.obstore().delete(self.store, name)

        with ThreadPoolExecutor(REQUESTS) as pool:
            list(pool.map(remove, names))

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nobody is kept out: that somebody else is at work is said in the log. OSError where the server would let two writers win."""
        self._prove()
        with held(self, uuid.uuid4().hex) if self.leaves_note else nullcontext():
            yield

    def note(self, name: str, data: bytes, writer: str) -> None:
        """Put a few bytes in the name of a `writer`, whatever stands there."""
        with client.refusals(self.where(name)):
            client.obstore().put(self.store, name, data, attributes={"writer": writer})

    def sweep(self, ours: Callable[[str], bool]) -> None:
        """Nothing is left of a put that did not come to its end."""

    def _fetch(self, name: str, path: Path) -> None:
        found = client.obstore().get(self.store, name)
        with open(path, "wb") as stream:
            for part in found.stream(min_chunk_size=8 * 2**20):
                stream.write(part)
        if path.stat().st_size != found.meta["size"]:
            raise OSError(errno.EIO, "came in part alone", self.where(name))

    def _create(self, name: str, path: Path, settled: Callable[[], bool]) -> None:
        """Put where nothing stands, or in the place of what is not settled; FileExistsError where it is.

        An answer may be lost, so that "exists" may mean ourselves: what stands says who wrote it. A server that is asked by two at once
        may tell both to ask again.
        """
        exceptions = client.obstore().exceptions
        ours = {"sha256": sha256_file(path), "writer": uuid.uuid4().hex}
        seen: Standing | None = None
        failures = 0
        for number in range(TRIES):
            refused = self._try(name, path, ours, seen)
            if refused is None:
                return
            failures += isinstance(refused, exceptions.GenericError)
            seen = self.standing(name)
            if seen is not None and seen.writer == ours["writer"]:
                return
            if seen is not None and settled():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.where(name))
            if failures == FAILURES:
                break
            time.sleep(random.uniform(0, min(5.0, 0.02 * 2**number)))
        assert refused is not None
        raise OSError(errno.EIO, f"could not be put: {client.in_short(refused)}", self.where(name))

    def _try(self, name: str, path: Path, ours: dict[str, str], instead: Standing | None) -> Exception | None:
        """One conditional put: None where it is known to be done, else what was answered, which may not be true."""
        exceptions = client.obstore().exceptions
        mode: Any = "create" if instead is None else instead.version
        with client.refusals(self.where(name)):
            try:
                client.obstore().put(self.store, name, path, mode=mode, attributes=ours)
            except (exceptions.AlreadyExistsError, exceptions.PreconditionError, exceptions.GenericError) as error:
                return error
            except FileNotFoundError as error:  # what was to be replaced is gone; or the bucket is not there
                if instead is None:
                    raise
                return error
        return None

    def _prove(self) -> None:
        """Whether the server keeps its word with conditional puts: one that ignores the condition would let two builds win."""
        exceptions = client.obstore().exceptions
        probe = f".probe-{uuid.uuid4().hex}"
        with _scratch(probe) as path, client.refusals(self.url):
            path.write_bytes(b"first")
            try:
                self._create(probe, path, lambda: True)
            except FileNotFoundError as error:
                raise FileNotFoundError(errno.ENOENT, "there is no such bucket; make it first", self.url) from error
            try:
                for mode in ("create", {"e_tag": f'"{"0" * 32}"', "version": "0"}):
                    try:
                        client.obstore().put(self.store, probe, b"second", mode=mode)
                    except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
                        continue
                    said = "puts where something stands" if mode == "create" else "replaces what it is told not to"
                    raise OSError(
                        errno.EOPNOTSUPP,
                        f"this server {said}: it ignores the conditions of a put (If-None-Match, If-Match), so that two "
                        "commands could spoil each other's work; docs/cluster.md names servers that know them",
                        self.url,
                    )
            finally:
                self.delete(probe)


@contextmanager
def _scratch(name: str) -> Iterator[Path]:
    """The place of a file of this name, on this machine (`TMPDIR`), that goes when the block ends."""
    folder = tempfile.mkdtemp(prefix="fishprep-")
    try:
        yield Path(folder, Path(name).name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
