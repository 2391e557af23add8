"""What a storage must do: few verbs, so that a folder and a bucket can both keep them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol, runtime_checkable


class InUseError(Exception):
    """Another command is at work in a storage."""


@runtime_checkable
class Storage(Protocol):
    """A place with named files, each of which stands whole or not at all; `str` says where it is, for messages.

    Names are plain (`train-00000.h5`), without folders. Whoever reads or writes a file gets one on this machine, as the libraries
    that do it (HDF5, Arrow) want a path. Every verb raises the system's OSError where it is refused. A storage is sent to worker
    processes, so it can be pickled.
    """

    @property
    def is_shared(self) -> bool:
        """Whether others may write at the same time, as `exclusive` cannot keep them out: nothing that is unfinished is ours alone."""

    def where(self, name: str) -> str:
        """Where a file is, for messages."""

    def read(self, name: str) -> bytes:
        """Everything in a file. FileNotFoundError where there is none."""

    def local(self, name: str) -> AbstractContextManager[Path]:
        """A file on this machine with the bytes of `name`, to read while the block lasts; opening it fails where there is none."""

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """The bytes of a file, of which parts are read without the rest. FileNotFoundError where there is none."""

    def put(self, name: str, settled: Callable[[], bool] | None = None) -> AbstractContextManager[Path]:
        """An empty file on this machine to fill; when the block ends well it stands as `name`, whole, in the place of what stood.

        From then on it outlasts a loss of power. When the block fails nothing has changed.

        settled: asked where `name` stands by then: where it is to stay, it does, and FileExistsError is raised. What others have
        put there after the question was asked is not replaced without asking again.
        """

    def create(self, name: str) -> AbstractContextManager[Path]:
        """As `put`, but FileExistsError, and nothing changed, where `name` stands when the block ends: of two writers one wins."""

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""

    def sha256(self, name: str) -> str | None:
        """Of a file, as whoever put it left it there; None where the storage keeps none, or there is no such file."""

    def list(self, prefix: str = "") -> list[str]:
        """The names with this prefix, sorted: whatever stands, ours or not, but nothing that is being written."""

    def delete(self, *names: str) -> None:
        """Remove files, for good when it returns; one that is not there is gone already. In which order is the storage's affair."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Make the storage where there is none, and let nobody else in while the block lasts. InUseError where somebody is.

        What is right must not hang on it: a storage may be unable to keep others out, and says so in the log. Where the block
        fails before it has written anything, the storage is left as it was found.
        """

    def sweep(self, ours: Callable[[str], bool]) -> None:
        """Remove what writers that were killed have left of files with names that are `ours`; only while it is `exclusive`.

        Where several share the storage, what any of them may still be writing stays.
        """
