"""One page on a server of its own for all tests of the page."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from here import Here
from PIL import Image
from support import QUICK, astronaut, run

import fishfsr
from fishprep.decoding.decode import Limits
from fishprep.engines import ENGINES

SETTINGS = fishfsr.WebSettings(
    port=0,
    upscale=fishfsr.UpscaleSettings(device="cpu", threads=1),
    limits=Limits(max_bytes=1_500_000),
    size=fishfsr.PhotoSize(max_pixels=4_000_000),
)


@pytest.fixture(scope="session")
def upscaler() -> fishfsr.Upscaler:
    return fishfsr.Upscaler(SETTINGS.upscale)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of two faces, of a photo without one and of one in which nobody is found, with its report."""
    folder = tmp_path_factory.mktemp("build")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", Here)
        return _built(folder)


def _built(folder: Path) -> Path:
    run("fishprep", "demo", folder, "--parser", "landmark-skin")
    photos, shards = folder / "photos", folder / "more"
    (photos / "torn.png").write_bytes(b"\x89PNG")
    Image.fromarray(astronaut()[::-1, ::-1]).save(photos / "upside_down.png")
    run("fishprep", "build", photos, shards, *QUICK)
    run("fishprep", "report", shards)
    return shards


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the page's files."""
    return tmp_path_factory.mktemp("page") / "files"


@pytest.fixture(scope="session")
def page(upscaler: fishfsr.Upscaler, build: Path, folder: Path) -> Iterator[str]:
    """The address of the page."""
    settings = fishfsr.WebSettings(**{**vars(SETTINGS), "shards": build})
    app = fishfsr.web_app(settings, upscaler, folder)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = server.force_exit = True  # no wait for connections that a visitor left open
    thread.join(1)  # it ends with the process at the latest
