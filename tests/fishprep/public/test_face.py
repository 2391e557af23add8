"""What `fishprep` exports: all of it there, loaded when it is used, in the words of the command line."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import click
import numpy as np
import pytest
from fishcli.build import build
from fishcli.options import names
from fishcli.parse import parse
from fishcli.parser import train
from fishcli.remap import remap
from fishcli.retry import retry
from small_build import Sample, Written, face, points, skin, write_build

import fishprep
from fishprep.common.errors import ConfigurationError, ShardError
from fishprep.public.shards import Shards

CLUSTER = ("engine", "ray_address", "gpus_per_worker", "memory_per_worker")
"""Flags that are no settings: where the work runs."""


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*(n for n in ('torch', 'cv2', 'numpy', 'pydantic') if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_what_is_exported_is_there() -> None:
    assert set(fishprep.__all__) == set(fishprep._HOMES) <= set(dir(fishprep))
    for name in fishprep.__all__:
        assert getattr(fishprep, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'biuld'"):
        _ = fishprep.biuld


def test_nothing_is_loaded_for_nothing() -> None:
    assert loaded_by("import fishprep") == set()
    help_ = "from fishcli import prep; prep.cli.main(['--help'], standalone_mode=False)"
    assert loaded_by(help_) == set()
    commands = "from fishcli import prep; [prep.cli.get_command(None, name) for name in prep.COMMANDS]"
    assert not loaded_by(commands) & {"torch", "cv2"}
    assert not loaded_by("import fishprep; fishprep.BuildSettings(); fishprep.open_shards") & {"torch", "cv2"}


@pytest.mark.parametrize(
    ("command", "record"),
    [
        (build, fishprep.BuildSettings),
        (parse, fishprep.ParseSettings),
        (train, fishprep.ParserTrainingSettings),
        (remap, fishprep.RemapSettings),
    ],
    ids=["build", "parse", "parser-train", "remap"],
)
def test_settings_are_the_flags(command: click.Command, record: type) -> None:
    usual = command.make_context("fishprep", [".", "out"], auto_envvar_prefix="NOBODY").params
    if usual.get("skin_classes") is not None:
        usual["skin_classes"] = names(usual["skin_classes"])
    for field in fields(record):
        assert usual[field.name] == field.default, field.name
    of_commands = {
        "source_folder",
        "source",
        "labelled",
        "out",
        "new",
        "config",
        "quiet",
        "json",
        "resume",
        "overwrite",
        "max_drop",
        "part",
        *CLUSTER,
    }
    assert usual.keys() - {field.name for field in fields(record)} <= of_commands


def test_a_retry_leaves_what_is_not_given() -> None:
    flags = {each.name for each in retry.params}
    of_record = {field.name for field in fields(fishprep.RetrySettings)}
    assert (
        flags - of_record == {"config", "quiet", "json", "overwrite", "out", "status", *CLUSTER} and of_record <= flags
    )
    given = fishprep.RetrySettings()
    assert all(getattr(given, name) in (None, False) for name in of_record - {"workers"})


@pytest.fixture
def two_splits(tmp_path: Path) -> Path:
    samples = [
        Sample(f"{split}{i}", face(i), split) for split, count in (("train", 3), ("val", 2)) for i in range(count)
    ]
    return write_build(Written(tmp_path, tmp_path), samples, []).folder


def test_faces_of_all_shards_are_one_sequence(two_splits: Path) -> None:
    with fishprep.open_shards(two_splits) as faces:
        assert isinstance(faces, Shards) and len(faces) == 5
        assert [each.id for each in faces] == faces.ids == ["train0", "train1", "train2", "val0", "val1"]
        assert [each.id for each in faces[1:4]] == ["train1", "train2", "val0"]
        assert faces[-1].id == "val1" and faces[-1].split == "val" and len(faces.recipes) == 1
        assert np.array_equal(faces[3].image(), face(0)) and np.array_equal(faces[3].skin(), skin())
        assert np.array_equal(faces[4].landmarks, points()) and faces[4].box.shape == (4,)
        assert faces[0].image(8).shape == (8, 8, 3) and faces[0].skin(64).shape == (64, 64)
        for index in (5, -6):
            with pytest.raises(IndexError):
                faces[index]
        with pytest.raises(ShardError, match="no dataset classes/128"):
            _ = faces[0].classes


def test_a_split_or_a_file_alone(two_splits: Path, tmp_path: Path) -> None:
    assert fishprep.open_shards(str(two_splits), split="val").ids == ["val0", "val1"]
    assert len(fishprep.open_shards(two_splits / "train-00000.h5")) == 3
    with pytest.raises(ShardError, match=r"no shards of the split 'test' in it; it has train, val"):
        fishprep.open_shards(two_splits, split="test")
    with pytest.raises(ShardError, match="a shard of the split 'train', not 'val'"):
        fishprep.open_shards(two_splits / "train-00000.h5", split="val")
    with pytest.raises(ShardError, match="no split is called 'tset'"):
        fishprep.open_shards(two_splits, split="tset")
    with pytest.raises(ShardError, match="no shards"):
        fishprep.open_shards(tmp_path / "nowhere")


def test_what_a_finished_build_says(two_splits: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert fishprep.totals(two_splits).by_split == {"train": 3, "val": 2}
    facts = fishprep.inspect(two_splits / "train-00000.h5")
    assert facts.first_ids == ("train0", "train1", "train2") and facts.datasets["image/8"] == ("uint8", (3, 8, 8, 3))
    assert capfd.readouterr() == ("", "")


def test_settings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--workers 0"):
        fishprep.build(tmp_path, tmp_path / "out", fishprep.BuildSettings(workers=0))
    with pytest.raises(ConfigurationError, match="--classes nobody's"):
        fishprep.parse(tmp_path, tmp_path / "out", fishprep.ParseSettings(classes="nobody's"))
    with pytest.raises(ConfigurationError, match="--samples 0"):
        fishprep.verify(tmp_path, deep=True, samples=0)
    with pytest.raises(ConfigurationError, match="no status is called 'noface': there are ok, no_face"):
        fishprep.retry(tmp_path, ["too_small", "noface"])
    assert list(tmp_path.iterdir()) == []
