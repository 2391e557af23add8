"""`--detector`: photos that one detector loses are rescued by another, builds from before it go on, and wrong names are refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import onnxruntime
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support import QUICK, astronaut, rows, run

import fishfsr
import fishprep
from fishprep.common.errors import ConfigurationError
from fishprep.common.weights import WeightStore
from fishprep.detectors.weights import BLAZEFACE

pytestmark = pytest.mark.usefixtures("without_workers")

Copy = Callable[[Path], Path]
LIMITS = (*QUICK, "--min-side", 24)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portrait, the same turned, and small in the corner of a large photo."""
    folder = tmp_path_factory.mktemp("photos")
    portrait = astronaut()
    turned = cv2.warpAffine(portrait, cv2.getRotationMatrix2D((224, 120), 60, 1), (512, 512))
    small = np.full((512, 700, 3), 90, np.uint8)
    small[:150, :150] = cv2.resize(portrait, (150, 150), interpolation=cv2.INTER_AREA)
    for name, picture in {"upright": portrait, "turned": turned, "small": small}.items():
        Image.fromarray(picture).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def hog(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hog") / "out"
    run("fishprep", "build", photos, out, *LIMITS, "--detector", "hog")
    return out


def test_what_hog_loses_is_rescued_by_blazeface(hog: Path, copy_of: Copy) -> None:
    out = copy_of(hog)
    lost = {name: row for name, row in rows(out).items() if row["status"] == "no_face"}
    assert lost.keys() == {"turned", "small"} and rows(out)["upright"]["candidate"] is None
    small = lost["small"]
    x0, y0, x1, y1 = small["candidate_box"]
    assert small["candidate"] == "dlib-hog" and -0.9 <= small["candidate_score"] < 0
    assert x0 < 48 < x1 and y0 < 24 < y1, "the face of the portrait"
    run("fishprep", "report", out)
    assert f"not believed: dlib-hog, score {small['candidate_score']:.2f}" in (out / "report.html").read_text()

    run("fishprep", "retry", out, "--status", "no_face", "--detector", "blazeface", "--thorough", "--workers", 1)
    now = rows(out)
    assert {row["status"] for row in now.values()} == {"ok"}
    assert all(now[name]["landmark_backend"] in ("blazeface", "blazeface-turned") for name in lost)
    assert all(now[name]["shard"] != now["upright"]["shard"] and now[name]["candidate"] is None for name in lost)
    run("fishprep", "verify", out)
    run("fishprep", "report", out)
    page = (out / "report.html").read_text()
    assert "Found at a second attempt" in page and "HOG detector missed these faces, BlazeFace found them" in page

    recorded = json.loads((out / "retry-0001.json").read_text())
    assert recorded["configuration"]["detector"] == "blazeface" and recorded["configuration"]["thorough"]
    assert BLAZEFACE.sha256 in recorded["configuration"]["weights"].values()
    assert "fishprep/detector-blazeface" in recorded["versions"]
    assert "fishprep/detector-hog" not in recorded["versions"] and "onnxruntime" in recorded["versions"]
    assert "onnxruntime" not in json.loads((out / "configuration.json").read_text())["versions"], "HOG ran without"


def test_a_build_names_both_its_detectors(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("fishprep", "build", photos, out, *LIMITS)
    facts = json.loads((out / "configuration.json").read_text())
    assert {"fishprep/detector-hog", "fishprep/detector-blazeface"} <= facts["versions"].keys()
    assert BLAZEFACE.sha256 in facts["configuration"]["weights"].values()
    assert facts["versions"]["onnxruntime"] == onnxruntime.__version__, "which computed BlazeFace"
    found = {name: row["landmark_backend"] for name, row in rows(out).items() if row["status"] == "ok"}
    assert found["upright"] == "dlib-hog" and found["turned"] in ("blazeface", "blazeface-turned")

    facts["versions"] |= {"fishprep/detector-blazeface": "3"}
    del facts["versions"]["onnxruntime"]  # PyTorch computed BlazeFace then
    (out / "configuration.json").write_text(json.dumps(facts))
    (out / "train-00000.parquet").unlink()
    refused = run("fishprep", "build", photos, out, *LIMITS, code=1)
    assert f"onnxruntime: none → {onnxruntime.__version__}" in refused.err
    assert "fishprep/detector-blazeface: 3 → " in refused.err and "versions that it was begun with" in refused.err


def before_detectors(out: Path, thorough: bool = False) -> None:
    """What a build recorded that knew HOG alone, and the CNN as --thorough."""

    def as_then(settings: dict[str, object]) -> None:
        del settings["detector"]
        settings["thorough"] = thorough

    path = out / "configuration.json"
    facts = json.loads(path.read_text())
    as_then(facts["configuration"])
    facts["versions"] = {name: said for name, said in facts["versions"].items() if "/detector-" not in name}
    path.write_text(json.dumps(facts))
    for shard in out.glob("*.h5"):
        with h5py.File(shard, "a") as file:
            settings = json.loads(file.attrs["configuration"])
            as_then(settings)
            file.attrs["configuration"] = json.dumps(settings)


def test_a_build_from_before_detectors_goes_on_with_hog(photos: Path, hog: Path, copy_of: Copy) -> None:
    out = copy_of(hog)
    whole = pq.read_table(out / "train-00000.parquet")
    before_detectors(out)
    (out / "train-00000.parquet").unlink()
    refused = run("fishprep", "build", photos, out, *LIMITS, code=1)
    assert "detector: hog → hog+blazeface" in refused.err
    run("fishprep", "build", photos, out, *LIMITS, "--detector", "hog")
    assert pq.read_table(out / "train-00000.parquet") == whole


def test_thorough_of_then_was_the_cnn(photos: Path, hog: Path, copy_of: Copy) -> None:
    out = copy_of(hog)
    before_detectors(out, thorough=True)
    refused = run("fishprep", "build", photos, out, *LIMITS, "--detector", "hog", code=1)
    assert "detector: hog+cnn → hog" in refused.err


def test_a_search_that_is_not_there_is_refused_by_retry_and_upscale(hog: Path, photos: Path, tmp_path: Path) -> None:
    refused = run("fishprep", "retry", hog, "--status", "no_face", "--thorough", code=1)
    assert "--thorough is BlazeFace's, which --detector hog leaves out" in refused.err
    refused = run("fishfsr", "upscale", photos, "-o", tmp_path / "out", "--detector", "hog", "--thorough", code=1)
    assert "--thorough is BlazeFace's" in refused.err and not (tmp_path / "out").exists()


def test_names_that_there_are_not(photos: Path, tmp_path: Path) -> None:
    out, names = tmp_path / "out", "hog+blazeface"
    flags = ("--detector", "yolo")
    for words in (("fishprep", "build", photos, out), ("fishfsr", "upscale", photos, "-o", out)):
        refused = run(*words, *flags, code=2)
        assert "'yolo' is not one of" in refused.err and names in refused.err
    (tmp_path / "flags.toml").write_text('detector = "yolo"\n')
    refused = run("fishprep", "build", photos, out, "--config", tmp_path / "flags.toml", code=2)
    assert "'yolo' is not one of" in refused.err and names in refused.err
    with pytest.raises(ConfigurationError, match=r"--detector: 'yolo' is not one of hog, .*hog\+blazeface"):
        fishprep.build(photos, out, fishprep.BuildSettings(detector="yolo"))
    with pytest.raises(ConfigurationError, match=r"--detector: 'yolo' is not one of hog, .*hog\+blazeface"):
        fishfsr.Upscaler(fishfsr.UpscaleSettings(detector="yolo"))
    assert not out.exists()


@pytest.mark.parametrize("detector", ["hog", "blazeface"])
def test_upscale_with_either(tmp_path: Path, detector: str) -> None:
    Image.fromarray(astronaut()).resize((100, 100), Image.Resampling.BICUBIC).save(tmp_path / "small.png")
    flags = ("--kind", "photo", "--smallest", 24, "--device", "cpu", "--detector", detector)
    done = run("fishfsr", "upscale", tmp_path / "small.png", "-o", tmp_path / "out", *flags)
    assert done.out.startswith("1 face restored in 1 input: ")
    told = json.loads((tmp_path / "out" / "faces.json").read_text())
    assert ("onnxruntime" in told["ran"]["versions"]) == (detector == "blazeface")
    (face,) = told["inputs"][0]["faces"]
    x0, y0, x1, y1 = face["box"]
    assert x0 < 40 and x1 > 48 and y0 < 20 < y1, "both eyes of the portrait"


def test_weights_that_come_along_are_shown_and_checked(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = run("fishprep", "models", "list")
    assert "blazeface-full" in listed.out
    run("fishprep", "models", "verify", "blazeface-full")
    package = tmp_path / "fishfsr_weights"
    whole = WeightStore.from_environment().path(BLAZEFACE)
    shutil.copytree(whole.parent, package)
    monkeypatch.syspath_prepend(str(tmp_path))
    data = bytearray(whole.read_bytes())
    data[len(data) // 2] ^= 1
    for break_it in (lambda path: path.write_bytes(data), lambda path: path.unlink()):
        break_it(package / BLAZEFACE.file)
        refused = run("fishprep", "build", photos, tmp_path / "out", *LIMITS, code=1)
        lines = [line for line in refused.err.splitlines() if "blazeface" in line]
        assert len(lines) == 1 and "Traceback" not in refused.err, refused.err
        assert run("fishprep", "models", "verify", "blazeface-full", code=None).code != 0
