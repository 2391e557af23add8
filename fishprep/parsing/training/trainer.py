"""The steps: forward, loss, backward, average."""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fishprep.parsing.classes import ClassOrder, FaceClass, number
from fishprep.parsing.labelled import UNLABELLED
from fishprep.parsing.networks.bisenet import MEAN, STD
from fishprep.parsing.networks.compact import Compact
from fishprep.parsing.networks.eight_bits import RANGES, measured_ranges, ranges_text
from fishprep.parsing.networks.kinds import network_kind
from fishprep.parsing.placement import Placement
from fishprep.parsing.training.config import ParserTraining
from fishprep.parsing.training.loss import parsing_loss
from fishprep.parsing.training.state import ParserState

CLIP = 5.0  # largest norm of the gradient: a first step on batch normalisation can be wild


class Trainer:
    """A network in training on `device`, in autocast where `dtype` is not float32."""

    def __init__(self, net: nn.Module, config: ParserTraining, device: torch.device, dtype: torch.dtype) -> None:
        self._config, self._device, self._dtype = config, device, dtype
        self.net = net.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self._heads = network_kind(config.network).heads(self.net)
        self._average = AveragedModel(self.net, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=True)
        self._optimizer = torch.optim.AdamW(_groups(self.net, config.weight_decay), config.lr, fused=True)
        self._mean = torch.tensor(MEAN, device=device).view(3, 1, 1)
        self._std = torch.tensor(STD, device=device).view(3, 1, 1)
        self._table = torch.from_numpy(_to_network_order()).to(device)
        self._readings: dict[int, Tensor] = {}  # of logits, by their side

    def step(self, step: int, views: np.ndarray, classes: np.ndarray) -> float:
        """One step on views (N, s, s, 3) uint8 and classes (N, m, m) uint8; the loss before it."""
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate(step)
        images = self._normal(views).contiguous(memory_format=torch.channels_last)
        labels = self._table[torch.from_numpy(classes).to(self._device).long()]
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            heads = self._heads(images)
        loss = torch.stack([parsing_loss(self._read(logits.float()), labels, self._config) for logits in heads]).sum()
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        self._optimizer.step()
        self._average.update_parameters(self.net)
        return float(loss.detach())

    def ranges(self, views: np.ndarray) -> dict[str, str]:
        """What the header of the averaged weights says of their tensors, so that they can be run in eight bits: nothing of a network that
        cannot be. views (N, s, s, 3) uint8: what is parsed meanwhile."""
        net = self._average.module
        return {RANGES: ranges_text(measured_ranges(net, self._normal(views)))} if isinstance(net, Compact) else {}

    def _normal(self, views: np.ndarray) -> Tensor:
        """(N, s, s, 3) uint8 → (N, 3, s, s) float32 as the network takes it."""
        images = torch.from_numpy(views).to(self._device).permute(0, 3, 1, 2).float()
        return (images / 255 - self._mean) / self._std

    def _read(self, logits: Tensor) -> Tensor:
        """(N, 19, s, s) at the pixels of the labels: (N, 19, m, m)."""
        side, config = logits.shape[-1], self._config
        if side not in self._readings:
            place = Placement.of(config.map_size, config.map_size, config.size)
            self._readings[side] = place.rows(side).matrix().to(self._device)
        return self._readings[side] @ logits @ self._readings[side].T

    def rate(self, step: int) -> float:
        """The learning rate of step `step`, from 0."""
        config = self._config
        if step < config.warmup:
            return config.lr * (step + 1) / config.warmup
        done = (step - config.warmup) / max(1, config.steps - config.warmup)
        return config.lr * (1 + math.cos(math.pi * done)) / 2

    def average(self) -> dict[str, Tensor]:
        """The averaged weights, a BiSeNet's in facexlib's layout."""
        return self._average.module.state_dict()

    def state(self, **known: object) -> ParserState:
        """All that changes from step to step."""
        return ParserState(
            network=self.net.state_dict(),
            average=self._average.state_dict(),
            optimizer=self._optimizer.state_dict(),
            **known,  # type: ignore[arg-type]
        )

    def restore(self, state: ParserState) -> None:
        """Go on from `state`."""
        self.net.load_state_dict(state.network)
        self._average.load_state_dict(state.average)
        self._optimizer.load_state_dict(state.optimizer)


def _groups(net: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Convolutions decay; normalisation and biases do not."""
    parameters = list(net.parameters())
    return [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
    ]


def _to_network_order() -> np.ndarray:
    """(256,) int64: from CelebAMask-HQ's numbers to those of facexlib's networks; 255 stays."""
    table = np.full(256, UNLABELLED, dtype=np.int64)
    for index, face_class in enumerate(FaceClass):
        table[index] = number(face_class, ClassOrder.FACEXLIB)
    return table
