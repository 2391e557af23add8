"""`--config FILE` of the commands."""

from pathlib import Path

import click
import click.testing
import pytest
from fishcli import common


@click.command()
@click.option("--shard-size", type=int, default=1)
@common.config_option()
def show(shard_size: int) -> None:
    click.echo(shard_size)


@pytest.mark.parametrize("begun", [b"", b"\xef\xbb\xbf"])
def test_a_file_of_windows(begun: bytes, tmp_path: Path) -> None:
    """Its editors and shells put a mark before the text."""
    (tmp_path / "c.toml").write_bytes(begun + b"shard-size = 3\r\n")
    done = click.testing.CliRunner().invoke(show, ["--config", str(tmp_path / "c.toml")])
    assert done.exit_code == 0 and done.output == "3\n"
