"""What a request may ask for: everything that reaches the page's app passes here first.

Gradio serves much that this page has no use for (a proxy, addresses fetched for the browser, streams). What is not on the list here
is not found; files named by a browser must be uploads; answers forbid the page to talk to any other machine.
"""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fishfsr.web.shelf import weight

MOST_WORDS = 1 << 20  # bytes of a request that is no upload

ALLOWED = re.compile(
    r"/(|config/?|theme\.css|favicon\.ico|manifest\.json|robots\.txt|report|healthy"
    r"|(assets|static)/[\w./@+-]+|results/[\w-]+/[^/]+"
    r"|gradio_api/(info|app_id/?|startup-events|theme\.css|upload|upload_progress|cancel|reset/?|queue/(join|data)|run/predict|heartbeat/\w+|file=.+))"
)
EVENTS = ("/gradio_api/queue/join", "/gradio_api/run/predict")
POSTS = (
    *EVENTS,
    "/gradio_api/upload",
    "/gradio_api/cancel",
    "/gradio_api/reset",
    "/gradio_api/reset/",
)

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self' blob: data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""Of the browser (CSP). Gradio's own scripts stand in its page, and compile templates."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}


class Gate:
    """An ASGI app before another one.

    uploads: the folder of uploads. disk: bytes that it may hold. auth: name and password, asked for by HTTP's Basic scheme.
    hosts: names by which the server may be called (None: any): a page of another name that leads here, as in DNS rebinding, gets nothing.
    """

    def __init__(
        self, app: ASGIApp, uploads: Path, disk: int, auth: tuple[str, str] | None, hosts: frozenset[str] | None
    ) -> None:
        self._app, self._uploads, self._disk, self._auth, self._hosts = app, uploads, disk, auth, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        if refusal is None and scope["path"] in EVENTS:
            body = await _body(receive)
            if body is None or not self._are_uploads(body):
                refusal = _said(400, "the page takes files that were uploaded to it, and nothing else")
            receive = _again(body or b"", receive)
        if refusal is not None:
            await refusal(scope, receive, _with_headers(send))
            return
        await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts is not None and (urlsplit(f"//{host}").hostname or "") not in self._hosts:
            return _said(421, "this server is called by another name")
        if self._auth is not None and not _is(self._auth, headers.get("authorization", "")):
            return PlainTextResponse(
                "name and password, please", 401, {"www-authenticate": 'Basic realm="fishfsr web", charset="UTF-8"'}
            )
        path = scope["path"]
        if not ALLOWED.fullmatch(path) or ".." in path.split("/"):
            return _said(404, "there is no such page")
        if scope["method"] not in ("GET", "HEAD"):
            return self._refused_post(scope["method"], path, headers)
        if path.startswith("/gradio_api/file=") and not self._is_upload(unquote(path.partition("file=")[2])):
            return _said(403, "not a file of this page")
        return None

    def _refused_post(self, method: str, path: str, headers: Headers) -> Response | None:
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return _said(403, "asked for by a page of another server")
        if method != "POST" or path not in POSTS:
            return _said(405, "there is nothing to be sent to")
        if path == "/gradio_api/upload":
            length = headers.get("content-length", "")
            if not length.isdigit():
                return _said(411, "an upload must say how long it is")
            if weight(self._uploads) + int(length) > self._disk:
                return _said(507, "the server holds as many uploads as it may: try again in some minutes")
        return None

    def _are_uploads(self, body: bytes) -> bool:
        try:
            sent = json.loads(body)
        except (ValueError, RecursionError):
            return False
        return all(self._is_upload(path) for path in _named(sent))

    def _is_upload(self, path: str) -> bool:
        if "\0" in path:
            return False
        found = Path(path)
        inside = found.is_absolute() and found.resolve().is_relative_to(self._uploads.resolve())
        return inside and found.is_file()


def _named(sent: Any) -> Iterator[str]:
    """Every file that the data of an event name, by path or by address."""
    if isinstance(sent, dict):
        if isinstance(sent.get("path"), str):
            yield sent["path"]
        for value in sent.values():
            yield from _named(value)
    elif isinstance(sent, list):
        for value in sent:
            yield from _named(value)


def _is(auth: tuple[str, str], header: str) -> bool:
    scheme, _, coded = header.partition(" ")
    try:
        given = base64.b64decode(coded, validate=True) if scheme.lower() == "basic" else b""
    except binascii.Error:
        return False
    return secrets.compare_digest(given, ":".join(auth).encode())


def _said(status: int, text: str) -> Response:
    return PlainTextResponse(text, status)


async def _body(receive: Receive) -> bytes | None:
    """Of a request; None where it is too long."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_WORDS:
            return None
        if not message.get("more_body", False):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    """A body that was read, to be read once more; then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> Message:
        return waiting.pop() if waiting else await receive()

    return read


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return sent
