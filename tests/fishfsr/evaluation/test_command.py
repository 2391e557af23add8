"""`fishfsr eval` as a user runs it: what it prints and writes, and what it says when something is wrong."""

import errno
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
import support
from made_up_shards import attributes, samples

from fishfsr.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fishprep.shards.writer import write_shard

Save = Callable[..., Path]


def run(*arguments: object, code: int = 0, **environment: str) -> support.Ran:
    return support.run("fishfsr", "eval", *arguments, code=code, **environment)


def test_a_run_is_evaluated_and_everything_is_written(save: Save, shards: Path) -> None:
    best = save()
    ran = run(best.parent, shards, "--identity", "none", "--map", "estimated,wrong", "--show", 1)
    out = best.parent / "best-eval-test"
    assert str(best) in ran.err and str(out / "index.html") in ran.out
    assert "Bicubic" in ran.out and "another face's map" in ran.out
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    grids = {f"grids/{name}.png" for name in ("worst", "median", "best", "maps")}
    assert names == {"index.html", "summary.json", "summary.md", "per_face.csv", *grids}
    summary = json.loads((out / "summary.json").read_text())
    assert f"{summary['figures']['sr']['psnr']['mean']:.2f}" in (out / "summary.md").read_text()
    assert summary["provenance"]["shards"]["recipe"] in (out / "index.html").read_text()


def test_a_shipped_pair_is_evaluated_by_its_name_and_the_pages_lie_here(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("x8", shards, "--identity", "none", "--show", 0, "--limit", 1)
    assert "fishfsr-x8.safetensors" in ran.err and (tmp_path / "x8-eval-test" / "summary.json").is_file()
    refused = run("x8-nobody", shards, code=1)
    assert "no trained pair 'x8-nobody' is shipped: there are x" in refused.err
    (tmp_path / "x8").write_bytes(b"no checkpoint")
    assert run("x8", shards, "-o", "out", code=1).err.startswith("fishfsr: x8: "), "a file of the name comes first"


def test_json_is_the_summary_and_flags_come_from_the_environment(save: Save, shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = (save(), shards, "--json", "--protocol", "rgb", "-o", out, "--quiet")
    ran = run(*arguments, FISHFSR_IDENTITY="none", FISHFSR_LIMIT="3")
    summary = json.loads(ran.out)
    assert ran.out == (out / "summary.json").read_text()
    assert summary["provenance"]["protocol"] == "rgb" and summary["provenance"]["shards"]["faces"] == 3
    assert "identity" not in summary["figures"]["sr"] and "progress" not in ran.err
    assert "PSNR-RGB" in (out / "summary.md").read_text()


def test_an_evaluation_is_replaced_only_when_asked(save: Save, shards: Path, tmp_path: Path) -> None:
    arguments = (save(), shards, "--identity", "none", "-o", tmp_path / "out", "--quiet", "--show", "1")
    run(*arguments, "--map", "rotate:15")
    assert (tmp_path / "out" / "grids" / "maps.png").exists()
    assert "--overwrite" in run(*arguments, code=1).err
    run(*arguments, "--overwrite")
    assert not (tmp_path / "out" / "grids" / "maps.png").exists()


@pytest.mark.parametrize("earlier", [False, True])
def test_one_that_the_disk_refused_is_written_by_the_same_command(
    save: Save, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: bool
) -> None:
    arguments = (save(), shards, "--identity", "none", "-o", tmp_path / "out", "--quiet", "--show", "1", "--limit", 2)
    arguments += ("--overwrite",) if earlier else ()
    if earlier:
        run(*arguments, "--protocol", "rgb")
        before = (tmp_path / "out" / "summary.json").read_bytes()

    def refused(*given: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(
        sys.modules["fishfsr.evaluation.evaluate"], "render_page", refused
    )  # the name is a function, too
    assert "No space left" in run(*arguments, code=1).err
    assert not earlier or (tmp_path / "out" / "summary.json").read_bytes() == before
    (tmp_path / "out" / "grids" / ".worst.png.5.tmp").touch()
    monkeypatch.undo()
    run(*arguments)
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["provenance"]["protocol"] != "rgb"
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("name", ["index.html", "summary.json"])
def test_files_that_are_no_evaluations_are_not_replaced(save: Save, shards: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    for flags in ((), ("--overwrite",)):
        assert "no evaluation" in run(save(), shards, "-o", tmp_path, *flags, code=1).err
    assert (tmp_path / name).read_text() == "{}"


def test_the_last_checkpoint_where_there_is_no_best(save: Save, shards: Path) -> None:
    best = save()
    best.rename(best.with_name("last.safetensors"))
    ran = run(best.parent, shards, "--identity", "none", "--limit", "1")
    assert "last.safetensors" in ran.err and (best.parent / "last-eval-test" / "summary.json").exists()
    assert not run(best.parent, shards, "--identity", "none", "--limit", "1", "--overwrite", "--quiet").err


def test_errors_are_clear(save: Save, shards: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    good = save()
    parsing_only = tmp_path / "parsing.safetensors"
    save_checkpoint(parsing_only, Checkpoint(parsing_net=load_checkpoint(good).parsing_net))
    no_test = tmp_path / "no_test"
    no_test.mkdir()
    shutil.copy(shards / "val-00000.h5", no_test)
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    write_shard(lacking / "test-00000.h5", samples(2), attributes())
    with h5py.File(lacking / "test-00000.h5", "a") as file:
        del file["image/16"]
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "test-00000.h5").write_bytes((shards / "test-00000.h5").read_bytes()[:-5000])
    other_name = tmp_path / "other_name"
    other_name.mkdir()
    shutil.copy(shards / "val-00000.h5", other_name / "test-00000.h5")
    for arguments, message in (
        ((empty, shards), "neither best.safetensors nor last.safetensors"),
        ((good, empty), "fishprep build"),
        ((good, no_test), "no shards of the split 'test'; there are val"),
        ((good, lacking), "image/16"),
        ((good, cut), "truncated"),
        ((good, other_name), "holds the split val, not test"),
        ((parsing_only, shards), "no network that enlarges"),
        ((save(sr_only=True), shards), "--map truth"),
        ((good, shards, "--scale", "4"), "a checkpoint of scale 8, not 4"),
        ((good, shards, "--map", "upside-down"), "rotate:15,30,45,60"),
        ((good, shards, "--map", "wrong", "--limit", "1"), "two faces"),
        ((good, shards, "--device", "cuda:99"), "cuda:99"),
        ((shards / "test-00000.h5", shards), "no safetensors file"),
    ):
        ran = run(*arguments, "--identity", "none", code=1)
        assert message in ran.err and len(ran.err.strip().splitlines()) <= 2, ran.err
    assert not (good.parent / "best-eval-test").exists()


def test_an_out_that_cannot_be_written(save: Save, shards: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ran = run(save(), shards, "--identity", "none", "--limit", "1", "-o", tmp_path / "file" / "out", code=1)
    assert "cannot be written" in ran.err


def test_help_has_an_example() -> None:
    assert "fishfsr eval runs/x8 shards" in run("--help").out
