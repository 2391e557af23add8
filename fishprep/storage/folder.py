"""A folder of this machine, or of a drive that it has mounted, as a storage."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fishprep.common.files import atomic, flush_folder, meant_for, open_regular, remove_abandoned
from fishprep.storage.lock import LOCK, SETTLING, beside_others, locked, settling

FORGOTTEN = 24 * 3600
"""Seconds of silence after which a file that nobody holds the lock of is taken for one that its writer left: a day."""


@dataclass(frozen=True)
class FolderStorage:
    """Files are written beside their places under temporary names, flushed to the disk, and renamed.

    is_shared: several commands write into the folder, each of which says so.
    """

    folder: Path
    is_shared: bool = False

    def __str__(self) -> str:
        return str(self.folder)

    def where(self, name: str) -> str:
        return str(self.folder / name)

    def read(self, name: str) -> bytes:
        with open_regular(self.folder / name) as stream:
            return stream.read()

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        yield self.folder / name

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        return open_regular(self.folder / name)

    @contextmanager
    def put(self, name: str, settled: Callable[[], bool] | None = None) -> Iterator[Path]:
        place = self.folder / name
        with ExitStack() as one_by_one, atomic(place) as path:
            yield path
            if self.is_shared and settled is not None:
                one_by_one.enter_context(settling(self.folder))
            if settled is not None and os.path.lexists(place) and settled():  # nobody else renames until this one has
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place))

    def create(self, name: str) -> AbstractContextManager[Path]:
        return atomic(self.folder / name, replace=False)

    def size(self, name: str) -> int | None:
        try:
            return (self.folder / name).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def sha256(self, name: str) -> str | None:
        return None

    def list(self, prefix: str = "") -> list[str]:
        """Names of folders in it are among them: somebody's files may be there."""
        if not self.folder.is_dir():
            return []
        names = (path.name for path in self.folder.iterdir())
        return sorted(n for n in names if n.startswith(prefix) and n not in (LOCK, SETTLING) and meant_for(n) is None)

    def delete(self, *names: str) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
        if names:
            flush_folder(self.folder)

    def exclusive(self) -> AbstractContextManager[None]:
        return beside_others(self.folder) if self.is_shared else locked(self.folder)

    def sweep(self, ours: Callable[[str], bool]) -> None:
        named = [path for path in self.folder.iterdir() if (name := meant_for(path.name)) is not None and ours(name)]
        if not self.is_shared:
            for path in named:
                path.unlink(missing_ok=True)
        elif named:
            self._sweep_forgotten(named)

    def _sweep_forgotten(self, temporaries: Iterable[Path]) -> None:
        """Remove those that no lock speaks for, nor a write of the last day: a drive may keep the locks of each machine to itself."""
        lock = self.folder / LOCK
        try:
            lock.touch()
            now = lock.stat().st_mtime  # by the clock of the drive, which may be another machine's
        except OSError:
            return
        for path in temporaries:
            with suppress(OSError):  # others rename and remove meanwhile
                if now - path.stat().st_mtime > FORGOTTEN:
                    remove_abandoned(path)
