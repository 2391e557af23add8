"""`fishprep doctor`, `fishfsr doctor`: is everything here that the commands need?"""

import json
import sys
from dataclasses import asdict
from typing import Any

import click

import fishprep
from fishcli import common
from fishcli.weights import records


@click.command(context_settings=common.HELP)
@common.usual_options
def doctor(**flags: Any) -> None:
    """Show versions, devices, weights, and what is wrong with them. Exits with 1 where something is.

    \b
    fishprep doctor
    fishfsr doctor          the same
    """
    findings = [*fishprep.examine(records()), _upscale()]
    problems = [finding for finding in findings if finding.problem]
    if flags["json"]:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            click.echo(f"{finding.name:{width}}  {finding.value}")
        for finding in problems:
            click.echo(f"problem: {finding.name}: {finding.problem}")
    if problems:
        sys.exit(common.FAILED)


def _upscale() -> "fishprep.Finding":
    """What `fishfsr upscale` runs when no checkpoint is named."""
    import fishfsr

    pairs = [model for model in fishfsr.shipped_models() if model.status == "present"]
    named = ", ".join(f"{model.name} (crops of {model.sides[0]} to {model.sides[1]} px)" for model in pairs)
    problem = (
        ""
        if pairs
        else "no trained pair is here; name a checkpoint with --model, or in a checkout: pip install ./weights"
    )
    return fishprep.Finding("upscale runs", named or "nothing", problem)
