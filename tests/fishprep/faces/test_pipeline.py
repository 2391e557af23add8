"""The way of a photo: what is kept, and the one line of reason where it is not."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotated import write_points
from PIL import Image

from fishprep.builds.configuration import BuildConfiguration
from fishprep.common.steps import Step, Steps
from fishprep.common.weights import WeightStore
from fishprep.faces import pipeline
from fishprep.faces.outcome import Outcome
from fishprep.faces.photo import Photo
from fishprep.faces.pipeline import FacePipeline
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.landmarks.base import Face, LandmarkBackend, Query, Reference
from fishprep.landmarks.known_place import CELEBA_ALIGNED_EYES
from fishprep.landmarks.sense import MEAN_FACE
from fishprep.places.file import File

SHAPE = np.random.default_rng(0).uniform(-1, 1, (68, 2)).astype(np.float32)
SHAPE[:4] = [(-1, -1), (1, 1), (-1, 1), (1, -1)]


class Placed:
    """A backend that finds the faces that it was told of, whatever the photo shows."""

    name = "placed"
    asks_known_place = False
    batches = False

    def __init__(self, *faces: tuple[float, float, float]) -> None:
        self.faces = faces
        self.weights: dict[str, str] = {}

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        made = [
            Face((SHAPE * half + (x, y)).astype(np.float32), (x - half, y - half, x + half, y + half), 1.0, "placed")
            for x, y, half in self.faces
        ]
        return [list(made) for _ in queries]


def photo(path: Path, size: tuple[int, int] = (300, 200), **facts: object) -> Photo:
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).save(path)
    return Photo(path.stem, File.at(path), path.name, **facts)  # type: ignore[arg-type]


def outcome(backend: LandmarkBackend, shot: Photo, **settings: object) -> Outcome:
    configuration = BuildConfiguration.parse({"parser": "landmark-skin", **settings})
    return next(FacePipeline(configuration.face_settings, backend).faces([shot]))


def test_what_the_source_notes_stands_beside_whatever_becomes_of_the_photo(tmp_path: Path) -> None:
    kept = photo(tmp_path / "kept.png", note="its box is off the picture")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for shot in (
        kept,
        Photo("broken", File.at(tmp_path / "broken.png"), "broken.png", note="its box is off the picture"),
    ):
        assert outcome(Placed((150, 100, 42)), shot).note == "its box is off the picture"


def test_the_pixels_of_the_box_are_the_face(tmp_path: Path) -> None:
    """A box of exactly 128 px is cut, not resampled, and its points are moved, not scaled."""
    shot = photo(tmp_path / "a.png")
    found = outcome(Placed((150, 100, 42.6667)), shot, expand=1.5)
    (face,) = found.kept
    x0, y0, x1, y1 = face.box
    assert x1 - x0 == y1 - y0 == 128
    pixels = np.asarray(Image.open(str(shot.place)))[int(y0 + 0.5) : int(y1 + 0.5), int(x0 + 0.5) : int(x1 + 0.5)]
    np.testing.assert_array_equal(face.image, pixels)
    np.testing.assert_allclose(face.landmarks + np.array([x0 + 0.5, y0 + 0.5]), SHAPE * 42.6667 + (150, 100), atol=1e-3)
    assert (found.width, found.height) == (300, 200) and len(found.sha256) == 64


@pytest.mark.parametrize(
    ("place", "settings", "status"),
    [
        ((150, 100, 20), {}, "too_small"),
        ((150, 100, 20), {"min_side": 60}, "ok"),
        ((20, 100, 50), {}, "outside"),
        ((20, 100, 50), {"max_outside": 0.5}, "ok"),
        ((150, 100, 0.1), {"min_side": 1}, "landmarks_outside"),
        ((-500, 100, 50), {"crop": "dic", "min_side": 1}, "landmarks_outside"),
        ((150, 100, 450_000), {"max_outside": 1}, "too_large"),
        ((150, 100, 100), {"max_outside": 1, "max_pixels": 89_999}, "too_large"),
        ((150, 100, 100), {"max_outside": 1, "max_pixels": 90_000}, "ok"),
    ],
)
def test_limits(tmp_path: Path, place: tuple[float, float, float], settings: dict[str, object], status: str) -> None:
    found = outcome(Placed(place), photo(tmp_path / "a.png"), **settings)
    assert [*(str(p.status) for p in found.dropped), *("ok" for _ in found.kept)] == [status]


def test_landmarks_that_disagree_with_the_source_are_dropped(tmp_path: Path) -> None:
    points = SHAPE * 45 + (150, 100)
    five = np.stack([points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]])
    apart = float(np.linalg.norm(five[1] - five[0]))
    for shift, kept in ((0.1, 1), (0.4, 0)):
        reference = Reference(five=(five + np.array([shift * apart, 0])).astype(np.float32))
        found = outcome(Placed((150, 100, 45)), photo(tmp_path / "a.png", reference=reference))
        assert len(found.kept) == kept
    assert "0.40 inter-ocular" in found.dropped[0].reason


def test_where_the_place_is_known_the_reason_says_that_it_was_asked(tmp_path: Path) -> None:
    backend = create_backend(LandmarkRequest("dlib"), WeightStore.from_environment())
    aligned = photo(tmp_path / "a.png", (178, 218), reference=Reference(eyes=CELEBA_ALIGNED_EYES))
    assert "known place" in outcome(backend, aligned).dropped[0].reason
    assert outcome(backend, replace(aligned, reference=Reference())).dropped[0].reason == "no face found"


def test_photos_are_in_their_order_whatever_becomes_of_them(tmp_path: Path) -> None:
    photos = [photo(tmp_path / f"{i}.png") for i in range(70)]
    for i in (0, 13, 69):
        Path(str(photos[i].place)).write_bytes(b"")
    configuration = BuildConfiguration.parse({"parser": "landmark-skin"})
    found = list(FacePipeline(configuration.face_settings, Placed((150, 100, 45))).faces(photos))
    assert [o.photo.id for o in found] == [str(i) for i in range(70)]
    assert [i for i, o in enumerate(found) if not o.kept] == [0, 13, 69]


class Together(Placed):
    """A backend that takes photos a batch at a time, and says how many."""

    batches = True

    def __init__(self, *faces: tuple[float, float, float]) -> None:
        super().__init__(*faces)
        self.taken: list[int] = []

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        self.taken.append(len(queries))
        return super().detect(queries)


def test_decoders_beside_a_device_change_nothing(tmp_path: Path) -> None:
    """Many threads decode ahead, whatever becomes of the photos; networks get full batches of them, in order."""
    photos = [photo(tmp_path / f"{i}.png") for i in range(70)]
    for i in (0, 13, 69):
        Path(str(photos[i].place)).write_bytes(b"")
    settings = BuildConfiguration.parse({"parser": "landmark-skin"}).face_settings
    told: list[Step] = []
    backend = Together((150, 100, 45))
    many = list(FacePipeline(settings, backend, decoders=5).faces(photos, Steps(told.append)))
    one = list(FacePipeline(settings, Placed((150, 100, 45))).faces(photos))
    assert [(o.photo.id, o.sha256, o.dropped) for o in many] == [(o.photo.id, o.sha256, o.dropped) for o in one]
    for ours, theirs in zip(many, one, strict=True):
        assert all(np.array_equal(a.image, b.image) for a, b in zip(ours.kept, theirs.kept, strict=True))
    assert backend.taken == [30, 32, 5]
    assert len({step.thread for step in told if step.lane == "decode"}) > 1


def test_photos_that_are_large_wait_for_their_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory holds a batch's pixels of decoded photos, and those that are being decoded."""
    monkeypatch.setattr(pipeline, "BATCH_PIXELS", 3 * 300 * 200)
    opened: list[str] = []
    made = FacePipeline(
        BuildConfiguration.parse({"parser": "landmark-skin"}).face_settings, Together((150, 100, 45)), decoders=2
    )
    before = made._opened

    def noted(shot: Photo, *arguments: Any) -> Any:
        opened.append(shot.id)
        return before(shot, *arguments)

    made._opened = noted  # type: ignore[method-assign]
    coming = made.faces([photo(tmp_path / f"{i}.png") for i in range(40)])
    next(coming)
    time.sleep(0.5)  # whoever would go on has the time to
    assert len(opened) <= 3 + 1 + 3 + 2, "a batch that was given, and the room, and one for each thread"
    assert len(list(coming)) == 39


@pytest.mark.parametrize(
    ("orientation", "change", "reason"),
    [
        (1, lambda points: points, ""),
        (6, lambda points: points, ""),
        (
            1,
            lambda points: points[:, ::-1],
            "a.pts: the points have the sense of a mirrored face: probably x and y are exchanged",
        ),
        (
            6,
            lambda points: points[:, ::-1] * (1, -1) + (0, 199),
            "a.pts: the points are of the picture as it is stored",
        ),
    ],
)
def test_points_that_are_of_no_face_in_the_photo_are_a_bad_annotation(
    tmp_path: Path, orientation: int, change: Callable[[np.ndarray], np.ndarray], reason: str
) -> None:
    shot = photo(tmp_path / "a.png", (200, 300) if orientation == 6 else (300, 200))
    with Image.open(str(shot.place)) as picture:
        exif = picture.getexif()
        exif[274] = orientation
        picture.save(str(shot.place), exif=exif)
    path = write_points(Path(str(shot.place)), change(MEAN_FACE * 40 + (150, 100)))
    annotation = create_backend(LandmarkRequest("annotation"), WeightStore.from_environment())
    found = outcome(annotation, replace(shot, points_file=path), landmarks="annotation", max_outside=0.9)
    assert [str(problem.status) for problem in found.dropped] == ["bad_annotation"] * bool(reason)
    assert (found.width, found.height) in ((300, 200), (None, None))
    assert all(problem.reason.startswith(reason) for problem in found.dropped) and len(found.kept) == (not reason)


def test_an_annotation_that_cannot_be_read_is_a_reason(tmp_path: Path) -> None:
    points = tmp_path / "a.pts"
    points.write_text("version: 1\nn_points: 68\n{\n1 2\n}\n")
    annotation = create_backend(LandmarkRequest("annotation"), WeightStore.from_environment())
    found = outcome(annotation, photo(tmp_path / "a.png", points_file=points), landmarks="annotation")
    assert found.dropped[0].status == "bad_annotation" and "a.pts" in found.dropped[0].reason


@pytest.mark.parametrize("place", ["source/deep", "elsewhere"])
def test_the_reason_does_not_depend_on_how_the_source_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "source" / "deep").mkdir(parents=True)
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "a.pts").write_text("1 2\n")
    shot = photo(tmp_path / "source" / "deep" / "a.png")
    monkeypatch.chdir(tmp_path / "source")
    annotation = create_backend(LandmarkRequest("annotation"), WeightStore.from_environment())
    for root in (tmp_path / "source", Path()):
        typed = replace(
            shot,
            place=File.at(root / "deep" / "a.png"),
            relative="deep/a.png",
            points_file=root / ".." / place / "a.pts",
        )
        (problem,) = outcome(annotation, typed, landmarks="annotation").dropped
        shown = "deep/a.pts" if place == "source/deep" else "../elsewhere/a.pts"
        assert problem.reason.startswith(f"{shown}: expected 68 points")


@pytest.mark.parametrize("box", [(-0.5, -0.5, -0.5, -0.5), (900.0, 900.0, 950.0, 950.0)])
def test_a_box_of_no_face_drops_none_and_is_noted(tmp_path: Path, box: tuple[float, float, float, float]) -> None:
    shot = photo(tmp_path / "a.png", reference=Reference(box=box))
    found = outcome(Placed((150, 100, 42)), shot)
    assert len(found.kept) == 1 and found.note.startswith("annotated box passed over")
    elsewhere = photo(tmp_path / "b.png", reference=Reference(box=(0.0, 0.0, 20.0, 20.0)))
    assert not outcome(Placed((150, 100, 42)), elsewhere).kept
