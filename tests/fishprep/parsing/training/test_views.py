"""Views of labelled faces: picture and labels stay together, and left and right change places in a mirror."""

import cv2
import numpy as np
import pytest
from labelled import draw_face

from fishprep.parsing.classes import ClassOrder, FaceClass, number
from fishprep.parsing.labelled import UNLABELLED
from fishprep.parsing.training.views import ViewSettings, draw_view, mirrored

PLAIN = ViewSettings(crops=0.0, grey=0.0, jpeg=0.0, blur=0.0, noise=0.0)
LEFT, RIGHT = (number(face_class, ClassOrder.CELEBAMASK) for face_class in (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE))


@pytest.mark.parametrize("seed", range(12))
def test_labels_lie_on_what_they_label(seed: int) -> None:
    _, classes = draw_face(seed)
    greys = np.select([classes == 0, classes == 13], [40, 220], 130).astype(np.uint8)  # a picture that shows its labels
    marked = np.repeat(greys[..., None], 3, axis=2)
    settings = ViewSettings(crops=1.0, grey=1.0, jpeg=0.0, blur=0.0, noise=0.0, mirrored=0.0)
    view, labels = draw_view(marked, classes, (20, 20, 76, 80), (128, 128), np.random.default_rng(seed), settings)
    inside = cv2.erode((labels != UNLABELLED).astype(np.uint8), np.ones((5, 5))) > 0
    values = {
        value: np.median(view[(labels == value) & inside]) for value in (0, 1, 13) if (labels == value)[inside].any()
    }
    nearest = np.array(list(values))[
        np.abs(view[..., :1].astype(float) - np.array(list(values.values()))).argmin(axis=2)
    ]
    known = inside & np.isin(labels, list(values))
    assert (nearest == labels)[known].mean() > 0.97


def test_views_of_one_generator_are_the_same_and_have_the_sizes_asked_for() -> None:
    picture, classes = draw_face(0)
    first, second = (
        draw_view(picture, classes, (20, 20, 76, 80), (160, 64), np.random.default_rng(5), ViewSettings())
        for _ in range(2)
    )
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])
    assert first[0].shape == (160, 160, 3) and first[0].dtype == np.uint8
    assert first[1].shape == (64, 64) and set(np.unique(first[1])) <= {*range(19), UNLABELLED}


def test_a_mirror_exchanges_left_and_right_and_nothing_else() -> None:
    picture, classes = draw_face(0)
    view, labels = mirrored(picture, classes)
    assert np.array_equal(view[:, ::-1], picture)
    assert np.array_equal(labels[:, ::-1] == LEFT, classes == RIGHT)
    assert np.array_equal(labels[:, ::-1] == RIGHT, classes == LEFT)
    others = ~np.isin(classes, (LEFT, RIGHT))
    assert np.array_equal(labels[:, ::-1][others], classes[others])
    again = mirrored(view, labels)
    assert np.array_equal(again[0], picture) and np.array_equal(again[1], classes)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_subjects_left_eye_is_on_the_right_of_every_view(share: float) -> None:
    picture, classes = draw_face(3)
    settings = ViewSettings(mirrored=share, rotation=5.0)
    for seed in range(8):
        _, labels = draw_view(picture, classes, (20, 20, 76, 80), (128, 128), np.random.default_rng(seed), settings)
        assert np.nonzero(labels == LEFT)[1].mean() > np.nonzero(labels == RIGHT)[1].mean()


def test_what_lies_outside_the_picture_has_no_label() -> None:
    picture, classes = draw_face(0)
    settings = ViewSettings(side=(4.0, 4.0), shift=0.0, rotation=0.0, mirrored=0.0, crops=1.0)
    _, labels = draw_view(picture, classes, (18, 18, 78, 78), (128, 128), np.random.default_rng(0), settings)
    inside = labels != UNLABELLED
    assert inside.mean() == pytest.approx((96 / 240) ** 2, rel=0.05)
    assert not inside[:30].any() and not inside[:, :30].any() and inside[60:68, 60:68].all()
