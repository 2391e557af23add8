"""The one way to the terminal: what comes from outside (names, reasons, text in files) cannot steer it."""

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from rich.console import Console
from rich.text import Text

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


class Screen:
    """A text stream before another: what is written passes through `shown`, and is never refused for its characters."""

    errors = "backslashreplace"

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Raises what the stream raises, but no UnicodeError."""
        if not isinstance(text, str):
            raise TypeError("a text stream takes text")
        self.stream.write(shown(text).encode(self.encoding, self.errors).decode(self.encoding))
        return len(text)

    def flush(self) -> None:
        """Of the stream."""
        self.stream.flush()

    def isatty(self) -> bool:
        """Of the stream."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """Of the stream."""
        return self.stream.fileno()


@contextlib.contextmanager
def screened() -> Iterator[None]:
    """Everything that this process prints goes through a `Screen`, whoever prints it."""
    out, err = (cast(TextIO, Screen(stream)) for stream in (sys.stdout, sys.stderr))
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

    def render_str(self, text: str, **options: Any) -> Text:
        """As Rich's, of text that is `shown`."""
        return super().render_str(shown(text), **options)
