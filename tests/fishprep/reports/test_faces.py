"""What is drawn over a face is what the shard holds."""

import base64
import io
import re

import cv2
import numpy as np
import pytest
from PIL import Image
from small_build import Written

from fishprep.builds.folder import BuildFolder
from fishprep.common.errors import BuildError, ShardError
from fishprep.reports.columns import SamplePlace
from fishprep.reports.faces import draw_faces, points_path, skin_path
from fishprep.shards.reader import Shard


def outlines(path: str) -> list[np.ndarray]:
    """Closed outlines of an SVG path as (N, 2) points."""
    assert re.fullmatch(r"(M\d+ \d+(L\d+ \d+)+Z)*", path)
    return [np.array(re.findall(r"(\d+) (\d+)", part), int) for part in path.split("Z") if part]


def filled(path: str) -> np.ndarray:
    """(128, 128) uint8: an SVG path filled by the rule evenodd."""
    mask = np.zeros((128, 128), np.uint8)
    cv2.fillPoly(mask, outlines(path), 1)
    return mask


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_skin_outline_encloses_the_skin_and_leaves_the_holes() -> None:
    rows, columns = np.mgrid[:128, :128]
    mask = ((rows - 70) ** 2 + (columns - 60) ** 2 < 50**2).astype(np.uint8)
    mask[50:60, 40:55] = 0
    assert iou(filled(skin_path(mask)), mask) > 0.97
    assert len(outlines(skin_path(mask))) == 2
    assert skin_path(np.zeros((128, 128), np.uint8)) == ""
    assert iou(filled(skin_path(np.ones((128, 128), np.uint8))), np.ones((128, 128), np.uint8)) == 1


def test_points_are_dots_at_the_landmarks() -> None:
    landmarks = np.random.default_rng(0).uniform(-20, 150, (68, 2)).astype(np.float32)
    drawn = np.array(re.findall(r"M(\S+) (\S+)h0", points_path(landmarks)), float)
    np.testing.assert_allclose(drawn, landmarks, atol=0.06)


def test_faces_are_those_of_their_places(built: Written) -> None:
    places = {9: SamplePlace("train-00000", 4), 2: SamplePlace("test-00000", 1), 5: SamplePlace("train-00000", 0)}
    pictures = draw_faces(BuildFolder.at(built.folder), places)
    assert sorted(pictures) == [2, 5, 9]
    for key, place in places.items():
        with Shard(built.folder / f"{place.shard}.h5") as shard:
            expected = shard.images(128)[place.index].astype(float)
        data = base64.b64decode(pictures[key].uri.removeprefix("data:image/webp;base64,"), validate=True)
        shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)
        assert 10 * np.log10(255**2 / np.square(shown - expected).mean()) > 25


@pytest.mark.parametrize(
    ("place", "error"),
    [
        (SamplePlace("train-00000", 99), BuildError),
        (SamplePlace("train-00000", -1), BuildError),
        (SamplePlace("../train-00000", 0), BuildError),
        (SamplePlace("", 0), BuildError),
        (SamplePlace("val-00007", 0), ShardError),
    ],
)
def test_places_that_are_none(built: Written, place: SamplePlace, error: type[Exception]) -> None:
    with pytest.raises(error):
        draw_faces(BuildFolder.at(built.folder), {0: place})
