"""What a loss of power may leave of a command's writes: its log of calls, with their data, played back to every state.

The model is the pessimist's reading of POSIX. The bytes of a file are safe once its `fsync` has returned, and not before: until
then none, some, or zeros in their place may be there. A name (made, renamed, removed) is safe once the `fsync` of its folder has
returned, whatever became of the file's. Without that, each may be lost for itself.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TRACED = ("openat", "creat", "mkdir", "mkdirat", "link", "linkat", "symlink", "symlinkat", "write", "pwrite64", "writev",
          "pwritev", "ftruncate", "truncate", "fallocate", "lseek", "fsync", "fdatasync", "rename", "renameat", "renameat2",
          "unlink", "unlinkat", "rmdir", "close", "dup", "dup2", "dup3")  # fmt: skip
OPTIONS = ("-y", "-xx", "-s", "100000000", "-e", "trace=" + ",".join(f"?{name}" for name in TRACED))
_LINE = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)(?:<(?P<path>[^>]*)>)?")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


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


def read_log(log: Path, out: Path, before: Path | None) -> Log:
    """The log of a command that ran on `out`, under strace with OPTIONS, when that was as `before` is."""
    reader = _Reader(out, Log())
    if before is not None:
        reader.stood(before)
    for text in log.read_text().splitlines():
        if line := _LINE.match(text):
            if int(line["result"]) >= 0:
                reader.take(line["name"], line["arguments"], int(line["result"]))
        else:
            assert text.endswith(("+++", "---")) or " = ?" in text, text[:300]
    return reader.log


@dataclass
class _Opened:
    file: int | None
    folder: str | None
    position: int = 0
    appends: bool = False


class _Reader:
    """Follows descriptors and names."""

    def __init__(self, out: Path, log: Log) -> None:
        self.log, self._out = log, out
        self._names: dict[str, int] = {}
        self._open: dict[int, _Opened] = {}
        self._sizes: dict[int, int] = {}
        self._files = 0

    def stood(self, before: Path) -> None:
        """What was there, safe."""
        self.log.before["."] = FOLDER
        for path in sorted(before.rglob("*")):
            name = str(path.relative_to(before))
            self.log.before[name] = FOLDER if path.is_dir() else self._new()
            if path.is_file():
                self.log.contents[self.log.before[name]] = path.read_bytes()
                self._sizes[self.log.before[name]] = path.stat().st_size
        self._names = dict(self.log.before)

    def take(self, call: str, arguments: str, result: int) -> None:
        """A call that did what it should."""
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
        number = re.match(r"\d+", arguments)
        opened = self._open.get(int(number[0])) if number else None
        if call in ("openat", "creat"):
            self._opens(texts[0], arguments, result)
        elif call == "close" and number:
            self._open.pop(int(number[0]), None)
        elif call in ("mkdir", "mkdirat"):
            self._rename([(self._name(texts[0]), FOLDER)])
        elif call in ("unlink", "unlinkat", "rmdir"):
            self._rename([(self._name(texts[0]), None)])
        elif call in ("rename", "renameat", "renameat2", "link", "linkat"):
            old, new = (self._name(text) for text in texts)
            if old is not None and new is not None:
                file = self._names[old]
                changes = [(old, None)] if call.startswith("rename") else []
                self._rename([*changes, (new, file)], file)
        elif opened is not None:
            assert not call.startswith(("dup", "symlink", "fallocate", "truncate")), call
            self._on(opened, call, arguments, b"".join(texts), result)

    def _opens(self, text: bytes, arguments: str, descriptor: int) -> None:
        name = self._name(text)
        self._open.pop(descriptor, None)
        if text == bytes(self._out.parent):
            self._open[descriptor] = _Opened(None, "..")
        if name is None:
            return
        if name not in self._names and "O_CREAT" in arguments:
            self._rename([(name, self._new())])
        file = self._names.get(name)
        if file == FOLDER or file is None:
            self._open[descriptor] = _Opened(None, name)
            return
        self._open[descriptor] = _Opened(file, None, appends="O_APPEND" in arguments)
        if "O_TRUNC" in arguments and self._sizes.get(file):
            self._cut(file, 0)

    def _on(self, opened: _Opened, call: str, arguments: str, data: bytes, result: int) -> None:
        if call in ("fsync", "fdatasync"):
            self.log.operations.append(Flush(opened.file, opened.folder if opened.file is None else None))
        elif call == "lseek":
            opened.position = result
        elif call == "ftruncate" and opened.file is not None:
            self._cut(opened.file, int(arguments.rpartition(",")[2]))
        elif opened.file is not None:
            offset = int(arguments.rpartition(",")[2]) if call.startswith("pwrite") else opened.position
            if opened.appends:
                offset = self._sizes.get(opened.file, 0)
            self.log.operations.append(Write(opened.file, offset, data[:result]))
            self._sizes[opened.file] = max(self._sizes.get(opened.file, 0), offset + result)
            if not call.startswith("pwrite"):
                opened.position = offset + result

    def _cut(self, file: int, size: int) -> None:
        self.log.operations.append(Write(file, 0, b"", size))
        self._sizes[file] = size

    def _rename(self, changes: list[tuple[str | None, int | None]], renamed: int | None = None) -> None:
        known = [(name, file) for name, file in changes if name is not None]
        if not known:
            return
        self.log.operations.append(Names(tuple(known), renamed))
        for name, file in known:
            self._names.pop(name, None)
            if file is not None:
                self._names[name] = file

    def _name(self, text: bytes) -> str | None:
        path = Path(text.decode("utf-8", "surrogateescape"))
        return str(path.relative_to(self._out)) if path == self._out or self._out in path.parents else None

    def _new(self) -> int:
        self._files += 1
        return self._files


def materialise(state: Mapping[str, bytes | None], out: Path) -> None:
    """Write a state into a folder that is not there."""
    for name, content in state.items():
        path = out / name
        if content is None:
            path.mkdir(parents=True)
        else:
            path.write_bytes(content)
