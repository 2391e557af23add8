"""A build with other maps: what a fresh build of the same photos would have written, without the photos."""

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pytest
from annotated import build, in_process, write_photo
from compact import with_ranges
from here import Here
from PIL import Image
from small_build import DLIB, face
from storages import MemoryStorage
from support import rows, run, shards

import fishprep
from fishprep.builds.facemasks import FaceMasks
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import rows_hash
from fishprep.builds.networks import WeightsFrom
from fishprep.builds.remap import RemapRequest, remap
from fishprep.builds.remapped import MapSettings
from fishprep.builds.storing import ShardStore
from fishprep.common.errors import BuildError, ConfigurationError, SourceError, WeightsError
from fishprep.engines import ENGINES
from fishprep.parsing.base import ParserRequest
from fishprep.parsing.classes import ClassOrder, convert
from fishprep.parsing.factory import create_given
from fishprep.shards.schema import ShardName

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]

BISENET = ("--parser", "bisenet-fishfsr", "--parser-size", 64, "--parser-precision", "bfloat16", "--keep-classes")
NEAREST = ("--parser", "landmark-skin", "--mask-resizer", "nearest")
QUICK = ("--device", "cpu", "--workers", 1, "--quiet")


def files(out: Path) -> dict[str, bytes]:
    """Bytes of shards, their rows, and the tables."""
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.suffix in (".h5", ".parquet")}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(8):
        side = 128 if number in (2, 3, 6) else 256
        write_photo(folder, f"{'val' if number > 5 else 'train'}/{number}", number, side=side)
    return folder


def built(photos: Path, out: Path, *flags: object, weights: tuple[object, ...] = ()) -> Path:
    """Two shards of training photos, one of nothing but what is dropped, one to validate; and a retry of what was dropped in train."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", Here)
        build(photos, out, "--min-side", 200, "--shard-size", 2, "--quiet", *flags, *weights)
        run("fishprep", "retry", out, "--status", "too_small", "--min-side", 100, *weights, *QUICK)
    return out


@pytest.fixture(scope="module")
def before(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By landmark-skin."""
    return built(photos, tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="module")
def fresh(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the same photos, by BiSeNet."""
    return built(photos, tmp_path_factory.mktemp("fresh"), *BISENET)


@pytest.fixture
def copy(before: Path, tmp_path: Path) -> Path:
    """Of `before`, to be damaged."""
    return Path(shutil.copytree(before, tmp_path / "copy"))


def test_it_is_what_a_fresh_build_would_be(before: Path, fresh: Path, photos: Path, tmp_path: Path) -> None:
    """Byte for byte, the shard of a retry and the rows of a shard without a face too; and the photos are not at hand."""
    untouched, new = files(before), tmp_path / "new"
    photos.rename(photos.with_name("away"))
    try:
        done = run("fishprep", "remap", before, new, *BISENET, *QUICK, "--json")
    finally:
        photos.with_name("away").rename(photos)
    assert json.loads(done.out)["samples"] == 8 and json.loads(done.out)["built"] == 6
    assert files(new) == files(fresh) and files(new).keys() == files(before).keys()
    assert files(before) == untouched
    assert "sound" in run("fishprep", "verify", new, "--deep").out
    assert not fishprep.diff(fresh, new).differ
    found = fishprep.diff(before, new)
    assert {change.name for change in found.records.settings} >= {
        "parser",
        "parser_size",
        "parser_precision",
        "keep_classes",
    }
    assert not found.records.moved and found.faces.same_photo.all() and np.isinf(found.faces.psnr).all()


def test_a_parser_in_eight_bits_is_recorded_as_by_a_fresh_build(before: Path, photos: Path, tmp_path: Path) -> None:
    """And what computes it, which nothing else of these builds does: there where it runs, and gone where it does not."""
    weights = ("--parser-weights", with_ranges(tmp_path / "eight.safetensors"))
    eight, new, back = ("--parser", "compact", "--keep-classes"), tmp_path / "new", tmp_path / "back"
    fresh = built(photos, tmp_path / "fresh", *eight, weights=weights)
    run("fishprep", "remap", before, new, *eight, *weights, *QUICK)
    run("fishprep", "remap", new, back, "--parser", "landmark-skin", "--no-keep-classes", *QUICK)
    assert files(new) == files(fresh) and files(back) == files(before)
    start = json.loads((new / "configuration.json").read_text())
    assert (start["configuration"]["parser"], start["configuration"]["parser_precision"]) == ("compact", "int8")
    recorded = [json.loads((out / "configuration.json").read_text())["versions"] for out in (fresh, new, back)]
    assert ["onnxruntime" in versions for versions in recorded] == [True, True, False]
    like = ("--min-side", 200, "--shard-size", 2, "--quiet", *eight, *weights, "--parser-precision", "float32")
    refused = build(photos, fresh, *like, code=1)
    assert "parser_precision: int8 → float32" in refused.err


def test_all_but_the_maps_is_as_it_was(before: Path, tmp_path: Path) -> None:
    """Looked at by h5py alone."""
    run("fishprep", "remap", before, tmp_path / "new", *BISENET, *QUICK)
    differing = 0
    for path in before.glob("*.h5"):
        with h5py.File(path) as old, h5py.File(tmp_path / "new" / path.name) as new:
            names: list[str] = []
            old.visititems(lambda name, it, names=names: names.append(name) if isinstance(it, h5py.Dataset) else None)
            assert "classes/128" not in old and new["classes/128"].shape == (len(new["id"]), 128, 128)
            for name in names:
                assert new[name].dtype == old[name].dtype and new[name].shape == old[name].shape
                if name.startswith("skin/"):
                    differing += int((new[name][:] != old[name][:]).sum())
                else:
                    assert np.array_equal(new[name][:], old[name][:]), name
    assert differing
    old_rows, new_rows = rows(before), rows(tmp_path / "new")
    assert list(old_rows) == list(new_rows)
    for name, row in old_rows.items():
        assert {**new_rows[name], "skin": row["skin"]} == row


def test_it_says_what_it_is(before: Path, fresh: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    run("fishprep", "remap", before, new, *BISENET, *QUICK)
    old, start, manifest = (
        json.loads(path.read_text())
        for path in (before / "configuration.json", new / "configuration.json", new / "manifest.json")
    )
    (step,) = start["remapped"]
    assert step["recipe"] == old["recipe"] != start["recipe"] and step["parser"] == "landmark-skin"
    assert step["build"] == str(before) and step["versions"].keys() >= {"torch", "numpy"}
    assert manifest["remapped"] == start["remapped"] and manifest["recipe"] == start["recipe"]
    assert start["recipe"] == json.loads((fresh / "configuration.json").read_text())["recipe"]
    assert any("maps made anew" in note and old["recipe"] in note for note in manifest["notes"])
    assert "maps made anew" in fishprep.report(new, tmp_path / "r.html").path.read_text()
    back = tmp_path / "back"
    run("fishprep", "remap", new, back, "--parser", "landmark-skin", "--no-keep-classes", *QUICK)
    assert files(back) == files(before)
    assert [each["parser"] for each in json.loads((back / "configuration.json").read_text())["remapped"]] == [
        "landmark-skin",
        "bisenet-fishfsr",
    ]


def test_stopped_and_gone_on_with(before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bytes of an undisturbed one; what was done is not done again, and another one is refused until then."""
    new, store, stored = tmp_path / "new", ShardStore.store, []

    def stop(self: ShardStore, name: Any, *rest: Any) -> Any:
        if len(stored) == 3:
            raise KeyboardInterrupt
        stored.append(name)
        return store(self, name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(ShardStore, "store", stop)
        words = ("remap", before, new, *NEAREST, *QUICK)
        patch.setattr("sys.argv", ["fishprep", *map(str, words)])
        stopped = run("fishprep", *words, code=130)
    assert (
        f"to go on:\n  fishprep {shlex.join(map(str, words))}\n" in stopped.err and not (new / "manifest.json").exists()
    )
    done = files(new)
    run("fishprep", "remap", before, tmp_path / "whole", *NEAREST, *QUICK)
    for flags, words in {
        ("--parser", "landmark-skin"): "mask_resizer: nearest → area:0.5",
        (*NEAREST, "--threads", 2): "threads: 1 → 2",
    }.items():
        refused = run("fishprep", "remap", before, new, *flags, *QUICK, code=1).err
        assert words in refused and "--overwrite" in refused and files(new) == done
    (new / "plan.parquet").unlink()  # killed between the record of a build and its plan
    again = json.loads(run("fishprep", "remap", before, new, *NEAREST, *QUICK, "--json").out)
    assert (again["built"], again["resumed"]) == (3, 3) and files(new) == files(tmp_path / "whole")
    assert json.loads(run("fishprep", "remap", before, new, *NEAREST, *QUICK, "--json").out)["built"] == 0
    run("fishprep", "remap", before, new, "--parser", "landmark-skin", "--overwrite", *QUICK)
    assert files(new) == files(before)


def test_a_build_that_changed_meanwhile(copy: Path, tmp_path: Path) -> None:
    """A shard that is not what its rows say gives no maps; other rows are another build."""
    words = ("remap", copy, tmp_path / "new", *NEAREST, *QUICK)
    run("fishprep", *words)
    shard, data = copy / "train-00002.h5", (copy / "train-00002.h5").read_bytes()
    shard.write_bytes(data[:-1000] + bytes([data[-1000] ^ 1]) + data[-999:])
    (tmp_path / "new" / shard.name).unlink()
    assert f"{shard}: its bytes have changed since it was written" in run("fishprep", *words, code=1).err
    shard.write_bytes(data)
    run("fishprep", *words)
    folder, name = BuildFolder.at(copy), ShardName("train", 2)
    table = folder.rows(name)
    table = table.set_column(table.schema.get_field_index("note"), "note", pa.array(["another"] * len(table)))
    folder.restore(name, table, replace(folder.record(name), rows_sha256=rows_hash(table)))
    assert "the build that is remapped: its shards are others" in run("fishprep", *words, code=1).err


def unfinished(out: Path) -> None:
    (out / "manifest.json").unlink()


def without_a_shard(out: Path) -> None:
    (out / "train-00002.h5").unlink()


def without_a_retry(out: Path) -> None:
    for path in out.glob("train-00003.*"):
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (unfinished, "not a finished build"),
        (without_a_shard, "1 shard not there, the first train-00002.h5"),
        (without_a_retry, "a retry that was stopped halfway"),
        (shutil.rmtree, "does not exist"),
    ],
)
def test_what_is_no_whole_build(copy: Path, tmp_path: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(copy)
    refused = run("fishprep", "remap", copy, tmp_path / "new", "--parser", "landmark-skin", *QUICK, code=None)
    assert refused.code in (1, 2) and words in refused.err and not (tmp_path / "new").exists()


def test_what_does_not_go_together(before: Path, copy: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"

    def refused(settings: fishprep.RemapSettings, to: Path = new, kind: type[Exception] = ConfigurationError) -> str:
        with pytest.raises(kind) as error:
            fishprep.remap(before, to, settings)
        assert not new.exists()
        return str(error.value)

    plain = fishprep.RemapSettings(parser="landmark-skin", workers=1, device="cpu")
    assert "another folder" in refused(plain, before)
    assert "holds a build that is no remap" in refused(plain, copy)
    assert "no parser is called 'nobody'" in refused(fishprep.RemapSettings(parser="nobody"))
    assert "--no-keep-classes" in refused(fishprep.RemapSettings(parser="landmark-skin", keep_classes=True))
    assert "name one of the two" in refused(fishprep.RemapSettings(parser="bisenet", masks=tmp_path))
    assert "--parser-size" in refused(fishprep.RemapSettings(parser="landmark-skin", parser_size=64))
    assert "--parser-precision" in refused(fishprep.RemapSettings(parser="landmark-skin", parser_precision="bfloat16"))
    assert "--parser-precision" in refused(fishprep.RemapSettings(parser_precision="int4"))
    assert "area:2" in refused(fishprep.RemapSettings(mask_resizer="area:2"))
    assert "no class is called 'chin'" in refused(fishprep.RemapSettings(skin_classes=("chin",)))
    assert "--workers 0" in refused(fishprep.RemapSettings(workers=0))
    assert "no such folder" in refused(fishprep.RemapSettings(masks=tmp_path / "none"), kind=SourceError)
    nowhere = fishprep.RemapSettings(parser_weights=tmp_path / "none.safetensors")
    assert "no such file" in refused(nowhere, kind=WeightsError)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "train-00000.h5").write_bytes(b"somebody's")
    assert "choose another folder" in refused(plain, tmp_path / "foreign")


@pytest.fixture(scope="module")
def masks(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all faces, in facexlib's numbers."""
    folder, rng = tmp_path_factory.mktemp("masks"), np.random.default_rng(0)
    for name, row in rows(before).items():
        if row["status"] == "ok":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            classes = rng.integers(0, 19, (16, 16)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
            Image.fromarray(classes).save(folder / f"{name}.png")
    return folder


def test_masks_are_taken_as_they_are(before: Path, masks: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    run("fishprep", "remap", before, new, "--masks", masks, "--mask-kind", "facexlib", "--keep-classes", *QUICK)
    with fishprep.open_shards(new) as faces, fishprep.open_shards(before) as olds:
        assert faces.ids == olds.ids
        for one, old in zip(faces, olds, strict=True):
            drawn = np.asarray(Image.open(masks / f"{one.id}.png"))
            classes = convert(drawn, ClassOrder.FACEXLIB, ClassOrder.CELEBAMASK)
            assert np.array_equal(one.classes, classes) and np.array_equal(one.skin(128), classes == 1)
            assert np.array_equal(one.image(16), old.image(16))
            share = (classes == 1).reshape(16, 8, 16, 8).mean((1, 3))
            assert np.array_equal(one.skin(16), share >= 0.5)
    verified = fishprep.verify(new, deep=True)
    assert verified.problems == () and any("they were given" in note for note in verified.notes)
    start = json.loads((new / "configuration.json").read_text())
    assert start["configuration"]["parser"] == "masks-facexlib" and start["remapped"][0]["masks"]["folder"] == str(
        masks
    )
    refused = run("fishprep", "retry", new, "--status", "too_small", *QUICK, code=1).err
    assert "retry the build that was remapped" in refused


def test_masks_that_change_halfway(before: Path, masks: Path, tmp_path: Path) -> None:
    mine, new = Path(shutil.copytree(masks, tmp_path / "masks")), tmp_path / "new"
    run("fishprep", "remap", before, new, "--masks", mine, *QUICK)
    done = files(new)
    (new / "val-00000.parquet").unlink()
    moved = mine.rename(tmp_path / "elsewhere")
    run("fishprep", "remap", before, new, "--masks", moved, *QUICK)
    assert files(new) == done
    (new / "val-00000.parquet").unlink()
    Image.fromarray(np.ones((128, 128), np.uint8)).save(moved / "val" / "7.png")
    refused = run("fishprep", "remap", before, new, "--masks", moved, *QUICK, code=1).err
    assert "the masks" in refused and "--overwrite" in refused
    given = create_given(ParserRequest("masks"))
    with pytest.raises(BuildError, match="masks have changed meanwhile"):
        FaceMasks(moved, False, False).parsed(given, ["val/7"], "0" * 64)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (None, "no such file, which would be the mask of 'val/7'"),
        (np.zeros((256, 256), np.uint8), "masks of whole photos are not cut"),
        (np.zeros((218, 178), np.uint8), "178 x 218 pixels"),
        (np.full((128, 128), 19, np.uint8), "holds the number 19"),
        (np.full((128, 128), 255, np.uint8), "without a label"),
    ],
)
def test_masks_that_are_not_those_of_the_faces(
    before: Path, masks: Path, mask: np.ndarray | None, words: str, tmp_path: Path
) -> None:
    """All are looked at before anything is written."""
    mine = Path(shutil.copytree(masks, tmp_path / "masks"))
    (mine / "val" / "7.png").unlink()
    if mask is not None:
        Image.fromarray(mask).save(mine / "val" / "7.png")
    refused = run("fishprep", "remap", before, tmp_path / "new", "--masks", mine, *QUICK, code=1).err
    assert words in refused and "1 of 8 faces" in refused and "7.png" in refused
    assert not (tmp_path / "new").exists()


def test_masks_behind_a_link(before: Path, masks: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(masks, tmp_path / "masks"))
    (mine / "val" / "7.png").rename(tmp_path / "7.png")
    (mine / "val" / "7.png").symlink_to(tmp_path / "7.png")
    words = ("remap", before, tmp_path / "new", "--masks", mine, *QUICK)
    assert "--follow-links" in run("fishprep", *words, code=1).err
    run("fishprep", *words, "--follow-links")


def test_masks_of_imported_faces_have_any_size(tmp_path: Path) -> None:
    """As `import` takes them: the face is the whole picture."""
    (tmp_path / "faces").mkdir()
    (tmp_path / "masks").mkdir()
    Image.fromarray(face()).save(tmp_path / "faces" / "a.png")
    classes = np.random.default_rng(1).integers(0, 19, (128, 128)).astype(np.uint8)
    Image.fromarray(classes.repeat(4, 0).repeat(4, 1)).save(tmp_path / "masks" / "a.png")
    flags = ("--keep-classes", *QUICK)
    run("fishprep", "import", tmp_path / "faces", tmp_path / "old", "--parser", "landmark-skin", *QUICK)
    run("fishprep", "remap", tmp_path / "old", tmp_path / "new", "--masks", tmp_path / "masks", *flags)
    run("fishprep", "import", tmp_path / "faces", tmp_path / "fresh", "--masks", tmp_path / "masks", *flags)
    with fishprep.open_shards(tmp_path / "new") as one, fishprep.open_shards(tmp_path / "fresh") as other:
        assert np.array_equal(one[0].classes, classes) and one.recipes == other.recipes
        assert np.array_equal(one[0].skin(8), other[0].skin(8))
    run(
        "fishprep",
        "remap",
        tmp_path / "fresh",
        tmp_path / "back",
        "--parser",
        "landmark-skin",
        "--no-keep-classes",
        *QUICK,
    )
    with fishprep.open_shards(tmp_path / "back") as one, fishprep.open_shards(tmp_path / "old") as other:
        assert np.array_equal(one[0].skin(128), other[0].skin(128)) and one.recipes == other.recipes


def test_it_is_built_and_retried_like_any_other(photos: Path, before: Path, tmp_path: Path) -> None:
    """A shard that is lost is made anew of the photos by `build` with the settings, and a retry has the new maps."""
    new = tmp_path / "new"
    run("fishprep", "remap", before, new, *NEAREST, *QUICK)
    done = shards(new)
    (new / "train-00000.h5").unlink()
    build(photos, new, "--min-side", 200, "--shard-size", 2, "--mask-resizer", "nearest", "--quiet")
    assert shards(new) == done and "sound" in run("fishprep", "verify", new).out


def test_a_build_from_before_versions_were_recorded(copy: Path, tmp_path: Path) -> None:
    """Its landmark weights stay, those of its parser go, and its algorithms are the first ones."""
    path = copy / "configuration.json"
    start = json.loads(path.read_text()) | {"versions": {"numpy": "1.2.3"}}
    start["configuration"] |= {"parser": "bisenet", "weights": {"shape.dat": DLIB, "mine.pth": "0" * 64}}
    path.write_text(json.dumps(start))
    run("fishprep", "remap", copy, tmp_path / "new", "--parser", "landmark-skin", *QUICK)
    after = json.loads((tmp_path / "new" / "configuration.json").read_text())
    assert after["configuration"]["weights"] == {"shape.dat": DLIB}
    assert after["versions"]["numpy"] == "1.2.3" and after["versions"]["fishprep/crop-square"] == "1"
    assert after["recipe"] == json.loads((tmp_path / "copy" / "retry-0001.json").read_text())["recipe"]


class Elsewhere(MemoryStorage):
    """Of another name."""

    def __str__(self) -> str:
        return "elsewhere"


def test_from_one_storage_to_another(before: Path, fresh: Path) -> None:
    """Neither knows folders, nor locks."""
    old = MemoryStorage({path.name: path.read_bytes() for path in before.iterdir() if path.suffix}, is_shared=True)
    new = Elsewhere(is_shared=True)
    maps = MapSettings("bisenet-fishfsr", 64, "bfloat16", None, None, True, "cpu", 1)
    remap(RemapRequest(old, new, maps, WeightsFrom()), 1, lambda news: None)
    assert {name: data for name, data in new.files.items() if name.endswith((".h5", ".parquet"))} == files(fresh)
