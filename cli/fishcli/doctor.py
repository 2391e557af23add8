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
    findings = fishprep.examine(records())
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
