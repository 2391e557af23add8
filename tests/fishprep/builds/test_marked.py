"""Rescued by hand: photos in which nobody was found are tried again where somebody has marked the eyes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotated import in_process
from PIL import Image
from support import astronaut, hopper, rows, run, shards

import fishprep
from fishprep.builds.storing import ShardStore
from fishprep.common.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]

BUILD = ("--parser", "landmark-skin", "--detector", "hog", "--device", "cpu", "--workers", 1, "--quiet")
RETRY = ("--workers", 1, "--quiet")
EYES, MOUTH = [[204.0, 112.0], [246.0, 110.0]], [228.0, 156.0]
"""Of Eileen Collins, as anybody would mark them."""


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A build of three photos, in two of which nobody is found: she stands upside down there."""
    photos = tmp_path / "photos"
    (photos / "b").mkdir(parents=True)
    Image.fromarray(hopper()).save(photos / "grace.png")
    Image.fromarray(astronaut()[::-1, ::-1]).save(photos / "b" / "eileen.png")
    Image.fromarray(astronaut()[:400, :400][::-1, ::-1]).save(photos / "b" / "less.png")
    run("fishprep", "build", photos, tmp_path / "out", *BUILD, "--shard-size", 1)
    assert {name: row["status"] for name, row in rows(tmp_path / "out").items()} == {
        "grace": "ok",
        "b/eileen": "no_face",
        "b/less": "no_face",
    }
    return tmp_path / "out"


def turned(marks: list[list[float]], side: int) -> list[list[float]]:
    """In the picture that stands upside down."""
    return [[side - 1 - x, side - 1 - y] for x, y in marks]


def marked(folder: Path, **said: Any) -> Path:
    path = folder / "marked.json"
    path.write_text(
        json.dumps({"b/eileen": turned([*EYES, MOUTH], 512), "less.png": turned([*EYES, MOUTH], 400)} | said)
    )
    return path


def test_they_are_kept(built: Path, tmp_path: Path) -> None:
    """With points where the face is, which was checked by its mirror image; all that stood stands."""
    before = shards(built)
    run("fishprep", "retry", built, "--points", marked(tmp_path), *RETRY)
    after = rows(built)
    assert {row["status"] for row in after.values()} == {"ok"}
    assert after["b/eileen"]["landmark_backend"] == after["b/less"]["landmark_backend"] == "marked"
    assert before.items() <= shards(built).items() and len(shards(built)) == 3
    with fishprep.open_shards(built) as faces:
        points = {face.id: face for face in faces}["b/eileen"].landmarks
    assert points[36:48, 1].mean() > points[48:68, 1].mean() + 20, "upside down, as the face stands"
    assert points[36:42, 0].mean() > points[42:48, 0].mean() + 15
    (record,) = (json.loads(path.read_text()) for path in built.glob("retry-*.json"))
    assert record["overrides"] == {"landmarks": "marked"} and record["statuses"] == []
    assert record["marks"]["b/less"] == turned([*EYES, MOUTH], 400)
    assert "sound" in run("fishprep", "verify", built, "--deep").out
    page = fishprep.report(built, tmp_path / "r.html").path.read_text()
    assert "marked by hand" in page


def test_the_eyes_are_enough_where_the_face_stands_upright(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.fromarray(astronaut()).save(tmp_path / "photos" / "a.png")
    out = tmp_path / "out"
    run("fishprep", "build", tmp_path / "photos", out, *BUILD, "--min-side", 400, code=3)
    path = tmp_path / "eyes.json"
    path.write_text(json.dumps({"a": EYES[::-1]}))
    run("fishprep", "retry", out, "--points", path, "--min-side", 64, *RETRY)
    run("fishprep", "build", tmp_path / "photos", tmp_path / "found", *BUILD)
    with fishprep.open_shards(out) as mine, fishprep.open_shards(tmp_path / "found") as found:
        scale = (found[0].box[2] - found[0].box[0]) / 128
        apart = np.abs(mine[0].box - found[0].box).max() / scale
        assert apart < 8, "the crop is the one of the face that is found"


def test_stopped_and_gone_on_with(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bytes of one that was not; with other marks, or none, it is another one."""
    whole = {path.name: path.read_bytes() for path in built.iterdir() if path.is_file()}
    run("fishprep", "retry", built, "--points", marked(tmp_path), *RETRY)
    wanted = {path.name: path.read_bytes() for path in built.iterdir() if path.is_file()}
    for name in wanted:
        (built / name).unlink()
    for name, data in whole.items():
        (built / name).write_bytes(data)
    store: Callable[..., Any] = ShardStore.store

    def stop(self: ShardStore, name: Any, *rest: Any) -> Any:
        if str(name) != "train-00003":
            raise KeyboardInterrupt
        return store(self, name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(ShardStore, "store", stop)
        run("fishprep", "retry", built, "--points", marked(tmp_path), *RETRY, code=130)
    moved = marked(tmp_path, **{"b/eileen": turned([*EYES, [226.0, 156.0]], 512)})
    refused = run("fishprep", "retry", built, "--points", moved, *RETRY, code=1).err
    assert "points: other marks" in refused and "stopped halfway (retry-0001.json: marked by hand" in refused
    assert "landmarks: marked → dlib" in run("fishprep", "retry", built, "--status", "no_face", *RETRY, code=1).err
    run("fishprep", "retry", built, "--points", marked(tmp_path), *RETRY)
    assert {path.name: path.read_bytes() for path in built.iterdir() if path.is_file()} == wanted


def test_what_cannot_be_meant(built: Path, tmp_path: Path) -> None:
    before = shards(built)

    def refused(*words: object, **said: Any) -> str:
        return run("fishprep", "retry", built, "--points", marked(tmp_path, **said), *RETRY, *words, code=1).err

    assert "1 name of no photo" in refused(nobody=EYES) and "'nobody'" in refused(nobody=EYES)
    assert "'grace' was kept" in refused(grace=EYES)
    assert "400 x 400 pixels" in refused(**{"less.png": [[10, 10], [450, 10]]})
    assert "no marked photo has status too_small" in refused("--status", "too_small")
    assert "go together" in refused("--landmarks", "dlib")
    assert (
        "go together"
        in run("fishprep", "retry", built, "--status", "no_face", "--landmarks", "marked", *RETRY, code=1).err
    )
    assert "--status is missing" in run("fishprep", "retry", built, *RETRY, code=2).err
    with pytest.raises(ConfigurationError, match="of which status"):
        fishprep.retry(built)
    said = run("fishprep", "build", tmp_path / "photos", tmp_path / "new", *BUILD, "--landmarks", "marked", code=1)
    assert "`fishprep retry --points`" in said.err
    assert shards(built) == before and not list(built.glob("retry-*"))


def test_a_face_that_is_not_there(built: Path, tmp_path: Path) -> None:
    """Is dropped again, and says why."""
    astray = {"b/eileen": [[100, 100], [180, 100], [140, 80]]}
    path = tmp_path / "one.json"
    path.write_text(json.dumps(astray))
    run("fishprep", "retry", built, "--points", path, *RETRY)
    row = rows(built)["b/eileen"]
    assert row["status"] == "no_face" and "do not fit the face that was marked" in row["reason"]
    assert rows(built)["b/less"]["status"] == "no_face"
