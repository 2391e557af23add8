"""One stage, step by step: forward, backward, validation, checkpoints; nothing here knows which network it is."""

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from fishfsr.checkpoint import Checkpoint, Details, load_checkpoint, save_checkpoint
from fishfsr.data import Share, Stream, to_faces
from fishfsr.data.stream import Read
from fishfsr.errors import CheckpointError, NotFiniteError
from fishfsr.training.curves import draw_curves
from fishfsr.training.journal import Note, Trained, Validated
from fishfsr.training.optimiser import Average, adam, rate
from fishfsr.training.pace import Pace
from fishfsr.training.stages import TrainingStage
from fishfsr.training.state import Position, TrainingState, put_back, state_tensors
from fishfsr.training.statistics import FACES, TOGETHER, is_normalised, last_faces, measure_statistics
from fishfsr.training.surroundings import Surroundings
from fishfsr.training.validation import MeanFigures
from fishprep.common.stop import REASONS, Reason
from fishprep.common.tensors import save_tensors

PROTOCOL = "reference"


class StageLoop:
    """Trains `stage` from `state` (None: from the start) to its last step, or until it is asked to stop.

    Every process of a group runs the same loop on its share of each step; the first writes and speaks.
    """

    def __init__(self, stage: TrainingStage, around: Surroundings, state: TrainingState | None = None) -> None:
        self.stage, self.around, self.section = stage, around, stage.section
        memory = torch.channels_last if around.config.channels_last else torch.contiguous_format
        self.network: nn.Module = stage.network.to(device=around.amp.device, memory_format=memory)  # type: ignore[call-overload]
        self.average = Average(self.network, self.section.ema) if self.section.ema else None
        self.optimizer = adam(self.network, self.section)
        self.scaler = around.amp.scaler()
        self.position = Position(stage.name)
        if state is not None:
            self.position = state.position
            put_back(state.tensors, self.network, self.optimizer, self.average)
            self.scaler.load_state_dict(dict(state.scaler))
        self.forward = torch.compile(self.network) if around.config.compile else self.network
        share = Share(self.section.batch_size, self.section.accumulate, around.ranks.rank, around.ranks.world)
        seed, config = around.config.seed, around.config
        self.stream = Stream(around.train, share, seed, config.flip, config.degradation, config.window)
        self._settled: int | None = None  # the step whose kept weights have their statistics

    def run(self) -> Reason | None:
        """Train; the reason for an early end, None at the regular one. A state and the newest weights are saved either way.

        Raises NotFiniteError where a loss or gradient is not finite (the step's batch lies in the run's folder then, and
        the last saved state stands), ShardError where a shard is damaged (a state is saved), PeerError where another
        process fails (a state is saved too).
        """
        ranks, began = self.around.ranks, self.position
        ranks.share(self.network.state_dict().values())
        if self.average is not None:
            ranks.share(self.average.network.state_dict().values())
        reads = self.stream.parts(self.position.step, pinned=self.around.amp.device.type == "cuda")
        self._pace = Pace(self.position.step)
        try:
            with contextlib.closing(reads):  # type: ignore[type-var]
                self._measure_best_anew()
                reason = self._steps(reads)
        except (NotFiniteError, OSError):  # a state of now would count on the line of the log that was refused
            raise
        except Exception:
            self._save(settled=False)  # the step that failed has not touched the weights; reading may be what fails
            raise
        if self.position != began:
            ranks.together(self._end)
        return reason

    def _steps(self, reads: Iterator[Read]) -> Reason | None:
        config, ranks = self.around.config, self.around.ranks
        self._validate_where_due()  # an earlier sitting may have failed before it came to that
        while self.position.step < self.section.steps:
            started = time.monotonic()
            loss, norm, reason = self._step(reads)
            step = self.position.step + 1
            seconds = self.position.seconds + time.monotonic() - started
            self.position = replace(self.position, step=step, losses=(*self.position.losses, loss), seconds=seconds)
            if step % config.log_every == 0 or step == self.section.steps:
                ranks.together(lambda norm=norm: self._log(norm))  # type: ignore[misc]
            self._validate_where_due()
            if step % config.save_every == 0 and step < self.section.steps:
                ranks.together(self._save)
            if reason is not None and step < self.section.steps:
                if reason == "time":  # a signal leaves no time for it
                    self._validate()
                return reason
            if step == self.section.steps:
                ranks.together(self._settle)
        return None

    def _step(self, reads: Iterator[Read]) -> tuple[float, float, Reason | None]:
        """Mean loss over all processes, norm of the gradient, and whether any process was asked to stop."""
        step, ranks = self.position.step, self.around.ranks
        read, total = ranks.together(lambda: self._gradients(reads))
        mean, reason = self._agreed(total)
        # Not by DistributedDataParallel, whose messages are sent within the backward pass: a process that fails there
        # would leave the others waiting.
        ranks.average(parameter.grad for parameter in self.network.parameters() if parameter.grad is not None)
        self.scaler.unscale_(self.optimizer)
        norm = self._clipped_norm()
        # In float16 a gradient overflows now and then: the scaler leaves such a step out.
        if not math.isfinite(mean) or not (math.isfinite(norm) or self.scaler.is_enabled()):
            self._raise_not_finite(read, mean, norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.section, step)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        if self.average is not None:
            self.average.update(self.network, step)
        return mean, norm, reason

    def _gradients(self, reads: Iterator[Read]) -> tuple[list[Read], float]:
        """What this process reads of a step, and its loss; the gradients of it lie in the network then."""
        read, total = [], 0.0
        for _ in range(self.section.accumulate):
            read.append(next(reads))
            faces = to_faces(read[-1].batch, self.around.amp.device, read[-1].flip)
            with self.around.amp.autocast():
                loss = self.stage.loss(self.forward, faces, self.position.step) / self.section.accumulate
            self.scaler.scale(loss).backward()
            total += loss.item()
        return read, total

    def _clipped_norm(self) -> float:
        limit = self.section.clip or math.inf
        return nn.utils.clip_grad_norm_(self.network.parameters(), limit).item()

    def _agreed(self, loss: float) -> tuple[float, Reason | None]:
        ranks, asked = self.around.ranks, self.around.stop.reason
        total, *votes = ranks.sums([loss, *(float(asked == reason) for reason in REASONS)])
        reasons = [reason for reason, vote in zip(REASONS, votes, strict=True) if vote]
        return total / ranks.world, reasons[-1] if reasons else None

    def _log(self, norm: float) -> None:
        position, section = self.position, self.section
        loss = math.fsum(position.losses) / len(position.losses)
        self.position = replace(position, losses=())
        if not self.around.ranks.first:
            return
        per_step = self._pace.seconds_per_step(position.step)
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

    def _validate_where_due(self) -> None:
        step, every = self.position.step, self.around.config.validation.every
        if every and step and (step % every == 0 or step == self.section.steps):
            self._validate()

    def _validate(self) -> None:
        """Measure the weights that are kept, unless they have been."""
        validator, step = self.around.validator, self.position.step
        if validator is None or self.position.validated == step:
            return
        started = time.monotonic()
        self.around.ranks.together(self._settle)
        self.around.ranks.share(self._kept().buffers())
        figures = validator.measure(self.stage, self._kept())
        value, before = figures.means.get(self.stage.figure), self.position.best
        best = value is not None and (before is None or value > before)
        if best:
            self.around.ranks.together(
                lambda: self._save_weights(self.around.folder.best(self.stage.name), figures.means)
            )
            self.position = replace(self.position, best=value, best_step=step, best_on=validator.identity)
        spent = time.monotonic() - started
        self.position = replace(self.position, validated=step, seconds=self.position.seconds + spent)
        self._pace.pause(spent)
        self.around.ranks.together(lambda: self._tell(figures, best))

    def _tell(self, figures: MeanFigures, best: bool) -> None:
        if not self.around.ranks.first:
            return
        step, left_out = self.position.step, figures.left_out
        values: dict[str, float] = figures.means | ({"left_out": left_out} if left_out else {})
        self.around.journal.write(self.stage.name, step, values)
        self.around.listen(Validated(self.stage.name, step, figures.means, best, left_out))

    def _measure_best_anew(self) -> None:
        """Where an earlier sitting validated on other faces, its figure says nothing beside those that come."""
        validator, position, ranks = self.around.validator, self.position, self.around.ranks
        if validator is None or position.best is None or position.best_on == validator.identity:
            return
        path = self.around.folder.best(self.stage.name)
        checkpoint = ranks.together(lambda: load_checkpoint(path))
        network = self.stage.kept(checkpoint)
        if network is None:
            raise CheckpointError(f"{path}: does not hold the network of the stage {self.stage.name}")
        figures = validator.measure(self.stage, network.to(self.around.amp.device))
        value = figures.means.get(self.stage.figure)
        self.position = replace(position, best=value, best_on=validator.identity)
        details = replace(checkpoint.details, results=figures.means)
        ranks.together(lambda: self._keep_measured(path, replace(checkpoint, details=details)))

    def _keep_measured(self, path: Path, checkpoint: Checkpoint) -> None:
        if not self.around.ranks.first:
            return
        save_checkpoint(path, checkpoint)
        named = ", ".join(f"{name} {value:.4f}" for name, value in checkpoint.details.results.items())
        best = f"the best of {self.stage.name} so far, after step {self.position.best_step:,}"
        text = f"{best}, measured on the faces that validate now: {named or 'no finite figures'}"
        self.around.listen(Note(text))

    def _kept(self) -> nn.Module:
        return self.network if self.average is None else self.average.network

    def _settle(self) -> None:
        """Statistics of batch normalisation for the weights that are kept, measured by the first process for all."""
        kept, step = self._kept(), self.position.step
        if self._settled == step or not self.around.ranks.first or not is_normalised(kept):
            return
        faces = last_faces(self.stream, step * self.section.batch_size, self.around.amp.device)
        measure_statistics(kept, lambda each: self.stage.output(kept, each), faces)
        self._settled = step

    def _end(self) -> None:
        if self.position.step < self.section.steps:
            self._save(settled=False)  # a signal leaves little time: first of all the state stands
        if self.position.step == self.section.steps and self.position.best is None:
            self._save_weights(self.around.folder.best(self.stage.name), {})
        self._save()
        if self.around.ranks.first:
            draw_curves(self.around.folder.metrics, self.around.folder.curves)

    def _save(self, settled: bool = True) -> None:
        if not self.around.ranks.first:
            return
        if settled:
            self._settle()
        around = self.around
        tensors = state_tensors(self.network, self.optimizer, self.average)
        configuration = around.config.model_dump(mode="json")
        scaler = self.scaler.state_dict()
        self._save_weights(around.folder.last(self.stage.name), {})
        around.journal.keep()
        state = TrainingState(self.position, configuration, around.identity, around.amp.name, scaler, tensors)
        state.save(around.folder.state)

    def _save_weights(self, path: Path, figures: dict[str, float]) -> None:
        if not self.around.ranks.first:
            return
        config = self.around.config
        training = {
            "configuration": config.model_dump(mode="json"),
            "stage": self.stage.name,
            "step": self.position.step,
            "shards": self.around.train.made_by,
        }
        if "FAN" in self.around.identity:
            training["FAN"] = {"sha256": self.around.identity["FAN"]}
        if self._settled == self.position.step:
            training["statistics"] = {"faces": FACES, "together": TOGETHER}
        details = Details(
            scale=config.scale,
            recipe=self.around.train.recipe,
            protocol=PROTOCOL if figures else None,
            results=figures,
            training=training | {"precision": self.around.amp.name, "faces": len(self.around.train)},
        )
        save_checkpoint(path, self.stage.checkpoint(self._kept(), details))

    def _raise_not_finite(self, read: list[Read], loss: float, norm: float) -> None:
        step = self.position.step + 1
        path = self.around.folder.not_finite(self.stage.name, step, self.around.ranks.rank)
        tensors: dict[str, Tensor] = {}
        for name in ("hr", "lr", "skin", "indices"):
            tensors[name] = torch.cat([getattr(part.batch, name) for part in read])
        ids = self.around.train.ids(tensors["indices"].tolist())
        save_tensors(path, tensors, {"ids": "\n".join(ids), "loss": repr(loss), "gradient_norm": repr(norm)})
        raise NotFiniteError(
            f"{self.stage.name}, step {step}: the loss is {loss:g} and the gradient's norm {norm:g}; stopped before the "
            f"weights took harm. The step's faces are in {path}. Try a smaller rate (--set {self.stage.name}.lr=...), "
            f"clipping (--set {self.stage.name}.clip=1.0), or precision float32"
        )
