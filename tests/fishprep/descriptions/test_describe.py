"""A build described: read back by MLCommons' own library, counts held against the rows, hostile names in Markdown."""

import json
import warnings
from pathlib import Path

import cv2
import mlcroissant
import numpy as np
import pytest
from small_build import Sample, Written, dropped_row, face, write_build
from support import run

from fishprep.common.files import sha256_file
from fishprep.common.status import Status
from fishprep.descriptions.groups import skin_angle


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Written:
    root = tmp_path_factory.mktemp("described")
    (root / "out").mkdir()
    samples = [Sample("a", face()), Sample("b", face(8), "val"), Sample("c", face(4))]
    written = write_build(
        Written(root / "out", root), samples, [dropped_row("<x>|y\n", Status.NO_FACE, "no face found")]
    )
    manifest = json.loads((written.folder / "manifest.json").read_text())
    for shard in manifest["shards"]:
        shard["sha256"] = sha256_file(written.folder / shard["file"])
        shard["bytes"] = (written.folder / shard["file"]).stat().st_size
    (written.folder / "manifest.json").write_text(json.dumps(manifest))
    return written


def test_croissant_is_what_its_own_library_reads(built: Written) -> None:
    words = (
        "--name",
        "Portraits",
        "--url",
        "https://example.org/p",
        "--creator",
        "A",
        "--cite",
        "A 2026",
        "--published",
        "2026-11-30",
    )
    run("fishprep", "describe", built.folder, *words)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = mlcroissant.Dataset(built.folder / "croissant.json")
    assert not [str(each.message) for each in caught if "croissant" in str(each.message).lower()]
    assert not found.metadata.issues.errors and not found.metadata.issues.warnings
    rows = {row["rows/id"].decode(): row for row in found.records("rows")}
    assert rows.keys() == built.rows.keys()
    for name, row in built.rows.items():
        assert rows[name]["rows/status"].decode() == row.status
        assert row.measures is None or np.float32(rows[name]["rows/blur"]) == np.float32(row.measures.blur)
    stored = json.loads((built.folder / "croissant.json").read_text())
    for each in stored["distribution"]:
        path = built.folder / each["contentUrl"]
        assert each["sha256"] == sha256_file(path) and each["contentSize"] == f"{path.stat().st_size} B"
    assert {name for name in stored if name.startswith("rai:")} >= {
        "rai:dataBiases",
        "rai:dataCollection",
        "rai:personalSensitiveInformation",
    }


def test_the_card_counts_what_is_there_and_takes_names_as_text(built: Written) -> None:
    ran = run("fishprep", "describe", built.folder, "--name", "<b>a|b\\", "--json", "--quiet")
    assert not ran.err
    said = json.loads(ran.out)
    text = Path(said["card"]).read_text()
    assert text.startswith("# &lt;b>a\\|b\\\\\n")
    assert "<b>" not in text and "| train | 2 |" in text and "| no_face | 1 |" in text
    for groups in said["groups"].values():
        assert sum(count for group in groups.values() for count in group.values()) == 3
    assert said["groups"]["side of the crop in the photo, px"]["128 to 256"] == {"train": 2, "val": 1}
    before = text, (built.folder / "croissant.json").read_text()
    run("fishprep", "describe", built.folder, "--name", "<b>a|b\\")
    assert (Path(said["card"]).read_text(), (built.folder / "croissant.json").read_text()) == before


@pytest.mark.parametrize("lab", [(30.0, 10.0, 20.0), (70.0, 12.0, 18.0)])
def test_the_angle_is_that_of_its_formula(lab: tuple[float, float, float]) -> None:
    pixel = cv2.cvtColor(np.full((8, 8, 3), lab, np.float32), cv2.COLOR_LAB2RGB)
    image = np.round(pixel * 255).astype(np.uint8)
    image[:4] = 255  # no skin there
    skin = np.zeros((8, 8), np.uint8)
    skin[4:] = 1
    assert skin_angle(image, skin) == pytest.approx(np.degrees(np.arctan((lab[0] - 50) / lab[2])), abs=1.5)
    assert np.isnan(skin_angle(image, np.zeros((8, 8), np.uint8)))


def test_what_cannot_be_described_is_said(built: Written, tmp_path: Path) -> None:
    assert "not a finished build" in run("fishprep", "describe", tmp_path, code=1).err
    assert "--name: empty" in run("fishprep", "describe", built.folder, "--name", " ", code=1).err
    run("fishprep", "describe", built.folder, "--published", "soon", code=2)
