"""A group whose commands are imported when they are called: `--help` waits for none of them."""

from importlib import import_module
from typing import NamedTuple

import click


class CommandPlace(NamedTuple):
    """Where a command stands, and the first sentence of its help."""

    module: str
    name: str
    help: str


class LazyGroup(click.Group):
    """Commands by name, each at its `CommandPlace`."""

    places: dict[str, CommandPlace]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None where there is none of this name."""
        place = self.places.get(cmd_name)
        return getattr(import_module(place.module), place.name) if place else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click writes them, from the places."""
        width = formatter.width - 6 - max(map(len, self.places))
        rows = [(name, _short(self.places[name].help, width)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def lazy(places: dict[str, CommandPlace]) -> type[LazyGroup]:
    """A group with these commands, as `click.group(cls=...)` takes it."""
    return type("Group", (LazyGroup,), {"places": places})


def _short(text: str, width: int) -> str:
    return click.Command(None, help=text).get_short_help_str(width)
