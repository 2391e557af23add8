"""`fishprep retry`: what a build dropped, tried again with other settings."""

from pathlib import Path
from typing import Any

import click

import fishprep
from fishcli import common
from fishcli.again import resumable
from fishcli.finished import print_finished
from fishcli.options import USUAL, cluster_settings, engine_options, given, landmark_options, limit_options, run_options
from fishcli.progress import BuildProgress


@click.command(context_settings=common.PREP)
@click.argument("out", type=common.BUILT)
@click.option("--status", multiple=True, help="Status to try again, for example no_face; may be repeated.")
@click.option(
    "--points",
    type=common.FILE,
    help="Eyes, and mouths, that were marked by hand (JSON): the photos named there are tried again, of any status.",
)
@click.option("--follow-links", is_flag=True, help="Take symbolic links that leave the source folder (link_outside).")
@landmark_options
@click.option("--max-outside", type=float, default=USUAL.max_outside)
@click.option("--min-side", type=int, default=USUAL.min_side)
@limit_options
@click.option("--parser-weights", type=common.FILE, help="Weights of the parser, the same as in the build.")
@common.weights_dir
@run_options
@engine_options
@click.option("--overwrite/--no-overwrite", help="First remove a retry that was stopped halfway, with its shards.")
@common.usual_options
@click.pass_context
def retry(context: click.Context, out: Path | str, status: tuple[str, ...], **flags: Any) -> None:
    """Try the dropped photos of a finished build again, with other settings, into further shards of it.

    Only settings that are given change; the recipe cannot. Shards that stand are never rewritten. Stopped at any moment, the
    same command goes on where it was.

    \b
    fishprep retry shards --status no_face --detector blazeface --thorough
    fishprep retry shards --points marked.json
    """
    known = sorted(set(fishprep.totals(out).by_status) - {"ok"})
    if not status and flags["points"] is None:
        raise click.UsageError(f"--status is missing; this build has {', '.join(known) or 'nothing that was dropped'}")
    settings = fishprep.RetrySettings(**given(context, fishprep.RetrySettings))
    stopping = resumable(f"Finished shards in {out} are kept", out, "retry-*.json", begun=False)
    with stopping, BuildProgress(settings.workers, stopping.begin, flags["quiet"]) as progress:
        result = fishprep.retry(
            out,
            status,
            settings,
            overwrite=flags["overwrite"],
            engine=flags["engine"],
            cluster=cluster_settings(flags),
            progress=progress,
        )
    print_finished(result, flags["json"])
