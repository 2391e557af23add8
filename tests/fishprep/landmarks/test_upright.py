"""Points of turned faces: what is fitted to a turned picture are the upright picture's points, turned."""

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import pytest
import skimage.data

from fishprep.common.weights import WeightStore
from fishprep.decoding.decode import Limits, decode_file
from fishprep.detectors.base import Detection
from fishprep.landmarks import LandmarkRequest, blazeface, create_backend
from fishprep.landmarks.base import Box, Face, Query, Reference
from fishprep.landmarks.blazeface import SeenFace, doubt_of_other, stray
from fishprep.landmarks.dlib import DlibBackend, DlibSettings
from fishprep.landmarks.geometry import box_of_points, eye_centres, overlap
from fishprep.landmarks.upright import BOX, UprightFitter


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
    images = [*(turned(portrait, angle)[0] for angle in (60, -90)), empty, portrait, portrait[:400, :300]]
    tiled = DlibBackend(DlibSettings(detector="blazeface", thorough=True), WeightStore.from_environment())
    for backend in (both, tiled):
        alone = [backend.detect([Query(image)])[0] for image in images]
        assert sum(map(len, alone)) >= 4
        for order in ((4, 1, 2, 3, 0), (2, 0)):
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
    monkeypatch.setattr(blazeface, "BlazeFace", lambda runner, settings: asked.append(runner))
    request = LandmarkRequest(device="cuda:1")
    backend = create_backend(request, WeightStore.from_environment())
    assert asked == ["cuda:1", *2 * [Network.runner]] and backend.batches, "all looks are by the one that was loaded"
    assert not create_backend(LandmarkRequest(detector="hog", device="cuda"), WeightStore.from_environment()).batches


class Network:
    """Stands in for a detector on a device that this machine may not have."""

    runner, weights = "of cuda:1", MappingProxyType({"file": "hash"})


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


def test_points_are_not_fitted_again_to_a_face_that_is_settled(
    portrait: np.ndarray, both: DlibBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = both._blazeface
    assert search is not None
    small = np.full((800, 800, 3), 90, np.uint8)
    small[:180, :180] = portrait[20:200, 140:320]  # which its sides show a face too, less sure
    fit, fitted = UprightFitter.fit, []
    monkeypatch.setattr(UprightFitter, "fit", lambda self, image, eyes: fitted.append(eyes) or fit(self, image, eyes))
    assert search.detectors[1].find([small])[0]
    [[face]] = search.faces([small])
    assert face.backend == "blazeface" and len(fitted) == 1


def test_turned_by_half_is_looked_at_where_something_lies_on_its_side_or_nothing_is_seen(
    portrait: np.ndarray, both: DlibBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = both._blazeface
    assert search is not None
    shown: list[list[int]] = [[], []]
    for asked, detector in zip(shown, search.detectors[1:], strict=True):
        monkeypatch.setattr(
            detector,
            "find",
            lambda images, find=detector.find, asked=asked: asked.extend(id(image) for image in images) or find(images),
        )
    small = np.full((700, 700, 3), 90, np.uint8)  # the face is too small a part of it for a portrait
    small[:240, :240] = portrait[:240, 100:340]
    lying, empty = np.rot90(small).copy(), np.zeros_like(small)
    upright, aside, nothing = search.faces([small, lying, empty])
    assert shown == [[id(small), id(lying), id(empty)], [id(lying), id(empty)]]
    assert [face.backend for face in (*upright, *aside)] == ["blazeface", "blazeface-turned"] and nothing == []


@pytest.fixture
def asked(both: DlibBackend, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many photos BlazeFace was shown, each time that it was: whatever else it looks at, it glances at a photo first."""
    search, counts = both._blazeface, list[int]()
    assert search is not None
    glance = search.glance

    def counted(images: list[np.ndarray]) -> list[list[Detection]]:
        if images:
            counts.append(len(images))
        return glance(images)

    monkeypatch.setattr(search, "glance", counted)
    return counts


@pytest.fixture
def looks(both: DlibBackend, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The same of all its looks together."""
    search, counts = both._blazeface, list[int]()
    assert search is not None
    look = search.look

    def counted(images: list[np.ndarray], glanced: list[list[Detection]]) -> list[list[SeenFace]]:
        counts.append(len(images))
        return look(images, glanced)

    monkeypatch.setattr(search, "look", counted)
    return counts


def test_what_hog_leaves_is_added_and_nothing_of_hogs_moves(
    portrait: np.ndarray, both: DlibBackend, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    head = portrait[:240, 100:340]
    pair = Query(np.concatenate([head, np.rot90(head)], axis=1))
    [[alone]] = DlibBackend(DlibSettings(detector="hog"), WeightStore.from_environment()).detect([pair])
    [[first, second]] = both.detect([pair])
    assert asked == [1]
    np.testing.assert_array_equal(first.points, alone.points)
    assert (first.box, first.backend, second.backend) == (alone.box, "dlib-hog", "blazeface-turned")
    known = Query(pair.image, Reference(box=box_of_points(alone.points)))
    [[wanted]] = both.detect([known])
    assert asked == [1] and wanted.box == alone.box, "whose face is wanted is known"
    assert [face.backend for face in both.detect([Query(head)])[0]] == ["dlib-hog"]
    assert asked == [1], "the photo is a portrait of the face that HOG is sure of"
    monkeypatch.setattr(both, "settings", replace(both.settings, thorough=True))
    assert [face.backend for face in both.detect([Query(head)])[0]] == ["dlib-hog"] and asked == [1, 1]


def test_blazeface_is_asked_once_about_all_weak_finds_of_a_photo(
    portrait: np.ndarray, both: DlibBackend, asked: list[int], looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    head = portrait[:240, 100:340]
    [[sure]] = both.detect([Query(head)])
    x0, y0, x1, y1 = sure.box
    weak = [((x0 + 240 * k, y0, x1 + 240 * k, y1), 0.5) for k in range(3)]
    monkeypatch.setattr(DlibBackend, "_hog_boxes", lambda self, image, side: weak)
    asked.clear()
    looks.clear()
    [faces] = both.detect([Query(np.tile(head, (1, 3, 1)))])
    assert len(faces) == 3 and not any(face.doubt for face in faces) and sum(asked) == sum(looks) == 1
    monkeypatch.setattr(both, "settings", replace(both.settings, thorough=True))
    [again] = both.detect([Query(np.tile(head, (1, 3, 1)))])
    assert [face.backend for face in again] == 3 * ["dlib-hog"], "surer finds of BlazeFace replace none of HOG's"
    assert sum(asked) == sum(looks) == 2


def test_points_that_stray_from_the_face_there_are_doubted(wanted: np.ndarray) -> None:
    box = box_of_points(wanted)
    middle = wanted.mean(0)
    aside = ((wanted - middle) @ np.array([[0, 1], [-1, 0]]) + middle).astype(np.float32)
    seen = np.stack([*eye_centres(aside), aside[30], aside[[48, 54]].mean(0), aside[0], aside[16]]).astype(float)
    there = SeenFace(aside, seen, box, 0.9, "blazeface-turned")
    mine = Face(wanted, box, 0.5, "dlib-hog")
    assert "astray" in doubt_of_other(mine, [there])
    assert not doubt_of_other(replace(mine, points=aside), [there]) and not doubt_of_other(mine, [])
    assert not doubt_of_other(mine, [replace(there, points=wanted)]), "no better than mine"
    assert not doubt_of_other(mine, [replace(there, seen=seen + 90)]), "which is doubted itself"
    assert not doubt_of_other(mine, [replace(there, box=(0.0, 0.0, 9.0, 9.0))])


def test_hog_sees_the_face_in_the_middle_of_the_chip_where_it_is_in_all_of_it(
    portrait: np.ndarray, both: DlibBackend, wanted: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[np.ndarray, Box]] = []
    monkeypatch.setattr(
        UprightFitter, "_points", lambda self, chip, box: shown.append((chip, box)) or np.zeros((68, 2))
    )
    assert both._blazeface is not None
    both._blazeface.fitter.fit(portrait, eye_centres(wanted).astype(np.float64))
    [(chip, box)] = shown
    [whole] = both._hog(chip)
    assert box != BOX and overlap(box, (whole.left(), whole.top(), whole.right(), whole.bottom())) > 0.6


def test_points_that_stray_from_what_was_seen_are_doubted(
    portrait: np.ndarray, both: DlibBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = both._blazeface
    assert search is not None
    head = np.ascontiguousarray(portrait[:240, 100:340])
    fit = UprightFitter.fit
    monkeypatch.setattr(UprightFitter, "fit", lambda self, image, eyes: fit(self, image, eyes) + 60)
    found = search.faces([head])[0]
    assert found and all("astray" in face.doubt for face in found)


@pytest.mark.faces
def test_no_portrait_turned_by_half_is_a_face(both: DlibBackend, faces: Path) -> None:
    """Four of these were kept as faces on their side while the photo was not looked at turned by half."""
    files = sorted((faces / "celebamask" / "images").glob("*.jpg"))[:30]
    turned_by_half = [Query(decode_file(path, Limits())[::-1, ::-1].copy()) for path in files]
    believed = [face for found in both.detect(turned_by_half) for face in found if not face.doubt]
    assert len(files) == 30 and believed == []
