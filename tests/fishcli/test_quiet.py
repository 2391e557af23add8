"""`--quiet` leaves nothing on stderr and `--json` one value on stdout, of commands that need no long work."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import COMMANDS
from made_up_shards import attributes, samples
from PIL import Image
from small_build import Sample, Written, face, write_build
from support import run

from fishfsr.checkpoint import Checkpoint, save_checkpoint
from fishfsr.registry import create_model
from fishprep.shards.writer import write_shard

ELSEWHERE = {
    "fishprep verify", "fishprep describe", "fishprep extend", "fishprep remap", "fishprep move", "fishprep merge",
    "fishprep build", "fishprep import", "fishprep plan", "fishprep retry", "fishprep demo", "fishprep parse",
    "fishprep parser train", "fishprep parser eval", "fishprep models download", "fishfsr train", "fishfsr upscale",
    "fishfsr models import", "fishfsr web", "fishfsr compare",
}  # fmt: skip
"""Commands that load networks or photos: tests of their own run them quietly, or with --json."""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build, shards to evaluate on, and a pair."""
    root = tmp_path_factory.mktemp("given")
    for name in ("built", "source", "shards"):
        (root / name).mkdir()
    Image.fromarray(face()).save(root / "source" / "a.png")
    write_build(Written(root / "built", root / "source"), [Sample("a", face())], [])
    write_shard(root / "shards" / "test-00000.h5", samples(2), attributes())
    pair = Checkpoint(create_model("parsingnet_x8", width=4, blocks=1), create_model("fishfsrnet_x8", width=4))
    save_checkpoint(root / "pair.safetensors", pair)
    assert np.array_equal(np.asarray(Image.open(root / "source" / "a.png")), face())
    return root


QUICK = {
    "fishprep report": "report {0}/built",
    "fishprep diff": "diff {0}/built {0}/built",
    "fishprep leaks": "leaks {0}/built",
    "fishprep rows": "rows {0}/built --where blur>0",
    "fishprep inspect": "inspect {0}/built/train-00000.h5",
    "fishprep export": "export {0}/shards {1}/out --to webdataset --sizes 8",
    "fishprep doctor": "doctor",
    "fishprep models list": "models list",
    "fishprep models verify": "models verify blazeface-full",
    "fishfsr doctor": "doctor",
    "fishfsr eval": "eval {0}/pair.safetensors {0}/shards --identity none --show 0 -o {1}/out --device cpu",
    "fishfsr export": "export {0}/pair.safetensors {1}/out.pth --to state-dict",
    "fishfsr models list": "models list",
    "fishfsr models show": "models show {0}/pair.safetensors",
    "fishfsr models pack": "models pack {0}/pair.safetensors {1}/half.safetensors",
}


def test_every_command_is_run_somewhere() -> None:
    assert set(QUICK) | ELSEWHERE >= set(COMMANDS) and not set(QUICK) & ELSEWHERE


@pytest.mark.parametrize("words", QUICK)
def test_quiet_and_json(words: str, given: Path, tmp_path: Path) -> None:
    arguments = QUICK[words].format(given, tmp_path).split()
    ran = run(words.split()[0], *arguments, "--quiet", "--json")
    assert ran.err == ""
    json.loads(ran.out)
