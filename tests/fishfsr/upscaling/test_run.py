"""Whole runs with stand-in resolvers: what is written, resumed, refused; how faces are batched."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from resolvers import BicubicResolver, FixedResolver, KnownFaces

from fishfsr.errors import ConfigurationError
from fishfsr.upscaling import run
from fishfsr.upscaling.faces import FaceFinder, Search
from fishfsr.upscaling.kinds import Kind
from fishfsr.upscaling.models import FaceModel, ModelSet
from fishfsr.upscaling.planning import Planner
from fishfsr.upscaling.record import Record
from fishfsr.upscaling.request import UpscaleProgress, UpscaleReport, UpscaleRequest
from fishfsr.upscaling.results import PhotoSize
from fishfsr.upscaling.run import upscale_files

Points = Callable[..., np.ndarray]
WIDTH, HEIGHT = 120, 90


def smooth(seed: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height // 3, width // 3, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def save(image: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def load(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def photo_planner(points: list[np.ndarray], *resolvers: BicubicResolver, **options: Any) -> Planner:
    models = ModelSet([FaceModel(f"x{each.scale}", each) for each in resolvers])
    return Planner(models, FaceFinder(KnownFaces(WIDTH, points), Search(smallest=8)), Kind.PHOTO, **options)


def crop_planner(resolver: BicubicResolver) -> Planner:
    return Planner(ModelSet([FaceModel("x8", resolver)]), None, Kind.CROP)


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*.png"))}


def rows(report: UpscaleReport) -> dict[str, dict[str, Any]]:
    stored = json.loads(report.table.read_text(encoding="utf-8"))
    return {row["name"]: row for row in stored["inputs"]}


@pytest.mark.parametrize("side", [16, 13, 20])
@pytest.mark.parametrize("outscale", [None, 4.0, 2.5])
def test_a_bicubic_model_gives_the_bicubic_photo(
    tmp_path: Path, points_at: Points, side: int, outscale: float | None
) -> None:
    """Exactly so where the crop has the LR size and the photo the model's scale; else a second resampling blurs it a little."""
    image = smooth(1)
    points = [points_at(30, 20, side), points_at(-4, 60, side), points_at(80, 75, side)]
    request = UpscaleRequest((save(image, tmp_path / "in.png"),), tmp_path / "out", PhotoSize(outscale))
    upscale_files(request, photo_planner(points, BicubicResolver(8), force=True))
    restored = load(tmp_path / "out/restored_photos/in.png").astype(int)
    scale = outscale or 8
    size = (round(WIDTH * scale), round(HEIGHT * scale))
    expected = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)).astype(int)
    assert restored.shape == expected.shape
    faces = np.zeros(restored.shape[:2], bool)
    for x, y in ((30, 20), (-4, 60), (80, 75)):
        inner = [max(0, round((edge + share * side) * scale)) for edge in (y, x) for share in (0.2, 0.8)]
        faces[inner[0] : inner[1], inner[2] : inner[3]] = True
    outside = np.ones_like(faces)
    for x, y in ((30, 20), (-4, 60), (80, 75)):
        box = [max(0, round((edge + end * side) * scale)) for edge in (y, x) for end in (0, 1)]
        outside[max(0, box[0] - 1) : box[1] + 1, max(0, box[2] - 1) : box[3] + 1] = False
    np.testing.assert_array_equal(restored[outside], expected[outside])
    error = np.abs(restored - expected)[faces]
    if side == 16 and outscale is None:
        assert error.max() <= 2 and error.mean() < 0.01  # at the photo's border: it is padded before the crop
    else:
        assert error.mean() < (4 if side == 20 else 2)


def test_numbers_files_and_the_record(tmp_path: Path, points_at: Points) -> None:
    """Faces are numbered from the left; those of all photos go through a model together."""
    resolver, other = BicubicResolver(8), BicubicResolver(4)
    points = [points_at(5, 20, 16), points_at(30, 30, 16), points_at(60, 10, 32), points_at(90, 40, 66)]
    for name in ("one", "two", "three"):
        save(smooth(len(name)), tmp_path / "in" / f"{name}.png")
    out = tmp_path / "out"
    seen: list[tuple[int, int, int]] = []
    report = upscale_files(
        UpscaleRequest((tmp_path / "in",), out, batch=9),
        photo_planner(points, resolver, other),
        listener=lambda news: seen.append((news.searched, news.done, news.total)),
    )
    assert resolver.calls == [(6, 3, 16, 16)] and other.calls == [(3, 3, 32, 32)]
    assert seen == [(1, 0, 3), (2, 0, 3), (3, 0, 3), (3, 1, 3), (3, 2, 3), (3, 3, 3)]
    assert report.counts == {"ok": 3} and report.restored == 9
    table = rows(report)
    assert set(files(out)) == {file for row in table.values() for file in row["files"]}
    assert {f"cropped_faces/one_0{k}.png" for k in range(4)} < set(files(out))
    assert "restored_faces/one_03.png" not in files(out)
    row = table["two"]
    assert [face["box"][0] for face in row["faces"]] == [4.5, 29.5, 59.5, 89.5]
    assert [face["status"] for face in row["faces"]] == ["ok", "ok", "ok", "left_alone"]
    assert [face["scale"] for face in row["faces"]] == [8, 8, 4, 0] and row["outscale"] == 8
    assert row["reason"] == "1 of 4 faces left alone" and row["kind"] == "photo" and not row["guessed"]
    assert load(out / "restored_faces/two_00.png").shape == (128, 128, 3)
    assert load(out / "comparisons/two_00.png").shape == (128, 3 * 128 + 8, 3)
    np.testing.assert_array_equal(load(out / "cropped_faces/two_01.png"), smooth(3)[30:46, 30:46])


def test_memory_is_bounded_by_pixels_too(tmp_path: Path, points_at: Points, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "WAITING_PIXELS", 2 * WIDTH * HEIGHT)
    resolver = BicubicResolver(8)
    for number in range(5):
        save(smooth(number), tmp_path / "in" / f"{number}.png")
    upscale_files(UpscaleRequest((tmp_path / "in",), tmp_path / "out"), photo_planner([points_at(5, 5, 16)], resolver))
    assert [shape[0] for shape in resolver.calls] == [2, 2, 1]


def test_what_needs_no_model_does_not_wait_for_a_batch(tmp_path: Path) -> None:
    for number, side in enumerate((128, 16, 130)):
        save(smooth(number, side, side), tmp_path / "in" / f"{number}.png")
    done: list[str] = []
    upscale_files(
        UpscaleRequest((tmp_path / "in",), tmp_path / "out"),
        crop_planner(BicubicResolver(8)),
        listener=lambda news: done.append(news.row.name) if news.row else None,
    )
    assert done == ["0", "2", "1"]


def test_a_model_that_fails_saves_nothing(tmp_path: Path, points_at: Points) -> None:
    request = UpscaleRequest((save(smooth(1), tmp_path / "a.png"),), tmp_path / "out")
    points = [points_at(5, 5, 16), points_at(60, 5, 32)]
    report = upscale_files(request, photo_planner(points, BicubicResolver(8), FixedResolver(4, float("nan"))))
    assert report.counts == {"failed": 1} and not files(tmp_path / "out")
    row = rows(report)["a"]
    assert "x4 gave NaN" in row["reason"] and [face["status"] for face in row["faces"]] == ["failed", "failed"]
    healed = upscale_files(
        replace(request, overwrite=True), photo_planner(points, BicubicResolver(8), BicubicResolver(4))
    )
    assert healed.counts == {"ok": 1}


def test_values_out_of_range_are_cut_not_wrapped(tmp_path: Path) -> None:
    source = save(smooth(1, 16, 16), tmp_path / "a.png")
    for value, level in ((1.4, 255), (-0.3, 0)):
        out = tmp_path / f"out{level}"
        upscale_files(UpscaleRequest((source,), out), crop_planner(FixedResolver(8, value)))
        assert (load(out / "restored_faces/a_00.png") == level).all()


def test_resuming(tmp_path: Path) -> None:
    """What is done is passed over; a changed input, a lost result and a failure are done again; a new input is added."""
    inputs, out = tmp_path / "in", tmp_path / "out"
    for name in "abc":
        save(smooth(ord(name), 16, 16), inputs / f"{name}.png")
    (inputs / "d.png").write_bytes(b"damaged")
    request = UpscaleRequest((inputs,), out)
    first = upscale_files(request, crop_planner(BicubicResolver(8)))
    assert first.counts == {"ok": 3, "undecodable": 1} and first.failed == 1
    before = files(out)
    again, resolver = upscale_files(request, crop_planner(resolver := BicubicResolver(8))), resolver
    assert again.done_before == 3 and not resolver.calls and files(out) == before
    (out / "restored_faces/a_00.png").unlink()
    save(smooth(9, 16, 16), inputs / "b.png")
    save(smooth(10, 16, 16), inputs / "d.png")
    save(smooth(11, 16, 16), inputs / "e.png")
    third = upscale_files(request, crop_planner(resolver := BicubicResolver(8)))
    assert third.done_before == 1 and resolver.calls == [(4, 3, 16, 16)] and third.counts == {"ok": 5}
    after = files(out)
    assert after["restored_faces/a_00.png"] == before["restored_faces/a_00.png"]
    assert after["restored_faces/b_00.png"] != before["restored_faces/b_00.png"]


def test_results_of_an_input_that_is_no_longer_good_are_taken_away(tmp_path: Path) -> None:
    source, out = save(smooth(1, 16, 16), tmp_path / "a.png"), tmp_path / "out"
    upscale_files(UpscaleRequest((source,), out), crop_planner(BicubicResolver(8)))
    source.write_bytes(b"")
    report = upscale_files(UpscaleRequest((source,), out), crop_planner(BicubicResolver(8)))
    assert report.counts == {"undecodable": 1} and not files(out)


def test_equal_names_in_several_runs_do_not_meet(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number, name in enumerate(("x", "y")):
        source = save(smooth(number, 16, 16), tmp_path / name / "a.png")
        upscale_files(UpscaleRequest((source,), out), crop_planner(BicubicResolver(8)))
    assert {"restored_faces/a_00.png", "restored_faces/a.png_00.png"} < set(files(out))
    record = json.loads((out / "faces.json").read_text())
    assert {row["name"]: row["status"] for row in record["inputs"]} == {"a": "ok", "a.png": "ok"}


def test_other_settings_are_refused_until_overwritten(tmp_path: Path) -> None:
    source, out = save(smooth(1, 16, 16), tmp_path / "a.png"), tmp_path / "out"
    request = UpscaleRequest((source,), out)
    upscale_files(request, crop_planner(BicubicResolver(8)))
    before = files(out)
    other = replace(crop_planner(BicubicResolver(8)), force=True)
    with pytest.raises(ConfigurationError, match="force: False → True"):
        upscale_files(request, other)
    with pytest.raises(ConfigurationError, match="--overwrite"):
        upscale_files(replace(request, resume=False), crop_planner(BicubicResolver(8)))
    assert files(out) == before
    moved = save(smooth(2, 16, 16), tmp_path / "b.png")
    upscale_files(replace(request, inputs=(moved,), overwrite=True), other)
    assert all("b_00" in name for name in files(out))


def test_what_finds_the_faces_is_of_one_version(tmp_path: Path) -> None:
    """A folder of before versions were recorded says nothing of them, and is gone on with."""
    pictures = [save(smooth(number, 64, WIDTH), tmp_path / f"{number}.png") for number in range(3)]
    out, planner = tmp_path / "out", photo_planner([], BicubicResolver(8))
    assert planner.finder is not None
    planner.finder.versions = {"detector-hog": 1}
    upscale_files(UpscaleRequest((pictures[0],), out), planner)
    later = photo_planner([], BicubicResolver(8))
    assert later.finder is not None
    later.finder.versions = {"detector-hog": 2}
    with pytest.raises(ConfigurationError, match=r"algorithms: \{'detector-hog': 1\} → \{'detector-hog': 2\}"):
        upscale_files(UpscaleRequest((pictures[1],), out), later)
    record = json.loads((out / "faces.json").read_text())
    del record["settings"]["algorithms"]
    (out / "faces.json").write_text(json.dumps(record))
    report = upscale_files(UpscaleRequest((pictures[2],), out), later)
    assert len(report.rows) == 1
    assert "algorithms" not in json.loads((out / "faces.json").read_text())["settings"], "two versions, perhaps"


def test_a_folder_that_is_not_ours_or_whose_record_lies(tmp_path: Path) -> None:
    source = save(smooth(1, 16, 16), tmp_path / "a.png")
    stray = save(smooth(1, 16, 16), tmp_path / "out" / "restored_faces" / "precious.png")
    with pytest.raises(ConfigurationError, match=r"no faces\.json"):
        upscale_files(UpscaleRequest((source,), tmp_path / "out", overwrite=True), crop_planner(BicubicResolver(8)))
    assert stray.exists()
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "faces.jsonl").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"no faces\.json"):
        upscale_files(UpscaleRequest((source,), tmp_path / "lines", overwrite=True), crop_planner(BicubicResolver(8)))
    out = tmp_path / "other"
    request = UpscaleRequest((source,), out, overwrite=True)
    upscale_files(request, crop_planner(BicubicResolver(8)))
    record = json.loads((out / "faces.json").read_text())
    for change in ({"files": ["../a.png"]}, {"name": "/tmp/x"}, {"files": 3}, {"status": None}, {"extra": 1}):
        (out / "faces.json").write_text(json.dumps({**record, "inputs": [{**record["inputs"][0], **change}]}))
        with pytest.raises(ConfigurationError, match="cannot be read"):
            upscale_files(request, crop_planner(BicubicResolver(8)))
    for text in ("{", "[" * 100_000, "[]", "null"):
        (out / "faces.json").write_text(text)
        with pytest.raises(ConfigurationError, match="cannot be read"):
            upscale_files(request, crop_planner(BicubicResolver(8)))
    assert source.exists()


def test_an_interrupted_run_keeps_what_is_done(tmp_path: Path) -> None:
    for number in range(4):
        save(smooth(number, 16, 16), tmp_path / "in" / f"{number}.png")
    request = UpscaleRequest((tmp_path / "in",), tmp_path / "out", batch=1)

    def stop(news: UpscaleProgress) -> None:
        if news.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upscale_files(request, crop_planner(BicubicResolver(8)), listener=stop)
    (tmp_path / "out" / "restored_faces" / ".3_00.png.77.tmp").write_bytes(b"a killed run leaves this")
    report = upscale_files(request, crop_planner(resolver := BicubicResolver(8)))
    assert report.done_before == 2 and len(resolver.calls) == 2 and report.counts == {"ok": 4}
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_a_killed_run_costs_the_input_in_hand_alone(tmp_path: Path) -> None:
    for number in range(5):
        save(smooth(number, 16, 16), tmp_path / "in" / f"{number}.png")
    request = UpscaleRequest((tmp_path / "in",), tmp_path / "out", batch=1)
    child = multiprocessing.get_context("fork").Process(target=upscale_and_die, args=(request, 3))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    journal = tmp_path / "out" / "faces.jsonl"
    assert len(journal.read_text().splitlines()) == 3 and json.loads(read(tmp_path / "out"))["inputs"] == []
    with open(journal, "a") as stream:
        stream.write('{"path": "cut o')
    report = upscale_files(request, crop_planner(resolver := BicubicResolver(8)))
    assert report.done_before == 3 and len(resolver.calls) == 2 and report.counts == {"ok": 5}
    assert not journal.exists() and len(rows(report)) == 5


def test_a_line_that_power_took_costs_what_follows_it(tmp_path: Path) -> None:
    for number in range(4):
        save(smooth(number, 16, 16), tmp_path / "in" / f"{number}.png")
    request = UpscaleRequest((tmp_path / "in",), tmp_path / "out", batch=1)
    child = multiprocessing.get_context("fork").Process(target=upscale_and_die, args=(request, 3))
    child.start()
    child.join()
    journal = tmp_path / "out" / "faces.jsonl"
    first, second, third = journal.read_bytes().splitlines()
    journal.write_bytes(b"\n".join((first, bytes(len(second)), third, b"")))
    report = upscale_files(request, crop_planner(resolver := BicubicResolver(8)))
    assert report.done_before == 1 and len(resolver.calls) == 3 and report.counts == {"ok": 4}


def upscale_and_die(request: UpscaleRequest, after: int) -> None:
    def die(news: UpscaleProgress) -> None:
        if news.done == after:
            os.kill(os.getpid(), signal.SIGKILL)

    upscale_files(request, crop_planner(BicubicResolver(8)), listener=die)


def read(out: Path) -> str:
    return (out / "faces.json").read_text(encoding="utf-8")


def test_rows_are_written_once_however_many_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    whole = Record.write
    monkeypatch.setattr(Record, "write", lambda self, out: (written.append(len(self.rows)), whole(self, out)))
    monkeypatch.setattr(
        time, "monotonic", iter(range(0, 10**9, 100)).__next__
    )  # every glance at the clock: 100 s later
    for number in range(6):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{number}.png").write_bytes(b"damaged")
    request = UpscaleRequest((tmp_path / "in",), tmp_path / "out")
    upscale_files(request, crop_planner(BicubicResolver(8)))
    assert written == [0, 6]


def test_the_rows_of_a_killed_run_are_not_those_of_one_that_overwrites(tmp_path: Path) -> None:
    first, second = (save(smooth(number, 16, 16), tmp_path / f"{number}.png") for number in (1, 2))
    out = tmp_path / "out"
    upscale_files(UpscaleRequest((first,), out), crop_planner(BicubicResolver(8)))
    record = json.loads(read(out))
    (out / "faces.jsonl").write_text(json.dumps(record["inputs"][0]) + "\n")
    (out / "faces.json").write_text(json.dumps({**record, "inputs": []}))
    report = upscale_files(UpscaleRequest((second,), out, overwrite=True), crop_planner(BicubicResolver(8)))
    assert set(rows(report)) == {"2"} and not any("1_00" in name for name in files(out))
    (out / "faces.jsonl").write_text('{"path": 3}\n')
    with pytest.raises(ConfigurationError, match=r"faces\.jsonl cannot be read"):
        upscale_files(UpscaleRequest((second,), out), crop_planner(BicubicResolver(8)))


def test_a_photo_too_large_to_enlarge_is_not_written(tmp_path: Path, points_at: Points) -> None:
    source = save(smooth(1), tmp_path / "a.png")
    request = UpscaleRequest((source,), tmp_path / "out", PhotoSize(max_pixels=64 * WIDTH * HEIGHT - 1))
    report = upscale_files(request, photo_planner([points_at(5, 5, 16)], BicubicResolver(8)))
    assert report.counts == {"too_large": 1} and not files(tmp_path / "out")
    assert "--outscale" in rows(report)["a"]["reason"]
    with pytest.raises(ConfigurationError, match="outscale"):
        PhotoSize(outscale=0.5)


def test_a_name_too_long_to_write_is_one_input_s_failure(tmp_path: Path) -> None:
    save(smooth(1, 16, 16), tmp_path / "in" / f"{'n' * 250}.png")
    save(smooth(2, 16, 16), tmp_path / "in" / "z.png")
    report = upscale_files(UpscaleRequest((tmp_path / "in",), tmp_path / "out"), crop_planner(BicubicResolver(8)))
    assert report.counts == {"failed": 1, "ok": 1}
