"""`fishfsr web`: the page in the browser."""

import json
from typing import TYPE_CHECKING, Any

import click

from fishcli import common
from fishprep.decoding.decode import Limits

if TYPE_CHECKING:
    from fishfsr import Upscaler


@click.command(context_settings=common.FSR)
@click.option("--host", default="127.0.0.1", help="Where to listen; one that other machines reach needs --auth.")
@click.option("--port", type=click.IntRange(0, 65535), default=7860, help="0 takes a free one.")
@click.option("--auth", metavar="NAME:PASSWORD", help="Who may use the page; better by FISHFSR_AUTH than here.")
@click.option(
    "--shards",
    type=common.EXISTING,
    help="A build to look through, and to rescue dropped faces of, in tabs of their own.",
)
@click.option(
    "-m", "--model", multiple=True, type=common.FILE, help="Checkpoint, once for each scale.  [default: ours]"
)
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:N.")
@click.option("--threads", type=click.IntRange(1), help="Torch threads.  [default: torch's own choice]")
@click.option("--max-bytes", type=int, default=Limits().max_bytes, help="Largest file that is taken.")
@click.option("--max-pixels", type=int, default=Limits().max_pixels, help="Largest picture that is decoded.")
@click.option("--max-out-pixels", type=click.IntRange(1), default=100_000_000, help="Largest photo that is written.")
@click.option("--keep", type=click.FloatRange(1), default=30.0, help="Minutes for which uploads and results stay.")
@common.usual_options
def web(**flags: Any) -> None:
    """Serve a page on which photos are restored, face crops parsed and shards looked through, on this machine alone.

    It is what `fishfsr upscale` and `fishprep parse` do. Nothing is sent anywhere, and no network is needed. Ctrl-C ends it, and
    takes its files away. Needs the extra `web`.

    \b
    fishfsr web
    fishfsr web --shards shards/ --port 8000
    """
    from fishfsr import PhotoSize, UpscaleSettings, WebSettings, serve_page

    settings = WebSettings(
        host=flags["host"],
        port=flags["port"],
        auth=_auth(flags["auth"]),
        shards=flags["shards"],
        upscale=UpscaleSettings(models=flags["model"], device=flags["device"], threads=flags["threads"]),
        limits=Limits(flags["max_bytes"], flags["max_pixels"]),
        size=PhotoSize(max_pixels=flags["max_out_pixels"]),
        keep=flags["keep"],
    )

    def announce(url: str, upscaler: "Upscaler") -> None:
        models = ", ".join(f"{model.name} (x{model.scale})" for model in upscaler.models.models)
        if not flags["quiet"]:
            click.echo(f"{models} | {upscaler.device}", err=True)
        click.echo(json.dumps({"url": url}) if flags["json"] else f"open {url} in a browser; Ctrl-C ends it")

    serve_page(settings, announce)


def _auth(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    name, colon, password = text.partition(":")
    if not colon:
        raise click.UsageError("--auth: NAME:PASSWORD")
    return name, password
