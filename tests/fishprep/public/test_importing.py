"""Face crops that somebody else has made, imported: their pixels as they are, their masks where there are any, and nothing found or cut."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotated import in_process
from here import Here
from PIL import Image
from support import astronaut, hopper, rows, run

import fishprep
from fishfsr.checkpoint import Details
from fishfsr.upscaling.models import FaceRecipe
from fishprep.common.errors import ConfigurationError, SourceError
from fishprep.engines import ENGINES
from fishprep.parsing.classes import ClassOrder, convert

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]

QUICK = ("--device", "cpu", "--workers", "1", "--quiet")


def crops() -> dict[str, np.ndarray]:
    """Square crops of two portraits: of 128 px, and larger."""
    faces = {"eileen": astronaut()[0:200, 125:325], "grace": hopper()[70:390, 90:410]}
    small = {name: np.asarray(Image.fromarray(face).resize((128, 128))) for name, face in faces.items()}
    return {"train/eileen": small["eileen"], "train/large": faces["grace"], "val/grace": small["grace"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`faces` with three crops and two pictures that are none, and `masks` of CelebAMask-HQ's classes, one of them too few."""
    root = tmp_path_factory.mktemp("given")
    rng = np.random.default_rng(0)
    for name, face in {
        **crops(),
        "train/wide": astronaut()[:128, :160],
        "train/tiny": np.zeros((96, 96, 3), np.uint8),
    }.items():
        path = root / "faces" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(path)
        mask = rng.integers(0, 19, (16, 16)).astype(np.uint8).repeat(16, 0).repeat(16, 1)
        if name != "val/grace":
            (root / "masks" / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(root / "masks" / f"{name}.png")
    return root


@pytest.fixture(scope="module")
def imported(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("imported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", Here)
        run("fishprep", "import", folder / "faces", out, *QUICK, "--parser", "landmark-skin")
    return out


def test_the_pixels_are_those_of_the_files(imported: Path) -> None:
    faces = {face.id: face for face in fishprep.open_shards(imported)}
    assert faces.keys() == crops().keys()
    for name in ("train/eileen", "val/grace"):
        assert np.array_equal(faces[name].image(128), crops()[name])
        assert faces[name].split == name.partition("/")[0]
        assert faces[name].box.tolist() == [-0.5, -0.5, 127.5, 127.5]
    large = Image.fromarray(crops()["train/large"]).resize((128, 128), Image.Resampling.BICUBIC)
    assert np.array_equal(faces["train/large"].image(128), np.asarray(large))
    assert {name: row["status"] for name, row in rows(imported).items() if row["status"] != "ok"} == {
        "train/wide": "not_square",
        "train/tiny": "too_small",
    }


def test_the_points_are_fitted_to_the_face(imported: Path) -> None:
    """They come to lie where a search finds them in the whole photo."""
    face = next(each for each in fishprep.open_shards(imported) if each.id == "train/eileen")
    from fishprep.common.weights import WeightStore
    from fishprep.landmarks import LandmarkRequest, create_backend
    from fishprep.landmarks.base import Query

    (found,) = create_backend(LandmarkRequest(), WeightStore.from_environment()).detect([Query(astronaut())])
    expected = (found[0].points - (125, 0) + 0.5) * 128 / 200 - 0.5
    apart = np.linalg.norm(face.landmarks - expected, axis=1)
    assert apart.mean() < 1.5 and apart.max() < 5


def test_everything_works_on_it(imported: Path, tmp_path: Path) -> None:
    facts = fishprep.inspect(imported / "train-00000.h5").attributes
    assert facts.configuration["crop"] == "none" and facts.configuration["landmarks"] == "aligned"
    verified = fishprep.verify(imported, deep=True)
    assert verified.problems == () and verified.rederived == 3
    assert "not square, as an aligned face is" in fishprep.report(imported, tmp_path / "r.html").path.read_text()
    small = (
        "parsing.steps=1",
        "parsing.width=4",
        "parsing.blocks=1",
        "sr.steps=1",
        "sr.width=4",
        "parsing.batch_size=2",
        "sr.batch_size=2",
    )
    words = [word for setting in small for word in ("--set", setting)]
    run("fishfsr", "train", imported, "--out", tmp_path / "run", "--device", "cpu", "--quiet", *words)
    assert (tmp_path / "run" / "best.safetensors").exists()
    assert FaceRecipe.of(Details(training={"shards": {"crop": "none"}})) is None


def test_masks_are_taken_as_they_are(folder: Path, tmp_path: Path) -> None:
    settings = fishprep.ImportSettings(masks=folder / "masks", keep_classes=True, workers=1, device="cpu")
    result = fishprep.import_faces(folder / "faces", tmp_path / "out", settings)
    table = rows(tmp_path / "out")
    assert table["val/grace"]["status"] == "bad_annotation" and "no mask val/grace.png" in table["val/grace"]["reason"]
    faces = {face.id: face for face in fishprep.open_shards(tmp_path / "out")}
    assert result.totals.samples == 2 and faces.keys() == {"train/eileen", "train/large"}
    for name, face in faces.items():
        mask = np.asarray(Image.open(folder / "masks" / f"{name}.png"))
        assert np.array_equal(face.classes, mask[::2, ::2]) and np.array_equal(face.skin(128), mask[::2, ::2] == 1)
    verified = fishprep.verify(tmp_path / "out", deep=True)
    assert verified.problems == () and any("they were given" in note for note in verified.notes)
    facts = fishprep.inspect(tmp_path / "out" / "train-00000.h5").attributes
    assert facts.configuration["parser"] == "masks" and facts.weights.keys() == {
        "shape_predictor_68_face_landmarks.dat"
    }
    mask = folder / "masks" / "train" / "eileen.png"
    before = mask.read_bytes()
    try:
        Image.fromarray(np.ones((128, 128), np.uint8)).save(mask)
        with pytest.raises(ConfigurationError, match="the source says something else"):
            fishprep.import_faces(folder / "faces", tmp_path / "out", settings)
    finally:
        mask.write_bytes(before)


def given(name: str) -> Any:
    from fishprep.common.weights import WeightStore
    from fishprep.parsing import create_parser
    from fishprep.parsing.base import ParserRequest

    return create_parser(ParserRequest(name), WeightStore.from_environment())


def test_masks_of_other_numberings(tmp_path: Path) -> None:
    classes = np.random.default_rng(1).integers(0, 19, (128, 128)).astype(np.uint8)
    Image.fromarray(convert(classes, ClassOrder.CELEBAMASK, ClassOrder.FACEXLIB)).save(tmp_path / "a.png")
    parser = given("masks-facexlib")
    assert np.array_equal(parser.read(tmp_path / "a.png"), classes)
    for white in (1, 255):
        Image.fromarray((classes == 1).astype(np.uint8) * white).save(tmp_path / "skin.png")
        assert np.array_equal(given("masks-skin").read(tmp_path / "skin.png"), classes == 1)
    assert given("masks-skin").fused([]).skin.shape == (0, 128, 128)
    with pytest.raises(ValueError, match="given"):
        parser.parse(np.zeros((1, 128, 128, 3), np.uint8), np.zeros((1, 68, 2), np.float32))


@pytest.mark.parametrize(
    ("kind", "mask", "words"),
    [
        ("masks", np.full((8, 8), 19, np.uint8), "holds the number 19"),
        ("masks", np.full((8, 8), 255, np.uint8), "without a label"),
        ("masks", np.zeros((8, 9), np.uint8), "9 x 8 pixels"),
        ("masks", np.zeros((8, 8, 3), np.uint8), "palette or grey"),
        ("masks-skin", np.full((8, 8), 7, np.uint8), "holds 0 and 1, or 0 and 255"),
        ("masks-skin", np.zeros((8, 8, 3), np.uint8), "black and white"),
    ],
)
def test_masks_that_cannot_be(kind: str, mask: np.ndarray, words: str, tmp_path: Path) -> None:
    Image.fromarray(mask).save(tmp_path / "m.png")
    with pytest.raises(SourceError, match=rf"m\.png: .*{words}"):
        given(kind).read(tmp_path / "m.png")


def test_what_goes_with_what(folder: Path, tmp_path: Path) -> None:
    faces, out = folder / "faces", tmp_path / "out"
    build = fishprep.BuildSettings(masks=folder / "masks", parser="masks")
    with pytest.raises(ConfigurationError, match="--crop none"):
        fishprep.build(faces, out, build)
    with pytest.raises(ConfigurationError, match="go together"):
        fishprep.build(faces, out, fishprep.BuildSettings(parser="masks", crop="none"))
    with pytest.raises(ConfigurationError, match="--expand"):
        fishprep.build(faces, out, fishprep.BuildSettings(crop="none", expand=2.0))
    with pytest.raises(SourceError, match="would be taken for photos"):
        fishprep.import_faces(folder, out, fishprep.ImportSettings(masks=folder / "masks"))
    assert not out.exists()


def test_what_is_exported_comes_back(imported: Path, tmp_path: Path) -> None:
    fishprep.export(imported, tmp_path / "out", sizes=(128,))
    again = tmp_path / "again"
    settings = fishprep.ImportSettings(parser="landmark-skin", workers=1, device="cpu")
    for split in ("train", "val"):
        (tmp_path / "faces" / split).mkdir(parents=True)
        for path in (tmp_path / "out" / split / "HR").iterdir():
            path.rename(tmp_path / "faces" / split / path.name)
    fishprep.import_faces(tmp_path / "faces", again, settings)
    first, second = fishprep.open_shards(imported), fishprep.open_shards(again)
    assert first.recipes == second.recipes and len(first) == len(second) == 3
    for one, other in zip(first, second, strict=True):
        assert all(np.array_equal(one.image(size), other.image(size)) for size in (128, 64, 32, 16, 8))
        assert np.array_equal(one.landmarks, other.landmarks) or one.id == "train/large"
