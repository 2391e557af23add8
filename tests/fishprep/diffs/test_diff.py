"""Two builds side by side: every difference that was made by hand is found, measured as it was made, and nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_build import Sample, builds_in, face
from support import run

import fishprep
from fishprep.builds.folder import BuildFolder
from fishprep.common.errors import BuildError
from fishprep.diffs.faces import StoredFace, compare_faces
from fishprep.diffs.records import BuildRecords, FacePlace

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return builds_in(tmp_path)


def test_a_build_does_not_differ_from_its_like(write: Write) -> None:
    samples = [Sample("a", face()), Sample("b", face(4), "val")]
    one, other = write("one", samples, ("c",)), write("other", samples[::-1], ("c",))
    ran = run("fishprep", "diff", one, other, "--quiet", code=0)
    assert ran.out.splitlines()[-1] == "faces in both: 2; 2 the same to the byte" and not ran.err


def test_what_was_changed_is_what_is_found(write: Write, tmp_path: Path) -> None:
    dark = np.clip(face(8).astype(int) - 10, 0, 255).astype(np.uint8)
    one = write(
        "one", [Sample("a", face()), Sample("b", face(8)), Sample("gone", face(2)), Sample("lost", face(3))], ("found",)
    )
    other = write(
        "other",
        [
            Sample("a", face()),
            Sample("b", dark),
            Sample("<new>", face(5)),
            Sample("found", face(6)),
            Sample("moved", face(9), "val"),
        ],
        ("lost",),
        versions={"numpy": "1.2.4"},
    )
    found = json.loads(
        run("fishprep", "diff", one, other, "--quiet", "--json", "--html", tmp_path / "page.html", code=3).out
    )
    assert found["settings"] == [{"name": "versions.numpy", "before": "1.2.3", "after": "1.2.4"}]
    assert found["lost"] == ["gone"] and sorted(found["gained"]) == ["<new>", "moved"]
    fates = {change["photo"]: (change["before"]["status"], change["after"]["status"]) for change in found["moved"]}
    assert fates == {"lost": ("ok", "no_face"), "found": ("no_face", "ok")}
    assert (found["faces"], found["equal"], found["other_photos"]) == (2, 1, 1)
    spread = {each["measure"]: each["most"] for each in found["spreads"]}
    error = np.square(face(8).astype(float) - dark).mean()
    assert spread == {
        "shift": "0.00%",
        "points": "0.00%",
        "iou": "1.0000",
        "psnr": f"{10 * np.log10(255**2 / error):.2f} dB",
    }
    page = (tmp_path / "page.html").read_text()
    assert (
        "&lt;new&gt;" in page
        and "<new>" not in page
        and page.count("<img ") == 2
        and "http" not in page.replace("http-equiv", "")
    )
    assert run("fishprep", "diff", one, other, "--quiet", code=3).out.count("\n") > 5


def test_a_photo_that_changed_its_split_has_moved(write: Write) -> None:
    one, other = write("one", [Sample("a", face())]), write("other", [Sample("a", face(), "val")])
    found = fishprep.diff(one, other)
    assert found.differ and list(found.records.by_change) == ["train, ok → val, ok"] and found.faces.equal.all()


def test_places_are_compared_in_the_photo() -> None:
    """A crop that moved by a tenth of its side moves no point of the photo; one that was turned moves its corners about its middle."""
    points = np.random.default_rng(0).uniform(30, 90, (68, 2))
    plain = StoredFace(
        np.zeros((128, 128, 3), np.uint8), np.zeros((128, 128), np.uint8), points, np.array([10.0, 20, 138, 148]), 0.0
    )
    moved = replace(plain, box=plain.box + 12.8, points=points - 12.8)
    np.testing.assert_allclose(moved.in_photo(), plain.in_photo(), atol=1e-9)
    np.testing.assert_allclose(plain.in_photo(), points + np.array([10.5, 20.5]))
    np.testing.assert_allclose(moved.corners() - plain.corners(), 12.8)
    turned = replace(plain, angle=90.0)
    np.testing.assert_allclose(turned.corners(), np.roll(plain.corners(), -1, axis=0), atol=1e-9)
    middle = replace(turned, points=np.full((68, 2), 63.5))
    np.testing.assert_allclose(middle.in_photo(), np.full((68, 2), (74.0, 84.0)))


@pytest.mark.parametrize(
    "place", [FacePlace("train-00000", 7, ""), FacePlace("train-00000", -1, ""), FacePlace("../train-00000", 0, "")]
)
def test_a_row_that_names_what_is_not_there(write: Write, place: FacePlace) -> None:
    folder = BuildFolder.at(write("one", [Sample("a", face())]))
    records = BuildRecords({}, {}, {"a": place})
    with pytest.raises(BuildError, match="fishprep verify"):
        compare_faces((folder, folder), (records, records), ["a"], lambda done, total: None)


def test_what_cannot_be_compared_is_said(write: Write, tmp_path: Path) -> None:
    one = write("one", [Sample("a", face())])
    (tmp_path / "empty").mkdir()
    assert "not a finished build" in run("fishprep", "diff", one, tmp_path / "empty", code=1).err
    ran = run("fishprep", "diff", one, one, "--quiet", "--html", one / "train-00000.h5" / "page.html", code=1)
    assert "cannot be written" in ran.err and "Traceback" not in ran.err
