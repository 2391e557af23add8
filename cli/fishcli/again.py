"""The command that goes on where this one was stopped: this one, without the flags that would undo what it has done."""

import shlex
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from types import TracebackType

import click

from fishcli import common
from fishprep import located

_UNDOING = {"overwrite": ("--overwrite", "--no-overwrite"), "resume": ("--no-resume", "--resume")}
"""Name of a flag → how what is done is refused or removed by it, and its opposite."""


def going_on(begun: bool = True) -> str:
    """This command line as it goes on. begun: what was there has been removed, where that was asked for.

    A flag that undoes is left out where it was typed; where a file or the environment sets it, its opposite is added.
    """
    words = sys.argv[1:]
    context = click.get_current_context(silent=True)
    if begun and context is not None:
        for parameter in context.command.params:
            if parameter.name in _UNDOING:
                undoing, opposite = _UNDOING[parameter.name]
                words = [word for word in words if word != undoing]
                words += [opposite] if _is_set_elsewhere(context, parameter, undoing) else []
    return shlex.join([Path(sys.argv[0]).name, *words])


def _is_set_elsewhere(context: click.Context, parameter: click.Parameter, undoing: str) -> bool:
    value = parameter.value_from_envvar(context)
    if value is None:
        value = context.lookup_default(str(parameter.name))
    if value is None:
        return False
    return bool(parameter.type_cast_value(context, value)) == (undoing == "--overwrite")


FolderStamp = tuple[tuple[str, int, float], ...]


def stamp(place: Path | str, pattern: str) -> FolderStamp:
    """Which files of a pattern are in a folder or a bucket, and since when: another one after they were replaced."""
    folder = located(place)
    if not isinstance(folder, Path):
        names = [name for name in folder.list() if fnmatch(name, pattern)]
        standing = [(name, there) for name in names if (there := folder.standing(name)) is not None]
        return tuple((name, there.bytes, there.modified.timestamp()) for name, there in standing)
    found = [(path.name, path.stat()) for path in sorted(folder.glob(pattern))]
    return tuple((name, status.st_ino, status.st_mtime_ns) for name, status in found)


class resumable:
    """Ctrl-C and SIGTERM end with the command that goes on from here, and the exit code of each.

    kept: what stands, in words. records: files of `out` that are written anew once what was there has been removed. begun:
    whether there is something to go on with from the start; where not, from `begin` on.
    """

    def __init__(self, kept: str, out: Path | str, records: str, begun: bool = True) -> None:
        self._kept = kept
        self._now: Callable[[], FolderStamp] = lambda: stamp(out, records)
        self._begun = begun
        self._before: FolderStamp = ()

    def begin(self) -> None:
        """The work begins: from here on the command can go on."""
        self._begun, self._before = True, self._now()

    def __enter__(self) -> None:
        if self._begun:
            self.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._begun or not isinstance(error, KeyboardInterrupt):
            return
        command = going_on(begun=self._now() != self._before)
        click.echo(f"Stopped. {self._kept}; to go on:\n  {command}", err=True)
        sys.exit(common.TERMINATED if isinstance(error, common.Terminated) else common.INTERRUPTED)
