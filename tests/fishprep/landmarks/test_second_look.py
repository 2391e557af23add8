"""A face that stands upside down is not believed; every face that stands upright is, however weak its detection."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data

from fishprep.common.status import Problem, Status
from fishprep.common.weights import WeightStore
from fishprep.decoding.decode import Limits, decode_file
from fishprep.detectors.base import Detection
from fishprep.landmarks.base import Face, Query, Reference
from fishprep.landmarks.blazeface import CONFIRMED_STRAY, PORTRAIT_SCORE, is_confirmed
from fishprep.landmarks.dlib import DlibBackend, DlibSettings
from fishprep.landmarks.geometry import eye_centres
from fishprep.landmarks.second_look import HARDLY_SEEN, LONE_FLOOR, SURER, WEAK, SecondLook
from fishprep.landmarks.select import select

IMAGE = np.zeros((600, 600, 3), np.uint8)
IMAGE[:300] = 255  # the upper half is bright: so the stand-in knows which way up it sees the photo
BOX = (250.0, 250.0, 350.0, 350.0)


class Rectangle:
    def __init__(self, edge: int, side: int) -> None:
        self.edge, self.last = edge, edge + side - 1

    def left(self) -> int:
        return self.edge

    top = left

    def right(self) -> int:
        return self.last

    bottom = right


class Detector:
    """Sees a face in the middle of a chip with one score upright and another one turned; and one in the chip's corner."""

    def __init__(self, upright: float, turned: float) -> None:
        self.upright, self.turned = upright, turned
        self.runs = 0

    def run(self, chip: np.ndarray, upsample: int, threshold: float) -> tuple[list[Rectangle], list[float], list[int]]:
        self.runs += 1
        score = self.upright if chip[: len(chip) // 2].mean() > 127 else self.turned
        middle = Rectangle(len(chip) // 2 - 60, 120)
        return ([middle, Rectangle(0, 90)], [score, 9.0], [0, 0]) if score > threshold else ([], [], [])


@pytest.mark.parametrize(
    ("score", "upright", "turned", "doubt"),
    [
        (0.4, 0.3, 2.0, "stands upside down: detector's score 0.40, 2.00 in the photo turned"),
        (0.4, -2.0, 0.4 + SURER + 0.01, "upside down"),
        (0.4, -2.0, 0.4 + SURER - 0.01, ""),
        (WEAK, -2.0, 5.0, ""),
        (LONE_FLOOR - 0.01, HARDLY_SEEN - 0.01, -2.0, "second look does not confirm"),
        (LONE_FLOOR - 0.01, HARDLY_SEEN + 0.01, -2.0, ""),
        (LONE_FLOOR + 0.01, -2.0, -2.0, ""),
    ],
)
def test_which_detections_are_doubted(score: float, upright: float, turned: float, doubt: str) -> None:
    found = SecondLook(Detector(upright, turned)).doubt(IMAGE, BOX, score)
    assert doubt in found and bool(doubt) == bool(found)
    at_a_known_place = SecondLook(Detector(upright, turned)).doubt(IMAGE, BOX, score, lone=False)
    assert at_a_known_place == (found if "upside down" in doubt else "")


def test_a_sure_detection_costs_no_second_look() -> None:
    detector = Detector(1.0, 1.0)
    assert not SecondLook(detector).doubt(IMAGE, BOX, WEAK) and detector.runs == 0


@pytest.mark.parametrize(("upright", "turned", "doubted"), [(-2, 2.0, True), (-2, 0.4, False), (0.9, 1.0, False)])
def test_another_detectors_face_is_held_against_what_hog_sees_upright(
    upright: float, turned: float, doubted: bool
) -> None:
    assert bool(SecondLook(Detector(upright, turned)).doubt_of_other(IMAGE, BOX)) == doubted


@pytest.fixture(scope="module")
def backend() -> DlibBackend:
    return DlibBackend(DlibSettings(detector="hog"), WeightStore.from_environment())


def test_a_weak_detection_on_an_upside_down_face_is_no_face_and_costs_an_upright_one_nothing(
    backend: DlibBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    upright = skimage.data.astronaut()[:240, 100:340]
    turned = np.ascontiguousarray(upright[::-1, ::-1])
    [[sure]] = backend.detect([Query(upright)])
    x0, y0, x1, y1 = sure.box
    seen = [((239 - x1, 239 - y1, 239 - x0, 239 - y0), 0.3)]  # what HOG sees on many such faces
    monkeypatch.setattr(DlibBackend, "_hog_boxes", lambda self, image, side: seen)
    problem = select(backend.detect([Query(turned)])[0], "all", Query(turned))
    assert isinstance(problem, Problem) and problem.status == Status.NO_FACE and "upside down" in problem.reason
    seen.append(((x0 + 240, y0, x1 + 240, y1), 0.2))
    [[found]] = backend.detect([Query(np.concatenate([turned, upright], axis=1))])
    assert not found.doubt and np.abs(found.points - sure.points - (240, 0)).max() < 3


def test_eyes_where_the_data_set_has_them_end_every_doubt(
    backend: DlibBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = skimage.data.astronaut()[:240, 100:340]
    monkeypatch.setattr(SecondLook, "doubt", lambda self, image, box, score, lone: f"doubted, {lone}")
    [[face]] = backend.detect([Query(image)])
    assert face.doubt == "doubted, True"
    known, moved = (Reference(eyes=eye_centres(face.points) + shift) for shift in (0, 25))
    [sure], [still] = backend.detect([Query(image, known), Query(image, moved)])
    assert (sure.doubt, still.doubt) == ("", "doubted, False")


@pytest.fixture(scope="module")
def both() -> DlibBackend:
    return DlibBackend(DlibSettings(detector="hog+blazeface"), WeightStore.from_environment())


def test_of_a_weak_face_that_blazeface_sees_too_there_is_no_doubt(
    both: DlibBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing looks a second time; one that it does not see, as it stands upside down, is looked at again."""
    upright = skimage.data.astronaut()[:240, 100:340]
    [[sure]] = both.detect([Query(upright)])
    x0, y0, x1, y1 = sure.box
    monkeypatch.setattr(SecondLook, "doubt", lambda self, image, box, score, lone: "looked at again")
    monkeypatch.setattr(DlibBackend, "_hog_boxes", lambda self, image, side: [((x0, y0, x1, y1), WEAK - 0.01)])
    [[weak]] = both.detect([Query(upright)])
    assert weak.backend == "dlib-hog" and not weak.doubt
    np.testing.assert_array_equal(weak.points, sure.points)
    turned = [((239 - x1, 239 - y1, 239 - x0, 239 - y0), WEAK - 0.01)]
    monkeypatch.setattr(DlibBackend, "_hog_boxes", lambda self, image, side: turned)
    found = both.detect([Query(np.ascontiguousarray(upright[::-1, ::-1]))])[0]
    assert all(face.doubt for face in found if face.backend == "dlib-hog") and found


@pytest.mark.parametrize(
    ("score", "beside", "stray", "expected"),
    [
        (PORTRAIT_SCORE, 0.0, 0.0, True),
        (PORTRAIT_SCORE - 0.01, 0.0, 0.0, False),
        (0.9, 60.0, 0.0, False),
        (0.9, 0.0, CONFIRMED_STRAY - 0.01, True),
        (0.9, 0.0, CONFIRMED_STRAY + 0.01, False),
    ],
)
def test_what_confirms_a_face(score: float, beside: float, stray: float, expected: bool) -> None:
    """A sure detection, at its place, whose eyes, nose and mouth lie where the points have them."""
    points = np.zeros((68, 2), np.float32)
    points[36:42], points[42:48], points[30], points[48:68] = (10, 10), (30, 10), (20, 20), (20, 30)
    seen = np.array([(10, 10), (30, 10), (20, 20), (20, 30), (0, 0), (0, 0)]) + np.array([20 * stray, 0])
    face = Face(points, (0.0, 0.0, 40.0, 40.0), 0.3, "dlib-hog")
    there = Detection((beside, 0.0, beside + 40, 40.0), score, seen)
    elsewhere = Detection((500.0, 0.0, 540.0, 40.0), 0.99, seen)
    assert is_confirmed(face, [elsewhere, there]) is expected
    assert not is_confirmed(face, []) and not is_confirmed(face, [Detection(face.box, 0.99, None)])


def test_a_doubted_face_is_never_taken_and_its_doubt_is_the_reason() -> None:
    points = np.random.default_rng(0).uniform(100, 300, (68, 2)).astype(np.float32)
    sound, doubted = Face(points, BOX, 0.1, "dlib-hog"), Face(points * 1.5, BOX, 0.9, "dlib-hog", "upside down")
    for policy in ("largest", "center", "all", "reject"):
        assert select([doubted, sound], policy, Query(IMAGE)) == [sound]  # type: ignore[arg-type]
        assert select([doubted], policy, Query(IMAGE)) == Problem(Status.NO_FACE, "upside down")  # type: ignore[arg-type]


@pytest.mark.faces
def test_real_faces_upright_and_upside_down(backend: DlibBackend, faces: Path) -> None:
    """Faces of which HOG sees an upright one when they are turned; and weak upright ones, the hardest of CelebA."""
    for path in sorted((faces / "celebamask" / "images").glob("*.jpg"))[:12]:
        turned = Query(np.ascontiguousarray(decode_file(path, Limits())[::-1, ::-1]))
        assert isinstance(select(backend.detect([turned])[0], "largest", turned), Problem), path.name
    for name in ("123308", "059338", "161975", "079515", "145238", "166041", "108556"):
        image = decode_file(faces / "celeba" / "img_align_celeba" / f"{name}.jpg", Limits())
        assert isinstance(select(backend.detect([Query(image)])[0], "largest", Query(image)), list), name
