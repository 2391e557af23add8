"""Labels that exchange left and right are put right; others stay as they are."""

import numpy as np
import pytest
from labelled import draw_face

from fishprep.parsing.training.sides import put_right
from fishprep.parsing.training.views import mirrored

LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW = 4, 5, 6, 7


def _exchanged(classes: np.ndarray) -> np.ndarray:
    return mirrored(classes, classes[:, ::-1])[1]  # mirrored twice in place, once in name


@pytest.mark.parametrize("seed", range(4))
def test_exchanged_labels_are_put_right_and_right_ones_stay(seed: int) -> None:
    _, classes = draw_face(seed)
    wrong = _exchanged(classes)
    assert not np.array_equal(wrong, classes) and np.array_equal(wrong == 1, classes == 1)
    assert np.array_equal(put_right(wrong), classes)
    assert np.array_equal(put_right(classes), classes)


def test_brows_decide_where_an_eye_has_no_label() -> None:
    classes = np.ones((64, 64), np.uint8)
    classes[10:14, 8:20], classes[10:14, 44:56], classes[20:24, 8:20] = LEFT_BROW, RIGHT_BROW, LEFT_EYE
    found = put_right(classes)
    assert (found[10:14, 8:20] == RIGHT_BROW).all() and (found[10:14, 44:56] == LEFT_BROW).all()
    assert (found[20:24, 8:20] == RIGHT_EYE).all()


def test_a_face_on_its_side_and_one_without_eyes_say_nothing() -> None:
    classes = np.ones((64, 64), np.uint8)
    assert np.array_equal(put_right(classes), classes)
    classes[8:20, 30:34], classes[44:56, 28:32] = RIGHT_EYE, LEFT_EYE
    assert np.array_equal(put_right(classes), classes)
