"""Builders that can be met at their work: each says in a log that it is about to store a shard, and waits where it is held.

Tests and machines of a cluster talk by files of the folder `gate` beside that of the build. A photo `bomb` kills who opens it; where
the environment says FULL, the disk is. Every worker loads this, so that it brings little with it.
"""

import errno
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fishprep.builds.builder import BuilderFactory, ShardBuilder
from fishprep.faces.photo import Photo

LONGEST = 200
"""Seconds that anybody waits for anything, on a machine that is busy."""


class Arrival(NamedTuple):
    """Somebody was about to store a shard: the process, and the actor (or command) above it; `node`: a word of its environment."""

    shard: str
    process: int
    above: int
    node: str


@dataclass(frozen=True)
class Gate:
    """Where it is."""

    folder: Path

    def hold(self, shard: str) -> None:
        """The next one who comes with this shard waits until it is let go."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / f"hold {shard}").touch()

    def let_go(self, process: int) -> None:
        (self.folder / f"held {process}").unlink(missing_ok=True)

    def pass_by(self, shard: str) -> None:
        """Said by who comes."""
        self.folder.mkdir(exist_ok=True)
        held = self.folder / f"held {os.getpid()}"
        with suppress(FileNotFoundError):
            (self.folder / f"hold {shard}").rename(held)
        with (self.folder / "log").open("a") as log:
            log.write(f"{shard} {os.getpid()} {os.getppid()} {os.environ.get('NODE', '-')}\n")
        while held.exists():
            time.sleep(0.02)

    def leave(self, shard: str) -> None:
        """Said by who has stored a shard, or found it stored."""
        with (self.folder / "left").open("a") as log:
            log.write(f"{shard} {os.getpid()}\n")

    def has_left(self, one: Arrival) -> bool:
        """Whether somebody who came has stored the shard since."""
        left = self.folder / "left"
        return left.exists() and f"{one.shard} {one.process}" in left.read_text().splitlines()

    def arrivals(self) -> list[Arrival]:
        """All who came, in order."""
        try:
            lines = (self.folder / "log").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [Arrival(*(int(word) if word.isdigit() else word for word in line.split())) for line in lines]  # type: ignore[arg-type]

    def await_one(self, shard: str, count: int = 1) -> Arrival:
        """The `count`-th who came with a shard."""
        until(lambda: len([each for each in self.arrivals() if each.shard == shard]) >= count)
        return [each for each in self.arrivals() if each.shard == shard][count - 1]


def until(said: Any) -> None:
    """Wait for something to be so."""
    end = time.monotonic() + LONGEST
    while not said():
        assert time.monotonic() < end, "it never came to it"
        time.sleep(0.05)


def is_gone(process: int) -> bool:
    """Whether a process has ended, be it that nobody has asked yet how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@dataclass(frozen=True)
class GatedFactory(BuilderFactory):
    """Makes builders that pass by the gate."""

    def __call__(self) -> ShardBuilder:
        made = super().__call__()
        builder = GatedBuilder.__new__(GatedBuilder)
        vars(builder).update(vars(made))
        opened = builder.pipeline._opened

        def open_or_die(photo: Photo, *arguments: Any) -> Any:
            if photo.id == "bomb":
                os.kill(os.getpid(), signal.SIGKILL)
            return opened(photo, *arguments)

        builder.pipeline._opened = open_or_die  # type: ignore[method-assign]
        return builder


class GatedBuilder(ShardBuilder):
    def _write(self, spec: Any, samples: Any, rows: Any) -> Any:
        gate = Gate(Path(str(self.folder)).parent / "gate")
        gate.pass_by(str(spec.name))
        if "FULL" in os.environ:
            raise OSError(errno.ENOSPC, "No space left on device")
        record = super()._write(spec, samples, rows)
        gate.leave(str(spec.name))
        return record
