"""The log of a command's calls under strace, with their data, read into what `replay` plays back."""

import re
from dataclasses import dataclass
from pathlib import Path

from replay import FOLDER, Flush, Log, Names, Write

TRACED = ("openat", "creat", "mkdir", "mkdirat", "link", "linkat", "symlink", "symlinkat", "write", "pwrite64", "writev",
          "pwritev", "sendfile", "ftruncate", "truncate", "fallocate", "lseek", "fsync", "fdatasync", "rename", "renameat", "renameat2",
          "unlink", "unlinkat", "rmdir", "close", "dup", "dup2", "dup3")  # fmt: skip
OPTIONS = ("-y", "-xx", "-s", "100000000", "-e", "trace=" + ",".join(f"?{name}" for name in TRACED))
_LINE = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)(?:<(?P<path>[^>]*)>)?")
_COPIED = re.compile(r"\d+<[^>]*>, \d+<(?P<source>[^>]*)>, \[(?P<offset>\d+)\]")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


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
            if call == "sendfile":
                texts = [self._copied(arguments, result)]
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

    def _copied(self, arguments: str, count: int) -> bytes:
        """The bytes that the system copied from a file, which nothing of the command has written."""
        copied = _COPIED.match(arguments)
        assert copied is not None, arguments[:300]
        place, start = bytes.fromhex(copied["source"].replace("\\x", "")), int(copied["offset"])
        name = self._name(place)
        whole = Path(place.decode()).read_bytes() if name is None else self.log.contents[self._names[name]]
        return whole[start : start + count]

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
