"""Settings of one method alone, and the one that needs them most: Super-FAN by FAN's own weights."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from compared import FACES, QUICK
from face_alignment.models.fan import FAN
from support import run

from fishfsr.comparison.budget import TrainingBudget
from fishfsr.comparison.folder import ComparisonFolder
from fishfsr.comparison.plan import ComparisonSettings, comparison_plan
from fishfsr.errors import ConfigurationError
from fishfsr.methods import fan
from fishprep.common.files import sha256_file


def test_what_is_said_of_one_method_is_for_it_alone() -> None:
    said = ("sr.lr=1e-3", "srcnn.sr.lr=2e-3", "srcnn.flip=false", "dic.alignment.aligner=own")
    with pytest.raises(ConfigurationError, match=r"dic\.alignment: that network may be shared"):
        comparison_plan(ComparisonSettings(TrainingBudget(faces=8), "srcnn,vdsr,dic", settings=said))
    plan = comparison_plan(ComparisonSettings(TrainingBudget(faces=8), "srcnn,vdsr,dic", seeds=2, settings=said[:3]))
    found = {each.name: (each.config.sr.lr, each.config.flip, each.changed) for each in plan.entries}
    own = (2e-3, False, "sr.lr=0.002, flip=False")
    others = (1e-3, True, "")
    assert found == {"srcnn": own, "srcnn-1": own} | dict.fromkeys(("vdsr", "vdsr-1", "dic", "dic-1"), others)
    assert [each.config.flip for each in plan.shared] == [True]


def test_a_plan_from_before_a_setting_was_there_is_gone_on_with(tmp_path: Path) -> None:
    """What it does not know had its default; what it knows and this version does not is another comparison."""
    folder = ComparisonFolder(tmp_path)
    facts = comparison_plan(ComparisonSettings(TrainingBudget(faces=8), "urdgn-plain,vdsr")).facts({})
    folder.prepare(facts, overwrite=False)
    plan = json.loads(folder.plan.read_text())
    del plan["trainings"]["vdsr"]["window"], plan["trainings"]["vdsr"]["alignment"]
    folder.plan.write_text(json.dumps(plan))
    folder.prepare(facts, overwrite=False)
    for section, value, message in (
        ({"options": {}}, {}, "urdgn-plain: sr.options.discriminator None → False"),
        (
            {"options": {"discriminator": False, "depth": 3}},
            {},
            "urdgn-plain: sr.options.depth, which there is no more",
        ),
        ({}, {"window": 5}, "urdgn-plain: window 5 → 0"),
    ):
        other = json.loads(json.dumps(plan))
        other["trainings"]["urdgn-plain"]["sr"] |= section
        other["trainings"]["urdgn-plain"] |= value
        folder.plan.write_text(json.dumps(other))
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            folder.prepare(facts, overwrite=False)


ONE = ("--scale", 16, "--budget", "4faces", "--show", 0)
"""A step of each method."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faces enlarged to 64² alone, where FAN is asked at a sixteenth of the cost."""
    monkeypatch.setattr(fan, "SIDE", 64)


@pytest.mark.usefixtures("small")
def test_superfan_by_fan(shards: Path, tmp_path: Path) -> None:
    """Nothing is trained for its landmarks, all that is written says by what they are, and another file is another comparison."""
    out, weights, moved, other = (tmp_path / name for name in ("out", "FAN.pth", "moved.pth", "other.pth"))
    torch.save(FAN(1).state_dict(), weights)
    torch.save(FAN(1).state_dict(), other)
    shutil.copy(weights, moved)

    def words(path: Path) -> tuple[object, ...]:
        own = ("--set", "superfan.alignment.aligner=fan", "--set", f"superfan.alignment.weights={path}")
        return ("compare", shards, "--out", out, "--methods", "srcnn,superfan", *FACES, *QUICK, *ONE, *own)

    first = run("fishfsr", *words(weights))
    assert "landmarks by FAN of 1 stack, FAN.pth" in first.err and "Super-FAN: alignment.aligner=fan" in first.out
    assert not (out / "networks").exists() and (out / "methods" / "superfan" / "best.safetensors").exists()
    digest, found = sha256_file(weights), json.loads((out / "comparison.json").read_text())
    assert {each["method"]: each["changed"] for each in found["methods"]} == {
        "bicubic": None,
        "srcnn": None,
        "superfan": "alignment.aligner=fan",
    }
    landmarks = f"superfan: FAN of 1 stack, FAN.pth (SHA-256 {digest[:12]})"
    assert found["made_with"]["landmarks by"] == landmarks and found["made_with"]["shared networks"] == "none"
    assert "superfan" not in found["made_with"]["changed in all"]
    page = (out / "index.html").read_text()
    assert landmarks in page and re.search(r"Super-FAN.{0,80}alignment\.aligner=fan", page, re.DOTALL)
    before = (out / "index.html").read_bytes()
    refused = run("fishfsr", *words(other), code=1)
    assert (
        f"superfan: FAN {digest} → {sha256_file(other)}" in refused.err and before == (out / "index.html").read_bytes()
    )
    assert "1 of 2" not in run("fishfsr", *words(moved)).err, "the same weights at another place"
