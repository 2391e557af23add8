"""Annotated boxes and points that cannot be of a face in the photo drop nobody."""

from pathlib import Path

import numpy as np
import pytest
from places import only, picture, text

from fishprep.landmarks.base import Box, Reference
from fishprep.landmarks.credible import credible

FIVE = np.array([[60, 60], [100, 60], [80, 80], [65, 100], [95, 100]], np.float32)


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        ((10, 10, 10, 50), "no extent"),
        ((10, 10, 50, 10), "no extent"),
        ((-0.5, -0.5, -0.5, -0.5), "no extent"),
        ((50, 50, 10, 10), "no extent"),
        ((200, 10, 260, 60), "off the picture"),
        ((10, 99.5, 60, 140), "off the picture"),
        ((-60, 10, -0.5, 60), "off the picture"),
        ((float("nan"), 0, 10, 10), "no numbers"),
        ((0, 0, float("inf"), 10), "no numbers"),
    ],
)
def test_a_box_that_holds_no_face_is_passed_over(box: Box, fault: str) -> None:
    found = credible(Reference(box=box, five=FIVE), 200, 100)
    assert found.reference.box is None and found.reference.five is FIVE
    assert found.note == f"annotated box passed over: {fault}"


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (-50, -50, 1, 1), (-0.5, -0.5, 199.5, 99.5), (198, 98, 400, 400)])
def test_a_box_that_may_hold_one_is_kept(box: Box) -> None:
    reference = Reference(box=box)
    assert credible(reference, 200, 100).reference is reference and not credible(reference, 200, 100).note


@pytest.mark.parametrize(
    ("five", "fault"),
    [
        (np.zeros((5, 2), np.float32), "no extent"),
        (FIVE + 500, "off the picture"),
        (np.where(np.arange(5)[:, None] == 1, FIVE[0], FIVE), "both eyes in one place"),
        (FIVE * np.nan, "no numbers"),
    ],
)
def test_five_points_of_no_face_are_passed_over(five: np.ndarray, fault: str) -> None:
    found = credible(Reference(five=five, box=(10, 10, 50, 50)), 200, 120)
    assert found.reference.five is None and found.reference.box == (10, 10, 50, 50)
    assert found.note == f"annotated five points passed over: {fault}"


def test_celebas_list_of_boxes_may_have_empty_ones(tmp_path: Path) -> None:
    picture(tmp_path / "img_celeba" / "000001.jpg")
    text(tmp_path / "list_bbox_celeba.txt", "1\nimage_id x_1 y_1 width height\n000001.jpg 0 0 0 0\n")
    photo = only(tmp_path)
    assert credible(photo.reference, 8, 8).note == "annotated box passed over: no extent"
