"""The public face of fishfsr: what it names is there, costs nothing until it is used, and does what the command does."""

import ast
import doctest
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import training
from made_up_shards import attributes, samples
from support import run

import fishfsr
import fishfsr.inference.sizes
from fishfsr.training.start import training_config
from fishprep.shards.writer import write_shard


def test_names_are_there_and_type_checkers_know_the_same() -> None:
    tree = ast.parse(Path(str(fishfsr.__file__)).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed == fishfsr._HOMES
    assert all(getattr(fishfsr, name) is not None for name in fishfsr.__all__) and set(fishfsr.__all__) <= set(
        dir(fishfsr)
    )
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        fishfsr.nothing_of_the_kind  # noqa: B018


def test_its_own_examples() -> None:
    for module in (fishfsr, fishfsr.inference.sizes):
        done = doctest.testmod(module)
        assert done.attempted and not done.failed


def test_importing_it_and_asking_for_help_load_no_torch() -> None:
    heavy = "torch", "cv2", "dlib"
    lines = [
        "import sys, fishfsr",
        "from fishcli import common, fsr",
        "words = ([], ['train'], ['eval'], ['upscale'], ['models'], ['models', 'list'], ['export'])",
        "codes = {common.execute(fsr.cli, 'fishfsr', [*each, '--help'], fsr.ERRORS) for each in words}",
        f"sys.exit(str([codes, *(name for name in {heavy} if name in sys.modules)]))",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.stderr == "[{0}]\n"


def test_a_training_is_that_of_the_command(tmp_path: Path) -> None:
    shards = training.write(tmp_path / "shards", {"train": (6,), "val": (4,)})
    flags = (*training.QUICK, *training.steps(2, 2), "--set", "validation.every=2")
    printed = json.loads(run("fishfsr", "train", shards, "--out", tmp_path / "run", *flags, "--json").out)
    chosen = [word for word in map(str, flags) if "=" in word]
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    before = torch.get_num_threads()
    news: list[object] = []
    done = fishfsr.train(shards, tmp_path / "again", scale=2, settings=chosen, device="cpu", listen=news.append)
    assert torch.equal(torch.rand(3), expected) and torch.get_num_threads() == before
    assert done.reason is None and done.figures == printed["figures"] and set(done.figures) == {"parsing", "sr"}
    assert done.checkpoint == tmp_path / "again" / "best.safetensors"
    one, other = (fishfsr.load(tmp_path / name, "cpu").sr_net.state_dict() for name in ("run", "again"))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert any(isinstance(each, fishfsr.Validated) for each in news)


def test_settings_by_dotted_names_in_tables_and_as_texts(tmp_path: Path) -> None:
    for settings in ({"sr.width": 16}, {"sr": {"width": 16}}, ["sr.width=16"]):
        config = training_config("laptop", {"scale": 4, "seed": None}, settings, None, None)
        assert (config.sr.width, config.scale, config.parsing.width, config.preset) == (16, 4, 32, "laptop")
    file = tmp_path / "training.toml"
    file.write_text('preset = "laptop"\nscale = 4\n[sr]\nwidth = 8\n')
    config = training_config(None, {"scale": 8, "seed": 3}, {"sr.batch_size": 2}, file, None)
    assert (config.preset, config.scale, config.seed, config.sr.width, config.sr.batch_size) == ("laptop", 8, 3, 8, 2)
    with pytest.raises(fishfsr.ConfigurationError, match=r"sr\.widht"):
        training_config(None, {}, {"sr.widht": 16}, None, None)


def test_an_evaluation_of_a_shipped_pair_by_name(tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    write_shard(shards / "test-00000.h5", samples(3), attributes())
    quick = {"identity": "none", "shown": 1, "resamples": 100, "device": "cpu"}
    found = fishfsr.evaluate("x8", shards, maps=["estimated", "truth"], out=tmp_path / "out", **quick)
    assert found.summary.sr["psnr"].mean is not None and [row.choice.name for row in found.summary.maps][1] == "truth"
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["provenance"]["scale"] == 8
    assert "PSNR-Y" in found.text()
    with pytest.raises(fishfsr.ConfigurationError, match="holds an evaluation"):
        fishfsr.evaluate("x8", shards, out=tmp_path / "out", **quick)
    with pytest.raises(fishfsr.CheckpointError, match="of scale 8, not 4"):
        fishfsr.evaluate("x8", shards, scale=4, **quick)
