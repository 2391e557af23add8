"""A bucket of an object store, or what begins with a prefix in it, as a storage. The one file that needs obstore (extra `cloud`)."""

import errno
import os
import random
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fishprep.common.errors import ConfigurationError
from fishprep.common.files import sha256_file
from fishprep.storage.lease import LEASE, held

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az", "memory")
RETRY: Any = {"max_retries": 10, "retry_timeout": timedelta(minutes=3)}
"""Of obstore for one request that the server or the network fails, with growing pauses between."""
TRIES, FAILURES = 12, 2
"""Of a conditional put that is told that somebody else is at it, and of one that came to nothing in spite of obstore's retries."""

_OURS = re.compile(rf"{re.escape(LEASE)}|\.probe-[0-9a-f]{{32}}")
_CREDENTIALS = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "TokenRefresh",
)
"""Codes with which S3 says that the fault is not with what was asked for."""
_CLIENT = {"timeout": "10m", "connect_timeout": "10s"}
"""A shard goes in one request, over whatever line there is."""


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
        return _store(self.url)

    def read(self, name: str) -> bytes:
        return self.bytes_of(self.get(name), name)

    def get(self, name: str) -> Any:
        """An answer whose `meta` is known, and whose bytes are still to come: `bytes_of`."""
        with refusals(self.where(name)):
            return _obstore().get(self.store, name)

    def bytes_of(self, found: Any, name: str) -> bytes:
        """The bytes of an answer."""
        with refusals(self.where(name)):
            return bytes(found.bytes())

    def walk(self) -> Iterator[Any]:
        """What is known of all objects below the url, however many slashes their keys have: `path`, `size`, `e_tag`."""
        with refusals(self.url):
            for some in _obstore().list(self.store):
                yield from some

    def read_range(self, name: str, start: int, end: int) -> bytes:
        """The bytes of a file from `start` to `end`, which is not among them."""
        with refusals(self.where(name)):
            return bytes(_obstore().get_range(self.store, name, start=start, end=end))

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        with _scratch(name) as path:
            with refusals(self.where(name)):
                try:
                    self._fetch(name, path)
                except FileNotFoundError:
                    path.unlink(missing_ok=True)
            yield path

    @contextmanager
    def put(self, name: str, settled: Callable[[], bool] | None = None) -> Iterator[Path]:
        with _scratch(name) as path:
            path.touch()
            yield path
            if settled is not None:
                self._create(name, path, settled)
                return
            with refusals(self.where(name)):
                attributes = {"sha256": sha256_file(path), "writer": uuid.uuid4().hex}
                _obstore().put(self.store, name, path, attributes=attributes, chunk_size=64 * 2**20)

    @contextmanager
    def create(self, name: str) -> Iterator[Path]:
        with _scratch(name) as path:
            path.touch()
            yield path
            self._create(name, path, lambda: True)

    def standing(self, name: str) -> Standing | None:
        """What stands under a name, without its bytes."""
        with refusals(self.where(name)):
            try:
                found = _obstore().get(self.store, name, options={"head": True})
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
        with refusals(self.url):
            found = _obstore().list_with_delimiter(self.store)
        names = {meta["path"] for meta in found["objects"]} | {path.rstrip("/") for path in found["common_prefixes"]}
        return sorted(name for name in names if name.startswith(prefix) and not _OURS.fullmatch(name))

    def delete(self, *names: str) -> None:
        for name in names:
            with refusals(self.where(name)), suppress(FileNotFoundError):
                _obstore().delete(self.store, name)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nobody is kept out: that somebody else is at work is said in the log. OSError where the server would let two writers win."""
        self._prove()
        with held(self, uuid.uuid4().hex):
            yield

    def note(self, name: str, data: bytes, writer: str) -> None:
        """Put a few bytes in the name of a `writer`, whatever stands there."""
        with refusals(self.where(name)):
            _obstore().put(self.store, name, data, attributes={"writer": writer})

    def sweep(self, ours: Callable[[str], bool]) -> None:
        """Nothing is left of a put that did not come to its end."""

    def _fetch(self, name: str, path: Path) -> None:
        found = _obstore().get(self.store, name)
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
        from obstore import exceptions

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
        raise OSError(errno.EIO, f"could not be put: {_first_line(refused)}", self.where(name))

    def _try(self, name: str, path: Path, ours: dict[str, str], instead: Standing | None) -> Exception | None:
        """One conditional put: None where it is known to be done, else what was answered, which may not be true."""
        from obstore import exceptions

        mode: Any = "create" if instead is None else instead.version
        with refusals(self.where(name)):
            try:
                _obstore().put(self.store, name, path, mode=mode, attributes=ours)
            except (exceptions.AlreadyExistsError, exceptions.PreconditionError, exceptions.GenericError) as error:
                return error
            except FileNotFoundError as error:  # what was to be replaced is gone; or the bucket is not there
                if instead is None:
                    raise
                return error
        return None

    def _prove(self) -> None:
        """Whether the server keeps its word with conditional puts: one that ignores the condition would let two builds win."""
        from obstore import exceptions

        probe = f".probe-{uuid.uuid4().hex}"
        with _scratch(probe) as path, refusals(self.url):
            path.write_bytes(b"first")
            try:
                self._create(probe, path, lambda: True)
            except FileNotFoundError as error:
                raise FileNotFoundError(errno.ENOENT, "there is no such bucket; make it first", self.url) from error
            try:
                for mode in ("create", {"e_tag": f'"{"0" * 32}"', "version": "0"}):
                    try:
                        _obstore().put(self.store, probe, b"second", mode=mode)
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
def refusals(where: str) -> Iterator[None]:
    """What obstore raises, as the system's errors, with `where` as the file."""
    from obstore import exceptions

    try:
        yield
    except FileNotFoundError as error:
        said = error.strerror or os.strerror(errno.ENOENT)
        raise FileNotFoundError(errno.ENOENT, said, error.filename or where) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        if isinstance(error, exceptions.UnauthenticatedError) or any(code in str(error) for code in _CREDENTIALS):
            raise OSError(
                errno.EIO, f"the server does not take the credentials: {_first_line(error)}", where
            ) from error
        raise PermissionError(errno.EACCES, f"access is denied: {_first_line(error)}", where) from error
    except exceptions.BaseError as error:
        raise OSError(errno.EIO, f"the network or the server failed: {_first_line(error)}", where) from error


def _first_line(error: Exception) -> str:
    """Of what obstore says, which goes on with its own insides, and of the server's answer its message alone."""
    said, _, answer = str(error).partition("\n\nDebug source")[0].partition("<?xml")
    message = re.search(r"<Message>(.*?)</Message>", answer, re.DOTALL)
    return f"{said.strip()} {message[1] if message else ''}".strip().partition("\n")[0][:400]


@contextmanager
def _scratch(name: str) -> Iterator[Path]:
    """The place of a file of this name, on this machine (`TMPDIR`), that goes when the block ends."""
    folder = tempfile.mkdtemp(prefix="fishprep-")
    try:
        yield Path(folder, Path(name).name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _obstore() -> Any:
    try:
        import obstore
    except ImportError as error:
        raise ConfigurationError("buckets need obstore: pip install 'fishfsr[cloud]'") from error
    return obstore


@cache
def _store(url: str) -> "ObjectStore":
    _obstore()
    from obstore import exceptions
    from obstore.store import MemoryStore, from_url

    if url.startswith("memory:"):
        return MemoryStore()
    endpoint = next(
        (os.environ[n] for n in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT") if n in os.environ), ""
    )
    plain = url.startswith("s3:") and endpoint.startswith("http:")
    options: Any = {**_CLIENT, "allow_http": True} if plain else _CLIENT
    try:
        return from_url(url, client_options=options, retry_config=RETRY)
    except (exceptions.BaseError, ValueError) as error:
        raise ConfigurationError(f"{url}: {_first_line(error)}") from error
