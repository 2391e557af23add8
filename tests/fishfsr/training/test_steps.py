"""What a step does, held against a plain loop of PyTorch that is written out here; and that the steps lead upwards."""

import json
import math
from collections.abc import Callable
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
from fishfsr.registry import create_model
from fishfsr.training.journal import read_metrics
from fishfsr.training.run import run_training

SEED = 3
SETTINGS = (
    "steps=5", "batch_size=4", "lr=2e-2", "betas=[0.8,0.95]", "eps=1e-3",
    "warmup=2", "schedule=cosine", "final_lr=0.1", "clip=0.05",
)  # fmt: skip
RATES = [1e-2, 2e-2, 2e-2, 2e-2 * (0.1 + 0.9 * 0.75), 2e-2 * (0.1 + 0.9 * 0.25)]
DECAYS = {"0.2": [1 / 10, 2 / 11, 0.2, 0.2, 0.2], "0.9": [1 / 10, 2 / 11, 3 / 12, 4 / 13, 5 / 14]}
"""By `ema`: what it says, and less in the first steps."""
LOSSES: dict[str, Callable[[Tensor], Tensor]] = {"l1": lambda d: d.abs().mean(), "mse": lambda d: d.square().mean()}


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training.write(tmp_path_factory.mktemp("shards"), {"train": (9, 7), "val": (5,)})


class Plain:
    """Adam, its rate, clipping and the average of the weights, step by step."""

    def __init__(self, network: nn.Module, loss: str, ema: str) -> None:
        self.network, self.loss, self.decays = network, LOSSES[loss], DECAYS[ema]
        self.optimizer = torch.optim.Adam(network.parameters(), betas=(0.8, 0.95), eps=1e-3)
        self.average = [parameter.detach().clone() for parameter in network.parameters()]
        self.losses: list[float] = []
        self.norms: list[float] = []

    def step(self, output: Tensor, target: Tensor) -> None:
        number, parameters = len(self.losses), list(self.network.parameters())
        loss = self.loss(output - target)
        self.optimizer.zero_grad()
        loss.backward()
        norm = math.sqrt(sum(parameter.grad.double().square().sum().item() for parameter in parameters))
        for parameter in parameters:
            parameter.grad *= min(1.0, 0.05 / norm)
        self.optimizer.param_groups[0]["lr"] = RATES[number]
        self.optimizer.step()
        for mean, parameter in zip(self.average, parameters, strict=True):
            mean.copy_(self.decays[number] * mean + (1 - self.decays[number]) * parameter.detach())
        self.losses.append(loss.item())
        self.norms.append(norm)


def batch(dataset: ShardDataset, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """HR, LR and map of a step, face by face, mirrored here by NumPy."""
    places = np.arange(4 * step, 4 * step + 4)
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    for index, mirrored in zip(Order(len(dataset), SEED).indices(places), coins(SEED, places), strict=True):
        sample = dataset[int(index)]
        for part, pixels in zip(parts, (sample.hr, sample.lr, sample.skin), strict=True):
            part.append(pixels.numpy()[:, ::-1] if mirrored else pixels.numpy())
    hr, lr, skin = (torch.from_numpy(np.stack(part)).float() for part in parts)
    return hr.permute(0, 3, 1, 2) / 255, lr.permute(0, 3, 1, 2) / 255, skin[:, None]


def check(run: Path, stage: str, plain: Plain) -> None:
    lines = [line for line in read_metrics(run / "metrics.jsonl") if line["stage"] == stage and "loss" in line]
    np.testing.assert_allclose([line["lr"] for line in lines], RATES)
    np.testing.assert_allclose([line["loss"] for line in lines], plain.losses, rtol=1e-4)
    np.testing.assert_allclose([line["gradient_norm"] for line in lines], plain.norms, rtol=1e-3)
    assert min(plain.norms) > 0.05, "the clipping has to bite"
    state = load_file(run / "state.safetensors")
    kept = load_checkpoint(run / ("last.safetensors" if stage == "sr" else "parsing-last.safetensors"))
    network = kept.sr_net if stage == "sr" else kept.parsing_net
    assert network is not None
    apart = 0.0
    for (name, parameter), mean in zip(plain.network.named_parameters(), plain.average, strict=True):
        apart = max(apart, (parameter - mean).abs().max().item())
        torch.testing.assert_close(state[f"network.{name}"], parameter.detach(), rtol=1e-4, atol=2e-5)
        torch.testing.assert_close(state[f"average.{name}"], mean, rtol=1e-4, atol=2e-5)
        assert torch.equal(network.get_parameter(name), state[f"average.{name}"]), "the average is what is kept"
    assert apart > 4e-4, "the average has to lag behind"


@pytest.mark.parametrize(("loss", "ema"), [("l1", "0.2"), ("mse", "0.9")])
def test_steps_of_parsing_net_are_those_of_a_plain_loop(loss: str, ema: str, shards: Path, tmp_path: Path) -> None:
    settings = [f"parsing.{setting}" for setting in (*SETTINGS, f"loss={loss}", f"ema={ema}")]
    run_training(training.request(shards, tmp_path, f"seed={SEED}", *settings, stage="parsing"), lambda news: None)
    torch.manual_seed(SEED)
    plain = Plain(create_model("parsingnet_x2", width=8, blocks=1), loss, ema)
    dataset = ShardDataset(shards, "train", training.SCALE)
    for step in range(5):
        _, lr, skin = batch(dataset, step)
        plain.step(plain.network(lr), skin)
    check(tmp_path, "parsing", plain)


@pytest.mark.parametrize(("loss", "ema"), [("l1", "0.2"), ("mse", "0.9")])
def test_steps_of_fishfsrnet_are_those_of_a_plain_loop(loss: str, ema: str, shards: Path, tmp_path: Path) -> None:
    settings = [f"sr.{setting}" for setting in (*SETTINGS, f"loss={loss}", f"ema={ema}")]
    run_training(training.request(shards, tmp_path, f"seed={SEED}", "parsing.steps=2", *settings), lambda news: None)
    parsing_net = load_checkpoint(tmp_path / "parsing.safetensors").parsing_net
    options = json.loads((tmp_path / "configuration.json").read_text())["configuration"]["sr"]
    switches = {name: value for name, value in options.items() if isinstance(value, bool)}
    torch.manual_seed(SEED)
    plain = Plain(create_model("fishfsrnet_x2", width=8, **switches), loss, ema)
    dataset = ShardDataset(shards, "train", training.SCALE)
    for step in range(5):
        hr, lr, _ = batch(dataset, step)
        with torch.no_grad():
            estimated = parsing_net(lr).clamp(0, 1)
        plain.step(plain.network(lr, estimated), hr)
    check(tmp_path, "sr", plain)


def test_fishfsrnet_learns_to_enlarge(shards: Path, tmp_path: Path) -> None:
    settings = ("parsing.steps=1", "sr.steps=40", "sr.lr=3e-3", "sr.schedule=cosine", "validation.every=10")
    run_training(training.request(shards, tmp_path, *settings), lambda news: None)
    found = [line["psnr"] for line in read_metrics(tmp_path / "metrics.jsonl") if "psnr" in line]
    assert len(found) == 4 and found[-1] > max(found[0] + 3, 21), found
