"""One word means one thing in every command of both programs, and the groups say what their commands say."""

import click
import pytest
from commands import COMMANDS
from fishcli import prep
from fishcli.lazy import LazyGroup

EVERY = [pytest.param(words, id=words) for words in COMMANDS]


def flags(command: click.Command) -> dict[str, click.Option]:
    return {word: each for each in command.params if isinstance(each, click.Option) for word in each.opts}


def test_the_commands_are_found() -> None:
    assert {"fishprep build", "fishprep parser eval", "fishprep models list", "fishfsr train", "fishfsr export"} <= set(
        COMMANDS
    )


@pytest.mark.parametrize("words", EVERY)
def test_the_usual_options_mean_the_same(words: str) -> None:
    found = flags(COMMANDS[words])
    if "--device" in found:
        assert found["--device"].default == "auto"
    assert found.keys() >= {"--config", "--quiet", "-q", "--json"}
    assert found["-q"] is found["--quiet"] and found["--quiet"].is_flag and found["--json"].is_flag
    assert isinstance(found["--config"].type, click.Path) and found["--config"].type.exists
    assert ("-o" in found) == ("--out" in found) and found.get("-o") is found.get("--out")


@pytest.mark.parametrize("group", [prep.cli])
def test_a_group_says_what_its_commands_say(group: LazyGroup) -> None:
    for name, place in group.places.items():
        command = group.get_command(click.Context(group), name)
        assert command is not None and command.name == name
        assert command.get_short_help_str(45) == click.Command(None, help=place.help).get_short_help_str(45)
