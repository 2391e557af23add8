"""A training in sittings, each of one process or of several, some of which are killed."""

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import training
from warm import warm

from fishfsr.training import loop
from fishfsr.training.journal import Trained, TrainingNews, Validated
from fishfsr.training.loop import StageLoop
from fishfsr.training.ranks import process_group
from fishfsr.training.request import TrainingRequest
from fishfsr.training.run import run_training


@dataclass(frozen=True)
class Sitting:
    """processes: how many. victim: which of them is killed (None: none is), once so many things have happened in it."""

    processes: int
    victim: int | None = None
    after: int = 0


def sit(request: TrainingRequest, sitting: Sitting) -> list[int]:
    """Train until all have ended; the exit codes."""
    return grouped(_member, sitting.processes, request, sitting)


def grouped(work: Callable[..., None], processes: int, *given: object) -> list[int]:
    """Run `work(rank, *given)` in several processes with what torchrun tells a group of them, but without the seconds that it takes to load
    everything in each; the exit codes. Where one was killed the others are ended, as torchrun does it."""
    context = warm()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        told = {"WORLD_SIZE": f"{processes}", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": f"{free.getsockname()[1]}"}
    members = [context.Process(target=_told, args=(rank, told, work, *given)) for rank in range(processes)]
    for member in members:
        member.start()
    while any(member.is_alive() for member in members):
        time.sleep(0.02)
        if any(member.exitcode not in (None, 0) for member in members):
            time.sleep(0.5)
            for member in members:
                member.kill()
    for member in members:
        member.join()
    return [member.exitcode or 0 for member in members]


def _told(rank: int, told: dict[str, str], work: Callable[..., None], *given: object) -> None:
    torch.set_num_threads(1)
    loop.draw_curves = training.curves_in_words
    if told["WORLD_SIZE"] != "1":
        os.environ |= {**told, "RANK": f"{rank}", "LOCAL_RANK": f"{rank}", "TORCHELASTIC_RUN_ID": "sittings"}
    work(rank, *given)


def _member(rank: int, request: TrainingRequest, sitting: Sitting) -> None:
    left = sitting.after if rank == sitting.victim else 10**9

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def listen(news: TrainingNews) -> None:  # of the first process alone
        if isinstance(news, Trained | Validated):
            count()

    if rank:
        gradients = StageLoop._gradients

        def counted(*arguments: object) -> object:
            count()
            return gradients(*arguments)  # type: ignore[arg-type]

        StageLoop._gradients = counted  # type: ignore[method-assign,assignment]
    run_training(request, listen)


def left_behind(rank: int, folder: Path) -> None:
    """Form a group, let it work and end; what lives on is written down."""
    with process_group("cpu") as ranks:
        weights = torch.nn.Parameter(torch.ones(3))
        torch.optim.Adam([weights])  # which brings more of PyTorch along
        ranks.average([weights.data])
    threads = ((each / "comm").read_text() for each in Path("/proc/self/task").iterdir())
    (folder / f"{rank}").write_text(repr([name for name in threads if "gloo" in name]))
