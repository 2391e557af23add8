"""Weights: the cache, its rules about the network and about damaged files, and hostile files."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import fishfsr.weights
import fishprep.weights
from fishprep.common.errors import WeightsError
from fishprep.common.weights import WeightRecord, WeightStatus, WeightStore, find

RECORDS = (*fishprep.weights.RECORDS, *fishfsr.weights.RECORDS)
CONTENT = np.random.default_rng(0).bytes(3 << 20)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT in the ways that servers fail."""

    def do_GET(self) -> None:
        self.server.requests.append(self.path)  # type: ignore[attr-defined]
        if self.path == "/missing":
            self.send_error(404)
            return
        body = CONTENT
        self.send_response(200)
        if self.path != "/endless":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            if self.path == "/truncated":
                body = body[: len(body) // 2]
            self.wfile.write(body)
            if self.path == "/endless":
                for _ in range(50):
                    self.wfile.write(body)
        except OSError:
            pass  # the client has hung up

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.requests = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _record(server: http.server.HTTPServer, path: str = "/weights.bin", **changes: object) -> WeightRecord:
    fields: dict[str, object] = {
        "name": "trial",
        "file": "trial.bin",
        "url": f"http://127.0.0.1:{server.server_address[1]}{path}",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "size": len(CONTENT),
        "licence": "none",
        "purpose": "test",
    }
    return WeightRecord(**(fields | changes))  # type: ignore[arg-type]


def _left_over(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_download_gives_the_recorded_bytes_once(tmp_path: Path, server: http.server.HTTPServer) -> None:
    store, trial = WeightStore(tmp_path / "cache"), _record(server)
    assert store.status(trial) is WeightStatus.MISSING
    path = store.locate(trial)
    assert path.read_bytes() == CONTENT
    assert store.status(trial) is WeightStatus.PRESENT
    assert store.locate(trial) == store.download(trial) == path
    assert server.requests == ["/weights.bin"]  # type: ignore[attr-defined]
    assert _left_over(store.folder) == ["trial.bin"]


def test_two_that_want_the_same_file_download_it_once(tmp_path: Path, server: http.server.HTTPServer) -> None:
    trial, found = _record(server), []
    threads = [threading.Thread(target=lambda: found.append(WeightStore(tmp_path).locate(trial))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [tmp_path / "trial.bin"] * 4
    assert len(server.requests) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "changes", "words"),
    [
        ("/weights.bin", {"sha256": "0" * 64}, "expected 0000"),
        ("/truncated", {}, "broke off after"),
        ("/endless", {}, "more than 3,145,728 bytes"),
        ("/missing", {}, "404"),
    ],
)
def test_a_failed_download_leaves_nothing(
    tmp_path: Path, server: http.server.HTTPServer, path: str, changes: dict[str, object], words: str
) -> None:
    trial = _record(server, path, **changes)
    with pytest.raises(WeightsError, match=words) as caught:
        WeightStore(tmp_path).locate(trial)
    assert str(trial.url) in str(caught.value)
    assert _left_over(tmp_path) == []


def _assert_says_what_to_do(message: str, trial: WeightRecord, folder: Path) -> None:
    for part in (str(folder / trial.file), str(trial.url), trial.sha256, "--weights-dir"):
        assert part in message


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "FISHFSR_OFFLINE"])
def test_offline_never_touches_the_network(
    tmp_path: Path, server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch, switch: str
) -> None:
    monkeypatch.setenv(switch, "1")
    monkeypatch.setenv("FISHFSR_CACHE_DIR", str(tmp_path))
    trial = _record(server)
    with pytest.raises(WeightsError) as caught:
        WeightStore.from_environment().locate(trial)
    _assert_says_what_to_do(str(caught.value), trial, tmp_path)
    assert server.requests == []  # type: ignore[attr-defined]


def test_a_refused_connection_says_the_same(tmp_path: Path, server: http.server.HTTPServer) -> None:
    trial = _record(server, url="http://127.0.0.1:9/weights.bin")  # the discard port: nothing listens
    with pytest.raises(WeightsError) as caught:
        WeightStore(tmp_path).locate(trial)
    _assert_says_what_to_do(str(caught.value), trial, tmp_path)


def test_a_damaged_file_is_neither_used_nor_replaced(tmp_path: Path, server: http.server.HTTPServer) -> None:
    store, trial = WeightStore(tmp_path), _record(server)
    damaged = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    (tmp_path / "trial.bin").write_bytes(damaged)
    assert store.status(trial) is WeightStatus.DAMAGED
    for use in (store.locate, store.download):
        with pytest.raises(WeightsError, match="damaged or another file"):
            use(trial)
    assert (tmp_path / "trial.bin").read_bytes() == damaged
    assert server.requests == []  # type: ignore[attr-defined]


def test_a_folder_that_cannot_be_made_is_an_error_with_the_way_out(
    tmp_path: Path, server: http.server.HTTPServer
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match="--weights-dir"):
        WeightStore(tmp_path / "file" / "cache").locate(_record(server))


def test_folder_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FISHFSR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("FISHFSR_OFFLINE", "0")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert WeightStore.from_environment() == WeightStore(tmp_path / "cache", offline=False)
    assert WeightStore.from_environment(tmp_path / "mine").folder == tmp_path / "mine"


@pytest.mark.parametrize("packaged", [r for r in RECORDS if r.package], ids=lambda r: r.name)
def test_weights_inside_packages_are_the_recorded_ones(tmp_path: Path, packaged: WeightRecord) -> None:
    path = WeightStore(tmp_path, offline=True).locate(packaged)
    assert path.stat().st_size == packaged.size


def test_records_are_complete_and_found_by_name() -> None:
    assert len({r.name for r in RECORDS}) == len(RECORDS)
    for known in RECORDS:
        assert find(known.name, RECORDS) is known
        assert len(bytes.fromhex(known.sha256)) == 32
        assert known.url is None or known.url.startswith("https://")
    with pytest.raises(WeightsError, match="bisenet"):
        find("bisent", RECORDS)
