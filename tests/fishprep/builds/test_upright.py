"""Builds whose crops are turned until the eyes are level: what they hold, and what they do not mix with."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from annotated import build, in_process, points, write_points
from small_build import face
from support import rows, run

import fishprep
from fishfsr.data.dataset import ShardDataset
from fishfsr.errors import DataError
from fishprep.builds.configuration import BuildConfiguration, recipe_hash
from fishprep.builds.verify import Depth, verify
from fishprep.common.errors import ConfigurationError
from fishprep.shards.reader import Shard

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]
SIDE, DEGREES = 400, 25.0


def write_turned(folder: Path, name: str, degrees: float) -> None:
    """A face of 256 px in the middle of a photo, turned clockwise, with its points beside it."""
    matrix = cv2.getRotationMatrix2D((127.5, 127.5), -degrees, 1)
    matrix[:, 2] += (SIDE - 256) / 2
    image = cv2.warpAffine(cv2.resize(face(), (256, 256)), matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC)
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.png"), image[:, :, ::-1])
    placed = (points() + 0.5) * 2 - 0.5
    write_points(folder / f"{name}.png", placed @ matrix[:, :2].T + matrix[:, 2])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name, degrees in (("level", -3), ("turned", DEGREES - 3)):
        write_turned(tmp_path / "photos", name, degrees)
    return tmp_path / "photos"


def test_a_turned_face_stands_as_the_level_one(photos: Path, tmp_path: Path) -> None:
    build(photos, tmp_path / "out", "--upright")
    said = rows(tmp_path / "out")
    assert said["turned"]["angle"] - said["level"]["angle"] == pytest.approx(DEGREES, abs=0.05)
    assert verify(tmp_path / "out", Depth()).problems == ()
    with fishprep.open_shards(tmp_path / "out") as faces:
        both = {each.id: each for each in faces}
        np.testing.assert_allclose(both["turned"].landmarks, both["level"].landmarks, atol=0.05)
        assert both["turned"].angle == pytest.approx(said["turned"]["angle"]) and both["turned"].box.shape == (4,)
        difference = both["turned"].image().astype(float) - both["level"].image()
        assert 10 * np.log10(255**2 / np.mean(difference**2)) > 38
    (shard,) = (tmp_path / "out").glob("*.h5")
    facts = fishprep.inspect(shard)
    assert facts.datasets["angle"] == ("float32", (2,)) and facts.attributes.schema_version == "1.1"


def test_without_the_flag_nothing_is_said_of_it(photos: Path, tmp_path: Path) -> None:
    build(photos, tmp_path / "out")
    assert {row["angle"] for row in rows(tmp_path / "out").values()} == {None}
    start = json.loads((tmp_path / "out" / "configuration.json").read_text())
    assert "upright" not in start["configuration"] and not any("upright" in name for name in start["versions"])
    (path,) = (tmp_path / "out").glob("*.h5")
    with Shard(path) as shard:
        assert "angle" not in shard and not shard.angles.any() and shard.attributes.schema_version == "1.0"
        assert "upright" not in shard.attributes.configuration


def test_two_recipes_are_not_mixed(photos: Path, tmp_path: Path) -> None:
    build(photos, tmp_path / "plain")
    build(photos, tmp_path / "upright", "--upright")
    refused = build(photos, tmp_path / "plain", "--upright", code=1)
    assert "upright: False → True" in refused.err
    assert "upright: True → False" in build(photos, tmp_path / "upright", code=1).err
    with pytest.raises(DataError, match="different recipes"):
        ShardDataset([tmp_path / "plain", tmp_path / "upright"], "train", 8)
    assert ShardDataset(tmp_path / "upright", "train", 8).made_by["upright"] is True
    assert "upright" not in ShardDataset(tmp_path / "plain", "train", 8).made_by


def test_a_retry_turns_as_its_build_does(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(photos, out, "--upright", "--min-side", 350)
    assert {row["status"] for row in rows(out).values()} == {"too_small"}
    run("fishprep", "retry", out, "--status", "too_small", "--min-side", 64, "--device", "cpu", "--workers", 1)
    assert rows(out)["turned"]["angle"] > 20 and verify(out, Depth()).problems == ()


def test_the_recipe_of_before_is_the_recipe_without() -> None:
    asked = (BuildConfiguration(parser="bisenet-fishfsr", upright=turned) for turned in (False, True))
    plain, upright = (each.filled({}, {}) for each in asked)
    assert "upright" not in plain.json_text() and '"upright":true' in upright.json_text()
    assert BuildConfiguration.recorded(json.loads(upright.json_text())) == upright
    assert plain.differences(upright) == ["upright: False → True"]
    hashes = [recipe_hash(each, {}, {}, {}) for each in (plain, upright)]
    assert hashes[0] == "9acc66d07ba9f6a936f879f564b6bf37d4d7b4e4875a54beba4b92235021aec8" != hashes[1]
    with pytest.raises(ConfigurationError, match="--upright: goes with --crop square, not dic"):
        BuildConfiguration.parse({"crop": "dic", "upright": True})
