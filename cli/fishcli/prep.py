"""`fishprep`: photos in, verified shards out."""

import click

import fishprep
from fishcli import common
from fishcli.lazy import CommandPlace, lazy

COMMANDS = {
    "build": CommandPlace("fishcli.build", "build", "Build shards in OUT from the photos in SOURCE."),
    "demo": CommandPlace(
        "fishcli.demo", "demo", "Build shards and a report from two portraits (Eileen Collins, Grace Hopper) into OUT."
    ),
    "describe": CommandPlace(
        "fishcli.describe",
        "describe",
        "Describe a finished build for others: croissant.json (Croissant 1.1) and card.md, a dataset card, in OUT.",
    ),
    "diff": CommandPlace(
        "fishcli.diff",
        "diff",
        "Show what two finished builds differ in: settings, photos, and the faces that both have.",
    ),
    "doctor": CommandPlace("fishcli.doctor", "doctor", "Show versions, devices, weights, and what is wrong with them."),
    "export": CommandPlace(
        "fishcli.export",
        "export",
        "Write the faces of SHARDS into OUT in the format of others: exactly their pixels, with ids, splits, landmarks and maps.",
    ),
    "extend": CommandPlace(
        "fishcli.extend",
        "extend",
        "Build the photos that OUT has not yet into further shards of it: those that came to its source, or those in SOURCE.",
    ),
    "import": CommandPlace(
        "fishcli.import_",
        "import_command",
        "Pack the square face crops in FACES into shards in OUT, as they are: none is searched for, nothing is cropped.",
    ),
    "inspect": CommandPlace("fishcli.inspect", "inspect", "Show what a shard says of itself."),
    "leaks": CommandPlace(
        "fishcli.leaks",
        "leaks",
        "Find what stands in two splits of a finished build, or in two of several: equal files, photos in disguise, people.",
    ),
    "models": CommandPlace(
        "fishcli.weights", "models", "List, download and check the weights of landmark backends and parsers."
    ),
    "merge": CommandPlace(
        "fishcli.merge",
        "merge",
        "Take the shards of every PART into the build in OUT, which is a part itself.",
    ),
    "move": CommandPlace(
        "fishcli.move",
        "move",
        "Move the shards of a finished build to TO, a folder or a bucket. OUT keeps rows and records, and knows shards by their hashes.",
    ),
    "parse": CommandPlace(
        "fishcli.parse", "parse", "Write parsing maps of the face images IN (a folder or one file) to OUT."
    ),
    "parser": CommandPlace("fishcli.parser", "parser", "Train a face parser from labelled faces, and measure one."),
    "plan": CommandPlace("fishcli.plan", "plan", "Say what a build would do, and cost."),
    "remap": CommandPlace(
        "fishcli.remap",
        "remap",
        "Write the finished build OUT anew into NEW with other parsing maps of the same faces; photos are not needed.",
    ),
    "report": CommandPlace("fishcli.report", "report", "Show a finished build as one HTML page that needs no network."),
    "retry": CommandPlace(
        "fishcli.retry",
        "retry",
        "Try the dropped photos of a finished build again, with other settings, into further shards of it.",
    ),
    "rows": CommandPlace(
        "fishcli.rows", "rows", "Show the rows of a finished build that a condition chooses, as a table, CSV or JSON."
    ),
    "verify": CommandPlace(
        "fishcli.verify",
        "verify",
        "Check a build: format, shapes, values, hashes, and the manifest against the shards.",
    ),
}


@click.group(cls=lazy(COMMANDS), context_settings=common.PREP)
@click.version_option(fishprep.__version__, prog_name="fishprep")
def cli() -> None:
    """Make face super-resolution training sets: faces found, cropped, resized, parsed, packed into HDF5 shards.

    \b
    fishprep build photos/ shards/         a training set
    fishprep report shards/                what is in it, as one HTML page
    fishprep parse faces/ maps/            parsing maps of face images

    Every flag can come from an environment variable (FISHPREP_WORKERS=4) or from --config FILE.
    """


def main() -> None:
    """Entry point of the command `fishprep`."""
    common.run(cli, "fishprep")
