"""What a request may ask for: nothing outside of the page's own folder, nobody without the password, no page of another server."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from fishfsr.web.gate import Gate

LOCAL = frozenset({"127.0.0.1", "localhost"})


async def inner(scope: Any, receive: Any, send: Any) -> None:
    """Says what it was sent."""
    body = (await receive()).get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"in: " + body})


def ask(
    uploads: Path, method: str, path: str, auth: tuple[str, str] | None = None, disk: int = 1000, **more: Any
) -> Any:
    gate = Gate(inner, uploads, disk, auth, LOCAL)

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://localhost:7860") as client:
            return await client.request(method, path, **more)

    with ThreadPoolExecutor(1) as thread:  # a browser of other tests may have left its loop running in this one
        return thread.submit(asyncio.run, send()).result()


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "face.png").write_bytes(b"face")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.png").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.mark.parametrize(
    "path", ["/", "/config", "/assets/index-1.js", "/gradio_api/heartbeat/ab12", "/results/tick-et/face.png"]
)
def test_the_page_is_let_through_and_told_to_talk_to_nobody_else(uploads: Path, path: str) -> None:
    answer = ask(uploads, "GET", path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "connect-src 'self'" in policy and "http" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/proxy=https://huggingface.co/x",
        "/gradio_api/stream/1",
        "/gradio_api/vibe-code",
        "/gradio_api/run-history/records",
        "/monitoring",
        "/login",
        "/docs",
        "/static/../../etc/passwd",
        "/results/ticket/../../etc/passwd",
    ],
)
def test_what_the_page_does_not_need_is_not_there(uploads: Path, path: str) -> None:
    assert ask(uploads, "GET", path).status_code == 404


def test_files_are_uploads_alone(uploads: Path) -> None:
    assert ask(uploads, "GET", f"/gradio_api/file={uploads}/face.png").status_code == 200
    outside = uploads.parent / "secret.txt"
    for path in (
        outside,
        uploads / "link.png",
        uploads / ".." / "secret.txt",
        "http://example.org/a.png",
        "face.png",
        uploads,
    ):
        assert ask(uploads, "GET", f"/gradio_api/file={path}").status_code in (403, 404), path


@pytest.mark.parametrize("place", ["/gradio_api/queue/join", "/gradio_api/run/predict"])
def test_an_event_names_uploads_alone(uploads: Path, place: str) -> None:
    def sent(path: object) -> int:
        data = {"data": [[{"image": {"path": str(path), "meta": {"_type": "gradio.FileData"}}}]], "fn_index": 1}
        return ask(uploads, "POST", place, json=data).status_code

    assert sent(uploads / "face.png") == 200
    for path in (
        uploads.parent / "secret.txt",
        uploads / "link.png",
        "https://example.org/face.png",
        "/etc/passwd",
        "\0",
    ):
        assert sent(path) == 400, path
    whole = ask(uploads, "POST", place, json={"data": ["words"]})
    assert whole.content.startswith(b"in: {") and b"words" in whole.content  # what was read is handed on
    for body in (b"{", b"[" * 100_000, b'"' + b"x" * (2 << 20) + b'"'):
        assert ask(uploads, "POST", place, content=body).status_code == 400


def test_other_servers_get_nothing(uploads: Path) -> None:
    assert ask(uploads, "GET", "/", headers={"host": "evil.example:7860"}).status_code == 421
    for origin, status in (("http://localhost:7860", 200), ("http://evil.example", 403), ("null", 403)):
        headers = {"origin": origin, "content-length": "3"}
        assert ask(uploads, "POST", "/gradio_api/upload", headers=headers, content=b"abc").status_code == status, origin
    assert ask(uploads, "PUT", "/").status_code == ask(uploads, "POST", "/config").status_code == 405


def test_name_and_password(uploads: Path) -> None:
    auth = ("me", "pass:wörd")

    def given(text: str, scheme: str = "Basic") -> int:
        coded = base64.b64encode(text.encode()).decode()
        return ask(uploads, "GET", "/", auth, headers={"authorization": f"{scheme} {coded}"}).status_code

    assert ask(uploads, "GET", "/", auth).headers["www-authenticate"].startswith("Basic")
    assert given("me:pass:wörd") == 200
    assert {given("me:pass"), given("me"), given(""), given("me:pass:wörd", "Bearer")} == {401}
    assert ask(uploads, "GET", "/", auth, headers={"authorization": "Basic not base64"}).status_code == 401


def test_uploads_take_no_more_than_their_room(uploads: Path) -> None:
    assert ask(uploads, "POST", "/gradio_api/upload", content=b"x" * 900).status_code == 200
    assert ask(uploads, "POST", "/gradio_api/upload", content=b"x" * 1000).status_code == 507

    async def pieces() -> Any:
        yield b"x"

    assert ask(uploads, "POST", "/gradio_api/upload", content=pieces()).status_code == 411
