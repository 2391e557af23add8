"""`fishfsr compare` as a user runs it: what it writes, how it goes on, and what becomes of a method that fails."""

import csv
import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from compared import FACES, QUICK
from markupsafe import escape
from support import run

import fishfsr
from fishfsr.comparison import measures
from fishfsr.comparison.contestants import TABLE
from fishfsr.training.journal import read_metrics
from fishprep.common.errors import WeightsError
from fishprep.common.files import sha256_file

Words = Callable[..., tuple[object, ...]]
TIMES = {"milliseconds", "minutes"}


def table(out: Path) -> dict[str, dict[str, str]]:
    with open(out / "table.csv", newline="") as stream:
        return {row["method"]: row for row in csv.DictReader(stream)}


def timeless(out: Path) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name not in TIMES} for row in table(out).values()]


def per_face(out: Path) -> dict[str, list[float]]:
    with open(out / "per_face.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {name: [float(row[name]) for row in rows] for name in rows[0] if name not in ("id", "shard", "index")}


def files(out: Path) -> dict[str, str]:
    return {str(path.relative_to(out)): sha256_file(path) for path in sorted(out.rglob("*")) if path.is_file()}


def test_every_method_is_trained_and_measured_on_the_same_faces(whole: Path, shards: Path) -> None:
    rows, faces = table(whole), per_face(whole)
    assert list(rows) == ["bicubic", "srcnn", "fishfsrnet"]
    assert [rows[name]["faces_seen"] for name in rows] == ["", "12", "12"] and rows["fishfsrnet"]["steps"] == "3"
    assert {len(values) for values in faces.values()} == {4}
    for name in ("srcnn", "fishfsrnet"):
        quick = {"identity": "none", "shown": 0, "resamples": 100, "device": "cpu"}
        found = fishfsr.evaluate(whole / "methods" / name, shards, **quick)
        np.testing.assert_allclose(faces[f"{name}_psnr"], list(found.measures.methods.values())[1]["psnr"], atol=1e-6)
        np.testing.assert_allclose(faces["bicubic_psnr"], found.measures.methods["bicubic"]["psnr"], atol=1e-6)
        assert float(rows[name]["psnr"]) == pytest.approx(np.mean(faces[f"{name}_psnr"]), abs=1e-5)
        gain = np.mean(faces["srcnn_psnr"]) - np.mean(faces["fishfsrnet_psnr"])
    assert float(rows["srcnn"]["psnr_difference"]) == pytest.approx(gain, abs=1e-5)
    assert rows["fishfsrnet"]["psnr_difference"] == "" and float(rows["fishfsrnet"]["accuracy"]) > 0
    assert (rows["srcnn"]["width"], rows["srcnn"]["full_width"], rows["srcnn"]["full_parameters"]) == (
        "8",
        "64",
        "69251",
    )
    assert rows["srcnn"]["paper_psnr"] == "28.040000"


def test_the_page_the_json_and_the_csv_say_the_same(whole: Path) -> None:
    rows, page = table(whole), (whole / "index.html").read_text()
    cells = re.findall(r'<tr data-method="(\w+)"|<td data-column="(\w+)" data-value="([^"]*)"', page)
    shown: dict[str, dict[str, str]] = {}
    for method, column, value in cells:
        if method:
            shown[method] = {}
        else:
            shown[list(shown)[-1]][column] = value
    assert shown.keys() == rows.keys() and all(len(each) > 8 for each in shown.values())
    assert all(rows[name][column] == value for name, own in shown.items() for column, value in own.items())
    said = json.loads((whole / "comparison.json").read_text())
    for row in said["methods"]:
        own = rows[row["method"]]
        assert {
            name: "" if row[name] is None else f"{row[name]:.6f}" if isinstance(row[name], float) else str(row[name])
            for name in own
        } == own
    assert all(str(escape(sentence)) in page for sentence in said["conclusion"])
    assert not re.search(r"https?:|src=\"(?!data:)|url\(", page)


def test_done_is_done(whole: Path, words: Words) -> None:
    before = files(whole)
    again = run("fishfsr", *words(whole))
    assert "1 of 2" not in again.err and files(whole) == before


def test_stopped_in_the_middle_it_goes_on_to_the_same_bytes(
    whole: Path, words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    for place in ("methods/fishfsrnet", "methods/srcnn"):
        monkeypatch.setattr("fishcli.compare.Telling.__call__", interrupt_after_one_step(out / place))
        stopped = run("fishfsr", *words(out), code=130)
        assert "to go on" in stopped.err and (out / "index.html").exists()
        assert read_metrics(out / place / "metrics.jsonl")[-1]["step"] == 2
    monkeypatch.undo()
    run("fishfsr", *words(out))
    assert (out / "per_face.csv").read_bytes() == (whole / "per_face.csv").read_bytes()
    assert timeless(out) == timeless(whole)
    for name in ("srcnn", "fishfsrnet"):
        weights = f"methods/{name}/best.safetensors"
        assert (out / weights).read_bytes() == (whole / weights).read_bytes()


def test_what_was_measured_is_on_the_page_while_others_are_trained(
    words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("fishfsr", *words(tmp_path, methods="srcnn"))
    monkeypatch.setattr(
        "fishcli.compare.Telling.__call__", interrupt_after_one_step(tmp_path / "methods" / "fishfsrnet")
    )
    run("fishfsr", *words(tmp_path), code=130)
    assert table(tmp_path)["srcnn"]["psnr"] and not table(tmp_path)["fishfsrnet"]["psnr"]


def test_what_is_begun_anew_has_nothing_of_before(
    whole: Path, words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before it came to all, and gone on with without `--overwrite`, as the line that is printed says."""
    out = Path(shutil.copytree(whole, tmp_path / "out"))
    other = ("--set", "sr.lr=1e-3")
    monkeypatch.setattr("fishcli.compare.Telling.__call__", interrupt_after_one_step(out / "methods" / "fishfsrnet"))
    run("fishfsr", *words(out, "--overwrite", *other), code=130)
    monkeypatch.undo()
    assert not (out / "methods" / "srcnn" / "state.safetensors").exists()
    run("fishfsr", *words(out, *other))
    for name, row in table(out).items():
        assert not row["error"] and (name == "bicubic" or row["faces_seen"] == "12"), row
    for name in ("srcnn", "fishfsrnet"):
        weights = f"methods/{name}/best.safetensors"
        assert (out / weights).read_bytes() != (whole / weights).read_bytes()


def test_minutes_that_were_spent_are_not_those_of_what_is_begun_anew(whole: Path, words: Words, tmp_path: Path) -> None:
    out = tmp_path / "out"
    minutes = ("--budget", "0.01m", "--methods", "srcnn")
    run("fishfsr", *words(out, *minutes))
    before = (out / "methods" / "srcnn" / "best.safetensors").read_bytes()
    run("fishfsr", *words(out, *minutes, "--overwrite", "--set", "sr.lr=1e-3"))
    assert (out / "methods" / "srcnn" / "best.safetensors").read_bytes() != before


def test_what_cannot_be_read_for_once_is_not_taken_away(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> None:
        raise WeightsError(f"weights {path} cannot be read: Too many open files")

    monkeypatch.setattr(measures, "metadata", refused)
    for path in (whole / "measured").iterdir():
        assert measures._read(path, "known", 4) is None and path.exists()


def interrupt_after_one_step(folder: Path) -> Callable[..., None]:
    """What hears the news: Ctrl-C once the training in `folder` has made its first step."""

    def hear(self: object, news: object) -> None:
        if isinstance(news, fishfsr.Trained) and news.stage == "sr" and news.step == 1 and folder.exists():
            os.kill(os.getpid(), signal.SIGINT)

    return hear


def test_a_method_that_fails_is_a_line_and_the_others_go_on(plain: Path, tmp_path: Path) -> None:
    words = ("compare", plain, "--out", tmp_path, "--methods", "srcnn,fsrnet,fishfsrnet", *FACES, *QUICK)
    # FSRNet wants classes that these shards do not have; ParsingNet diverges, and takes FishFSRNet with it
    ran = run("fishfsr", *words, "--set", "parsing.lr=1e30", "--set", "parsing.warmup=0", code=3)
    rows = table(tmp_path)
    assert "--keep-classes" in rows["fsrnet"]["error"] and rows["fsrnet"]["psnr"] == ""
    assert rows["fishfsrnet"]["error"].startswith("ParsingNet, which it needs, failed: parsing, step ")
    assert rows["srcnn"]["error"] == "" and float(rows["srcnn"]["psnr"]) > 0
    assert float(rows["srcnn"]["psnr_difference"]) < 0, "held against bicubic, as FishFSRNet is not there"
    assert "FSRNet failed: " in ran.out and "holds no classes" in (tmp_path / "index.html").read_text()
    assert "Traceback" not in ran.err


def test_a_defect_is_kept_with_its_traceback(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fishfsr.methods.srcnn.SRCNN.forward", lambda *given: 1 / 0)
    words = ("compare", shards, "--out", tmp_path, "--methods", "srcnn", *FACES, *QUICK)
    run("fishfsr", *words, code=3)
    record = json.loads((tmp_path / "methods" / "srcnn.json").read_text())
    assert record["error"] == "ZeroDivisionError: division by zero" and "forward" in record["trace"]
    monkeypatch.undo()
    run("fishfsr", *words)
    assert table(tmp_path)["srcnn"]["error"] == ""


def test_another_comparison_is_not_gone_on_with(whole: Path, words: Words, tmp_path: Path) -> None:
    before = files(whole)
    refused = run("fishfsr", *words(whole, "--set", "sr.lr=1e-3"), code=1)
    assert re.search(r"fishfsrnet: sr\.lr 0\.0005 → 0\.001.*--overwrite", refused.err) and files(whole) == before
    (tmp_path / "index.html").write_text("mine")
    assert "choose another folder" in run("fishfsr", *words(tmp_path), code=1).err
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


@pytest.mark.parametrize(
    "text",
    ["[]", "{", '{"format": 1, "trainings": [1]}', '{"format": 1, "format_version": 1, "trainings": {"srcnn": 3}}'],
)
def test_a_damaged_plan_is_named(text: str, whole: Path, words: Words, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text)
    assert "plan.json" in run("fishfsr", *words(tmp_path), code=1).err


def test_damaged_records_are_made_anew(whole: Path, words: Words, tmp_path: Path) -> None:
    """Neither a record nor kept columns that say nonsense, are of other faces or are cut, change a figure."""
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    (out / "methods" / "srcnn.json").write_text('{"checkpoint": "best.safetensors", "steps": "many"}')
    columns = sorted((out / "measured").iterdir())
    columns[0].write_bytes(columns[1].read_bytes())
    columns[2].write_bytes(columns[2].read_bytes()[:-8])
    run("fishfsr", *words(out))
    assert (out / "per_face.csv").read_bytes() == (whole / "per_face.csv").read_bytes()
    assert timeless(out) == timeless(whole)


def test_seeds_and_ablations(words: Words, whole: Path, tmp_path: Path) -> None:
    """Two seeds by a ParsingNet that is given; the spread is between the seeds' own means."""
    given = whole / "methods" / "fishfsrnet"
    run("fishfsr", *words(tmp_path, "--seeds", 2, "--init", given, methods="model_4"))
    rows, faces = table(tmp_path), per_face(tmp_path)
    assert not (tmp_path / "networks" / "parsing-8").exists(), "given, not trained"
    assert [row["seeds"] for row in rows.values()] == ["0", "2"]
    means, row = [np.mean(faces[f"{name}_psnr"]) for name in ("model_4", "model_4-1")], rows["model_4"]
    assert means[0] != means[1]
    assert float(row["psnr_lowest_seed"]) == pytest.approx(min(means), abs=1e-5)
    assert float(row["psnr_highest_seed"]) == pytest.approx(max(means), abs=1e-5)
    assert float(row["psnr"]) == pytest.approx(np.mean(means), abs=1e-5)
    assert row["accuracy"] == table(whole)["fishfsrnet"]["accuracy"]


def test_minutes_are_spent_once(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (
        "compare",
        shards,
        "--out",
        tmp_path,
        "--methods",
        "srcnn",
        "--budget",
        "0.05m",
        "--scale",
        4,
        "--set",
        "log_every=1",
        *QUICK,
    )
    monkeypatch.setattr("fishcli.compare.Telling.__call__", interrupt_after_one_step(tmp_path))
    run("fishfsr", *words, code=130)
    monkeypatch.undo()
    run("fishfsr", *words)
    minutes, steps = (float(table(tmp_path)["srcnn"][name]) for name in ("minutes", "steps"))
    assert 0.045 <= minutes < 0.09 and steps > 1  # all but the tenth that opening the data may take
    for record in (tmp_path / "methods" / "srcnn.json", tmp_path / "nothing"):  # without its record, and with it
        record.unlink(missing_ok=True)
        run("fishfsr", *words)
        assert float(table(tmp_path)["srcnn"]["steps"]) == steps


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--budget", "20"), "say 20m or 1.5h"),
        (("--budget", "0faces"), "more than nothing"),
        (("--methods", "srgan"), "no method 'srgan'; there are all, ablations, bicubic, srcnn"),
        (("--methods", "bicubic"), "only bicubic"),
        (("--width", "wide"), "say 16, or srcnn=64"),
        (("--width", "dic=16"), "a width for 'dic', which does not take part"),
        (("--width", "7"), "width = 7: must be divisible by 4"),
        (("--set", "sr.depth=3"), "unknown key 'sr.depth'"),
        (("--set", "sr.width=16"), "widths are set by --width"),
        (("--scale", "3"), "scale = 3"),
        (("--set", "dic.sr.lr=1e-3"), "a setting for 'dic', which does not take part"),
        (("--set", "srcnn=3"), "expected srcnn.SECTION.NAME=VALUE"),
        (("--set", "srcnn.sr.depth=3"), "unknown key 'sr.depth'"),
        (("--set", "srcnn.sr.width=16"), "widths are set by --width"),
        (("--set", "fishfsrnet.parsing.lr=1e-3"), "fishfsrnet.parsing: that network may be shared"),
        (("--set", "sr.steps=3"), "sr.steps: set by --budget"),
        (("--set", "srcnn.seed=3"), "seed: set by --seeds"),
        (("--set", "alignment.aligner=fan"), "srcnn has no network of landmarks"),
        (("--methods", "superfan", "--set", "superfan.alignment.aligner=fan"), "weights 2dfan4 are missing"),
    ],
)
def test_what_is_refused_before_anything_is_written(
    more: tuple[object, ...], message: str, words: Words, tmp_path: Path
) -> None:
    assert message in run("fishfsr", *words(tmp_path / "out"), *more, code=1).err
    assert not (tmp_path / "out").exists()


def test_all_are_of_the_paper_table_and_two_beside_it() -> None:
    names = [each.name for each in TABLE]
    assert names[:9] == ["srcnn", "urdgn", "urdgn-plain", "vdsr", "wsrnet", "superfan", "fsrnet", "dic", "sisn"]
    assert names[9:] == ["fishfsrnet", "sparnet", "tapernet"]
