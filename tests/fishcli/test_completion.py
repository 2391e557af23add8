"""The shell completes commands, options and their choices: click's own completion, as docs/commands.md tells."""

import os
import subprocess

import pytest
from support import SCRIPTS


def completed(typed: str, program: str) -> list[str]:
    """What bash offers for the last word that was typed; `type,word` a line."""
    words = typed.split(" ")
    environment = {
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
        f"_{program.upper()}_COMPLETE": "bash_complete",
    }
    done = subprocess.run(
        [SCRIPTS / program], env={**os.environ, **environment}, capture_output=True, text=True, check=True, timeout=60
    )
    assert not done.stderr
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("fishprep re", ["remap", "report", "retry"]),
        ("fishprep build --min-s", ["--min-score", "--min-side"]),
        ("fishprep build --faces ", ["largest", "center", "all", "reject"]),
        ("fishprep parser t", ["train"]),
        ("fishfsr up", ["upscale"]),
    ],
)
def test_words_are_offered(typed: str, offered: list[str]) -> None:
    assert completed(typed, typed.split()[0]) == offered


def test_the_script_for_bash_is_click_s() -> None:
    environment = {**os.environ, "_FISHPREP_COMPLETE": "bash_source"}
    done = subprocess.run([SCRIPTS / "fishprep"], env=environment, capture_output=True, text=True, check=True)
    assert "complete -o nosort -F _fishprep_completion fishprep" in done.stdout
