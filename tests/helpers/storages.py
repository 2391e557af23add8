"""Storages for tests: one in memory, which has neither renames nor locks of files, and one that keeps a diary."""

import hashlib
import io
import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import IO, Any

from fishprep.storage.base import InUseError, Storage


@dataclass(eq=False)
class MemoryStorage:
    """As a bucket would do it: a file is made elsewhere on this machine, and its bytes are put whole."""

    files: dict[str, bytes] = field(default_factory=dict)
    is_shared: bool = False
    _putting: Lock = field(default_factory=Lock)
    _writer: Lock = field(default_factory=Lock)

    def __str__(self) -> str:
        return "memory"

    def where(self, name: str) -> str:
        return f"memory/{name}"

    def read(self, name: str) -> bytes:
        if name not in self.files:
            raise FileNotFoundError(2, "No such file or directory", self.where(name))
        return self.files[name]

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            if name in self.files:
                path.write_bytes(self.files[name])
            yield path

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        yield io.BytesIO(self.read(name))

    @contextmanager
    def put(self, name: str, settled: Callable[[], bool] | None = None) -> Iterator[Path]:
        with self.local("") as folder:
            path = folder / name
            path.touch()
            yield path
            before = self.files.get(name)
            while settled is not None and before is not None:
                if settled():
                    raise FileExistsError(17, "File exists", self.where(name))
                if self.files.get(name) is before:
                    break
                before = self.files.get(name)
            self.files[name] = path.read_bytes()

    @contextmanager
    def create(self, name: str) -> Iterator[Path]:
        with self.local("") as folder:
            path = folder / name
            path.touch()
            yield path
            with self._putting:
                if name in self.files:
                    raise FileExistsError(17, "File exists", self.where(name))
                self.files[name] = path.read_bytes()

    def size(self, name: str) -> int | None:
        return len(self.files[name]) if name in self.files else None

    def sha256(self, name: str) -> str | None:
        return hashlib.sha256(self.files[name]).hexdigest() if name in self.files else None

    def list(self, prefix: str = "") -> list[str]:
        return sorted(name for name in self.files if name.startswith(prefix))

    def delete(self, *names: str) -> None:
        for name in names:
            self.files.pop(name, None)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        if not self._writer.acquire(blocking=False):
            raise InUseError("memory: another command is at work in it")
        try:
            yield
        finally:
            self._writer.release()

    def sweep(self, ours: Callable[[str], bool]) -> None:
        """Nothing is ever left."""


@dataclass(eq=False)
class Diary:
    """Another storage, and what was done in it: `put NAME`, `create NAME`, `delete NAME`, once it was done."""

    storage: Storage
    entries: list[str] = field(default_factory=list)

    def __getattr__(self, verb: str) -> object:
        return getattr(self.storage, verb)

    def __str__(self) -> str:
        return str(self.storage)

    @contextmanager
    def put(self, name: str, settled: Callable[[], bool] | None = None) -> Iterator[Path]:
        with self.storage.put(name, settled) as path:
            yield path
        self.entries.append(f"put {name}")

    @contextmanager
    def create(self, name: str) -> Iterator[Path]:
        with self.storage.create(name) as path:
            yield path
        self.entries.append(f"create {name}")

    def delete(self, *names: str) -> None:
        self.storage.delete(*names)
        self.entries += (f"delete {name}" for name in names)


def interrupted_at(at: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What makes functions that are interrupted, in the place of the call of this number to any of them, as by Ctrl-C."""
    calls = itertools.count()

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if next(calls) == at:
                raise KeyboardInterrupt
            return real(*arguments, **named)

        return call

    return dying
