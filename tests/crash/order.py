"""The order in which a command makes files safe and known, told in words."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fishprep.common.files import meant_for

PUT, CREATE = ("flush {0}~", "name {0}", "flush ."), ("flush {0}~", "link {0}", "remove {0}~", "flush .")


@contextmanager
def told(folder: Path) -> Iterator[list[str]]:
    """While the block lasts, what is done below `folder`: flushes, renames, links, removals, folders.

    `NAME~` is a file under its temporary name; `.` is the folder itself, `..` where it lies. A file that gets its name with other
    bytes than were flushed is told of as `unsafe`. When the block ends the whole of a file's writing is one word: `put NAME` for
    flush, rename, flush of the folder, `create NAME` where the name is given by a link.
    """
    events: list[str] = []
    safe: dict[str, str] = {}
    before = {
        name: getattr(os, name) for name in ("fsync", "replace", "rename", "link", "unlink", "remove", "mkdir", "rmdir")
    }

    def name_of(path: Any) -> str | None:
        place = Path(os.fspath(path))
        if place == folder.parent:
            return ".."
        if place != folder and folder not in place.parents:
            return None
        name = str(place.relative_to(folder))
        known = meant_for(place.name)
        return name if known is None else f"{known}~"

    def tell(verb: str, path: Any) -> None:
        name = name_of(path)
        if name is not None and not name.startswith(".lock"):
            events.append(f"{verb} {name}")

    def fsync(descriptor: int) -> None:
        before["fsync"](descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.is_file():
            safe[str(path)] = _hash(path)
        tell("flush", path)

    def naming(name: str, verb: str) -> Callable[..., None]:
        def call(old: Any, new: Any, **named: Any) -> None:
            found = safe.get(os.fspath(old)) == _hash(Path(old))
            before[name](old, new, **named)
            tell(verb if found else f"unsafe: {verb}", new)

        return call

    def single(name: str, verb: str) -> Callable[..., None]:
        def call(path: Any, *rest: Any, **named: Any) -> None:
            before[name](path, *rest, **named)
            tell(verb, path)

        return call

    hooks = {"fsync": fsync}
    hooks |= {name: naming(name, verb) for name, verb in (("replace", "name"), ("rename", "name"), ("link", "link"))}
    removing = (("unlink", "remove"), ("remove", "remove"), ("mkdir", "make"), ("rmdir", "remove"))
    hooks |= {name: single(name, verb) for name, verb in removing}
    for name, hook in hooks.items():
        setattr(os, name, hook)
    try:
        yield events
    finally:
        for name, call in before.items():
            setattr(os, name, call)
        events[:] = _in_short(events)


def _in_short(events: list[str]) -> list[str]:
    short: list[str] = []
    while events:
        name = events[0].removeprefix("flush ").removesuffix("~")
        for word, whole in (("put", PUT), ("create", CREATE)):
            if events[: len(whole)] == [part.format(name) for part in whole]:
                short.append(f"{word} {name}")
                events = events[len(whole) :]
                break
        else:
            short.append(events[0])
            events = events[1:]
    return short


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
