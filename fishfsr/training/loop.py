"""One stage, step by step: forward, backward, validation, checkpoints; nothing here knows which network it is."""

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from fishfsr.checkpoint import Details, save_checkpoint
from fishfsr.data import ShardDataset, Share, Stream, to_faces
from fishfsr.data.stream import Read
from fishfsr.errors import TrainingError
from fishfsr.training.checkpoint import Position, RunFolder, State, collect, restore, save_state
from fishfsr.training.config import TrainingConfig
from fishfsr.training.curves import draw_curves
from fishfsr.training.journal import Journal, Listen, Trained, Validated
from fishfsr.training.optimiser import Average, adam, evaluating, rate
from fishfsr.training.precision import Amp
from fishfsr.training.ranks import Ranks
from fishfsr.training.stages import Stage
from fishprep.stop import REASONS, Reason, StopRequest
from fishprep.tensors import save_tensors

PROTOCOL = "reference"


@dataclass(frozen=True)
class Surroundings:
    """What a stage is trained in: everything but the network. `validation` is None where nothing is validated."""

    config: TrainingConfig
    train: ShardDataset
    validation: ShardDataset | None
    folder: RunFolder
    identity: dict[str, Any]
    amp: Amp
    ranks: Ranks
    journal: Journal
    stop: StopRequest
    listen: Listen


class StageLoop:
    """Trains `stage` from `state` (None: from the start) to its last step, or until it is asked to stop.

    Every process of a group runs the same loop on its share of each step; the first writes and speaks.
    """

    def __init__(self, stage: Stage, around: Surroundings, state: State | None = None) -> None:
        self.stage, self.around, self.section = stage, around, stage.section
        memory = torch.channels_last if around.config.channels_last else torch.contiguous_format
        self.network: nn.Module = stage.network.to(device=around.amp.device, memory_format=memory)  # type: ignore[call-overload]
        self.average = Average(self.network, self.section.ema) if self.section.ema else None
        self.optimizer = adam(self.network, self.section)
        self.scaler = around.amp.scaler()
        self.position = Position(stage.name)
        if state is not None:
            self.position = state.position
            restore(state.tensors, self.network, self.optimizer, self.average)
            self.scaler.load_state_dict(dict(state.scaler))
        self.forward = self._wrapped()
        share = Share(self.section.batch_size, self.section.accumulate, around.ranks.rank, around.ranks.world)
        seed, config = around.config.seed, around.config
        self.stream = Stream(around.train, share, seed, config.flip, config.degradation)

    def run(self) -> Reason | None:
        """Train; the reason for an early end, None at the regular one. A state and the newest weights are saved either way.

        Raises TrainingError where a loss or gradient is not finite (the step's batch lies in the run's folder then, and
        the last saved state stands), ShardError where a shard is damaged (a state is saved).
        """
        reads = self.stream.parts(self.position.step, pinned=self.around.amp.device.type == "cuda")
        self._rate = _Rate(self.position.step)
        self._saved_at = self.position.step
        try:
            with contextlib.closing(reads):  # type: ignore[type-var]
                reason = self._steps(reads)
        except TrainingError:
            raise
        except Exception:
            self._save()  # the step that failed has not touched the weights
            raise
        self._save()
        self._draw()
        return reason

    def _steps(self, reads: Iterator[Read]) -> Reason | None:
        config = self.around.config
        while self.position.step < self.section.steps:
            started = time.monotonic()
            loss, norm, reason = self._step(reads)
            step = self.position.step + 1
            seconds = self.position.seconds + time.monotonic() - started
            self.position = replace(self.position, step=step, losses=(*self.position.losses, loss), seconds=seconds)
            if step % config.log_every == 0 or step == self.section.steps:
                self._log(norm)
            every = config.validation.every
            if self.around.validation is not None and (step % every == 0 or step == self.section.steps):
                self._validate(self.around.validation)
            if step % config.save_every == 0 and step < self.section.steps:
                self._save()
            if reason is not None and step < self.section.steps:
                return reason
        return None

    def _step(self, reads: Iterator[Read]) -> tuple[float, float, Reason | None]:
        """Mean loss over all processes, norm of the gradient, and whether any process was asked to stop."""
        step, section = self.position.step, self.section
        read, total = [], 0.0
        for part in range(section.accumulate):
            read.append(next(reads))
            faces = to_faces(read[-1].batch, self.around.amp.device, read[-1].flip)
            with self._local(part), self.around.amp.autocast():
                loss = self.stage.loss(self.forward, faces, step) / section.accumulate
                self.scaler.scale(loss).backward()
            total += loss.item()
        self.scaler.unscale_(self.optimizer)
        norm = self._clipped_norm()
        mean, reason = self._agreed(total)
        # In float16 a gradient overflows now and then: the scaler leaves such a step out.
        if not math.isfinite(mean) or not (math.isfinite(norm) or self.scaler.is_enabled()):
            self._raise_not_finite(read, mean, norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate(section, step)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        if self.average is not None:
            self.average.update(self.network, step)
        return mean, norm, reason

    def _wrapped(self) -> nn.Module:
        around, forward = self.around, self.network
        if around.ranks.world > 1:
            device = around.amp.device
            forward = DistributedDataParallel(forward, device_ids=[device.index] if device.type == "cuda" else None)
        return torch.compile(forward) if around.config.compile else forward  # type: ignore[return-value]

    def _local(self, part: int) -> contextlib.AbstractContextManager[None]:
        """Gradients travel between the processes with the last part only."""
        network = getattr(self.forward, "_orig_mod", self.forward)
        if isinstance(network, DistributedDataParallel) and part < self.section.accumulate - 1:
            return network.no_sync()
        return contextlib.nullcontext()

    def _clipped_norm(self) -> float:
        limit = self.section.clip or math.inf
        return nn.utils.clip_grad_norm_(self.network.parameters(), limit).item()

    def _agreed(self, loss: float) -> tuple[float, Reason | None]:
        ranks, asked = self.around.ranks, self.around.stop.reason
        values = [loss, *(float(asked == reason) for reason in REASONS)]
        total, *votes = ranks.sums(values, self.around.amp.device)
        reasons = [reason for reason, vote in zip(REASONS, votes, strict=True) if vote]
        return total / ranks.world, reasons[-1] if reasons else None

    def _log(self, norm: float) -> None:
        position, section = self.position, self.section
        loss = math.fsum(position.losses) / len(position.losses)
        self.position = replace(position, losses=())
        if not self.around.ranks.first:
            return
        per_step = self._rate.seconds_per_step(position.step)
        images = section.batch_size / per_step
        values = {
            "loss": loss,
            "lr": rate(section, position.step - 1),
            "gradient_norm": norm,
            "images_per_second": images,
        }
        self.around.journal.write(self.stage.name, position.step, values | {"seconds": position.seconds})
        left = (section.steps - position.step) * per_step
        self.around.listen(Trained(self.stage.name, position.step, section.steps, loss, images, left))

    def _validate(self, dataset: ShardDataset) -> None:
        started = time.monotonic()
        figures = self.figures(dataset)
        step, value = self.position.step, figures[self.stage.figure]
        best = self.position.best is None or value > self.position.best
        if best:
            self.position = replace(self.position, best=value, best_step=step)
        spent = time.monotonic() - started
        self.position = replace(self.position, seconds=self.position.seconds + spent)
        self._rate.pause(spent)
        if not self.around.ranks.first:
            return
        if best:
            self._save_weights(self.around.folder.best(self.stage.name), figures)
        self.around.journal.write(self.stage.name, step, figures)
        self.around.listen(Validated(self.stage.name, step, figures, best))

    def figures(self, dataset: ShardDataset) -> dict[str, float]:
        """Means of the stage's figures over the validation faces, shared out among the processes."""
        around, validation = self.around, self.around.config.validation
        count = min(len(dataset), validation.faces or len(dataset))
        chosen = [index * len(dataset) // count for index in range(count)]
        mine = chosen[around.ranks.rank :: around.ranks.world]
        network = self._kept()
        sums: dict[str, float] = {}
        with evaluating(network), around.amp.autocast():
            for start in range(0, len(mine), validation.batch_size):
                batch = dataset.__getitems__(mine[start : start + validation.batch_size])
                values = self.stage.figures(network, to_faces(batch, around.amp.device))
                for name, value in values.items():
                    sums[name] = sums.get(name, 0.0) + value.sum().item()
        if count < around.ranks.world:
            raise TrainingError(f"{count} validation faces cannot be shared out among {around.ranks.world} processes")
        totals = around.ranks.sums(list(sums.values()), around.amp.device)
        return {name: total / count for name, total in zip(sums, totals, strict=True)}

    def _kept(self) -> nn.Module:
        return self.network if self.average is None else self.average.network

    def _save(self) -> None:
        if not self.around.ranks.first:
            return
        around = self.around
        tensors = collect(self.network, self.optimizer, self.average)
        configuration = around.config.model_dump(mode="json")
        scaler = self.scaler.state_dict()
        self._save_weights(around.folder.last(self.stage.name), {})
        save_state(around.folder.state, State(self.position, configuration, around.identity, scaler, tensors))
        finished = self.position.step == self.section.steps
        if finished and around.validation is None:
            self._save_weights(around.folder.best(self.stage.name), {})

    def _save_weights(self, path: Any, figures: dict[str, float]) -> None:
        config = self.around.config
        training = {
            "configuration": config.model_dump(mode="json"),
            "stage": self.stage.name,
            "step": self.position.step,
            "shards": self.around.train.made_by,
        }
        details = Details(
            scale=config.scale,
            recipe=self.around.train.recipe,
            protocol=PROTOCOL if figures else None,
            results=figures,
            training=training | {"precision": self.around.amp.name, "faces": len(self.around.train)},
        )
        save_checkpoint(path, self.stage.checkpoint(self._kept(), details))

    def _draw(self) -> None:
        if self.around.ranks.first:
            draw_curves(self.around.folder.metrics, self.around.folder.curves)

    def _raise_not_finite(self, read: list[Read], loss: float, norm: float) -> None:
        step = self.position.step + 1
        path = self.around.folder.path / f"not-finite-{self.stage.name}-{step}-{self.around.ranks.rank}.safetensors"
        tensors: dict[str, Tensor] = {}
        for name in ("hr", "lr", "skin", "indices"):
            tensors[name] = torch.cat([getattr(part.batch, name) for part in read])
        ids = self.around.train.ids(tensors["indices"].tolist())
        save_tensors(path, tensors, {"ids": "\n".join(ids), "loss": repr(loss), "gradient_norm": repr(norm)})
        raise TrainingError(
            f"{self.stage.name}, step {step}: the loss is {loss:g} and the gradient's norm {norm:g}; stopped before the "
            f"weights took harm. The step's faces are in {path}. Try a smaller rate (--set {self.stage.name}.lr=...), "
            f"clipping (--set {self.stage.name}.clip=1.0), or precision float32"
        )


class _Rate:
    """Seconds a step takes, measured since the last question; validations do not count."""

    def __init__(self, step: int) -> None:
        self._step, self._since = step, time.monotonic()

    def pause(self, seconds: float) -> None:
        self._since += seconds

    def seconds_per_step(self, step: int) -> float:
        now = time.monotonic()
        spent = (now - self._since) / max(1, step - self._step)
        self._step, self._since = step, now
        return max(spent, 1e-9)
