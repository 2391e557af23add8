"""A command under `strace`: which calls it makes on its output, and what comes of one that is refused or is its last."""

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path

from warm import warm
from zygote import serve

STRACE = shutil.which("strace")
CREATING = ("openat", "open", "creat", "mkdir", "mkdirat", "link", "linkat", "symlink", "symlinkat")
WRITING = ("write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate", "sendfile",
           "copy_file_range", "chmod", "fchmod", "fchmodat")  # fmt: skip
FLUSHING = ("fsync", "fdatasync", "sync_file_range", "msync")
RENAMING = ("rename", "renameat", "renameat2")
REMOVING = ("unlink", "unlinkat", "rmdir")
ALL = (*CREATING, *WRITING, *FLUSHING, *RENAMING, *REMOVING)
FAULTS = ("KILL", "EIO", "ENOSPC")
_LINE = re.compile(r"(?:(?P<thread>\d+) +)?(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+|\?)(?P<rest>.*)")

_UNFINISHED, _RESUMED = " <unfinished ...>", re.compile(r"\d+ +<\.\.\. \w+ resumed>(?P<rest>.*)")


@dataclass(frozen=True)
class Call:
    """A call on the output: the `number`th of its name in its process. target: what it is made on, from the output folder on."""

    name: str
    number: int
    target: str
    thread: str = ""

    def __str__(self) -> str:
        return f"{self.name}#{self.number} {self.target}"

    @property
    def kind(self) -> str:
        """What it does, in a word."""
        kinds = {"create": CREATING, "write": WRITING, "flush": FLUSHING, "rename": RENAMING, "remove": REMOVING}
        return next(kind for kind, names in kinds.items() if self.name in names)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, minus the signal where one killed it; what it printed; what strace wrote down; the MiB
    that it took beyond those of the libraries."""

    code: int
    printed: str
    log: Path
    memory: int


class Commands:
    """Runs commands, each in a process of its own that a process with all libraries loaded forks."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._line, other = Pipe()
        self._process = warm().Process(target=serve, args=(other, scratch), daemon=True)
        self._process.start()
        other.close()

    def close(self) -> None:
        """End the process; those it has forked have ended."""
        self._line.close()
        self._process.join(300)

    def run(self, command: tuple[str, ...], traced: tuple[str, ...] | None = None, **more: object) -> Ended:
        """Run a command to its end. traced: under strace, with these options. more: what `zygote` takes beside them,
        such as `seconds` of CPU that it may take."""
        printed, log = self._scratch / "printed", self._scratch / "strace"
        program, *arguments = command
        self._line.send({"program": program, "arguments": arguments, "log": str(printed), **more})
        child = self._line.recv()
        tracer = None if traced is None else _attached(child, log, traced)
        self._line.send("go")
        code, memory = self._line.recv()
        if tracer is not None:
            tracer.wait(300)
        return Ended(code, printed.read_text(errors="replace"), log, memory)

    def warm(self, command: tuple[str, ...]) -> None:
        """Run a command in the process that forks others: what it loads late they have from then on."""
        printed = self._scratch / "printed"
        program, *arguments = command
        self._line.send({"program": program, "arguments": arguments, "log": str(printed), "here": True})
        assert self._line.recv() == 0, printed.read_text()

    def calls(self, command: tuple[str, ...], out: Path) -> list[Call]:
        """The calls that a command makes on `out`, in order, by all of its threads."""
        ended = self.run(command, ("-f", "-y", "-s", "0", "-e", f"trace={_known(ALL)}"))
        assert ended.code == 0, ended.printed
        return list(calls_on(out, ended.log))

    def with_fault(self, command: tuple[str, ...], call: Call, fault: str) -> Ended:
        """Run a command, and let its `call` be its last (KILL), or be refused with the error of this name."""
        does = "signal=KILL" if fault == "KILL" else f"error={fault}"
        there = f"inject={call.name}:{does}:when={call.number}"
        return self.run(command, ("-y", "-s", "0", "-e", f"trace={_known(ALL)}", "-e", there))


@contextmanager
def commands(scratch: Path) -> Iterator[Commands]:
    """`Commands`, ended with the block."""
    running = Commands(scratch)
    try:
        yield running
    finally:
        running.close()


def calls_on(out: Path, log: Path) -> Iterator[Call]:
    """The calls in a log that change something below `out`; each is counted by its name and thread, as `inject` does."""
    counts: Counter[tuple[str, str]] = Counter()
    place = f"{out}"
    for text in _whole(log.read_text(errors="replace").splitlines()):
        line = _LINE.match(text)
        if line is None:
            assert "(" not in text or text.endswith(("+++", "---")) or place not in text, text
            continue
        name, thread = line["name"], line["thread"] or ""
        counts[name, thread] += 1
        if place not in line["arguments"] or (name in ("openat", "open") and not _creates(line["arguments"])):
            continue
        targets = re.findall(re.escape(place) + r"(/[^\">, ]*)?", line["arguments"])
        yield Call(name, counts[name, thread], " -> ".join(target.lstrip("/") or "." for target in targets), thread)


def _whole(lines: list[str]) -> Iterator[str]:
    """Calls that a line of another thread has broken in two as one."""
    begun: dict[str, str] = {}
    for line in lines:
        thread = line.partition(" ")[0]
        if line.endswith(_UNFINISHED):
            begun[thread] = line.removesuffix(_UNFINISHED)
        elif (resumed := _RESUMED.match(line)) and thread in begun:
            yield begun.pop(thread) + resumed["rest"]
        else:
            yield line


def was_injected(log: Path, out: Path) -> bool:
    """Whether a call on `out` was refused."""
    return any("(INJECTED)" in line and str(out) in line for line in log.read_text(errors="replace").splitlines())


def _creates(arguments: str) -> bool:
    return any(flag in arguments for flag in ("O_CREAT", "O_TRUNC"))


def _known(names: tuple[str, ...]) -> str:
    """Names that this machine's kernel has, in strace's words: `?` passes over those that are not."""
    return ",".join(f"?{name}" for name in names)


def _attached(process: int, log: Path, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    assert STRACE is not None
    log.unlink(missing_ok=True)
    tracer = subprocess.Popen([STRACE, "-q", "-o", str(log), *options, "-p", str(process)], stderr=subprocess.DEVNULL)
    status = Path(f"/proc/{process}/status")
    deadline = time.monotonic() + 120
    while "\nTracerPid:\t0\n" in status.read_text():
        assert tracer.poll() is None and time.monotonic() < deadline, "strace could not attach"
        time.sleep(0.001)
    return tracer
