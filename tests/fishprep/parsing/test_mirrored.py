"""Weights whose faces are seen in a mirror too: the logits of both are added."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from compact import smooth_images, with_ranges
from PIL import Image

import fishprep
from fishprep.common.errors import WeightsError
from fishprep.parsing.base import Precision
from fishprep.parsing.classes import ClassOrder, FaceClass, number, sides_exchanged
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings
from fishprep.parsing.networks.runs import run_of
from fishprep.parsing.training.views import MIRROR

LANDMARKS = np.zeros((0, 68, 2), np.float32)
CROPS = (
    (255 / (1 + (-smooth_images(3, 5)).exp())).permute(0, 2, 3, 1).numpy().astype(np.uint8).repeat(2, 1).repeat(2, 2)
)


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.FLOAT32])
def test_a_face_in_a_mirror_has_the_map_in_a_mirror(precision: Precision, tmp_path: Path) -> None:
    settings = NetworkSettings(precision=precision)
    both = NetworkParser(settings, with_ranges(tmp_path / "both.safetensors", mirrored="all"))
    one = NetworkParser(settings, with_ranges(tmp_path / "one.safetensors"))
    assert both.settings == one.settings | {"mirrored": "all"}, "it is part of the recipe"

    def agreement(parser: NetworkParser) -> float:
        here, there = (parser.parse(crops, LANDMARKS).classes for crops in (CROPS, CROPS[:, :, ::-1].copy()))
        assert here is not None and there is not None and len(np.unique(here)) > 2
        return float((MIRROR[there[:, :, ::-1]] == here).mean())

    assert agreement(both) > 0.999 > agreement(one)


def test_the_logits_of_both_are_added(tmp_path: Path) -> None:
    """In whole numbers, which have no room for it in eight bits."""
    path = with_ranges(tmp_path / "both.safetensors", mirrored="all")
    parser, run = NetworkParser(NetworkSettings(batch=3), path), run_of(path, Precision.INT8, torch.device("cpu"))
    inputs = torch.from_numpy(CROPS[:, ::2, ::2].copy()).permute(0, 3, 1, 2).float()
    normal = (inputs / 255 - parser._mean) / parser._std
    expected = run(normal).int() + run(normal.flip(-1)).flip(-1)[:, sides_exchanged(ClassOrder.FACEXLIB)].int()
    assert torch.equal(parser._logits(inputs, mirrored=True).int(), expected) and int(expected.max()) > 255


def test_pictures_alone_may_be_seen_so(tmp_path: Path) -> None:
    """A build's crops are then as they are without."""
    pictures, every, none = (
        NetworkParser(NetworkSettings(), with_ranges(tmp_path / f"{said}.safetensors", mirrored=said))
        for said in ("pictures", "all", "no")
    )
    faces = list(CROPS)
    for mine, theirs, others in (
        (
            pictures.parse(CROPS, LANDMARKS).classes,
            none.parse(CROPS, LANDMARKS).classes,
            every.parse(CROPS, LANDMARKS).classes,
        ),
        (pictures.parse_images(faces), every.parse_images(faces), none.parse_images(faces)),
    ):
        assert np.array_equal(mine, theirs) and not np.array_equal(mine, others)  # type: ignore[arg-type]


@pytest.mark.parametrize("said", ["pictures", "no"])
def test_parse_says_whether_it_does(said: str, tmp_path: Path) -> None:
    weights, news = with_ranges(tmp_path / "some.safetensors", mirrored=said), list[object]()
    (tmp_path / "photos").mkdir()
    Image.fromarray(CROPS[0]).save(tmp_path / "photos" / "a.png")
    settings = fishprep.ParseSettings(parser_weights=weights, device="cpu", threads=1)
    fishprep.parse(tmp_path / "photos", tmp_path / "out", settings, progress=news.append)
    [ready] = [each for each in news if isinstance(each, fishprep.ParserReady)]
    assert ready.mirrored is (said == "pictures")
    kept = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert kept.get("mirrored", "no") == said


def test_sides_are_exchanged_and_all_else_stays() -> None:
    for order in ClassOrder:
        other = sides_exchanged(order)
        assert [other[each] for each in other] == list(range(19))
        assert other[number(FaceClass.LEFT_EAR, order)] == number(FaceClass.RIGHT_EAR, order)
        assert sum(a != b for a, b in enumerate(other)) == 6 and other[number(FaceClass.NOSE, order)] == number(
            FaceClass.NOSE, order
        )


def test_a_header_that_says_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"odd.safetensors: the header's mirrored is 'perhaps'; expected pictures, all or no"
    ):
        NetworkParser(NetworkSettings(), with_ranges(tmp_path / "odd.safetensors", mirrored="perhaps"))
