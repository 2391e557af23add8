"""Trainings in a group of processes, of which one fails at one place."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
import training

from fishfsr.data import Stream
from fishfsr.training.journal import Trained, TrainingNews
from fishfsr.training.run import run_training
from fishfsr.training.stages import ParsingStage
from fishfsr.training.surroundings import ShardDataset
from fishprep.common.errors import ShardError

STEP = 3
SETTINGS = ("parsing.steps=6", "save_every=1000", "validation.every=4")


def _rank() -> int:
    return int(os.environ["RANK"])


def fail(*_: object) -> Any:
    raise ShardError("broken on purpose")


def opening(*given: Any) -> ShardDataset:
    return fail() if _rank() == 1 else ShardDataset(*given)


def reading(stream: Stream, step: int, part: int = 0) -> Any:
    return fail() if _rank() == 1 and step == STEP else read(stream, step, part)


def backward(stage: ParsingStage, forward: Any, faces: Any, step: int) -> torch.Tensor:
    found = loss(stage, forward, faces, step)
    if _rank() == 1 and step == STEP:
        found.register_hook(fail)
    return found


def validating(stage: ParsingStage, network: Any, faces: Any) -> Any:
    return fail() if _rank() == 1 else figures(stage, network, faces)


def speaking(news: TrainingNews) -> None:
    if isinstance(news, Trained) and news.step == STEP:
        fail()


read, loss, figures = Stream.read, ParsingStage.loss, ParsingStage.figures
PATCHES = {
    "opening": ("fishfsr.training.surroundings.ShardDataset", opening),
    "reading": ("fishfsr.data.stream.Stream.read", reading),
    "backward": ("fishfsr.training.stages.ParsingStage.loss", backward),
    "validating": ("fishfsr.training.stages.ParsingStage.figures", validating),
    "saving": ("fishfsr.training.state.TrainingState.save", fail),
    "speaking": None,
}


KEPT = {name: lambda *_: None for name in ("init_process_group", "destroy_process_group")}


def fail_at(rank: int, shards: Path, runs: Path, places: Sequence[str]) -> None:
    """For `sittings.grouped`: leaves in `runs` what each training ended with, by its place and this process."""
    # One group for all trainings: PyTorch's second group of a process would read the addresses of the first.
    dist.init_process_group("gloo")
    for place in places:
        patch = PATCHES[place]
        asked = training.request(shards, runs / place, *SETTINGS, stage="parsing")
        with mock.patch.multiple(dist, **KEPT), mock.patch(*patch) if patch else contextlib.nullcontext():
            try:
                run_training(asked, speaking if place == "speaking" else lambda news: None)
                ended = "nothing"
            except Exception as error:
                ended = type(error).__name__
        (runs / f"{place} {rank}").write_text(ended)
