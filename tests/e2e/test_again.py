"""The command that is printed where one was stopped goes on: followed as it stands, it ends what the first one began."""

import shlex
import signal
import time
from pathlib import Path

import click
import pytest
from annotated import in_process
from fishcli import again, fsr, prep
from support import QUICK, SCRIPTS, run, shards
from warm import Started

__all__ = ["in_process"]


def stopped(process: Started, when: Path) -> str:
    """Stop a command when a file stands, and give the command that it prints."""
    while not when.exists():
        assert process.poll() is None, process.said()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    return err.strip().splitlines()[-1].strip()


def follow(printed: str) -> None:
    program, *words = shlex.split(printed)
    assert (SCRIPTS / program).exists()
    run(program, *words)


def test_overwriting_that_was_stopped_goes_on(portraits: Path, in_process: None, tmp_path: Path) -> None:
    out, slow = tmp_path / "out", (*QUICK, "--shard-size", 1)
    run("fishprep", "build", portraits / "a", out, *QUICK, "--min-side", 300, code=None)
    process = Started(tmp_path, "fishprep", "build", portraits, out, *slow, "--overwrite")
    printed = stopped(process, out / "train-00001.parquet")
    assert "--overwrite" not in printed
    kept = {name: (out / name).stat().st_ino for name in ("train-00000.h5", "train-00001.h5")}
    follow(printed)
    assert {name: (out / name).stat().st_ino for name in kept} == kept, "what was kept is not built again"
    assert len(shards(out)) == 15


OPTIONS = (
    (prep.cli, ["build", "a", "b"]),
    (prep.cli, ["retry", "b"]),
    (prep.cli, ["parse", "a", "b"]),
    (prep.cli, ["parser", "train", "a", "b"]),
    (fsr.cli, ["train", "a", "--out", "b"]),
    (fsr.cli, ["upscale", "a", "-o", "b"]),
)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        (tmp_path / name).mkdir()


def gone_on(group: click.Group, words: list[str], monkeypatch: pytest.MonkeyPatch, begun: bool = True) -> list[str]:
    """What is printed by a command that is stopped; nothing is run."""
    monkeypatch.setattr("sys.argv", ["fish", *words])
    context: click.Context = click.Context(group, info_name="fish", **group.context_settings)
    context.auto_envvar_prefix = group.context_settings["auto_envvar_prefix"]
    while isinstance(context.command, click.Group):
        name, chosen, words = context.command.resolve_command(context, words)
        assert chosen is not None
        context = chosen.make_context(name, words, parent=context)
    with context:
        return shlex.split(again.going_on(begun))[1:]


@pytest.mark.parametrize(
    ("group", "words"), OPTIONS, ids=lambda value: "-".join(value[:2]) if type(value) is list else ""
)
def test_no_flag_that_undoes_is_printed(
    group: click.Group, words: list[str], folders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gone_on(group, words, monkeypatch) == words
    assert gone_on(group, [*words, "--overwrite"], monkeypatch) == words
    assert gone_on(group, [*words, "--overwrite"], monkeypatch, begun=False) == [*words, "--overwrite"]
    if words[0] in ("build", "parse", "train", "upscale"):
        assert gone_on(group, [*words, "--no-resume"], monkeypatch) == words
    prefix = "FISHPREP" if group is prep.cli else "FISHFSR"
    monkeypatch.setenv(f"{prefix}_OVERWRITE", "1")
    assert gone_on(group, words, monkeypatch) == [*words, "--no-overwrite"]
    assert gone_on(group, [*words, "--overwrite"], monkeypatch) == [*words, "--no-overwrite"]


def test_a_file_of_flags_does_not_undo(folders: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flags.toml").write_text("overwrite = true\nresume = false\n")
    words = ["build", "a", "b", "--config", "flags.toml"]
    assert gone_on(prep.cli, words, monkeypatch) == [*words, "--resume", "--no-overwrite"]


def test_messages_name_the_flag_to_leave_out(portraits: Path, tmp_path: Path) -> None:
    words = ("build", portraits, tmp_path / "out", *QUICK, "--overwrite")
    full = Started(tmp_path, "fishprep", *words, limit=300 * 1024)
    assert full.wait(120) == 1 and "run the same command without --overwrite again" in full.said()
