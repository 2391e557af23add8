"""The one way to the terminal: what comes from outside (names, reasons, text in files) cannot steer it."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import IO, Any, TextIO, cast

from rich.console import Console
from rich.text import Text

from fishprep import FishPrepError

_STEERING = re.compile(r"[^\n\t\x20-\x7e]")
"""What has to be looked at: all but plain ASCII."""


def shown(text: str) -> str:
    r"""Text as a terminal can show it, lines kept: control and other unprintable characters escaped.

    Bytes of a file name that are no UTF-8 are written `\xff`, as in tables and shards.
    """
    return _STEERING.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


@contextlib.contextmanager
def _told(stream: IO[str]) -> Iterator[None]:
    """An error of a stream that takes no more as FishPrepError; BrokenPipeError as it is."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        with contextlib.suppress(OSError), open(os.devnull, "w") as nowhere:  # where Python's own last flush goes
            os.dup2(nowhere.fileno(), stream.fileno())
        raise FishPrepError(f"its words cannot be written where they are sent: {error.strerror}") from error


class Screen:
    """A text stream before another: what is written passes through `shown`, and is never refused for its characters."""

    errors = "backslashreplace"

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """BrokenPipeError where nobody reads on, FishPrepError where the stream takes no more; no UnicodeError."""
        if not isinstance(text, str):
            raise TypeError("a text stream takes text")
        if text:  # click tries streams with none, and hides what comes of it
            with _told(self.stream):
                self.stream.write(shown(text).encode(self.encoding, self.errors).decode(self.encoding))
        return len(text)

    def flush(self) -> None:
        """Raises as `write`."""
        with _told(self.stream):
            self.stream.flush()

    def isatty(self) -> bool:
        """Of the stream."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """Of the stream."""
        return self.stream.fileno()


@contextlib.contextmanager
def screened() -> Iterator[None]:
    """Everything that this process prints goes through a `Screen`, whoever prints it.

    Where it was started without stdout or stderr, what is printed goes nowhere.
    """
    opened = [open(os.devnull, "w") if stream is None else stream for stream in (sys.stdout, sys.stderr)]  # noqa: SIM115
    out, err = (cast(TextIO, Screen(stream)) for stream in opened)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield


def behind(stream: TextIO) -> TextIO:
    """The stream behind a `Screen`, or the one that is given where there is none."""
    return stream.stream if isinstance(stream, Screen) else stream


def steer(text: str) -> None:
    """Write to stderr as it is: for the program's own control sequences. Words from outside go through `shown` first."""
    stream = behind(sys.stderr)
    stream.write(text)
    stream.flush()


class SafeConsole(Console):
    """Rich's styles for tables of our own; strings in them are text, not markup."""

    def __init__(self, stderr: bool = False) -> None:
        super().__init__(
            file=behind(sys.stderr if stderr else sys.stdout),
            highlight=False,
            soft_wrap=True,
            markup=False,
            emoji=False,
        )

    def print(self, *objects: Any, **options: Any) -> None:
        """As Rich's; raises as `Screen.write`."""
        with _told(self.file):
            super().print(*objects, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """As Rich's, of text that is `shown`."""
        return super().render_str(shown(text), **options)
