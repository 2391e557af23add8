"""Points of turned faces: what is fitted to a turned picture are the upright picture's points, turned."""

import cv2
import numpy as np
import pytest
import skimage.data

from fishprep.common.weights import WeightStore
from fishprep.landmarks.base import Query
from fishprep.landmarks.blazeface import stray
from fishprep.landmarks.dlib import DlibBackend, DlibSettings
from fishprep.landmarks.geometry import eye_centres


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def both() -> DlibBackend:
    return DlibBackend(DlibSettings(), WeightStore.from_environment())


@pytest.fixture(scope="module")
def wanted(portrait: np.ndarray, both: DlibBackend) -> np.ndarray:
    [[face]] = both.detect([Query(portrait)])
    assert face.backend == "dlib-hog"
    return face.points


def turned(image: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    matrix = cv2.getRotationMatrix2D((224, 120), angle, 1)
    return cv2.warpAffine(image, matrix, image.shape[1::-1]), matrix


@pytest.mark.parametrize("angle", [60, 90, -90])
def test_a_turned_face_has_the_points_of_the_upright_one(
    portrait: np.ndarray, both: DlibBackend, wanted: np.ndarray, angle: float
) -> None:
    image, matrix = turned(portrait, angle)
    [[face]] = both.detect([Query(image)])
    assert face.backend.startswith("blazeface") and not face.doubt
    expected = wanted @ matrix[:, :2].T + matrix[:, 2]
    apart = np.linalg.norm(np.subtract(*eye_centres(wanted)))
    assert np.linalg.norm(face.points - expected, axis=1).mean() < 0.08 * apart


def test_hog_alone_misses_it(portrait: np.ndarray) -> None:
    hog = DlibBackend(DlibSettings(detector="hog"), WeightStore.from_environment())
    assert hog.detect([Query(turned(portrait, 60)[0])]) == [[]]


def test_a_face_upside_down_is_none(portrait: np.ndarray, both: DlibBackend) -> None:
    [faces] = both.detect([Query(np.ascontiguousarray(portrait[::-1, ::-1]))])
    assert all(face.doubt for face in faces)


@pytest.mark.parametrize(("size", "eyes"), [((512, 512), ((0, 0), (0, 0))), ((10, 10), ((50, 50), (60, 50)))])
def test_eyes_that_are_none_give_no_points(both: DlibBackend, size: tuple[int, int], eyes: object) -> None:
    assert both._blazeface is not None
    image = np.zeros((*size, 3), np.uint8)
    assert both._blazeface.fitter.fit(image, np.array(eyes, float)) is None


def test_points_far_from_what_was_seen_are_told(wanted: np.ndarray) -> None:
    seen = np.stack([*eye_centres(wanted), wanted[30], wanted[[48, 54]].mean(0), wanted[0], wanted[16]]).astype(float)
    assert stray(wanted, seen) == pytest.approx(0, abs=1e-6)
    apart = np.linalg.norm(seen[1] - seen[0])
    assert stray(wanted + np.array([apart, 0]), seen) == pytest.approx(1)
    assert stray(wanted, np.zeros((6, 2))) == np.inf


def test_what_hog_finds_stays_as_it_is(portrait: np.ndarray, wanted: np.ndarray) -> None:
    hog = DlibBackend(DlibSettings(detector="hog"), WeightStore.from_environment())
    [[face]] = hog.detect([Query(portrait)])
    np.testing.assert_array_equal(face.points, wanted)
