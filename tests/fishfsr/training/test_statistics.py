"""Batch normalisation of the weights that are kept: its means and variances are theirs, and not those of the last steps."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import training
from safetensors.torch import load_file
from torch import Tensor, nn

from fishfsr.checkpoint import load_checkpoint
from fishfsr.data import Order, ShardDataset
from fishfsr.data.order import coins
from fishfsr.methods.layers import BatchNorm
from fishfsr.training.journal import Trained
from fishfsr.training.request import TrainingRequest
from fishfsr.training.run import run_training
from fishfsr.training.state import TrainingState
from fishfsr.training.statistics import measure_statistics
from fishprep.common.errors import ShardError

SEED, SCALE = 3, 8
SISN = (
    f"seed={SEED}", "sr.architecture=sisn", "sr.options.groups=1", "sr.options.blocks=1",
    "sr.spatial_attention=true", "sr.channel_attention=true", "sr.multi_scale_refine=true", "sr.steps=6", "sr.lr=3e-2",
)  # fmt: skip
"""The method that showed it: by the statistics that training left single faces came out at 9 dB."""


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training.write(tmp_path_factory.mktemp("shards"), {"train": (9, 7), "val": (5,)})


def asked(shards: Path, run: Path, *settings: str) -> TrainingRequest:
    found = training.request(shards, run, *SISN, *settings)
    return replace(found, config=found.config.model_copy(update={"scale": SCALE}))


def seen(shards: Path) -> list[Tensor]:
    """LR faces of the first 256 places of the stream, 32 together, mirrored here by NumPy."""
    # More than were trained on so far: the first are taken then.
    dataset, places = ShardDataset(shards, "train", SCALE), np.arange(256)
    indices, mirrored = Order(len(dataset), SEED).indices(places), coins(SEED, places)
    faces = [
        dataset[int(index)].lr.numpy()[:, :: -1 if turn else 1] for index, turn in zip(indices, mirrored, strict=True)
    ]
    return list((torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2).float() / 255).split(32))


@pytest.mark.parametrize(("ema", "validated"), [(0.9, 4), (0.9, 0), (0, 4)])
def test_what_is_kept_has_its_own_statistics(ema: float, validated: int, shards: Path, tmp_path: Path) -> None:
    run_training(asked(shards, tmp_path, f"sr.ema={ema}", f"validation.every={validated}"), lambda news: None)
    faces = seen(shards)
    for name in ("best", "last"):
        network = load_checkpoint(tmp_path / f"{name}.safetensors").sr_net
        entry, norm = network.body[0].body[0].entry[:1], network.body[0].body[0].entry[1]
        with torch.no_grad():
            copies = [(lr - network.mean).repeat_interleave(SCALE**2, 1) for lr in faces]
            outputs = [entry(network.first(each)).transpose(0, 1).flatten(1).double() for each in copies]
        mean = torch.stack([each.mean(1) for each in outputs]).mean(0)
        variance = torch.stack([each.var(1) for each in outputs]).mean(0)
        torch.testing.assert_close(norm.running_mean.double(), mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(norm.running_var.double(), variance, rtol=1e-3, atol=1e-6)
        with torch.no_grad():
            kept, normed_by_batch = network.eval()(faces[0]), network.train()(faces[0])
        # Every layer's, not the first one's alone.
        assert (kept - normed_by_batch).std() < 0.02 * normed_by_batch.std()


def test_a_stop_changes_nothing_of_it(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("statistics", "loop"):  # fewer faces, in two batches
        monkeypatch.setattr(f"fishfsr.training.{place}.FACES", 32)
        monkeypatch.setattr(f"fishfsr.training.{place}.TOGETHER", 16)

    def interrupt(news: object) -> None:
        if isinstance(news, Trained) and news.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    whole, broken = (asked(shards, tmp_path / name, "sr.ema=0") for name in ("whole", "broken"))
    run_training(whole, lambda news: None)
    assert run_training(broken, interrupt).reason == "interrupted"
    run_training(broken, lambda news: None)
    for name in ("best", "last", "state"):
        one, other = (load_file(tmp_path / run / f"{name}.safetensors") for run in ("whole", "broken"))
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one), name


def test_where_they_cannot_be_measured_the_state_stands(tmp_path: Path) -> None:
    """A shard that breaks under the training ends it, and is read for the statistics too."""
    folder = training.write(tmp_path / "shards", {"train": (9, 7)})

    def damage(news: object) -> None:
        if isinstance(news, Trained) and news.step == 3:
            os.truncate(folder / "train-00001.h5", 5000)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(ShardError, match=r"train-00001\.h5: changed or damaged"):
        run_training(asked(folder, tmp_path / "run", "save_every=1000"), damage)
    assert TrainingState.load(tmp_path / "run" / "state.safetensors").position.step == 3


def test_what_was_there_before_has_no_part_in_it() -> None:
    """Batches weigh alike; momentum, mode and gradients are as they were."""
    network = nn.Sequential(BatchNorm(2), nn.ReLU(), nn.BatchNorm2d(2, momentum=0.3)).eval()
    network[0].running_mean.fill_(1e3)
    batches = [torch.randn(4, 2, 3, 3) * (1 + number) + number for number in range(3)]
    measure_statistics(network, lambda batch: network(batch), batches)
    by_channel = [batch.transpose(0, 1).flatten(1) for batch in batches]
    torch.testing.assert_close(network[0].running_mean, torch.stack([each.mean(1) for each in by_channel]).mean(0))
    torch.testing.assert_close(network[0].running_var, torch.stack([each.var(1) for each in by_channel]).mean(0))
    assert [network[0].momentum, network[2].momentum] == [0.1, 0.3] and not network.training
    assert torch.is_grad_enabled()
