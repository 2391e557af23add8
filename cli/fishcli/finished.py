"""What a build or a retry came to, in words or as JSON."""

import json
import shlex
import sys
from dataclasses import asdict

import click

import fishprep
from fishcli import common
from fishprep.common.names import printable
from fishprep.common.words import counted, size_text


def print_finished(result: "fishprep.BuildResult", as_json: bool) -> None:
    """Print it; exits with 3 where nothing was kept."""
    if result.nothing_kept is not None:
        click.echo(f"nothing was kept: {printable(str(result.nothing_kept))}", err=True)
    if as_json:
        click.echo(json.dumps({**asdict(result.totals), "built": result.built, "resumed": result.resumed}))
    else:
        _print_totals(result)
    if result.nothing_kept is not None:
        sys.exit(common.NOT_ALL)
    if not as_json:
        click.echo(f"Next: {', then '.join(map(shlex.join, result.next_commands))}")
        if not result.has_training:
            click.echo("  no photos to train on: train with another build, and give this one beside it")
        elif not result.has_validation:
            click.echo(
                "  no photos to validate on: a build into another folder with --split 0.9,0.05,0.05 sets some apart"
            )


def print_part(part: "fishprep.PartResult", as_json: bool) -> None:
    """Print what a part came to, of a build that lacks others."""
    if as_json:
        facts = {"part": part.part, "built": part.built, "resumed": part.resumed, "shards": part.shards}
        click.echo(json.dumps({**facts, "missing": part.missing}))
        return
    click.echo(
        f"part {part.part}: {counted(part.built + part.resumed, 'shard')} in {part.out}; {part.missing:,} of the build's "
        f"{counted(part.shards, 'shard')} are still missing. The last part finishes the build, or the same command without --part."
    )


def _print_totals(result: "fishprep.BuildResult") -> None:
    totals = result.totals
    splits = ", ".join(f"{count:,} {split}" for split, count in totals.by_split.items())
    click.echo(
        f"{counted(totals.samples, 'sample')} ({splits}) of {counted(totals.photos, 'photo')} in {result.out}, "
        f"{size_text(totals.bytes)}"
    )
    for status, count in totals.by_status.items():
        if status != "ok":
            click.echo(f"  dropped: {count:,} {status}")
    for backend, count in totals.by_backend.items():
        click.echo(f"  landmarks: {count:,} by {backend}")
    if result.seconds:
        stages = ", ".join(f"{name} {common.time_text(spent)}" for name, spent in result.seconds.items())
        click.echo(f"  time in workers: {stages}")
