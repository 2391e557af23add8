"""Parsing of a folder: what is written, that nothing is lost or done twice, and that every input has its row."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from order import told
from PIL import Image
from safetensors.torch import save_file

from fishprep.common.errors import BuildError, ConfigurationError, SourceError
from fishprep.parsing.classes import ClassOrder, convert, palette
from fishprep.parsing.folder import ParseRequest, parse_folder
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings
from fishprep.parsing.networks.bisenet import empty_network
from fishprep.parsing.overlay import overlay
from fishprep.parsing.parsed import ParsedImage


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, value in empty_network().state_dict().items():
        noise = torch.randn(value.shape, generator=generator)
        if value.dim() == 0:
            state[name] = torch.tensor(1)
        elif value.dim() == 4:
            state[name] = noise * (2 / value[0].numel()) ** 0.5
        else:
            state[name] = 1 + noise.abs() / 4 if name.endswith(("weight", "var")) else noise / 10
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file(state, path, metadata={"input": "64x64"})
    return path


@pytest.fixture(scope="module")
def parser(weights: Path) -> NetworkParser:
    return NetworkParser(NetworkSettings(batch=2), weights)


def _picture(path: Path, seed: int, size: tuple[int, int] = (90, 70)) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 6, 3)).astype(np.uint8))
    image = coarse.resize(size, Image.Resampling.BICUBIC)
    image.save(path)
    return np.array(image)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "faces"
    _picture(folder / "a.png", 1)
    _picture(folder / "a.bmp", 2)  # the same stem
    _picture(folder / "deep" / "er" / "b.png", 3, (41, 133))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture")
    return folder


def _rows(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "images.jsonl").read_text().splitlines()]


def _files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.suffix in (".png", ".jpg")}


def test_every_input_has_a_row_and_every_map_is_there(tmp_path: Path, source: Path, parser: NetworkParser) -> None:
    out, seen = tmp_path / "out", list[ParsedImage]()
    report = parse_folder(ParseRequest(source, out), parser, lambda done, total, row: seen.append(row))
    rows = {str(row["path"]): row for row in _rows(out)}
    assert report.counts == {"ok": 3, "undecodable": 2} and report.failed == 2 and report.done_before == 0
    assert sorted(rows) == ["a.bmp", "a.png", "broken.jpg", "deep/er/b.png", "empty.png"]
    assert {row.path for row in seen} == set(rows)
    assert all(rows[name]["reason"] for name in ("broken.jpg", "empty.png"))
    assert {str(rows[n]["output"]) for n in ("a.bmp", "a.png", "deep/er/b.png")} == {"a.bmp", "a.png", "deep/er/b"}
    assert len(_files(out)) == 9
    assert not list(out.rglob("*.tmp"))


def test_pictures_hold_what_the_parser_says(tmp_path: Path, source: Path, parser: NetworkParser) -> None:
    image = np.array(Image.open(source / "deep/er/b.png"))
    (expected,) = parser.parse_images([image])
    for order in ClassOrder:
        out = tmp_path / str(order)
        parse_folder(ParseRequest(source / "deep" / "er" / "b.png", out, order=order), parser)
        with Image.open(out / "classes" / "b.png") as classes:
            assert classes.mode == "P" and classes.size == (41, 133)
            assert np.array_equal(convert(np.array(classes), order, ClassOrder.CELEBAMASK), expected)
            assert np.array_equal(np.array(classes.convert("RGB")), palette(order)[np.array(classes)])
        with Image.open(out / "skin" / "b.png") as skin:
            assert np.array_equal(np.array(skin), (expected == 1) * np.uint8(255))
        (row,) = _rows(out)
        assert (row["width"], row["height"], row["skin"]) == (41, 133, round(float((expected == 1).mean()), 4))


def test_overlay_leaves_the_background_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 19, 3)).astype(np.uint8)
    classes = np.tile(np.arange(19, dtype=np.uint8), (4, 1))
    mixed = overlay(image, classes, ClassOrder.FACEXLIB)
    assert np.array_equal(mixed[:, 0], image[:, 0])
    halfway = (image.astype(float) + palette(ClassOrder.FACEXLIB)[classes]) / 2
    assert np.abs(mixed[:, 1:] - halfway[:, 1:]).max() <= 0.5


def test_a_second_run_does_only_what_is_not_done(tmp_path: Path, source: Path, parser: NetworkParser) -> None:
    out = tmp_path / "out"
    parse_folder(ParseRequest(source, out), parser)
    first = _files(out)
    stamps = {p: p.stat().st_mtime_ns for p in out.rglob("*.png")}
    (out / "skin" / "a.png.png").unlink()  # lost since
    _picture(source / "a.bmp", 7)  # changed since
    _picture(source / "broken.jpg", 8)  # mended since
    report = parse_folder(ParseRequest(source, out), parser)
    assert report.counts == {"ok": 4, "undecodable": 1} and report.done_before == 1
    second = _files(out)
    assert second["skin/a.png.png"] == first["skin/a.png.png"]
    assert second["classes/a.bmp.png"] != first["classes/a.bmp.png"]
    untouched = out / "classes" / "deep" / "er" / "b.png"
    assert untouched.stat().st_mtime_ns == stamps[untouched]


def test_a_stopped_run_leaves_whole_lines(tmp_path: Path, source: Path, parser: NetworkParser) -> None:
    def stop(done: int, total: int, row: object) -> None:
        if done == 2:
            raise KeyboardInterrupt

    table = tmp_path / "out" / "images.jsonl"
    for cut in (0, 5):  # stopped between two lines, and killed in one
        with pytest.raises(KeyboardInterrupt):
            parse_folder(ParseRequest(source, tmp_path / "out", overwrite=not cut), parser, stop)
        assert "" not in table.read_text().splitlines()
        table.write_text(table.read_text()[: -cut or None])
    assert parse_folder(ParseRequest(source, tmp_path / "out"), parser).counts == {"ok": 3, "undecodable": 2}


def test_results_of_other_settings_are_not_mixed(tmp_path: Path, source: Path, parser: NetworkParser) -> None:
    out = tmp_path / "out"
    parse_folder(ParseRequest(source, out), parser)
    before = _files(out)
    with pytest.raises(ConfigurationError, match="classes: celebamask → facexlib"):
        parse_folder(ParseRequest(source, out, order=ClassOrder.FACEXLIB), parser)
    with pytest.raises(ConfigurationError, match="--overwrite"):
        parse_folder(ParseRequest(source, out, resume=False), parser)
    assert _files(out) == before
    report = parse_folder(ParseRequest(source, out, order=ClassOrder.FACEXLIB, overwrite=True), parser)
    assert report.done_before == 0 and _files(out).keys() == before.keys()
    assert _files(out)["classes/a.png.png"] != before["classes/a.png.png"]


@pytest.mark.parametrize("name", ["settings.json", "images.jsonl", "classes/a.png.png", "overlay/other.jpg"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_are_no_runs_are_not_replaced(
    tmp_path: Path, source: Path, parser: NetworkParser, name: str, overwrite: bool
) -> None:
    mine = tmp_path / "mine" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("{}")
    with pytest.raises(ConfigurationError, match="choose another folder"):
        parse_folder(ParseRequest(source, tmp_path / "mine", overwrite=overwrite), parser)
    assert mine.read_text() == "{}"


def test_the_output_may_lie_inside_the_source(tmp_path: Path, source: Path, parser: NetworkParser) -> None:
    for _ in range(2):
        report = parse_folder(ParseRequest(source, source / "maps"), parser)
        assert report.counts == {"ok": 3, "undecodable": 2}
    with pytest.raises(ConfigurationError, match="another one"):
        parse_folder(ParseRequest(source, source / "deep" / ".."), parser)


def test_nothing_to_parse_and_nowhere_to_write(tmp_path: Path, source: Path, parser: NetworkParser) -> None:
    with pytest.raises(SourceError):
        parse_folder(ParseRequest(tmp_path / "absent", tmp_path / "out"), parser)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BuildError, match="file"):
        parse_folder(ParseRequest(source, tmp_path / "file"), parser)


@pytest.mark.skipif(os.name != "posix", reason="file names of any bytes are POSIX's")
def test_names_of_any_bytes(tmp_path: Path, parser: NetworkParser) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/faces/caf\xe9\nname.png"))
    _picture(odd.parent / "plain.png", 1)
    (odd.parent / "plain.png").rename(odd)
    report = parse_folder(ParseRequest(odd.parent, tmp_path / "out"), parser)
    assert report.counts == {"ok": 1}
    assert (tmp_path / "out" / "classes" / odd.name).is_file()
    assert _rows(tmp_path / "out")[0]["output"] == "caf\\xe9\nname"


def test_one_image_that_cannot_be_written_does_not_end_the_run(tmp_path: Path, parser: NetworkParser) -> None:
    source = tmp_path / "faces"
    _picture(source / f"{'n' * 251}.png", 1)  # no room in the name for a temporary file's, which is shortened
    _picture(source / "a.png" / "b.png", 2)  # a folder where the map of a.jpg should be
    _picture(source / "a.jpg", 3)
    _picture(source / "long.png", 4, (66_000, 1))  # longer than a JPEG can be
    _picture(source / "z.png", 5)
    report = parse_folder(ParseRequest(source, tmp_path / "out"), parser)
    assert report.counts == {"ok": 3, "unreadable": 1, "too_large": 1}
    assert all(row["reason"] for row in _rows(tmp_path / "out") if row["status"] != "ok")


@pytest.mark.skipif(os.name != "posix", reason="limits on the size of files are POSIX's")
def test_a_full_disk_ends_the_run_and_keeps_what_is_done(tmp_path: Path, weights: Path, parser: NetworkParser) -> None:
    source, out = tmp_path / "faces", tmp_path / "out"
    _picture(source / "a.png", 1, (60, 60))
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3)).astype(np.uint8)
    Image.fromarray(noise).save(source / "b.png")  # its overlay is larger than the limit
    code = f"""
import resource, signal, torch; torch.set_num_threads(1)
from pathlib import Path
from fishprep.common.errors import BuildError
from fishprep.parsing.folder import ParseRequest, parse_folder
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings
parser = NetworkParser(NetworkSettings(batch=1), Path({str(weights)!r}))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    parse_folder(ParseRequest(Path({str(source)!r}), Path({str(out)!r})), parser)
except BuildError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "cannot be written" in told and "goes on from there" in told
    assert not list(out.rglob(".*.tmp"))
    report = parse_folder(ParseRequest(source, out), parser)
    assert report.counts == {"ok": 2} and report.done_before == 1


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_killed_and_resumed_nothing_is_lost(tmp_path: Path, weights: Path, parser: NetworkParser) -> None:
    source, out = tmp_path / "faces", tmp_path / "out"
    for number in range(30):
        _picture(source / f"{number:02}.png", number)
    code = f"""
import torch; torch.set_num_threads(1)
from pathlib import Path
from fishprep.parsing.folder import ParseRequest, parse_folder
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings
parser = NetworkParser(NetworkSettings(batch=2), Path({str(weights)!r}))
parse_folder(ParseRequest(Path({str(source)!r}), Path({str(out)!r})), parser)
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while len(list(out.glob("skin/*.png"))) < 4 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with open(out / "images.jsonl", "a") as stream:
        stream.write('{"path": "03.png", "stat')  # as a kill in the middle of a line leaves it
    report = parse_folder(ParseRequest(source, out), parser)
    assert report.counts == {"ok": 30}
    assert report.done_before >= 2
    parse_folder(ParseRequest(source, tmp_path / "whole"), parser)
    assert _files(out) == _files(tmp_path / "whole")
    assert _rows(out) == _rows(tmp_path / "whole")


def test_begun_anew_it_forgets_what_was_done_before_all_else(
    tmp_path: Path, source: Path, parser: NetworkParser
) -> None:
    """And sweeps what a kill left half written."""
    out = tmp_path / "maps"
    parse_folder(ParseRequest(source, out), parser)
    left = [out / "skin" / "deep" / "er" / ".b.png.7.tmp", out / ".settings.json.7.tmp"]
    mine = out / "skin" / ".mine.txt.7.tmp"
    for path in (*left, mine):
        path.touch()
    with told(out) as events:
        parse_folder(ParseRequest(source, out, overwrite=True), parser)
    first = events.index("remove images.jsonl")
    assert events[first : first + 3] == ["remove images.jsonl", "flush .", "put settings.json"]
    assert not any(path.exists() for path in left) and mine.exists()


def test_what_is_no_image_to_parse_is_left_out_and_counted(tmp_path: Path, parser: NetworkParser) -> None:
    _picture(tmp_path / "in" / "a.png", 1)
    _picture(tmp_path / "in" / "@eaDir" / "a.png" / "thumb.png", 2)
    (tmp_path / "in" / "b.gif").write_bytes(b"GIF89a")
    report = parse_folder(ParseRequest(tmp_path / "in", tmp_path / "out"), parser)
    assert report.counts == {"ok": 1}
    assert list(map(str, report.left_out)) == [
        "1 picture in thumbnails or waste bins (1 @eaDir)",
        "1 file of other formats (1 .gif)",
    ]
