"""What a loss of power may leave of a command's writes: its log of calls, with their data, played back to every state.

The model is the pessimist's reading of POSIX. The bytes of a file are safe once its `fsync` has returned, and not before: until
then none, some, or zeros in their place may be there. A name (made, renamed, removed) is safe once the `fsync` of its folder has
returned, whatever became of the file's. Without that, each may be lost for itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Write:
    """Bytes of a file from `offset` on; `size` is what the file is cut or grown to, where that is the call."""

    file: int
    offset: int
    data: bytes
    size: int | None = None


@dataclass(frozen=True)
class Names:
    """Names that come to stand for a file (a folder: -1), or for nothing (None), at once."""

    changes: tuple[tuple[str, int | None], ...]
    renamed: int | None = None

    @property
    def folders(self) -> set[str]:
        """Where they are."""
        return {folder_of(name) for name, _ in self.changes}


@dataclass(frozen=True)
class Flush:
    """A file is made safe, or the names in a folder."""

    file: int | None = None
    folder: str | None = None


Operation = Write | Names | Flush
FOLDER = -1


def folder_of(name: str) -> str:
    """`.` for what lies in the output itself; the output's own name lies outside."""
    return ".." if name == "." else str(Path(name).parent)


@dataclass
class Log:
    """What a command did below its output, in order. names: what stood there before, by file; `contents` of those."""

    before: dict[str, int] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)

    def faults(self) -> Iterator[str]:
        """Names that were given before the bytes were safe, and files begun while a name was not."""
        unsafe: dict[int, bool] = {}
        pending: dict[str, str] = {}
        for operation in self.operations:
            match operation:
                case Write(file):
                    unsafe[file] = True
                case Flush(int(file), _):
                    unsafe[file] = False
                case Flush(_, str(folder)):
                    pending.pop(folder, None)
                case Names(changes, renamed):
                    if renamed is None and any(file is not None for _, file in changes):
                        yield from (f"{changes[0][0]} is begun while {name} may be lost" for name in pending.values())
                    if renamed is not None:
                        if unsafe.get(renamed):
                            yield f"{changes[-1][0]} gets its name before its bytes are safe"
                        pending[folder_of(changes[-1][0])] = changes[-1][0]
        for number in self._unsafe(self.operations)[1]:
            made = [name for name, file in self.operations[number].changes if file is not None]  # type: ignore[union-attr]
            yield from (f"{name} may be lost in the end" for name in made if not name.startswith(".lock"))
        names = dict(self.before)
        for operation in self.operations:
            if isinstance(operation, Names):
                names |= {name: FOLDER if file is None else file for name, file in operation.changes}
        yield from (f"the bytes of {name} may be lost in the end" for name, file in names.items() if unsafe.get(file))

    def states(self) -> Iterator[tuple[str, dict[str, bytes | None]]]:
        """Every state, with its story: name → bytes, None for a folder."""
        for end in range(len(self.operations) + 1):
            yield from self._states(self.operations[:end])

    def _states(self, done: list[Operation]) -> Iterator[tuple[str, dict[str, bytes | None]]]:
        story = f"after {len(done)} calls"
        files, folders = self._unsafe(done)
        last = done[-1] if done else None
        yield story, self._state(done)
        if isinstance(last, Write) and last.size is None:
            torn = [*done[:-1], Write(last.file, last.offset, last.data[: len(last.data) // 2])]
            yield f"{story}, the last one torn", self._state(torn)
            yield f"{story}, the last one torn, names lost", self._state(torn, lost_names=folders)
        if files:
            yield f"{story}, bytes lost", self._state(done, lost=files)
            yield f"{story}, bytes zero", self._state(done, zero=files)
        if folders:
            yield f"{story}, names lost", self._state(done, lost_names=folders)
            for number in folders if len(folders) > 1 else ():
                yield f"{story}, one name lost", self._state(done, lost_names={number})
                yield f"{story}, one name kept", self._state(done, lost_names=folders - {number})
        if files and folders:
            yield f"{story}, names and bytes lost", self._state(done, lost=files, lost_names=folders)
        for number in files if len(files) > 1 else ():
            yield f"{story}, bytes of one lost", self._state(done, lost={number})

    def _unsafe(self, done: list[Operation]) -> tuple[set[int], set[int]]:
        """Numbers of the writes and of the changes of names that no flush has made safe."""
        writes: set[int] = set()
        names: set[int] = set()
        for number, operation in enumerate(done):
            if isinstance(operation, Write):
                writes.add(number)
            elif isinstance(operation, Names):
                names.add(number)
            elif operation.file is not None:
                writes = {n for n in writes if done[n].file != operation.file}  # type: ignore[union-attr]
            else:
                names = {n for n in names if done[n].folders != {operation.folder}}  # type: ignore[union-attr]
        return writes, names

    def _state(
        self,
        done: list[Operation],
        lost: set[int] = frozenset(),  # type: ignore[assignment]
        zero: set[int] = frozenset(),  # type: ignore[assignment]
        lost_names: set[int] = frozenset(),  # type: ignore[assignment]
    ) -> dict[str, bytes | None]:
        names: dict[str, int] = dict(self.before)
        files = {file: bytearray(content) for file, content in self.contents.items()}
        for number, operation in enumerate(done):
            if isinstance(operation, Write) and number not in lost:
                _write(files.setdefault(operation.file, bytearray()), operation, number in zero)
            elif isinstance(operation, Names) and number not in lost_names:
                for name, file in operation.changes:
                    names.pop(name, None)
                    if file is not None:
                        names[name] = file
        standing = {name for name, file in names.items() if all(str(p) in names for p in Path(name).parents)}
        return {
            name: None if names[name] == FOLDER else bytes(files.get(names[name], b"")) for name in sorted(standing)
        }


def _write(content: bytearray, write: Write, zero: bool) -> None:
    if write.size is not None:
        del content[write.size :]
        content.extend(bytes(write.size - len(content)))
        return
    content.extend(bytes(max(0, write.offset - len(content))))
    content[write.offset : write.offset + len(write.data)] = bytes(len(write.data)) if zero else write.data


def materialise(state: Mapping[str, bytes | None], out: Path) -> None:
    """Write a state into a folder that is not there."""
    for name, content in state.items():
        path = out / name
        if content is None:
            path.mkdir(parents=True)
        else:
            path.write_bytes(content)
