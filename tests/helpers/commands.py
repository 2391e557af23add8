"""Every command of both programs."""

from collections.abc import Iterator

import click
from fishcli import fsr, prep


def leaves(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group by its words."""
    if not isinstance(command, click.Group):
        yield " ".join(words), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from leaves(below, (*words, name))


COMMANDS = dict((*leaves(prep.cli, ("fishprep",)), *leaves(fsr.cli, ("fishfsr",))))
