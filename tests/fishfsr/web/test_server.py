"""The server: who may use it, what it says when it cannot start, what it does with hostile uploads, and that it leaves nothing."""

import signal
import socket
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from asked import Visitor
from PIL import Image
from support import astronaut, run
from warm import Started
from zoo import bomb

from fishfsr import ConfigurationError, WebSettings


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_others_are_let_in_by_a_password_alone(host: str) -> None:
    with pytest.raises(ConfigurationError, match="--auth NAME:PASSWORD"):
        WebSettings(host=host)
    assert not WebSettings(host=host, auth=("me", "secret")).is_local


def test_the_command_says_so() -> None:
    assert "--auth NAME:PASSWORD" in run("fishfsr", "web", "--host", "0.0.0.0", code=1).err
    run("fishfsr", "web", "--auth", "me", code=2)
    run("fishfsr", "web", "--host", "127.0.0.2", "--auth", "me:", code=1)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}" in run("fishfsr", "web", "--port", port, "--device", "cpu", code=1).err


def test_it_starts_and_ends_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (files := tmp_path / "files").mkdir()
    for name, value in {"TMPDIR": str(files), "FISHFSR_OFFLINE": "1"}.items():
        monkeypatch.setenv(name, value)
    server = Started(tmp_path, "fishfsr", "web", "--port", 0, "--device", "cpu", "--threads", 1)
    try:
        while "http" not in server.printed():
            assert server.poll() is None, server.said()
            time.sleep(0.02)
        url = server.printed().split()[1]
        assert httpx.get(f"{url}healthy", timeout=120).text == "ok"
        Visitor(url).upload(Path(__file__))
        assert [path.name.startswith("fishfsr-web-") for path in files.iterdir()] == [True]
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=60)
    finally:
        server.kill()
    assert "Traceback" not in said and list(files.iterdir()) == []


def test_gradio_writes_nothing_beside_its_sources(page: str) -> None:
    from gradio import component_meta

    assert component_meta.create_or_modify_pyi(object, "", []) is None
    assert [each for each in sys.meta_path if type(each).__module__ == "fishfsr.web.unstubbed"] == []


def test_a_file_that_is_too_large_is_refused_and_not_kept(page: str, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    for size in (1_600_000, 30_000_000):
        answer = httpx.post(f"{page}gradio_api/upload", files={"files": ("large.png", bytes(size))}, timeout=120)
        assert answer.status_code == 413 and "size" in answer.text
    assert sorted(folder.rglob("*")) == before


def test_no_file_outside_can_be_named(page: str, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (64, 64)).save(secret)
    visitor = Visitor(page)
    for path in (secret, "/etc/passwd", folder / "uploads" / ".." / ".." / "secret.png", "http://127.0.0.1:1/a.png"):
        assert httpx.get(f"{page}gradio_api/file={path}").status_code in (403, 404)
        gallery = [{"image": {"path": str(path), "meta": {"_type": "gradio.FileData"}}, "caption": None}]
        sent = {"data": [gallery, "", "guess", False, 16], "fn_index": visitor.function(5, 4), "session_hash": "a1"}
        assert httpx.post(f"{page}gradio_api/queue/join", json=sent).status_code == 400


def test_twenty_visitors_at_once_all_get_an_answer(page: str, tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb(20_000))
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    Image.fromarray(astronaut()).resize((104, 104)).save(tmp_path / "face.png")
    names, said = ["bomb.png", "torn.jpg", "face.png"] + 17 * ["bomb.png"], {}

    def visit(number: int) -> None:
        said[number] = Visitor(page).look(tmp_path / names[number])

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(said) == 20
    for number, name in enumerate(names):
        expected = {"bomb.png": "20000 x 20000 pixels", "torn.jpg": 'role="alert"', "face.png": "the 32 px of x4"}[name]
        assert expected in said[number], (name, said[number])


def test_more_pictures_than_the_page_takes(page: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    assert "the page takes 20 at a time" in Visitor(page).look(*[tmp_path / "a.png"] * 21)
