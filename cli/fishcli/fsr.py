"""The command `fishfsr`: arguments in, text and exit codes out."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fishcli import common
from fishcli.doctor import doctor
from fishcli.eval import evaluate_command
from fishcli.train import train
from fishcli.upscale import upscale
from fishfsr import __version__
from fishfsr.errors import CheckpointError, FishFSRError
from fishprep.common.errors import FishPrepError
from fishprep.common.words import size_text

if TYPE_CHECKING:
    from fishfsr.checkpoint import Checkpoint, CheckpointMetadata
    from fishfsr.models.registry import ModelRecord

ERRORS = (FishFSRError, FishPrepError)
SETTINGS = {"auto_envvar_prefix": "FISHFSR", "show_default": True, "help_option_names": ["-h", "--help"]}
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)

# Each command imports what it runs: the networks, the exporter and the rest take seconds, `--help` must not.


@click.group(context_settings=SETTINGS)
@click.version_option(__version__, prog_name="fishfsr")
def cli() -> None:
    """Super-resolve faces guided by parsing maps: train the networks from shards, measure them, run them on photos.

    \b
    fishfsr train shards/ --scale 8 --out run/         ParsingNet, then FishFSRNet
    fishfsr eval run/ shards/                          figures beside bicubic, and a page
    fishfsr upscale photos/ -o out/ -m run/best.safetensors

    Every flag can come from an environment variable (FISHFSR_DEVICE=cuda).
    """


cli.add_command(doctor)
cli.add_command(train)
cli.add_command(evaluate_command)
cli.add_command(upscale)


def main() -> None:
    """Entry point of the command `fishfsr`."""
    common.run(cli, "fishfsr", ERRORS)


@cli.group(context_settings=SETTINGS, invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """The networks by name, and checkpoint files; without a subcommand the list of networks.

    \b
    Example: fishfsr models show x8.safetensors
    """
    if context.invoked_subcommand is None:
        context.invoke(list_models)


@models.command("list", context_settings=SETTINGS)
@click.option("--json", is_flag=True, help="The list as JSON.")
def list_models(**flags: Any) -> None:
    """List the networks with parameters and multiply-accumulates per face, both computed.

    \b
    Example: fishfsr models list --json
    """
    from fishfsr.models import registry

    rows = [_model_row(record) for record in registry.list_models()]
    if flags.get("json"):
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(f"{'name':24}{'scale':>6}{'width':>7}{'input':>9}{'parameters':>13}{'GMAC':>8}  {'licence':12}weights")
    for row in rows:
        click.echo(
            f"{row['name']:24}{'x' + str(row['scale']):>6}{row['width']:>7}{'{}x{}'.format(*row['input_size']):>9}"
            f"{row['parameters']:>13,}{row['macs'] / 1e9:>8.3f}  {row['licence']:12}{row['weights_url'] or 'none'}"
        )


@models.command("show", context_settings=SETTINGS)
@click.argument("checkpoint", type=FILE)
@click.option("--json", is_flag=True, help="The metadata as JSON.")
def show_checkpoint(checkpoint: Path, **flags: Any) -> None:
    """Check CHECKPOINT and show what it says of itself.

    \b
    Example: fishfsr models show x8.safetensors
    """
    from fishfsr.checkpoint import load_checkpoint, read_metadata
    from fishfsr.models.count import count_parameters

    metadata, loaded = read_metadata(checkpoint), load_checkpoint(checkpoint)
    summary = _summary(metadata)
    for name, network in (("parsing_net", loaded.parsing_net), ("sr_net", loaded.sr_net)):
        if network is not None:
            summary[name]["parameters"] = count_parameters(network)
    if flags["json"]:
        click.echo(json.dumps(summary, indent=2))
        return
    for name, value in summary.items():
        for line in _lines(name, value):
            click.echo(line)


@models.command("import", context_settings=SETTINGS)
@click.argument("authors", nargs=-1, required=True, type=FILE)
@click.argument("out", type=NEW_FILE)
@click.option("--overwrite", is_flag=True, help="Replace OUT where it exists.")
def import_checkpoints(authors: tuple[Path, ...], out: Path, overwrite: bool) -> None:
    """Convert checkpoints of the authors' code into one file OUT: FishFSRNet (x8 or x4), ParsingNet, or both.

    \b
    Examples: fishfsr models import x8.pth x8.safetensors
              fishfsr models import x8.pth parsingnet.pth x8.safetensors
    """
    from fishfsr.checkpoint import read_metadata, save_checkpoint

    _check_free(out, overwrite)
    save_checkpoint(out, _imported(authors))
    for name, value in _summary(read_metadata(out)).items():
        if name != "details":
            click.echo(f"{name}: {value['architecture']}, {_options(value['config'])}")
    click.echo(f"written: {out}")


@models.command("pack", context_settings=SETTINGS)
@click.argument("checkpoint", type=FILE)
@click.argument("out", type=NEW_FILE)
@click.option("--licence", help="Terms of the weights; kept in the file.")
@click.option("--overwrite", is_flag=True, help="Replace OUT where it exists.")
def pack(checkpoint: Path, out: Path, licence: str | None, overwrite: bool) -> None:
    """Write CHECKPOINT to OUT in float16: half the size, to be passed on. It is computed with in float32 as before.

    \b
    Example: fishfsr models pack run/best.safetensors x8.safetensors --licence "non-commercial: trained on CelebA"
    """
    from dataclasses import replace

    import torch

    from fishfsr.checkpoint import load_checkpoint, save_checkpoint

    _check_free(out, overwrite)
    loaded = load_checkpoint(checkpoint)
    details = replace(loaded.details, licence=licence or loaded.details.licence)
    save_checkpoint(out, replace(loaded, details=details), torch.float16)
    click.echo(f"written: {out} ({size_text(out.stat().st_size)})")


@cli.command(context_settings=SETTINGS)
@click.argument("checkpoint", type=FILE)
@click.argument("out", type=NEW_FILE)
@click.option("--lr-size", type=click.IntRange(1), help="Side of the LR face in pixels.  [default: 128 / scale]")
@click.option("--overwrite", is_flag=True, help="Replace OUT where it exists.")
def export(checkpoint: Path, out: Path, lr_size: int | None, overwrite: bool) -> None:
    """Write the pair of CHECKPOINT to OUT as one ONNX graph: `lr` in, `sr` and `map` out, any batch.

    onnxruntime is run against PyTorch before OUT is written; the differences are printed.

    \b
    Example: fishfsr export x8.safetensors x8.onnx
    """
    from fishfsr.export import TOLERANCE, check_extra, export_onnx
    from fishfsr.inference.resolver import load

    check_extra()
    _check_free(out, overwrite)
    parity = export_onnx(load(checkpoint, device="cpu"), out, lr_size)
    click.echo(f"written: {out}")
    click.echo(
        f"onnxruntime against PyTorch, largest difference: sr {parity.sr:.1e}, map {parity.map:.1e} (limit {TOLERANCE:.0e})"
    )


def _check_free(out: Path, overwrite: bool) -> None:
    if out.exists() and not overwrite:
        raise CheckpointError(f"{out}: exists; replace it with --overwrite")


def _imported(paths: tuple[Path, ...]) -> "Checkpoint":
    from fishfsr.checkpoint import Checkpoint, Details
    from fishfsr.compat.importer import import_authors
    from fishfsr.models.fishfsrnet import FishFSRNet
    from fishfsr.models.parsingnet import ParsingNet
    from fishprep.common.files import sha256_file

    networks = [import_authors(path, lambda note: click.echo(f"note: {note}", err=True)) for path in paths]
    parsing_nets = [network for network in networks if isinstance(network, ParsingNet)]
    sr_nets = [network for network in networks if isinstance(network, FishFSRNet)]
    if len(parsing_nets) > 1 or len(sr_nets) > 1:
        raise CheckpointError(
            "two files hold the same kind of network: a checkpoint has one ParsingNet and one FishFSRNet"
        )
    source = "; ".join(f"{path.name} (SHA-256 {sha256_file(path)})" for path in paths)
    return Checkpoint(
        parsing_nets[0] if parsing_nets else None,
        sr_nets[0] if sr_nets else None,
        Details(source=f"imported from the authors' {source}"),
    )


def _model_row(record: "ModelRecord") -> dict[str, Any]:
    from fishfsr.models.registry import model_size

    return {**asdict(record), "input_size": record.input_size, **model_size(record)._asdict()}


def _summary(metadata: "CheckpointMetadata") -> dict[str, dict[str, Any]]:
    networks = {"parsing_net": metadata.parsing_net, "sr_net": metadata.sr_net}
    present = {
        name: {"architecture": entry.architecture, "config": entry.config.to_dict()}
        for name, entry in networks.items()
        if entry is not None
    }
    return {**present, "details": {key: value for key, value in asdict(metadata.details).items() if value}}


def _lines(name: str, value: Any, depth: int = 0) -> list[str]:
    """Nested dictionaries as indented `key: value` lines."""
    indent = "  " * depth
    if not isinstance(value, dict):
        return [f"{indent}{name}: {value}"]
    return [f"{indent}{name}:", *(line for key, inner in value.items() for line in _lines(key, inner, depth + 1))]


def _options(config: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in config.items() if not isinstance(value, bool))
