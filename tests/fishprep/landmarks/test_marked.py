"""Faces that somebody marked: the points come to lie where they are, however the face stands and in whatever order its eyes were marked."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from fishprep.common.errors import SourceError
from fishprep.common.weights import WeightStore
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.landmarks.annotation import read_pts
from fishprep.landmarks.base import LandmarkBackend, Query, Reference
from fishprep.landmarks.geometry import LEFT_MOUTH, RIGHT_MOUTH, eye_centres
from fishprep.landmarks.marks import in_order, read_marks


@pytest.fixture(scope="module")
def backend() -> LandmarkBackend:
    return create_backend(LandmarkRequest("marked"), WeightStore.from_environment())


def marks_of(points: np.ndarray) -> np.ndarray:
    """(3, 2): where a person would click."""
    return np.stack([*eye_centres(points), points[[LEFT_MOUTH, RIGHT_MOUTH]].mean(axis=0)]).astype(np.float64)


def fitted(backend: LandmarkBackend, image: np.ndarray, marks: np.ndarray) -> np.ndarray:
    [[face]] = backend.detect([Query(image, Reference(marks=marks))])
    assert face.backend == "marked" and not face.doubt and np.isnan(face.score)
    return face.points


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_face_may_stand_in_any_way(backend: LandmarkBackend, turns: int, swapped: bool) -> None:
    portrait = skimage.data.astronaut()
    [[found]] = create_backend(LandmarkRequest(), WeightStore.from_environment()).detect([Query(portrait)])
    wanted = found.points
    for _ in range(turns):
        wanted = wanted[:, ::-1] * (1, -1) + (0, 511)
    marks = marks_of(wanted)
    marks = marks[[1, 0, 2]] if swapped else marks
    points = fitted(backend, np.ascontiguousarray(np.rot90(portrait, turns)), marks + np.array([2, -1]))
    apart = np.linalg.norm(marks[1] - marks[0])
    assert np.linalg.norm(points - wanted, axis=1).mean() < 0.08 * apart


@pytest.mark.parametrize("scale", [1, 12])
def test_a_face_that_fills_the_photo(backend: LandmarkBackend, scale: int) -> None:
    """Of which the fitter would like to see more than there is."""
    portrait = skimage.data.astronaut()
    [[found]] = create_backend(LandmarkRequest(), WeightStore.from_environment()).detect([Query(portrait)])
    close = portrait[70:185, 170:280].repeat(scale, 0).repeat(scale, 1)
    wanted = (found.points - (170, 70) + 0.5) * scale - 0.5
    points = fitted(backend, np.ascontiguousarray(close), marks_of(wanted))
    assert np.linalg.norm(points - wanted, axis=1).mean() < 0.1 * 42 * scale


@pytest.mark.faces
def test_points_of_annotated_faces(backend: LandmarkBackend, faces: Path) -> None:
    """Marked a twelfth of the distance between the eyes off, and with the eyes alone."""
    rng, errors = np.random.default_rng(0), []
    for path in sorted((faces / "helen").rglob("*.pts"))[:6]:
        wanted = read_pts(path)
        picture = cv2.imread(str(path.with_suffix(".jpg")))[:, :, ::-1]
        marks = marks_of(wanted)
        apart = np.linalg.norm(marks[1] - marks[0])
        for some in (marks + rng.uniform(-0.08, 0.08, (3, 2)) * apart, marks[:2]):
            points = fitted(backend, np.ascontiguousarray(picture), some)
            errors.append(np.linalg.norm(points - wanted, axis=1).mean() / apart)
    assert len(errors) == 12 and np.median(errors) < 0.05 and max(errors) < 0.15


def test_what_is_no_face_is_doubted(backend: LandmarkBackend) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3)).astype(np.uint8)
    assert backend.detect([Query(noise), Query(noise, Reference(marks=np.array([[900.0, 900], [950, 900]])))]) == [
        [],
        [],
    ]
    astray = np.array([[100.0, 100], [180, 100], [140, 120]])
    [[face]] = backend.detect([Query(skimage.data.astronaut(), Reference(marks=astray))])
    assert "do not fit the face that was marked" in face.doubt


def test_the_eye_that_is_first() -> None:
    left, right, mouth = (10.0, 50.0), (50.0, 50.0), (30.0, 90.0)
    for given in ([left, right, mouth], [right, left, mouth], [right, left]):
        assert in_order(np.array(given))[:2].tolist() == [list(left), list(right)]
    over = [left, right, (30.0, 10.0)]
    assert in_order(np.array(over))[:2].tolist() == [list(right), list(left)]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("{", "not JSON"),
        ([], "an object of photos and marks"),
        ({}, "an object of photos and marks"),
        ({"a": [[1, 2]]}, r"'a': expected two or three points, the eyes and the mouth; found shape \(1, 2\)"),
        ({"a": [[1, 2], [3]]}, "pairs of numbers"),
        ({"a": "here"}, "pairs of numbers"),
        ({"a": [[1, 2], [3, None]]}, "no place in a photo"),
        ({"a": [[1, 2], [1e9, 2]]}, "no place in a photo"),
        ({"a": [[1, 2]] * 68}, "68 points are for `fishprep build"),
        ({"a": [[5, 5], [6, 5]]}, "1.0 pixels apart"),
        ({"a": [[5, 5], [45, 5], [25, 8]]}, "on the line through the eyes"),
    ],
)
def test_files_that_say_no_such_thing(said: object, words: str, tmp_path: Path) -> None:
    path = tmp_path / "marked.json"
    path.write_text(said if said == "{" else json.dumps(said))  # type: ignore[arg-type]
    with pytest.raises(SourceError, match=f"marked.json.*{words}"):
        read_marks(path)


def test_a_file_of_marks(tmp_path: Path) -> None:
    path = tmp_path / "marked.json"
    path.write_text('{"a/b.jpg": [[1, 2.5], [9, 2]], "c": [[1, 2], [9, 2], [5, 8]]}')
    assert {name: marks.tolist() for name, marks in read_marks(path).items()} == {
        "a/b.jpg": [[1, 2.5], [9, 2]],
        "c": [[1, 2], [9, 2], [5, 8]],
    }
