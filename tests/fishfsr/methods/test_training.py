"""Every method through the one training: it goes on to the bit, learns, and its weights go where a pair's go."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import training
from safetensors.torch import load_file
from training import request

from fishfsr.errors import ConfigurationError, DataError, TrainingError
from fishfsr.inference.resolver import load
from fishfsr.methods.base import Method, Objective
from fishfsr.methods.every import METHODS
from fishfsr.training import run as training_run
from fishfsr.training.journal import Trained
from fishfsr.training.run import run_training
from fishprep.shards import schema
from fishprep.shards.writer import write_shard

RIVALS = [name for name, method in METHODS.items() if method.rival]
SMALL = {
    "sisn": ("sr.options.groups=1", "sr.options.blocks=1"),
    "dic": ("sr.options.turns=2",),
    "vdsr": ("sr.options.layers=3",),
}


@pytest.fixture(autouse=True)
def _few_faces_for_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small batches for those of batch normalisation: as many as are looked at else take the most of a training of a few steps."""
    for place in ("statistics", "loop"):
        monkeypatch.setattr(f"fishfsr.training.{place}.FACES", 8)
        monkeypatch.setattr(f"fishfsr.training.{place}.TOGETHER", 4)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With landmarks on the ellipse and classes, as FSRNet wants them."""
    folder = tmp_path_factory.mktemp("classes")
    for split, count in (("train", 4), ("val", 2)):
        samples = training.drawn(count, split)
        landmarks = np.random.default_rng(1).uniform(30, 100, (count, 68, 2)).astype(np.float32)
        classes = samples.skin[128].copy()
        attributes = {
            "producer": "test",
            "configuration": "{}",
            "recipe": "r" * 64,
            "inputs": split,
            "versions": "{}",
            "weights": "{}",
        }
        path = folder / schema.ShardName(split, 0).file
        write_shard(path, replace(samples, landmarks=landmarks, classes=classes), attributes)
    return folder


def asked(shards: Path, out: Path, name: str, *more: str) -> training_run.TrainingRequest:
    own = (
        f"sr.architecture={name}",
        "sr.spatial_attention=true",
        "sr.channel_attention=true",
        "sr.multi_scale_refine=true",
    )
    steps = ("sr.steps=3", "alignment.steps=1", "sr.ema=0.5", "sr.loss=published")
    steps += ("sr.batch_size=2", "alignment.batch_size=2")
    found = request(shards, out, *own, *steps, *SMALL.get(name, ()), *more)
    return replace(found, config=found.config.model_copy(update={"scale": 16}))


@pytest.mark.parametrize("name", RIVALS)
def test_a_method_goes_on_to_the_bit_and_enlarges(name: str, shards: Path, tmp_path: Path, shallow: None) -> None:
    def interrupt(news: object) -> None:
        if isinstance(news, Trained) and (news.stage, news.step) == ("sr", 1):
            os.kill(os.getpid(), signal.SIGINT)

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert run_training(asked(shards, whole, name), lambda news: None).reason is None
    assert run_training(asked(shards, broken, name), interrupt).reason == "interrupted"
    assert run_training(asked(shards, broken, name), lambda news: None).reason is None
    one, other = (load_file(run / "last.safetensors") for run in (whole, broken))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    assert (whole / "alignment.safetensors").exists() is METHODS[name].needs_aligner
    assert not (whole / "parsing.safetensors").exists()
    resolver = load(whole, device="cpu")
    face = torch.rand(3, 8, 8)
    assert resolver.upscale(face).shape == (3, 128, 128) and resolver.upscale(face).isfinite().all()


@pytest.mark.parametrize("name", RIVALS)
def test_a_method_learns_its_faces(name: str, shards: Path) -> None:
    """A few steps on two faces: its own loss falls by a fifth at least."""
    from fishfsr.data import ShardDataset, to_faces

    torch.manual_seed(0)
    method = METHODS[name]
    options = {key.rpartition(".")[2]: int(value) for key, value in (text.split("=") for text in SMALL.get(name, ()))}
    config = method.config(width=8, scale=8, **options)
    aligner = METHODS["dic"].network(METHODS["dic"].config(width=8)).aligner if method.needs_aligner else None
    objective = method.objective(method.network(config), aligner)
    dataset = ShardDataset(shards, "train", 8, method.objective.beside(config))
    faces = to_faces(dataset.__getitems__(range(2)), torch.device("cpu"))
    optimiser = torch.optim.Adam(objective.trained.parameters(), 5e-3)
    losses = []
    for step in range(10 if name in ("urdgn", "sisn") else 7):
        loss = objective.loss(objective.trained, faces, None, torch.nn.functional.mse_loss, step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert min(losses[-3:]) < 0.8 * losses[0], losses


def test_shards_without_classes_are_refused_in_one_line(tmp_path: Path) -> None:
    plain = training.write(tmp_path / "plain", {"train": (4,)})
    with pytest.raises(DataError, match=r"holds no classes.*--keep-classes"):
        run_training(asked(plain, tmp_path / "run", "fsrnet"), lambda news: None)
    without = asked(plain, tmp_path / "run", "fsrnet", "sr.options.parsing=false", "sr.steps=1")
    assert run_training(without, lambda news: None).reason is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("sr.architecture=srgan",), "no such method; there are srcnn"),
        (("sr.architecture=srcnn", "sr.blocks=3"), "srcnn has no such option"),
        (("sr.architecture=srcnn", "sr.initial=unit-variance"), "sr.initial: srcnn has no such option"),
        (("sr.architecture=vdsr", "sr.options.depth=3"), "unknown option 'depth' of VDSRConfig"),
    ],
)
def test_settings_that_a_method_has_not(settings: tuple[str, ...], message: str, shards: Path, tmp_path: Path) -> None:
    plain = ("sr.spatial_attention=true", "sr.channel_attention=true", "sr.multi_scale_refine=true")
    with pytest.raises(ConfigurationError, match=message):
        request(shards, tmp_path, *plain, *settings)


def test_stages_that_a_method_has_not(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="srcnn has no stage parsing"):
        run_training(replace(asked(shards, tmp_path, "srcnn"), stage="parsing"), lambda news: None)
    with pytest.raises(TrainingError, match=r"superfan needs a trained network of landmarks: .*--stage alignment"):
        run_training(replace(asked(shards, tmp_path, "superfan"), stage="sr"), lambda news: None)
    with pytest.raises(ConfigurationError, match="sisn needs 2 faces in each part"):
        run_training(asked(shards, tmp_path / "other", "sisn", "sr.batch_size=4", "sr.accumulate=4"), lambda news: None)


class Halved(Objective):
    """A toy: half the pixels' loss, with the landmarks read and not used."""

    @classmethod
    def beside(cls, config: object) -> frozenset[str]:
        return frozenset({"landmarks"})

    def loss(self, forward: object, faces: object, parsing: object, pixel: object, step: int) -> torch.Tensor:
        assert faces.landmarks.shape[1:] == (68, 2)
        return 0.5 * super().loss(forward, faces, parsing, pixel, step)


def test_a_method_of_ones_own(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The training asks a method for all it needs: a toy in the place of SRCNN trains, with half the loss."""
    srcnn = METHODS["srcnn"]
    toy = Method("srcnn", "Toy", "none", ("bicubic",), ("hr",), srcnn.config, srcnn.network, objective=Halved)
    run_training(asked(shards, tmp_path / "plain", "srcnn", "sr.loss=mse", "sr.steps=1"), lambda news: None)
    monkeypatch.setattr(training_run, "METHODS", {**METHODS, "srcnn": toy})
    monkeypatch.setattr("fishfsr.training.surroundings.METHODS", {**METHODS, "srcnn": toy})
    run_training(asked(shards, tmp_path / "toy", "srcnn", "sr.loss=mse", "sr.steps=1"), lambda news: None)
    plain, half = (training.losses(tmp_path / run)["sr", 1] for run in ("plain", "toy"))
    assert half == pytest.approx(plain / 2, rel=1e-6)
