"""What both command lines share: errors without tracebacks, exit codes, configuration files, plain numbers."""

import os
import re
import signal
import sys
import time
import tomllib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from fishcli.screen import SafeConsole, behind, screened, shown, steer
from fishprep import FishPrepError, is_url
from fishprep.common.files import read_text

FAILED, NOT_ALL = 1, 3
LIVE_EVERY, PLAIN_EVERY = 0.2, 10.0  # seconds between two progress lines, on a terminal and elsewhere
INTERRUPTED, TERMINATED = 130, 143

HELP = {"help_option_names": ["-h", "--help"]}
PREP = {**HELP, "auto_envvar_prefix": "FISHPREP", "show_default": True}
FSR = {**HELP, "auto_envvar_prefix": "FISHFSR", "show_default": True}
"""What click is told of the commands of each program: how help is asked for, what variables of the environment begin with."""


class LocalPath(click.Path):
    """A path of this machine: the url of a bucket would become the name of a folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A url is refused."""
        if is_url(value):
            self.fail(f"{value} lies in a bucket; give a path of this machine", param, ctx)
        return super().convert(value, param, ctx)


FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)
EXISTING = LocalPath(path_type=Path, exists=True, file_okay=False)
FOLDER = LocalPath(path_type=Path, file_okay=False)
EITHER = LocalPath(path_type=Path, exists=True)
"""Paths: a file that is there, one that is written, a folder that is there, one that is written, a file or folder that is there."""


class PathOrUrl(click.Path):
    """A path, or the url of what lies in a bucket (`s3://bucket/prefix`), which nobody looks for before the work begins."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A url stays text."""
        return value if is_url(value) else super().convert(value, param, ctx)


class PathOrPair(click.Path):
    """A path, or the name of a shipped pair (`x8`) where no file and no folder is called that."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A name stays text."""
        named = isinstance(value, str) and re.fullmatch(r"x\d+(-[a-z]+)?", value) and not Path(value).exists()
        return value if named else super().convert(value, param, ctx)


CHECKPOINT = PathOrPair(path_type=Path, exists=True, dir_okay=False)
RUN = PathOrPair(path_type=Path, exists=True)
"""Trained networks: a file or a shipped pair, and the folder of a training too."""

SHARD = PathOrUrl(path_type=Path, exists=True, dir_okay=False)
BUILT = PathOrUrl(path_type=Path, exists=True, file_okay=False)
OUT = PathOrUrl(path_type=Path, file_okay=False)
SOURCE = SHARDS = PathOrUrl(path_type=Path, exists=True)
"""Places: a shard, a build that is there, one that is written, a source, a build or a shard that is there."""

Errors = tuple[type[Exception], ...]


def run(group: click.Group, program: str, errors: Errors = (FishPrepError,)) -> NoReturn:
    """Run a command group with the arguments of this process, and exit as `execute` says."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(execute(group, program, sys.argv[1:], errors))


def execute(group: click.Group, program: str, arguments: list[str], errors: Errors = (FishPrepError,)) -> int:
    """Run a command group and return the exit code.

    0 done; 1 failed; 2 usage; 3 finished, but something was not done; 130 on Ctrl-C; 143 on SIGTERM. `errors` are printed as
    one message, and so is what a bucket refuses; any other exception is a defect, and shows its traceback. All that is
    printed passes through a `Screen`.
    """
    # click writes what a shell is to complete with as bytes; it is the program's own words
    screen = nullcontext() if f"_{program.upper()}_COMPLETE" in os.environ else screened()
    # color: click leaves control characters to the screen, which shows them, instead of dropping them
    with screen, click.Context(group, color=True).scope():
        return _execute(group, program, arguments, errors)


def _execute(group: click.Group, program: str, arguments: list[str], errors: Errors) -> int:
    try:
        code = group.main(arguments, prog_name=program, standalone_mode=False, color=True)
    except SystemExit as error:
        code = error.code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        code = INTERRUPTED
    except BrokenPipeError:
        behind(sys.stderr).close()
        code = 0
    except errors as error:
        click.echo(f"{program}: {error}", err=True)
        code = FAILED
    except OSError as error:
        if not is_url(error.filename or ""):
            raise
        click.echo(f"{program}: {error.filename}: {error.strerror}", err=True)  # a bucket's, wherever it was asked
        code = FAILED
    return code if isinstance(code, int) else 0


class Terminated(KeyboardInterrupt):
    """SIGTERM: what Ctrl-C does, with another exit code."""


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def config_option(takes_rest: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--config FILE`: a TOML file of flags; the command line and the environment win over it.

    takes_rest: the command gets what else is in the file, as a dictionary `config`, or None without a file; elsewhere it is an error.
    """
    what = "TOML file of flags, named as here, and of settings." if takes_rest else "TOML file of flags, named as here"
    return click.option(
        "--config",
        type=FILE,
        is_eager=True,
        expose_value=takes_rest,
        callback=_read_rest if takes_rest else _read_config,
        help=f"{what} {'' if takes_rest else '(shard-size = 500). '}The command line wins over it.",
    )


def usual_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--config FILE`, `-q`/`--quiet` and `--json`: the same in every command."""
    return config_option()(quiet_option(json_option(command)))


quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on stderr; errors alone.")
json_option = click.option("--json", is_flag=True, help="The result as JSON on stdout.")
cache_option = click.option(
    "--cache",
    type=FOLDER,
    show_default="the user's cache folder",
    help="Where shards of a bucket are kept, those datasets alone that are needed; each is fetched once.",
)
weights_dir = click.option("--weights-dir", type=EXISTING, help="Folder with weight files, instead of the cache.")


def _read_config(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    if unknown := sorted(_read_rest(context, parameter, path) or {}):
        listed = ", ".join(sorted(_options(context)))
        raise click.BadParameter(f"{path}: unknown key {unknown[0]!r}; known are {listed}", context, parameter)


def _read_rest(context: click.Context, parameter: click.Parameter, path: Path | None) -> dict[str, Any] | None:
    """Take the flags of a file as defaults; what else is in it."""
    if path is None:
        return None
    try:
        values = tomllib.loads(read_text(path))
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path}: {error}", context, parameter) from error
    options = _options(context)
    flags = {name: options[name.replace("_", "-")] for name in values if name.replace("_", "-") in options}
    named = {str(option.name): _as_typed(option, values[name]) for name, option in flags.items()}
    context.default_map = {**(context.default_map or {}), **named}
    return {name: value for name, value in values.items() if name not in flags}


def _options(context: click.Context) -> dict[str, click.Option]:
    """The flags that a file may set, by their names."""
    found = {_flag(option): option for option in context.command.params if isinstance(option, click.Option)}
    return {name: option for name, option in found.items() if name != "config"}


def _flag(option: click.Option) -> str:
    return max(option.opts, key=len).lstrip("-")


def _as_typed(option: click.Option, value: object) -> object:
    """A value of a TOML file as the flag takes it: a list is a flag repeated, or words with commas between them."""
    if option.multiple:
        return value if isinstance(value, list) else [value]
    if isinstance(value, list) and isinstance(option.type, click.types.StringParamType):
        return ",".join(map(str, value))
    return value


@dataclass
class ProgressLine:
    """One line on stderr that is written over and over on a terminal, and now and then elsewhere. `quiet` writes nothing."""

    quiet: bool = False
    _shown: float = 0.0

    def show(self, text: str, last: bool = False) -> None:
        """Show `text`, unless another was shown a moment ago; the `last` always."""
        live, now = sys.stderr.isatty(), time.monotonic()
        if self.quiet or (not last and now - self._shown < (LIVE_EVERY if live else PLAIN_EVERY)):
            return
        self._shown = now
        steer(f"\r\x1b[K{shown(text)}" if live else f"{shown(text)}\n")

    def close(self, keep: bool = False) -> None:
        """End the line on a terminal, or take it away."""
        if self._shown and sys.stderr.isatty():
            steer("\n" if keep else "\r\x1b[K")


def console(stderr: bool = False) -> SafeConsole:
    """Results go to stdout, progress and messages to stderr."""
    return SafeConsole(stderr)


def time_text(seconds: float) -> str:
    """A duration for people."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
