"""The parsers that come with the project: as good as their cards say, and left is never taken for right."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fishprep.builds.configuration import BuildConfiguration
from fishprep.common.weights import WeightStore
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.parsing.base import DEFAULT_PARSER, TEACHER, ParserRequest
from fishprep.parsing.classes import ClassOrder, FaceClass, number
from fishprep.parsing.evaluation.crops import LabelledCrop, labelled_crop
from fishprep.parsing.evaluation.evaluate import parse_crops
from fishprep.parsing.evaluation.scores import Confusion
from fishprep.parsing.factory import create_network
from fishprep.parsing.labelled import NUMBERINGS, open_labelled
from fishprep.parsing.network_parser import NetworkParser
from fishprep.parsing.training.views import mirrored

PAIRS = [
    (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE),
    (FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW),
    (FaceClass.LEFT_EAR, FaceClass.RIGHT_EAR),
]


@pytest.fixture(scope="module", params=[DEFAULT_PARSER, TEACHER])
def parser(request: pytest.FixtureRequest) -> NetworkParser:
    """From the installed distribution: its absence is an error, not a reason to skip."""
    return create_network(ParserRequest(request.param), WeightStore.from_environment())


@pytest.fixture(scope="module")
def crops(faces: Path) -> list[LabelledCrop]:
    """Of 40 faces that the parser was not trained on."""
    labelled = open_labelled(faces / "celebamask", "val", NUMBERINGS["celebamask"])
    backend = create_backend(LandmarkRequest(), WeightStore.from_environment())
    found: Iterator[LabelledCrop | None] = (labelled_crop(*labelled.read(index), backend) for index in range(40))
    return [crop for crop in found if crop is not None]


@pytest.fixture(scope="module")
def maps(parser: NetworkParser, crops: list[LabelledCrop]) -> np.ndarray:
    return parse_crops(parser, crops)


def test_it_is_called_as_its_file(parser: NetworkParser) -> None:
    assert list(parser.weights) == [f"{parser.name}.safetensors"]


def test_the_default_is_the_compact_one() -> None:
    assert ParserRequest().name == BuildConfiguration().parser == DEFAULT_PARSER == "compact-fishfsr"


def test_is_as_good_as_promised(crops: list[LabelledCrop], maps: np.ndarray) -> None:
    assert len(crops) >= 38
    confusion = Confusion()
    for crop, found in zip(crops, maps, strict=True):
        confusion.add(found, crop.classes)
    assert confusion.skin_iou() > 0.88 and confusion.mean_iou() > 0.60


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=lambda face_class: str(face_class))
def test_left_is_never_right(crops: list[LabelledCrop], maps: np.ndarray, left: FaceClass, right: FaceClass) -> None:
    """By the landmarks: the labels themselves have left and right exchanged in one face of twenty."""
    of_left, of_right = (number(face_class, ClassOrder.CELEBAMASK) for face_class in (left, right))
    near, exchanged = 0, 0
    for crop, found in zip(crops, maps, strict=True):
        right_eye, left_eye = crop.landmarks[36:42].mean(axis=0), crop.landmarks[42:48].mean(axis=0)
        for face_class, own, other in ((of_left, left_eye, right_eye), (of_right, right_eye, left_eye)):
            pixels = np.argwhere(found == face_class)[:, ::-1]
            nearer = np.linalg.norm(pixels - own, axis=1) < np.linalg.norm(pixels - other, axis=1)
            near, exchanged = near + nearer.sum(), exchanged + (~nearer).sum()
    assert near > 2000 and exchanged < 0.002 * near


def test_a_mirrored_face_has_the_mirrored_map(
    parser: NetworkParser, crops: list[LabelledCrop], maps: np.ndarray
) -> None:
    images = np.ascontiguousarray(np.stack([crop.image for crop in crops])[:, :, ::-1])
    again = parser.parse(images, np.zeros((len(images), 68, 2), np.float32)).classes
    assert again is not None
    back = np.stack([mirrored(crop.image, found)[1] for crop, found in zip(crops, again, strict=True)])
    assert (back == maps).mean() > 0.95
    eyes = np.isin(maps, (4, 5)) & np.isin(back, (4, 5))
    assert (back == maps)[eyes].mean() > 0.99
