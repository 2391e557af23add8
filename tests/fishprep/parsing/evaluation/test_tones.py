"""Colour of skin: the angle against another library's colours, and groups that hold every face once."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from fishprep.parsing.evaluation.tones import by_tone, typology_angle

LIGHT, DARK = (238, 205, 186), (92, 62, 44)


def test_the_angle_is_that_of_the_median_colour() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    skin = np.zeros((40, 40), bool)
    skin[10:30, 5:25] = True
    image[skin] = np.clip(rng.normal(LIGHT, 6, (400, 3)), 0, 255)
    lightness, _, yellow = np.median(rgb2lab(image[skin]), axis=0)
    assert typology_angle(image, skin) == pytest.approx(np.degrees(np.arctan((lightness - 50) / yellow)), abs=0.2)


def test_lighter_skin_has_the_larger_angle() -> None:
    skin = np.ones((20, 20), bool)
    light, dark = (typology_angle(np.full((20, 20, 3), colour, np.uint8), skin) for colour in (LIGHT, DARK))
    assert light is not None and dark is not None and dark < 0 < light


def test_too_little_skin_has_no_colour() -> None:
    skin = np.zeros((20, 20), bool)
    skin[0, :3] = True
    assert typology_angle(np.zeros((20, 20, 3), np.uint8), skin) is None


def test_groups_hold_every_face_once_and_follow_each_other() -> None:
    rng = np.random.default_rng(1)
    angles = {f"{i}": float(angle) for i, angle in enumerate(rng.normal(20, 30, 32))}
    iou = {name: float(share) for name, share in zip(angles, rng.random(32), strict=True)}
    groups = by_tone(angles, {**iou, "without an angle": 0.0})
    assert [group.faces for group in groups] == [11, 11, 10]
    assert groups[0].highest < groups[1].lowest and groups[1].highest < groups[2].lowest
    assert sum(group.faces * group.skin_iou for group in groups) == pytest.approx(sum(iou.values()))
    darkest = sorted(iou[name] for name in sorted(angles, key=angles.__getitem__)[:11])
    assert groups[0].worst == pytest.approx(darkest[1])  # a tenth of eleven faces lies below the second
    assert by_tone({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 1.0}) == []
