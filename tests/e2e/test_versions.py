"""Another version of an algorithm, and builds from before versions were recorded."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import QUICK, run, shards

from fishprep.decoding import decode
from fishprep.faces import crop

pytestmark = pytest.mark.usefixtures("without_workers")

Copy = Callable[[Path], Path]


def forget_versions(out: Path) -> None:
    path = out / "configuration.json"
    facts = json.loads(path.read_text())
    facts["versions"] = {name: version for name, version in facts["versions"].items() if "/" not in name}
    path.write_text(json.dumps(facts))


@pytest.mark.parametrize("old", [False, True], ids=["recorded", "before-versions"])
@pytest.mark.parametrize("algorithm", ["crop-square", "decoder"])
def test_another_version_does_not_go_on(
    portraits: Path, built: Path, copy_of: Copy, algorithm: str, old: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = copy_of(built)
    (out / "train-00003.parquet").unlink()
    if old:
        forget_versions(out)
    before = json.loads((out / "configuration.json").read_text())["versions"].get(f"fishprep/{algorithm}", "1")
    if algorithm == "decoder":
        monkeypatch.setattr(decode, "VERSION", 77)
    else:
        monkeypatch.setitem(crop.VERSIONS, "square", 77)
    refused = run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4, code=1)
    assert f"fishprep/{algorithm}: {before} → 77" in refused.err and "install those" in refused.err


def test_verify_and_retry_with_another_version(built: Path, copy_of: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    out = copy_of(built)
    monkeypatch.setitem(crop.VERSIONS, "square", 77)
    verified = run("fishprep", "verify", out, "--deep")
    assert "not derived again, as other algorithms made it: fishprep/crop-square: 1 → 77" in verified.err
    refused = run("fishprep", "retry", out, "--status", "no_face", code=1)
    assert "could not be mixed: fishprep/crop-square: 1 → 77" in refused.err


def test_a_build_from_before_versions_goes_on(portraits: Path, built: Path, copy_of: Copy) -> None:
    if decode.VERSION != 1:
        pytest.skip("photos are decoded otherwise than then: such a build does not go on, and says so")
    out = copy_of(built)
    forget_versions(out)
    (out / "train-00003.parquet").unlink()
    run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4, "--quiet")
    assert shards(out).keys() == shards(built).keys()
    assert "before versions of algorithms were recorded" in run("fishprep", "verify", out).err


def test_the_same_said_otherwise_goes_on(portraits: Path, built: Path, copy_of: Copy) -> None:
    out = copy_of(built)
    (out / "train-00003.parquet").unlink()
    otherwise = ("--expand", 1.5, "--mask-resizer", "area:0.50")
    run("fishprep", "build", portraits, out, *QUICK, "--shard-size", 4, "--quiet", *otherwise)
    assert shards(out) == shards(built)
