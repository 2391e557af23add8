import io
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from fishprep.common.status import Problem, Status
from fishprep.common.weights import WeightStore
from fishprep.decoding.decode import Limits, decode, decode_file
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.landmarks.base import Face, Query, Reference
from fishprep.landmarks.geometry import MIRROR, eye_centres, interocular, left_to_right, overlap, without_doubles
from fishprep.landmarks.known_place import annotated_box, box_of_eyes
from fishprep.landmarks.select import Policy, disagreement, select

IMAGE = np.zeros((400, 600, 3), np.uint8)


def a_face() -> np.ndarray:
    """(68, 2) in a 100 px square: eyes level at y 40, 40 px apart; the nose below them, the mouth below that."""
    points = np.full((68, 2), 50.0, np.float32)
    turn = np.linspace(0, np.pi, 17)
    points[:17] = np.stack([50 - 50 * np.cos(turn), 40 + 60 * np.sin(turn)], axis=1)
    eye = np.array([[-8, 0], [-3, -3], [3, -3], [8, 0], [3, 3], [-3, 3]])
    points[36:42], points[42:48] = eye + np.array([30, 40]), eye + np.array([70, 40])
    points[30] = (50, 60)
    points[48], points[54] = (35, 80), (65, 80)
    return points


FIVE = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)


def face(x: float, y: float, size: float = 1.0, score: float = 1.0) -> Face:
    points = (a_face() * size + (x, y)).astype(np.float32)
    x0, y0 = points.min(axis=0)
    x1, y1 = points.max(axis=0)
    return Face(points, (float(x0), float(y0), float(x1), float(y1)), score, "test")


SMALL_MIDDLE, LARGE_RIGHT, MEDIUM_LEFT = face(270, 160, 0.6), face(420, 20, 1.5), face(10, 10, 1.0)
ALL = [MEDIUM_LEFT, SMALL_MIDDLE, LARGE_RIGHT]


@pytest.mark.parametrize(("policy", "wanted"), [("largest", [LARGE_RIGHT]), ("center", [SMALL_MIDDLE]), ("all", ALL)])
def test_policies(policy: Policy, wanted: list[Face]) -> None:
    assert select(ALL, policy, Query(IMAGE)) == wanted


def test_reject_takes_only_a_lonely_face() -> None:
    assert select([SMALL_MIDDLE], "reject", Query(IMAGE)) == [SMALL_MIDDLE]
    problem = select(ALL, "reject", Query(IMAGE))
    assert isinstance(problem, Problem)
    assert (problem.status, problem.reason.split()[0]) == (Status.SEVERAL_FACES, "3")


@pytest.mark.parametrize("policy", ["largest", "center", "all", "reject"])
def test_no_face(policy: Policy) -> None:
    problem = select([], policy, Query(IMAGE))
    assert isinstance(problem, Problem)
    assert problem.status is Status.NO_FACE


def test_largest_counts_what_is_inside_the_photo() -> None:
    half_outside = face(530, 20, 1.4)
    assert select([MEDIUM_LEFT, half_outside], "largest", Query(IMAGE)) == [MEDIUM_LEFT]


@pytest.mark.parametrize(
    ("best", "score", "taken"),
    [
        (1.6, 0.3, "small"),
        (1.6, 0.4, "large"),  # 0.35 of 1: above it a score says nothing more
        (0.8, 0.3, "large"),
        (0.8, 0.25, "small"),
        (-0.1, -0.5, "small"),
        (float("nan"), float("nan"), "large"),
    ],
)
def test_largest_passes_over_what_is_much_weaker_than_the_best(best: float, score: float, taken: str) -> None:
    small, large = face(10, 10, 1.0, best), face(200, 10, 1.5, score)
    assert select([small, large], "largest", Query(IMAGE)) == [{"small": small, "large": large}[taken]]
    assert select([small, large], "all", Query(IMAGE)) == [small, large]
    if score > 0:
        assert select([small, large], "largest", Query(IMAGE), min_score=0) == [large]


@pytest.mark.faces
def test_the_largest_real_face_is_not_passed_over(faces: Path) -> None:
    """Nothing that dlib finds in these photos is false, and some of the largest faces are weak."""
    backend = create_backend(LandmarkRequest("dlib"), WeightStore.from_environment())
    for path in [*(faces / "afw").glob("*.jpg"), *(faces / "groups").glob("*.jpg")]:
        query = Query(decode_file(path, Limits()))
        (found,) = backend.detect([query])
        if found:
            assert select(found, "largest", query) == select(found, "largest", query, min_score=0), path.name


@pytest.mark.parametrize("quality", [60, 75])
def test_a_patch_of_cloth_is_no_face(quality: int) -> None:
    stream = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(stream, "JPEG", quality=quality)
    query = Query(decode(stream.getvalue(), Limits()))
    backend = create_backend(LandmarkRequest("dlib"), WeightStore.from_environment())
    chosen = select(backend.detect([query])[0], "largest", query)
    assert not isinstance(chosen, Problem)
    np.testing.assert_allclose(chosen[0].points.mean(axis=0), (222, 125), atol=15)


@pytest.mark.parametrize(
    "reference",
    [
        Reference(points=SMALL_MIDDLE.points),
        Reference(five=FIVE * np.float32(0.6) + np.float32([270, 160])),
        Reference(box=(250.0, 120.0, 350.0, 240.0)),
        Reference(eyes=eye_centres(SMALL_MIDDLE.points)),
    ],
    ids=["points", "five", "box", "eyes"],
)
def test_the_annotated_person_is_taken_whatever_the_size(reference: Reference) -> None:
    assert select(ALL, "largest", Query(IMAGE, reference)) == [SMALL_MIDDLE]


def test_no_other_person_takes_the_place_of_the_annotated_one() -> None:
    box = (560.0, 360.0, 590.0, 390.0)
    problem = select(ALL, "largest", Query(IMAGE, Reference(box=box)))
    assert isinstance(problem, Problem)
    assert problem.status is Status.NO_FACE
    eyes = np.array([[565, 370], [585, 370]], np.float32)
    assert select(ALL, "largest", Query(IMAGE, Reference(eyes=eyes))) == [LARGE_RIGHT]


def test_disagreement_is_a_share_of_the_interocular_distance() -> None:
    points = a_face()
    assert disagreement(points, FIVE) == pytest.approx(0, abs=1e-6)
    assert disagreement(points + np.float32([4, 0]), FIVE) == pytest.approx(0.1)
    assert disagreement(points * 3, FIVE * 3 + np.float32([0, 12])) == pytest.approx(0.1)
    assert disagreement(points, np.zeros((5, 2), np.float32)) == float("inf")


def test_disagreement_sees_left_and_right_exchanged() -> None:
    assert disagreement(a_face()[list(MIRROR)], FIVE) > 0.5


def test_mirror_is_its_own_inverse_and_exchanges_eyes() -> None:
    order = np.array(MIRROR)
    assert (order[order] == np.arange(68)).all()
    assert set(order[36:42]) == set(range(42, 48))


def test_eyes() -> None:
    assert eye_centres(a_face()).tolist() == [[30, 40], [70, 40]]
    assert interocular(a_face()) == 40


def test_faces_are_ordered_as_they_are_read() -> None:
    assert left_to_right([LARGE_RIGHT, MEDIUM_LEFT, SMALL_MIDDLE]) == ALL


def test_the_surer_of_two_detections_of_one_face_stays() -> None:
    sure, doubled = face(100, 100, 1.0, 2.0), face(105, 102, 1.05, 1.0)
    assert without_doubles([doubled, MEDIUM_LEFT, sure], 0.4) == [sure, MEDIUM_LEFT]


def test_overlap() -> None:
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 1, 1), (2, 2, 3, 3)) == 0
    assert overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0


def test_box_of_eyes_turns_with_the_face() -> None:
    level = box_of_eyes(np.array([[30.0, 40], [70, 40]]))
    assert ((level[0] + level[2]) / 2, level[2] - level[0]) == (50, 96)
    assert (level[1] + level[3]) / 2 > 40
    x0, y0, x1, y1 = box_of_eyes(np.array([[0.0, 0], [0, 40]]))  # the face lies on its side, the chin to the left
    assert (x0 + x1) / 2 < 0
    assert (y0 + y1) / 2 == 20


def test_five_points_of_a_profile_still_make_a_box_of_the_face() -> None:
    five = FIVE.copy()
    five[:2, 0] = (48, 52)  # eyes almost behind one another
    box = annotated_box(Reference(five=five))
    assert box is not None
    assert box[2] - box[0] > 80
