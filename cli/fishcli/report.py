"""`fishprep report`: a build as one HTML page."""

from pathlib import Path

import click

from fishprep.builds.manifest import REPORT
from fishprep.common.words import size_text

SETTINGS = {"auto_envvar_prefix": "FISHPREP", "show_default": True, "help_option_names": ["-h", "--help"]}


@click.command(context_settings=SETTINGS)
@click.argument("out", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    show_default="OUT/report.html",
    help="Where to write the page.",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the samples that are shown.")
def report(out: Path, html: Path | None, seed: int) -> None:
    """Show a finished build as one HTML page that needs no network: what was kept, what was dropped and why, landmarks and skin
    maps over the faces, measures, near-duplicates.

    \b
    fishprep report shards
    """
    from fishprep.reports import ReportSettings, write_report

    path = html or out / REPORT
    write_report(out, path, ReportSettings(seed=seed))
    click.echo(f"{path} ({size_text(path.stat().st_size)})")
