"""The app behind the page, and its start."""

import importlib.util
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fishfsr.errors import FishFSRError, MissingExtraError
from fishfsr.upscaling.upscaler import Upscaler
from fishfsr.web.settings import WebSettings
from fishfsr.web.unstubbed import without_stubs

if TYPE_CHECKING:
    from starlette.types import ASGIApp

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
TIDY_EVERY = 60.0  # seconds
GRADIO = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "GRADIO_RUN_HISTORY": "False"}
"""Of Gradio's environment: it asks nobody for newer versions, and tells nobody that it runs."""


def serve_page(settings: WebSettings, announce: Callable[[str, Upscaler], None] = lambda url, upscaler: None) -> None:
    """Serve the page until Ctrl-C. `announce` hears its address when it can be opened.

    Its files lie in a temporary folder, which goes when it ends. Raises MissingExtraError without the extra `web`; FishFSRError where
    the port is taken; what `Upscaler` and `fishprep.open_shards` raise for models and shards.
    """
    check_web_extra()
    import uvicorn

    with _listening(settings) as (listener, url), _folder() as folder:
        upscaler = Upscaler(settings.upscale)
        config = uvicorn.Config(web_app(settings, upscaler, folder), log_level="error", access_log=False)
        announce(url, upscaler)  # the socket listens: what is asked before the app runs waits there
        uvicorn.Server(config).run(sockets=[listener])


def check_web_extra() -> None:
    """Raise MissingExtraError unless the extra `web` is installed."""
    if importlib.util.find_spec("gradio") is None:
        raise MissingExtraError(
            "the page needs gradio: pip install 'gradio>=6,<7' (in a checkout: pip install '.[web]')"
        )


def web_app(settings: WebSettings, upscaler: Upscaler, folder: Path) -> "ASGIApp":
    """The page as an ASGI app, for a server of one's own; its files go into `folder`, which is tidied while it runs."""
    uploads = folder / "uploads"
    uploads.mkdir(parents=True)
    os.environ.update(GRADIO, GRADIO_TEMP_DIR=str(uploads))  # read when Gradio is imported, and when a page is made
    with without_stubs():
        import gradio
    from fastapi import FastAPI
    from fastapi.responses import FileResponse, PlainTextResponse, Response

    from fishfsr.web.gate import Gate
    from fishfsr.web.page import create_page, dress
    from fishfsr.web.photos import PhotoDesk
    from fishfsr.web.rescue import RescueDesk
    from fishfsr.web.shards import ShardDesk
    from fishfsr.web.shelf import Shelf

    shelf = Shelf(folder / "results", 60 * settings.keep, settings.disk // 2)
    shards = None if settings.shards is None else ShardDesk(settings.shards)
    lost = None if settings.shards is None else RescueDesk(settings.shards, settings.limits)
    page = create_page(PhotoDesk(upscaler, settings), shards, lost, shelf, settings, folder / "examples")
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthy")
    def healthy() -> PlainTextResponse:
        return PlainTextResponse("ok")

    @app.get("/results/{ticket}/{name}")
    def result(ticket: str, name: str) -> Response:
        path = shelf.find(ticket, name)
        if path is None:
            return PlainTextResponse("gone: results are kept for a while only", 404)
        shown = path.suffix == ".webp"
        return FileResponse(path, filename=None if shown else name, headers={"cache-control": "no-store"})

    @app.get("/report")
    def report() -> Response:
        path = shards.report if shards is not None else None
        return PlainTextResponse("no report", 404) if path is None else FileResponse(path, media_type="text/html")

    gradio.mount_gradio_app(app, page, path="/", **dress(settings))
    _keep_tidy(shelf.tidy)
    hosts = LOCAL_NAMES | {settings.host} if settings.is_local else None
    return Gate(app, uploads, settings.disk // 2, settings.auth, hosts)


def _keep_tidy(tidy: Callable[[], None]) -> None:
    """Tidy every minute, for as long as the process lives."""

    def run() -> None:
        while not threading.Event().wait(TIDY_EVERY):
            tidy()

    threading.Thread(target=run, name="tidy", daemon=True).start()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="fishfsr-web-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _listening(settings: WebSettings) -> Iterator[tuple[socket.socket, str]]:
    """A socket that listens, and the address of the page."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise FishFSRError(
            f"{settings.host}:{settings.port}: cannot be listened to: {error.strerror}; --port takes another one"
        ) from error
    with listener:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        yield listener, f"http://{host}:{listener.getsockname()[1]}/"
