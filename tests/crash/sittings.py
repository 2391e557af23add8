"""A training in sittings, each of one process or of several, some of which are killed."""

import multiprocessing
import os
import signal
import socket
import time
from dataclasses import dataclass

import torch
import training

from fishfsr.training.journal import Trained, TrainingNews, Validated
from fishfsr.training.loop import StageLoop
from fishfsr.training.request import TrainingRequest
from fishfsr.training.run import run_training


@dataclass(frozen=True)
class Sitting:
    """processes: how many. victim: which of them is killed (None: none is), once so many things have happened in it."""

    processes: int
    victim: int | None = None
    after: int = 0


def sit(request: TrainingRequest, sitting: Sitting) -> list[int]:
    """Train until all have ended; the exit codes. Where one was killed the others are ended, as torchrun does it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([training.__name__, __name__])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    members = [
        context.Process(target=_member, args=(request, sitting, rank, port)) for rank in range(sitting.processes)
    ]
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


def _member(request: TrainingRequest, sitting: Sitting, rank: int, port: int) -> None:
    torch.set_num_threads(1)
    if sitting.processes > 1:
        os.environ |= {"RANK": f"{rank}", "LOCAL_RANK": f"{rank}", "WORLD_SIZE": f"{sitting.processes}"}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": f"{port}", "TORCHELASTIC_RUN_ID": "sittings"}
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
