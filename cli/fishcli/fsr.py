"""The command `fishfsr`: arguments in, text and exit codes out."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fishcli import common
from fishcli.compare import compare
from fishcli.doctor import doctor
from fishcli.eval import evaluate_command
from fishcli.train import train
from fishcli.upscale import upscale
from fishcli.web import web
from fishfsr import CheckpointError, FishFSRError, __version__
from fishprep import FishPrepError
from fishprep.common.words import size_text

if TYPE_CHECKING:
    from fishfsr import CheckpointMetadata, ModelRecord

ERRORS = (FishFSRError, FishPrepError)

# Each command imports what it runs: the networks, the exporter and the rest take seconds, `--help` must not.


@click.group(context_settings=common.FSR)
@click.version_option(__version__, prog_name="fishfsr")
def cli() -> None:
    """Super-resolve faces guided by parsing maps: train the networks from shards, measure them, run them on photos.

    \b
    fishfsr train shards/ --scale 8 --out run/         ParsingNet, then FishFSRNet
    fishfsr eval run/ shards/                          figures beside bicubic, and a page
    fishfsr compare shards/ --budget 20m -o table/     the paper's methods side by side
    fishfsr upscale photos/ -o out/ -m run/best.safetensors
    fishfsr web                                        a page to try photos on

    Every flag can come from an environment variable (FISHFSR_DEVICE=cuda).
    """


cli.add_command(doctor)
cli.add_command(train)
cli.add_command(evaluate_command)
cli.add_command(compare)
cli.add_command(upscale)
cli.add_command(web)


def main() -> None:
    """Entry point of the command `fishfsr`."""
    common.run(cli, "fishfsr", ERRORS)


@cli.group(context_settings=common.FSR, invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """The trained pairs that are shipped, the networks by name, and checkpoint files; without a subcommand the list of both.

    \b
    fishfsr models show x8.safetensors
    """
    if context.invoked_subcommand is None:
        context.invoke(list_models)


@models.command("list", context_settings=common.FSR)
@common.usual_options
def list_models(**flags: Any) -> None:
    """List the trained pairs that come with the project, and the networks with parameters and multiply-accumulates per face.

    \b
    fishfsr models list --json
    """
    import fishfsr

    shipped = [asdict(model) for model in fishfsr.shipped_models()]
    rows = [_model_row(record) for record in fishfsr.list_models()]
    if flags.get("json"):
        click.echo(json.dumps({"shipped": shipped, "networks": rows}, indent=2))
        return
    click.echo(
        f"{'shipped':16}{'scale':>5}{'input':>9}{'crops of':>11}{'faces':>9}{'PSNR-Y':>11}{'bicubic':>11}  {'state':9}licence"
    )
    for model in shipped:
        click.echo(
            f"{model['name']:16}{'x{scale}'.format(**model):>5}{'{lr_size}x{lr_size}'.format(**model):>9}"
            f"{'{}-{} px'.format(*model['sides']):>11}{model['faces']:>9}{model['psnr']:>8.2f} dB{model['bicubic_psnr']:>8.2f} dB"
            f"  {model['status']:9}{model['licence']}"
        )
    click.echo(
        f"\n{'network':24}{'scale':>6}{'width':>7}{'input':>9}{'parameters':>13}{'GMAC':>8}  {'licence':12}weights"
    )
    for row in rows:
        click.echo(
            f"{row['name']:24}{'x' + str(row['scale']):>6}{row['width']:>7}{'{}x{}'.format(*row['input_size']):>9}"
            f"{row['parameters']:>13,}{row['macs'] / 1e9:>8.3f}  {row['licence']:12}{row['weights_url'] or 'none'}"
        )


@models.command("show", context_settings=common.FSR)
@click.argument("checkpoint", metavar="CHECKPOINT|NAME", type=common.CHECKPOINT)
@common.usual_options
def show_checkpoint(checkpoint: Path | str, **flags: Any) -> None:
    """Check CHECKPOINT, a file or the name of a shipped pair, and show what it says of itself.

    \b
    fishfsr models show x8
    fishfsr models show runs/x8/best.safetensors
    """
    from fishfsr import count_parameters, find_checkpoint, load_checkpoint, read_metadata

    path = find_checkpoint(checkpoint)
    metadata, loaded = read_metadata(path), load_checkpoint(path)
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


@models.command("import", context_settings=common.FSR)
@click.argument("authors", nargs=-1, required=True, type=common.FILE)
@click.argument("out", type=common.NEW_FILE)
@click.option("--overwrite", is_flag=True, help="Replace OUT where it exists.")
@common.usual_options
def import_checkpoints(authors: tuple[Path, ...], out: Path, overwrite: bool, **flags: Any) -> None:
    """Convert checkpoints of the authors' code into one file OUT: FishFSRNet (x8 or x4), ParsingNet, or both.

    \b
    fishfsr models import x8.pth x8.safetensors
    fishfsr models import x8.pth parsingnet.pth x8.safetensors
    """
    from fishfsr import imported_checkpoint, read_metadata, save_checkpoint

    _check_free(out, overwrite)

    def note(text: str) -> None:
        if not flags["quiet"]:
            click.echo(f"note: {text}", err=True)

    save_checkpoint(out, imported_checkpoint(authors, note))
    summary = _summary(read_metadata(out))
    if flags["json"]:
        click.echo(json.dumps({**summary, "written": str(out)}, indent=2))
        return
    for name, value in summary.items():
        if name != "details":
            click.echo(f"{name}: {value['architecture']}, {_options(value['config'])}")
    click.echo(f"written: {out}")


@models.command("pack", context_settings=common.FSR)
@click.argument("checkpoint", type=common.FILE)
@click.argument("out", type=common.NEW_FILE)
@click.option("--licence", help="Terms of the weights; kept in the file.")
@click.option("--overwrite", is_flag=True, help="Replace OUT where it exists.")
@common.usual_options
def pack(checkpoint: Path, out: Path, licence: str | None, overwrite: bool, **flags: Any) -> None:
    """Write CHECKPOINT to OUT in float16: half the size, to be passed on. It is computed with in float32 as before.

    \b
    fishfsr models pack run/best.safetensors x8.safetensors --licence "non-commercial: trained on CelebA"
    """
    from fishfsr import pack_checkpoint

    _check_free(out, overwrite)
    pack_checkpoint(checkpoint, out, licence)
    size = out.stat().st_size
    click.echo(
        json.dumps({"written": str(out), "bytes": size}) if flags["json"] else f"written: {out} ({size_text(size)})"
    )


@cli.command(context_settings=common.FSR)
@click.argument("checkpoint", metavar="CHECKPOINT|NAME", type=common.CHECKPOINT)
@click.argument("out", type=common.NEW_FILE)
@click.option(
    "--to",
    type=click.Choice(["onnx", "torchscript", "state-dict"]),
    default="onnx",
    help="onnx, torchscript: both networks as one, checked. state-dict: the weights, for torch.load.",
)
@click.option("--lr-size", type=click.IntRange(1), help="Side of the LR face in pixels.  [default: 128 / scale]")
@click.option("--overwrite", is_flag=True, help="Replace OUT where it exists.")
@common.usual_options
def export(checkpoint: Path | str, out: Path, to: str, lr_size: int | None, overwrite: bool, **flags: Any) -> None:
    """Write the pair of CHECKPOINT, a file or the name of a shipped one, to OUT for other programs: `lr` in, `sr` and `map` out, any batch.

    A method that reads no map is written by itself, `sr` out alone. What was exported is run against PyTorch before OUT is written;
    the differences are printed. Scale, recipe, crop and licence go along.

    \b
    fishfsr export x8 x8.onnx
    fishfsr export runs/x8/best.safetensors x8.pt --to torchscript
    """
    import fishfsr

    if to == "onnx":
        fishfsr.check_extra()
    _check_free(out, overwrite)
    resolver = fishfsr.load(checkpoint, device="cpu")
    if to == "state-dict":
        fishfsr.export_state_dict(resolver, out)
        click.echo(json.dumps({"written": str(out)}) if flags["json"] else f"written: {out}")
        return
    runner, write = (
        ("onnxruntime", fishfsr.export_onnx) if to == "onnx" else ("TorchScript", fishfsr.export_torchscript)
    )
    parity = write(resolver, out, lr_size)
    if flags["json"]:
        click.echo(json.dumps({"written": str(out), "sr": parity.sr, "map": parity.map, "limit": parity.limit}))
        return
    click.echo(f"written: {out}")
    of_map = "" if parity.map is None else f", map {parity.map:.1e}"
    click.echo(f"{runner} against PyTorch, largest difference: sr {parity.sr:.1e}{of_map} (limit {parity.limit:.0e})")


def _check_free(out: Path, overwrite: bool) -> None:
    if out.exists() and not overwrite:
        raise CheckpointError(f"{out}: exists; replace it with --overwrite")


def _model_row(record: "ModelRecord") -> dict[str, Any]:
    from fishfsr import model_size

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
