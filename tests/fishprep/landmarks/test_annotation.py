import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fishprep.common.errors import SourceError
from fishprep.landmarks.annotation import (
    LARGEST_PTS,
    AnnotationBackend,
    read_openface_csv,
    read_points,
    read_points_json,
    read_pts,
)
from fishprep.landmarks.base import Query, Reference

POINTS = np.random.default_rng(0).uniform(10, 400, (68, 2)).round(3)
LINES = "\n".join(f"{x:.6f} {y:.6f}" for x, y in POINTS + 1)
BRACES = f"version: 1\nn_points:  68\n{{\n{LINES}\n}}\n"


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "text", [BRACES, LINES, LINES + "\n\n", BRACES.replace("\n", "\r\n"), "\ufeff" + BRACES, BRACES.replace(" ", "\t")]
)
def test_both_forms_of_pts_are_read_and_counted_from_zero(tmp_path: Path, text: str) -> None:
    points = read_pts(write(tmp_path, "a.pts", text))
    assert points.dtype == np.float32
    assert np.abs(points - POINTS).max() < 1e-4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected 68 points"),
        ("\n".join(LINES.splitlines()[:67]), "expected 68 points of x and y, found 67"),
        (LINES + "\n1 2", "found 69"),
        (LINES.replace("\n", "\n1 2 3\n", 1), "line 2: expected two numbers"),
        (LINES.replace("\n", "\nnan 2\n", 1), "line 2: nan 2.0 is no place"),
        (LINES.replace("\n", "\ninf 2\n", 1), "line 2"),
        (LINES.replace("\n", "\n1e300 2\n", 1), "line 2"),
        (LINES.replace("\n", "\n10 , 20\n", 1), "line 2: expected two numbers, found '10 , 20'"),
        (BRACES.replace("}", ""), "closing brace"),
        (BRACES + "1 2\n", "closing brace"),
        ("{\n{\n" + LINES + "\n}", "expected two numbers"),
        (BRACES.replace("version", "virus"), "line 1"),
        (b"\xff\xfe\x00garbages", "not text"),
        (b"\x89PNG\r\n\x1a\n", "not text"),
        (b"1 2\n" * LARGEST_PTS, "larger than"),
    ],
)
def test_damaged_pts_files_name_file_and_fault(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = write(tmp_path, "a.pts", text)
    with pytest.raises(SourceError) as caught:
        read_pts(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


@given(st.binary(max_size=300) | st.text(alphabet="{}0123456789. -e\nnaif", max_size=300).map(str.encode))
def test_whatever_is_in_a_file_only_a_source_error_comes_out(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    for suffix in ("pts", "csv", "json"):
        with pytest.raises(SourceError):
            read_points(write(folder, f"fuzz.{suffix}", content), "fuzz.jpg")


def test_missing_files_folders_and_unknown_suffixes(tmp_path: Path) -> None:
    for name in ("none.pts", "none.csv", "none.json"):
        with pytest.raises(SourceError, match=name):
            read_points(tmp_path / name, "none.jpg")
    (tmp_path / "folder.pts").mkdir()
    with pytest.raises(SourceError, match=r"folder\.pts"):
        read_points(tmp_path / "folder.pts", "folder.jpg")
    with pytest.raises(SourceError, match=r"\.pts, \.csv or \.json"):
        read_points(write(tmp_path, "a.txt", LINES), "a.jpg")


def openface(*faces: tuple[np.ndarray, str], first: str = "face, confidence", separator: str = ", ") -> str:
    columns = [*first.split(", "), "gaze_0_x", *(f"x_{i}" for i in range(68)), *(f"y_{i}" for i in range(68))]
    rows = [separator.join(columns)]
    for points, start in faces:
        rows.append(separator.join([*start.split(", "), "0.1", *map(str, points[:, 0]), *map(str, points[:, 1])]))
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("separator", [", ", ","])
def test_openface_of_a_picture(tmp_path: Path, separator: str) -> None:
    text = openface((POINTS, "0, 0.4"), (POINTS + 5, "1, 0.9"), separator=separator)
    path = write(tmp_path, "a.csv", text)
    first, second = read_openface_csv(path)
    assert np.abs(first.points - POINTS).max() < 1e-3
    assert (first.face, second.face, first.frame, second.confidence) == (0, 1, None, 0.9)
    assert np.abs(read_points(path, "a.jpg") - POINTS - 5).max() < 1e-3  # the surer one


def test_openface_of_a_sequence(tmp_path: Path) -> None:
    text = openface(
        (POINTS, "1, 0, 0.0, 0.95, 1"),
        (POINTS, "2, 0, 0.03, 0.1, 0"),
        (POINTS, "3, 0, 0.06, 0.9, 1"),
        first="frame, face_id, timestamp, confidence, success",
    )
    path = write(tmp_path, "a.csv", text)
    assert [row.frame for row in read_openface_csv(path)] == [1, 3]
    with pytest.raises(SourceError, match="2 frames"):
        read_points(path, "a.jpg")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("face, confidence\n0, 1\n", "line 1: no column x_0"),
        (openface((POINTS, "0, 0.4")).rsplit(",", 1)[0] + "\n", "line 2: no number in column y_67"),
        (openface((np.where(np.arange(136).reshape(68, 2) == 7, np.nan, POINTS), "0, 0.4")), "line 2"),
        (openface(), "no face in it"),
        ('"' + "x" * 200_000, "field larger"),
    ],
)
def test_damaged_openface_files(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, "a.csv", text)
    with pytest.raises(SourceError, match=message):
        read_points(path, "a.jpg")


def test_json_by_path_stem_or_name_and_the_larger_of_several(tmp_path: Path) -> None:
    content = {
        "sub/one.jpg": POINTS.tolist(),
        "sub/two": [(POINTS / 4).tolist(), (POINTS + 1).tolist()],
        "three.png": (POINTS + 2).tolist(),
    }
    path = write(tmp_path, "all.json", json.dumps(content))
    for photo, shift in (("sub/one.jpg", 0), ("sub/two.jpg", 1), ("other/three.png", 2)):
        assert np.abs(read_points(path, photo) - POINTS - shift).max() < 1e-3
    assert [len(faces) for faces in read_points_json(path).values()] == [1, 2, 1]
    with pytest.raises(SourceError, match=r"no points for sub/four\.jpg"):
        read_points(path, "sub/four.jpg")


def test_a_json_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, "all.json", json.dumps({"a": POINTS.tolist()}))
    read_points(path, "a.jpg")
    write(tmp_path, "all.json", json.dumps({"a": (POINTS + 7).tolist()}, indent=1))
    assert np.abs(read_points(path, "a.jpg") - POINTS - 7).max() < 1e-3


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]",
        '{"a": 1}',
        '{"a": []}',
        '{"a": [[1, 2]]}',
        '{"a": {"x": 1}}',
        '{"a": ["x"]}',
        '{"a": [[1, 2], [3]]}',
        "{",
        "[" * 100_000,
        json.dumps({"a": [[1, float("nan")]] * 68}),
        json.dumps({"a": [[1, 10**400]] * 68}),
        json.dumps({"a": [[None, 1]] * 68}),
    ],
    ids=range(12),
)
def test_damaged_json(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "a.json", text)
    with pytest.raises(SourceError, match=r"a\.json"):
        read_points(path, "a.jpg")


def test_the_backend_gives_the_reference_and_nothing_else() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    points = POINTS.astype(np.float32)
    none, [face] = AnnotationBackend().detect([Query(image), Query(image, Reference(points=points))])
    assert none == []
    assert np.array_equal(face.points, points)
    assert face.box == (*points.min(axis=0), *points.max(axis=0))
    assert np.isnan(face.score)
    assert face.backend == "annotation"


@pytest.mark.faces
@pytest.mark.parametrize(("folder", "count"), [("helen", 50), ("afw", 12), ("pts", 4)])
def test_real_files_lie_on_their_photos(faces: Path, folder: str, count: int) -> None:
    files = sorted((faces / folder).glob("*.pts"))
    assert len(files) == count
    for path in files:
        photo = next(other for other in path.parent.glob(f"{path.stem}.*") if other.suffix != ".pts")
        points = read_pts(path)
        with Image.open(photo) as picture:
            assert (points.min(axis=0) >= -0.5).all()
            assert (points.max(axis=0) <= np.array(picture.size)).all()
        assert points[36:42, 0].mean() < points[42:48, 0].mean()
