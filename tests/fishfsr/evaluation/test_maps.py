"""Choices of a map, and the maps themselves."""

import numpy as np
import pytest
import scipy.ndimage
import torch

from fishfsr.errors import ConfigurationError
from fishfsr.evaluation.methods import others, rotated
from fishfsr.evaluation.settings import parse_choices


@pytest.mark.parametrize(
    "texts, names",
    [
        (["estimated"], ["estimated"]),
        (["rotate:15,30,45,60"], ["truth", "rotate:15", "rotate:30", "rotate:45", "rotate:60"]),
        (["estimated,rotate:15, 30,wrong", "none", "wrong"], ["estimated", "rotate:15", "rotate:30", "wrong", "none"]),
        (["truth,rotate:15,rotate:-7.5"], ["truth", "rotate:15", "rotate:-7.5"]),
    ],
)
def test_choices_are_read_in_order_and_a_right_map_comes_first(texts: list[str], names: list[str]) -> None:
    assert [choice.name for choice in parse_choices(texts)] == names


@pytest.mark.parametrize(
    "text", ["", "rotate", "rotate:", "rotate:x", "rotate:nan", "rotate:181", "15", "wrong,30", "turn:3"]
)
def test_other_words_are_refused_with_the_right_ones(text: str) -> None:
    with pytest.raises(ConfigurationError, match="rotate:15"):
        parse_choices([text])


@pytest.mark.parametrize("count", [2, 3, 50])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_face_gets_the_map_of_another_and_every_map_is_used(count: int, seed: int) -> None:
    other = others(count, seed)
    assert (other != np.arange(count)).all()
    assert sorted(other) == list(range(count))
    assert (other == others(count, seed)).all()


def test_one_face_has_no_other() -> None:
    with pytest.raises(ConfigurationError, match="two faces"):
        others(1, 0)


def test_rotation_is_anticlockwise_about_the_centre() -> None:
    maps = torch.randint(0, 2, (2, 1, 16, 16), generator=torch.Generator().manual_seed(0)).float()
    assert (rotated(maps, 0) == maps).all()
    assert (rotated(maps, 90) == torch.rot90(maps, 1, (2, 3))).all()
    assert (rotated(maps, -180) == torch.rot90(maps, 2, (2, 3))).all()


@pytest.mark.parametrize("degrees", [15, 30, 45, 60, -20])
def test_rotation_equals_scipys(degrees: float) -> None:
    maps = torch.zeros(1, 1, 16, 16)
    maps[0, 0, 5:11, 4:13] = torch.randint(0, 2, (6, 9), generator=torch.Generator().manual_seed(0)).float()
    expected = scipy.ndimage.rotate(maps[0, 0].double().numpy(), degrees, order=1, reshape=False)
    clear = abs(expected - 0.5) > 1e-4
    assert clear.sum() > 250
    assert (rotated(maps, degrees)[0, 0].numpy() == (expected >= 0.5))[clear].all()
