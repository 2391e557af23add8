"""What is seen in a photo without a face and not believed: told with its score and place."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from fishprep.common.weights import WeightStore
from fishprep.faces.photo import Photo
from fishprep.faces.pipeline import FacePipeline
from fishprep.faces.settings import FaceSettings
from fishprep.landmarks.base import Candidate, Query
from fishprep.landmarks.blazeface import NAMES, TRACE_SCORE
from fishprep.landmarks.dlib import DlibBackend, DlibSettings
from fishprep.places.file import File


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def hog() -> DlibBackend:
    return DlibBackend(DlibSettings(detector="hog", doublings=0), WeightStore.from_environment())


@pytest.fixture(scope="module")
def both() -> DlibBackend:
    return DlibBackend(DlibSettings(), WeightStore.from_environment())


def small(portrait: np.ndarray, side: int) -> tuple[Query, np.ndarray]:
    """The portrait in the corner of a grey photo, and the middle of its face."""
    canvas = np.full((512, 512, 3), 90, np.uint8)
    canvas[:side, :side] = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    return Query(canvas), np.array([225, 110]) * side / len(portrait)


def holds(candidate: Candidate, point: np.ndarray) -> bool:
    x0, y0, x1, y1 = candidate.box
    return bool(x0 < point[0] < x1 and y0 < point[1] < y1)


def test_hogs_best_below_its_threshold(portrait: np.ndarray, hog: DlibBackend) -> None:
    query, middle = small(portrait, 110)
    assert hog.detect([query]) == [[]]
    seen = hog.candidate(query)
    assert seen is not None and seen.backend == "dlib-hog" and -0.9 <= seen.score < 0 and holds(seen, middle)


def test_blazefaces_best_below_its_threshold_goes_first(portrait: np.ndarray, both: DlibBackend) -> None:
    query, middle = small(portrait, 150)
    assert both.detect([query]) == [[]]
    seen = both.candidate(query)
    assert seen is not None and seen.backend in NAMES and TRACE_SCORE <= seen.score < 0.5 and holds(seen, middle)


@pytest.mark.parametrize("shape", [(1, 1), (300, 2), (200, 200)])
def test_nothing_seen_is_no_candidate(both: DlibBackend, shape: tuple[int, int]) -> None:
    assert both.candidate(Query(np.zeros((*shape, 3), np.uint8))) is None


def test_only_photos_without_a_face_are_asked_about(
    portrait: np.ndarray, both: DlibBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = {
        "face": portrait,
        "doubted": np.ascontiguousarray(portrait[::-1, ::-1]),
        "empty": np.zeros((200, 200, 3), np.uint8),
    }
    photos = []
    for name, picture in pictures.items():
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
        photos.append(Photo(id=name, place=File.at(tmp_path / f"{name}.png"), relative=f"{name}.png"))
    trace, asked = Candidate((0.0, 0.0, 9.0, 9.0), -0.5, "dlib-hog"), []
    monkeypatch.setattr(both, "candidate", lambda query: asked.append(query.image.shape) or trace)
    face, doubted, empty = FacePipeline(FaceSettings(), both).faces(photos)
    assert (200, 200, 3) in asked and len(asked) <= 2
    assert face.kept and face.candidate is None
    assert empty.candidate == trace and doubted.candidate is not None and not doubted.kept
