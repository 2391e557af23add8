"""A real S3 server on this machine (moto's), with a proxy in front of it that loses answers, delays, and sends errors."""

import itertools
import json
import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fishprep.common.files import sha256_file
from fishprep.shards.pieces import pieces_of
from fishprep.storage.objects import ObjectStorage

NAME = "shards"
PLACES = itertools.count()
"""moto's servers of one process share what they hold: no two modules may take one place."""
HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"}


@dataclass
class Request:
    """What came to the proxy. `key`: below the bucket. number: how many of its method and key came before it."""

    method: str
    key: str
    number: int
    headers: dict[str, str]

    @property
    def is_conditional(self) -> bool:
        return any(name.lower() in ("if-none-match", "if-match") for name in self.headers)


@dataclass
class Trouble:
    """What the proxy does to requests, each of which is held against all of these.

    lose: it reaches the server, and the answer never comes back. refuse: it is answered with this status and `code`, and never reaches the
    server. before: called before it is passed on (a delay; another writer). strip: without its conditions, as servers that do not
    know them. bare: the ETags of a list come without their quotes, as Azure sends them.
    """

    lose: Callable[[Request], bool] = lambda request: False
    refuse: Callable[[Request], int | None] = lambda request: None
    before: Callable[[Request], None] = lambda request: None
    strip: bool = False
    bare: bool = False
    code: str = "Trouble"
    seen: list[Request] = field(default_factory=list)

    def count(self, method: str, key: str = "") -> int:
        return sum(each.method == method and each.key.endswith(key) for each in self.seen)


class Bucket:
    """A bucket on a server, and the way to it through the proxy."""

    def __init__(self, server: int, proxy: int, handler: type["_Proxy"]) -> None:
        self.server, self.proxy, self._handler = server, proxy, handler

    def url(self) -> str:
        """A place in it that nobody has used."""
        return f"s3://{NAME}/place {next(PLACES)}"

    @contextmanager
    def trouble(self, **kinds: Any) -> Iterator[Trouble]:
        """Trouble while the block lasts."""
        self._handler.trouble = Trouble(**kinds)
        try:
            yield self._handler.trouble
        finally:
            self._handler.trouble = Trouble()


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """A body that is sent behind its head else waits 40 ms for an answer to that."""
    server_port = 0
    trouble = Trouble()
    lock = threading.Lock()

    def handle_one(self) -> None:
        trouble = self.trouble
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("connection", "host")}
        headers["Host"] = self.headers["Host"]
        key = self.path.partition(f"/{NAME}")[2].lstrip("/").partition("?")[0]
        with self.lock:
            number = sum((each.method, each.key) == (self.command, key) for each in trouble.seen)
            request = Request(self.command, key, number, headers)
            trouble.seen.append(request)
        if (status := trouble.refuse(request)) is not None:
            self.answer(status, {}, f"<?xml version='1.0'?><Error><Code>{trouble.code}</Code></Error>".encode())
            return
        trouble.before(request)
        if trouble.strip:
            headers = {
                name: value for name, value in headers.items() if name.lower() not in ("if-none-match", "if-match")
            }
        connection = HTTPConnection("127.0.0.1", self.server_port, timeout=30)
        connection.request(self.command, self.path, body, headers)
        found = connection.getresponse()
        data = found.read()
        if trouble.lose(request):
            self.close_connection = True
            self.connection.close()
            return
        if trouble.bare:
            data = re.sub(rb"(<ETag>)(?:&quot;|\")(.*?)(?:&quot;|\")(</ETag>)", rb"\1\2\3", data)
        self.answer(found.status, dict(found.getheaders()), data, found.getheader("content-length"))
        connection.close()

    def answer(self, status: int, headers: dict[str, str], body: bytes, length: str | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in HOP:
                self.send_header(name, value)
        if self.command == "HEAD":
            self.send_header("Content-Length", length or "0")
        elif status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_one

    def log_message(self, *arguments: object) -> None:
        """Not on the terminal."""

    def handle(self) -> None:
        with suppress(OSError, ValueError):  # whoever asked is gone
            super().handle()


class _Server(ThreadingHTTPServer):
    """Two builds ask it for 64 things at once: with five places to wait in, as it comes, a busy machine could keep some out for long."""

    request_queue_size = 256


@contextmanager
def served() -> Iterator[Bucket]:
    """A server with the bucket, the proxy, and the environment that leads to it."""
    from moto.server import ThreadedMotoServer
    from werkzeug.serving import WSGIRequestHandler

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    _, port = moto.get_host_and_port()
    handler = type("Proxy", (_Proxy,), {"server_port": port})
    proxy = _Server(("127.0.0.1", 0), handler)
    proxy.daemon_threads = True
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("PUT", f"/{NAME}", headers={"Host": "s3.amazonaws.com"})
    connection.getresponse().read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WSGIRequestHandler, "disable_nagle_algorithm", True)
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.server_address[1]}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "tests")
        patch.setenv("AWS_REGION", "us-east-1")
        yield Bucket(port, proxy.server_address[1], handler)
    proxy.shutdown()
    moto.stop()


@pytest.fixture(scope="module", name="bucket")
def bucket_of_module() -> Iterator[Bucket]:
    """One server a module."""
    pytest.importorskip("obstore") if os.environ.get("CI") != "true" else None
    with served() as found:
        yield found


def until(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that another thread or process does."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def upload(folder: Path, storage: ObjectStorage, pieces: bool = True) -> ObjectStorage:
    """A build of these shards, as far as who reads them looks."""
    records = []
    for path in sorted(folder.glob("*.h5")):
        with storage.put(path.name) as here:
            shutil.copyfile(path, here)
        record = {"name": path.stem, "file": path.name, "sha256": sha256_file(path), "bytes": path.stat().st_size}
        records.append(record | ({"pieces": pieces_of(path)} if pieces else {}))
    with storage.put("manifest.json") as here:
        here.write_text(json.dumps({"shards": [*records, {"name": "train-00009", "file": None}]}))
    return storage
