"""Points files: where they are sought, in which spellings, and which may be read."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from places import listing, only, picture, text

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.inputs import plan_lines
from fishprep.common.errors import SourceError
from fishprep.common.status import Status
from fishprep.faces.outcome import Outcome
from fishprep.faces.photo import Photo
from fishprep.faces.pipeline import FacePipeline
from fishprep.landmarks.annotation import AnnotationBackend, read_points, read_points_json

POINTS = np.stack([np.arange(68) % 9, np.arange(68) // 9], axis=1) + 10.0
PTS = "\n".join(f"{x} {y}" for x, y in POINTS + 1)


def outcome(photo: Photo) -> Outcome:
    configuration = BuildConfiguration.parse({"parser": "landmark-skin", "landmarks": "annotation"})
    return next(FacePipeline(configuration.face_settings, AnnotationBackend()).faces([photo]))


def refused(photo: Photo) -> str:
    (problem,) = outcome(photo).dropped
    assert problem.status is Status.BAD_ANNOTATION
    return problem.reason


@pytest.mark.parametrize("name", ["a.pts", "a.PTS", "a.Pts", "a.jpg.pts", "a.jpg.PTS", "a.JSON", "a.jpg.json"])
@pytest.mark.parametrize("where", ["beside", "elsewhere"])
def test_points_files_in_any_spelling(tmp_path: Path, name: str, where: str) -> None:
    picture(tmp_path / "in" / "sub" / "a.jpg")
    folder = tmp_path / "in" if where == "beside" else tmp_path / "points"
    content = json.dumps({"sub/a.jpg": POINTS.tolist()}) if name.lower().endswith("json") else PTS
    path = text(folder / "sub" / name, content)
    photo = only(tmp_path / "in", points=None if where == "beside" else folder)
    assert photo.points_file == path and not photo.points_problem
    np.testing.assert_allclose(read_points(path, photo.relative), POINTS, atol=1e-4)


@pytest.mark.parametrize("where", ["beside", "elsewhere"])
def test_letters_of_the_name_may_differ_where_it_is_not_doubtful(tmp_path: Path, where: str) -> None:
    source, given = tmp_path / "in", None if where == "beside" else tmp_path / "points"
    folder = given or source
    picture(source / "b.jpg")
    upper = text(folder / "B.PTS", PTS)
    if (folder / "b.pts").exists():
        pytest.skip("letters do not differ on this drive")
    assert only(source, points=given).points_file == upper
    picture(source / "B.png")
    found = {photo.relative: photo.points_file for photo in listing(source, points=given).photos}
    assert found == {"b.jpg": None, "B.png": upper}
    (source / "B.png").unlink()
    text(folder / "B.jpg.pts", PTS)
    assert only(source, points=given).points_file is None


def test_a_photo_without_points_says_where_they_were_sought(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.jpg")
    names = "a.pts, a.jpg.pts, a.csv, a.jpg.csv, a.json, a.jpg.json"
    assert refused(only(tmp_path / "in")) == f"no points file: sought beside the photo as {names}"
    (tmp_path / "points").mkdir()
    said = refused(only(tmp_path / "in", points=tmp_path / "points"))
    assert said == f"no points file: sought in the folder of --points as {names}"


@pytest.mark.parametrize(("count", "whose"), [(98, "WFLW"), (106, "LaPa"), (194, "Helen"), (67, "")])
def test_other_numbers_of_points_are_refused_by_name(tmp_path: Path, count: int, whose: str) -> None:
    picture(tmp_path / "a.jpg")
    text(tmp_path / "a.pts", "".join("1 2\n" for _ in range(count)))
    said = refused(only(tmp_path))
    assert f"found {count} x 2" in said and whose in said


def test_helens_own_points_are_named_for_what_they_are(tmp_path: Path) -> None:
    picture(tmp_path / "train_1" / "100032540_1.jpg")
    text(tmp_path / "annotation" / "7.txt", "100032540_1\r\n" + "1.5 , 2.5\r\n" * 194)
    text(tmp_path / "trainnames.txt", "100032540_1\n")
    assert "7.txt in annotation/ has Helen's own 194 points" in refused(only(tmp_path))


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and links")
def test_a_points_file_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "a.pts")
    photo = only(tmp_path)
    assert refused(photo) == "a.pts: cannot be read: not a regular file"
    (line,) = plan_lines([photo], lambda number: None)
    assert line.size
    table = text(tmp_path / "list.csv", "path,landmarks\na.jpg,a.pts\n")
    assert "not a regular file" in refused(only(tmp_path, table=table))


@pytest.mark.skipif(os.name != "posix", reason="needs links")
@pytest.mark.parametrize("where", ["beside", "elsewhere"])
def test_points_behind_a_link_out_of_the_source_are_not_read(tmp_path: Path, where: str) -> None:
    picture(tmp_path / "in" / "a.jpg")
    secret = text(tmp_path / "secret.pts", "root:x:0:0\n")
    folder = tmp_path / ("in" if where == "beside" else "points")
    folder.mkdir(exist_ok=True)
    (folder / "a.pts").symlink_to(secret)
    points = None if where == "beside" else folder
    said = refused(only(tmp_path / "in", points=points))
    assert said == "a.pts: a symbolic link out of the source folder (--follow-links takes it)"
    assert "root:x" in refused(only(tmp_path / "in", points=points, follow_links=True))


def test_one_json_may_hold_more_faces_than_fit_into_32_mib(tmp_path: Path) -> None:
    row = json.dumps(POINTS.tolist())
    count = (33 << 20) // len(row) + 1
    path = tmp_path / "all.json"
    path.write_text("{" + ",\n".join(f'"{number:06}.jpg": {row}' for number in range(count)) + "}\n")
    np.testing.assert_allclose(read_points(path, f"img/{count - 1:06}.png"), POINTS, atol=1e-4)


@pytest.mark.parametrize(
    "content", ['{"a": 1', '{"a": 1]', '{"a" 1}', "{1: 2}", '{"a": [], }', '{} "x"', '{"a"', "{,}"]
)
def test_json_that_is_broken_between_its_members(tmp_path: Path, content: str) -> None:
    with pytest.raises(SourceError, match=r"a\.json"):
        read_points_json(text(tmp_path / "a.json", content))


def test_json_without_members_and_with_space(tmp_path: Path) -> None:
    assert read_points_json(text(tmp_path / "a.json", " {\n} \n")) == {}
    found = read_points_json(text(tmp_path / "b.json", f' {{ "a" :\t{POINTS.tolist()} ,\r\n"b":{POINTS.tolist()}}}'))
    assert list(found) == ["a", "b"]


def test_json_names_an_image_and_not_a_suffix(tmp_path: Path) -> None:
    path = text(tmp_path / "a.json", json.dumps({"x.jpg": POINTS.tolist(), "./y/z.jpg": (POINTS + 1).tolist()}))
    np.testing.assert_allclose(read_points(path, "img/x.png"), POINTS, atol=1e-4)
    np.testing.assert_allclose(read_points(path, "y/z.webp"), POINTS + 1, atol=1e-4)


def test_a_name_of_255_bytes_has_no_points_and_no_traceback(tmp_path: Path) -> None:
    picture(tmp_path / ("x" * 251 + ".jpg"))
    assert listing(tmp_path).photos[0].points_file is None
