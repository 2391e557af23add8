"""Words from outside reach the terminal as words, whatever is in them, by every way that the commands print."""

import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import h5py
import pytest
import training
from fishcli import common
from fishcli.screen import Screen, screened, shown
from rich.table import Table
from support import command, run

STEERING = "\x1b[2J\x1b]0;title\x07\r\x08\x9b31m\u202eback"


def test_what_is_shown() -> None:
    assert shown("é 北 👍 a\tb\n") == "é 北 👍 a\tb\n"
    assert shown("\x1b[31m\r\x00\x9b\u202e") == r"\x1b[31m\r\x00\x9b\u202e"
    assert shown(os.fsdecode(b"caf\xe9")) == r"caf\xe9"


def test_a_screen_writes_what_its_stream_cannot_encode() -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Screen(narrow).write("é\udce9\x1b")
    narrow.flush()
    assert narrow.buffer.getvalue() == rb"\xe9\xe9\x1b"


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("way", ["echo", "print", "table", "text", "progress", "error", "usage"])
def test_every_way_of_printing(way: str, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def command() -> None:
        match way:
            case "echo":
                click.echo(STEERING)
            case "print":
                print(STEERING, file=sys.stderr)
            case "table":
                table = Table("name", header_style="bold")
                table.add_row(f"[/b]{STEERING}")
                common.console().print(table)
            case "text":
                common.console(stderr=True).print(f"[red]:smile: {STEERING}")
            case "progress":
                common.ProgressLine().show(STEERING, last=True)
            case "error":
                raise common.FishPrepError(STEERING)
            case "usage":
                raise click.UsageError(STEERING)

    out, err = io.StringIO(), io.StringIO()
    for stream in (out, err):
        stream.isatty = lambda: terminal  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    group = click.Group(commands={"go": command})
    common.execute(group, "program", ["go"])
    printed = out.getvalue() + err.getvalue()
    assert r"\x1b[2J\x1b]0;title\x07\r\x08\x9b31m\u202eback" in printed
    assert "\x1b[2J" not in printed and "\x1b]0" not in printed and "\x9b" not in printed
    if way == "table":
        assert "[/b]" in printed and ("\x1b[1m" in printed) == terminal  # the program's own style is left
    if way == "text":
        assert "[red]:smile:" in printed


def test_the_streams_are_given_back() -> None:
    before = sys.stdout, sys.stderr
    with pytest.raises(KeyError), screened():
        raise KeyError
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize("name", ["a[/b]", "[bold]", f"x{STEERING}", ":smile:"])
def test_inspect_shows_any_id(tmp_path: Path, name: str) -> None:
    shard = training.write(tmp_path, {"train": (2,)}) / "train-00000.h5"
    with h5py.File(shard, "a") as file:
        file["id"][0] = name
    out = run("fishprep", "inspect", shard).out
    assert shown(name).split("\r")[0] in out and "\x1b" not in out
    assert "\x1b" not in run("fishprep", "inspect", shard, "--json").out


@pytest.mark.skipif(os.name != "posix", reason="needs file names of any bytes")
def test_names_in_errors(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\x1b[31m\xff"))
    folder.mkdir()
    (folder / "train-00000.h5").write_bytes(b"no shard")
    for program, *arguments in (
        ("fishprep", "inspect", folder / "train-00000.h5"),
        ("fishfsr", "eval", folder, folder),
    ):
        ran = run(program, *arguments, code=None)
        assert ran.code in (1, 2) and r"\x1b[31m\xff" in ran.err and "\x1b[31m" not in ran.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("where", ["/dev/full", "closed"])
@pytest.mark.parametrize("words", ["--help", "models list"])
def test_results_that_cannot_be_printed(words: str, where: str) -> None:
    """Without stdout (a job of the system's) the work is done; a full drive under it is one message."""
    to = ">&-" if where == "closed" else f">{where}"
    line = shlex.join(command("fishprep", *words.split()))
    done = subprocess.run(f"{line} {to}", shell=True, stderr=subprocess.PIPE, text=True, timeout=120)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    if where == "closed":
        assert done.returncode == 0 and not done.stderr
    else:
        assert done.returncode == 1 and "cannot be written where they are sent: No space left" in done.stderr
