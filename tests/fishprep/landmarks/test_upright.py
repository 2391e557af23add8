"""Points of turned faces: what is fitted to a turned picture are the upright picture's points, turned."""

from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import pytest
import skimage.data

from fishprep.common.weights import WeightStore
from fishprep.decoding.decode import Limits, decode_file
from fishprep.landmarks import LandmarkRequest, blazeface, create_backend
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


def test_photos_searched_together_give_what_each_gives_alone(portrait: np.ndarray, both: DlibBackend) -> None:
    """Bit for bit, with other photos, another order and tiles of several sizes in the batches of the network."""
    empty = np.zeros((90, 70, 3), np.uint8)
    images = [turned(portrait, angle)[0] for angle in (60, 90, -90, 55)] + [empty, portrait, portrait[:400, :300]]
    tiled = DlibBackend(DlibSettings(detector="blazeface", thorough=True), WeightStore.from_environment())
    for backend in (both, tiled):
        alone = [backend.detect([Query(image)])[0] for image in images]
        assert sum(map(len, alone)) >= 5
        for order in (range(7), (6, 2, 4, 5, 0, 3, 1), (4, 1, 0)):
            together = backend.detect([Query(images[number]) for number in order])
            for number, faces in zip(order, together, strict=True):
                assert [(face.box, face.score, face.backend) for face in faces] == [
                    (face.box, face.score, face.backend) for face in alone[number]
                ]
                for face, other in zip(faces, alone[number], strict=True):
                    np.testing.assert_array_equal(face.points, other.points)


def test_the_device_is_blazefaces(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(blazeface, "load_blazeface", lambda settings, store, device: asked.append(device) or Network())
    monkeypatch.setattr(blazeface, "BlazeFace", lambda network, settings, device: asked.append(device))
    request = LandmarkRequest(device="cuda:1")
    backend = create_backend(request, WeightStore.from_environment())
    assert asked == ["cuda:1", "cuda:1"] and backend.batches
    assert not create_backend(LandmarkRequest(detector="hog", device="cuda"), WeightStore.from_environment()).batches


class Network:
    """Stands in for a detector on a device that this machine may not have."""

    network, weights = None, MappingProxyType({"file": "hash"})


def test_a_portrait_is_not_looked_at_turned_and_others_are(
    portrait: np.ndarray, both: DlibBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = both._blazeface
    assert search is not None
    close, lying = portrait[:300, 80:380], np.rot90(portrait[:300, 80:380]).copy()
    shown: list[np.ndarray] = []
    turned_find = search.detectors[1].find

    def find(images: list[np.ndarray]) -> object:
        shown.extend(images)
        return turned_find(images)

    monkeypatch.setattr(search.detectors[1], "find", find)
    [[upright], [aside]] = search.faces([close, lying])
    assert [id(image) for image in shown] == [id(lying)]
    assert (upright.backend, aside.backend) == ("blazeface", "blazeface-turned")


@pytest.mark.faces
def test_no_portrait_turned_by_half_is_a_face(both: DlibBackend, faces: Path) -> None:
    """Four of these were kept as faces on their side while the photo was not looked at turned by half."""
    files = sorted((faces / "celebamask" / "images").glob("*.jpg"))[:30]
    turned_by_half = [Query(decode_file(path, Limits())[::-1, ::-1].copy()) for path in files]
    believed = [face for found in both.detect(turned_by_half) for face in found if not face.doubt]
    assert len(files) == 30 and believed == []
