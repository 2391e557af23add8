"""What is one picture twice is told from what only looks alike."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data

from fishprep.common.weights import WeightStore
from fishprep.decoding.decode import Limits, decode_file
from fishprep.faces.crop import CropRecipe, cut
from fishprep.faces.detail import DETAIL_SIZE, LEAST_CORRELATION, fine_detail
from fishprep.faces.measures import measure
from fishprep.faces.pyramid import hr_face, lr_pyramid
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.landmarks.base import Query
from fishprep.reports.columns import MEASURES, CodedColumn, Columns
from fishprep.reports.duplicates import (
    MOST_CANDIDATES,
    Duplicates,
    find_duplicates,
)


def columns(count: int, **values: Any) -> Columns:
    """Rows that are all kept, of one split and different photos, unless told otherwise."""
    nothing = np.zeros(count, np.uint64)

    def named(texts: list[str]) -> CodedColumn:
        names = tuple(dict.fromkeys(texts))
        return CodedColumn(names, np.array([names.index(text) for text in texts], np.int32))

    given: dict[str, Any] = {
        "status": named(["ok"] * count),
        "split": named(values.pop("splits", ["train"] * count)),
        "backend": named(["dlib-hog"] * count),
        "licence": named([""] * count),
        "shard": named(["train-00000"] * count),
        "index": np.arange(count, dtype=np.int32),
        "measures": {name: np.zeros(count, np.float32) for name in MEASURES},
        "fingerprint": nothing,
        "photo": np.arange(1, count + 1, dtype=np.uint64),
        "content": np.arange(1, count + 1, dtype=np.uint64),
        "identity": nothing,
    }
    return Columns(**(given | values))


def search(images: np.ndarray, **values: Any) -> Duplicates:
    """images (N, 128, 128, 3) uint8."""
    small = lr_pyramid(images, "pillow-bicubic", [DETAIL_SIZE])[DETAIL_SIZE]
    mask, points = np.zeros((128, 128), np.uint8), np.zeros((68, 2), np.float32)
    hashes = np.array([measure(image, mask, points, 1.0).fingerprint for image in images], np.uint64)
    return find_duplicates(
        columns(len(images), fingerprint=hashes, **values), lambda numbers: fine_detail(small[numbers])
    )


def face() -> np.ndarray:
    return cv2.resize(skimage.data.astronaut()[10:190, 130:310], (128, 128), interpolation=cv2.INTER_AREA)


def compressed(image: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], cv2.IMREAD_COLOR)


def test_a_picture_twice_is_found_in_other_light_and_compression_and_nothing_else_is() -> None:
    image = face()
    images = np.stack(
        [image, image[:, ::-1], (image * 0.7 + 30).astype(np.uint8), skimage.data.astronaut()[300:428, 300:428]]
    )
    found = search(np.stack([*images, compressed(image)]), splits=["train", "train", "train", "test", "test"])
    assert [(pair.one, pair.other, pair.across) for pair in found.pairs] in (
        [(0, 4, True), (2, 4, True), (0, 2, False)],
        [(2, 4, True), (0, 4, True), (0, 2, False)],
    )
    assert found.across == 2 and found.compared == 5 and found.complete
    assert not any(pair.same_file for pair in found.pairs)


def test_faces_of_one_photo_are_no_pair() -> None:
    images = np.stack([face(), face()])
    assert search(images).pairs
    assert not search(images, photo=np.array([7, 7], np.uint64)).pairs


def test_equal_files_are_counted_and_named_even_where_nothing_is_to_be_seen_in_them() -> None:
    images = np.zeros((4, 128, 128, 3), np.uint8)  # without detail nothing correlates
    found = search(images, content=np.array([5, 5, 6, 7], np.uint64), splits=["train", "val", "val", "val"])
    assert [(pair.one, pair.other, pair.same_file, pair.across) for pair in found.pairs] == [(0, 1, True, True)]
    assert (found.copies, found.copies_across) == (1, 1)


def test_files_that_could_not_be_read_are_no_copies() -> None:
    assert search(np.zeros((2, 128, 128, 3), np.uint8), content=np.zeros(2, np.uint64)).copies == 0


@pytest.mark.parametrize(("people", "expected"), [([1, 2, 1, 3], 1), ([1, 2, 3, 4], 0), ([0, 0, 0, 0], None)])
def test_people_in_several_splits(people: list[int], expected: int | None) -> None:
    images = np.zeros((4, 128, 128, 3), np.uint8)
    found = search(images, identity=np.array(people, np.uint64), splits=["train", "train", "test", "test"])
    assert found.identities_across == expected


def test_a_flood_of_equal_faces_ends_early_and_says_so() -> None:
    count = 1 + int(np.sqrt(2 * MOST_CANDIDATES)) + 50
    flat = np.zeros((count, 4), np.float32)
    found = find_duplicates(columns(count, fingerprint=np.ones(count, np.uint64)), lambda numbers: flat[numbers])
    assert not found.complete and found.compared == count and not found.pairs


def test_fine_detail_does_not_depend_on_light() -> None:
    small = lr_pyramid(np.stack([face(), (face() * 0.5 + 40).astype(np.uint8)]), "pillow-bicubic", [32])[32]
    one, other = fine_detail(small)
    assert one.shape == (576,)
    np.testing.assert_allclose([np.linalg.norm(one), np.linalg.norm(other)], 1, atol=1e-5)
    assert one @ other > 0.98


@pytest.mark.faces
def test_pairs_among_real_faces(faces: Path) -> None:
    """Found by looking: five photos that CelebA has twice (other crop, colours, name), and two moments of one scene."""
    twice = [
        ("194067", "013326"),
        ("004923", "047866"),
        ("028758", "045746"),
        ("009813", "095601"),
        ("130778", "148505"),
    ]
    folder = faces / "celeba" / "img_align_celeba"
    names = [name for pair in twice for name in pair] + ["134471", "157573"]
    others = sorted(path.stem for path in folder.iterdir())
    names += [name for name in others[:: len(others) // 40] if name not in names]
    backend = create_backend(LandmarkRequest(name="dlib", detector="hog"), WeightStore.from_environment(None))
    queries = [Query(decode_file(folder / f"{name}.jpg", Limits())) for name in names]
    found = list(zip(names, queries, backend.detect(queries), strict=True))
    kept = [name for name, _, detected in found if detected]
    assert len(kept) > 45
    images = [
        hr_face(cut(query.image, CropRecipe().box(detected[0].points, 178, 218)), "pillow-bicubic")
        for _, query, detected in found
        if detected
    ]
    pairs = search(np.stack(images)).pairs
    assert {frozenset((kept[pair.one], kept[pair.other])) for pair in pairs} == {frozenset(pair) for pair in twice}
    assert min(pair.correlation for pair in pairs) > LEAST_CORRELATION + 0.05
