"""How fast the networks are, beside the fastest convolution and matrix product that this machine shows in the same run.

    python benchmarks/models.py [--quick] [--scales 4 8] [--threads 1 2] [--json FILE]

Rows: the authors' network as their code runs it, ours plain, ours as `fishfsr.load` runs it, in bfloat16, and by
onnxruntime; then training steps. "Of peak" is the arithmetic that a row executes per second over the peak, the better
of GEMM and convolution in the row's precision. Every row runs in a process of its own, so that its peak memory, which
holds PyTorch itself, is its own.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn

from fishfsr.checkpoint import Checkpoint
from fishfsr.export import export_onnx
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.inference.runner import DTYPES, InferenceOptions, Runner
from fishfsr.models.authors import AuthorsFishFSRNet, AuthorsFishFSRNetConfig
from fishfsr.models.count import count_macs
from fishfsr.models.folding import fold
from fishfsr.registry import create_model
from fishprep.shards.schema import HR_SIZE

AUTHORS_SCALES = (4, 8)
LR_OF_TRAINING = 1e-4
PATIENCE = 20
"""Seconds after which a row is not repeated any more."""


@dataclass(frozen=True)
class Setting:
    """One row: `way` is a key of WAYS, `graph` the ONNX file of the row that reads one."""

    way: str
    scale: int
    batch: int
    threads: int
    width: int
    device: str = "cpu"
    precision: str = "float32"
    compiler: str = "none"
    repeats: int = 5
    graph: str = ""


@dataclass(frozen=True)
class Result:
    """`seconds` per face (the best run), `macs` executed per face, `peak` multiply-accumulates per second, `memory` in MB."""

    setting: Setting
    seconds: float
    macs: float
    peak: float
    memory: float

    @property
    def share(self) -> float:
        return self.macs / self.seconds / self.peak


def best_time(run: Callable[[], Any], repeats: int, device: str) -> float:
    """Seconds of the fastest of `repeats` runs, after one to warm up."""
    times: list[float] = []
    while len(times) < 2 or (len(times) <= repeats and sum(times) < PATIENCE):
        start = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def peak_rate(device: str, precision: str, repeats: int) -> float:
    """Multiply-accumulates per second of the better of a square GEMM and the networks' commonest convolution."""
    dtype, size = DTYPES[precision], 1024 if device == "cpu" else 8192
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    rates = [size**3 / best_time(lambda: a @ b, 4 * repeats, device)]
    side, channels, images = 64, 64, 1 if device == "cpu" else 64
    weight = torch.randn(channels, channels, 3, 3, device=device, dtype=dtype)
    image = torch.randn(images, channels, side, side, device=device, dtype=dtype)
    for layout in (torch.contiguous_format, torch.channels_last):
        x, w = image.contiguous(memory_format=layout), weight.contiguous(memory_format=layout)
        seconds = best_time(lambda x=x, w=w: torch.conv2d(x, w, padding=1), 4 * repeats, device)
        rates.append(images * side**2 * weight.numel() / seconds)
    return max(rates)


def inputs(setting: Setting, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    side = HR_SIZE // setting.scale
    shape = (setting.batch, 3, side, side)
    return torch.rand(shape, device=setting.device), torch.rand(
        (setting.batch, channels, side, side), device=setting.device
    )


def authors_network(setting: Setting) -> nn.Module:
    return AuthorsFishFSRNet(AuthorsFishFSRNetConfig(width=setting.width, scale=setting.scale))


def our_network(setting: Setting) -> nn.Module:
    return create_model(f"fishfsrnet_x{setting.scale}", width=setting.width)


def plain(setting: Setting, network: nn.Module) -> tuple[Callable[[], Any], nn.Module]:
    network = network.to(setting.device).eval()
    lr, parsing = inputs(setting, network.config.map_channels)

    @torch.inference_mode()
    def run() -> None:
        network(lr, parsing)

    return run, network


def authors_forward(setting: Setting) -> tuple[Callable[[], Any], nn.Module]:
    return plain(setting, authors_network(setting))


def our_forward(setting: Setting) -> tuple[Callable[[], Any], nn.Module]:
    return plain(setting, our_network(setting))


def prepared_forward(setting: Setting) -> tuple[Callable[[], Any], nn.Module]:
    network = our_network(setting)
    options = InferenceOptions(precision=setting.precision, compiler=setting.compiler)
    runner = Runner(network, torch.device(setting.device), options)
    lr, parsing = inputs(setting, 1)
    return lambda: runner(lr, parsing, enlargement=setting.scale), fold(network)


def onnx_forward(setting: Setting) -> tuple[Callable[[], Any], nn.Module]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = setting.threads
    session = onnxruntime.InferenceSession(setting.graph, options, providers=["CPUExecutionProvider"])
    lr = inputs(setting, 1)[0].numpy()
    return lambda: session.run(None, {"lr": lr}), fold(our_network(setting))


def write_graph(path: Path, scale: int, width: int) -> None:
    """The ONNX graph of our network, behind the smallest ParsingNet so that the row compares with the others."""
    parsing_net = create_model(f"parsingnet_x{scale}", width=4, blocks=1)
    network = create_model(f"fishfsrnet_x{scale}", width=width)
    export_onnx(FaceSuperResolver(Checkpoint(parsing_net, network)), path)


def training_step(setting: Setting, network: nn.Module) -> tuple[Callable[[], Any], nn.Module]:
    network = network.to(setting.device).train()
    lr, parsing = inputs(setting, network.config.map_channels)
    hr = torch.rand(setting.batch, 3, HR_SIZE, HR_SIZE, device=setting.device)
    optimizer = torch.optim.Adam(network.parameters(), LR_OF_TRAINING, betas=(0.9, 0.99))
    dtype = DTYPES[setting.precision]

    def run() -> None:
        optimizer.zero_grad()
        with torch.autocast(setting.device, dtype, enabled=dtype != torch.float32):
            loss = (network(lr, parsing) - hr).abs().mean()
        loss.backward()
        optimizer.step()

    return run, network


def authors_step(setting: Setting) -> tuple[Callable[[], Any], nn.Module]:
    return training_step(setting, authors_network(setting))


def our_step(setting: Setting) -> tuple[Callable[[], Any], nn.Module]:
    return training_step(setting, our_network(setting))


WAYS: dict[str, Callable[[Setting], tuple[Callable[[], Any], nn.Module]]] = {
    "authors": authors_forward,
    "ours, plain": our_forward,
    "ours, prepared": prepared_forward,
    "ours, onnxruntime": onnx_forward,
    "authors, step": authors_step,
    "ours, step": our_step,
}
STEPS = ("authors, step", "ours, step")
BACKWARD_COST = 3
"""A training step's arithmetic over that of the forward pass: gradients by inputs and by weights cost one pass each."""


def measure(setting: Setting) -> Result:
    """Run one setting in this process."""
    torch.set_num_threads(setting.threads)
    torch.manual_seed(0)
    run, executed = WAYS[setting.way](setting)
    seconds = best_time(run, setting.repeats, setting.device) / setting.batch
    side = HR_SIZE // setting.scale
    channels = 3 if setting.way.startswith("authors") else 1
    macs = count_macs(executed, (1, 3, side, side), (1, channels, side, side))
    # The peak is measured last, so that its memory does not count.
    memory = peak_memory(setting.device)
    peak = peak_rate(setting.device, setting.precision, setting.repeats)
    return Result(setting, seconds, macs * (BACKWARD_COST if setting.way in STEPS else 1), peak, memory)


def peak_memory(device: str) -> float:
    """MB: of the process on a CPU (Linux counts in KB), of the allocator on CUDA."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def settings(arguments: argparse.Namespace) -> list[Setting]:
    """The rows to run, on the CPU and, where there is one, on the first CUDA device."""
    rows = []
    for scale in arguments.scales:
        ways = [way for way in WAYS if not way.startswith("authors") or scale in AUTHORS_SCALES]
        for threads, batch, way in product(arguments.threads, arguments.batches, ways):
            row = Setting(way, scale, batch, threads, arguments.width, repeats=arguments.repeats)
            rows.append(row)
            if way == "ours, prepared":
                rows.append(replace(row, precision="bfloat16"))
        if torch.cuda.is_available():
            for batch, way in product((1, 8, 64), ways):
                row = Setting(way, scale, batch, 1, arguments.width, "cuda", repeats=arguments.repeats)
                rows += cuda_variants(row)
    return rows


def cuda_variants(row: Setting) -> list[Setting]:
    if row.way == "ours, onnxruntime":
        return []
    if row.way in ("authors", "ours, plain"):
        return [row]
    compilers = ("none", "inductor", "cudagraphs", "inductor+cudagraphs") if row.way == "ours, prepared" else ("none",)
    return [replace(row, precision=p, compiler=c) for p, c in product(("float32", "bfloat16"), compilers)]


def line(result: Result) -> str:
    s = result.setting
    how = s.precision if s.compiler == "none" else f"{s.precision}, {s.compiler}"
    return (
        f"| {s.way} | {how} | {s.device} | x{s.scale} | {s.batch} | {s.threads} | {1000 * result.seconds:.1f} "
        f"| {1 / result.seconds:.2f} | {result.macs / 1e9:.2f} | {100 * result.share:.0f} % | {result.memory:.0f} |"
    )


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function` in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="narrow networks at x4, few runs: does it work")
    parser.add_argument("--scales", type=int, nargs="+", default=[2, 4, 8, 16])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the results here too")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.scales, arguments.threads, arguments.width, arguments.repeats = [4], [1], 8, 1
    print(f"torch {torch.__version__}, numpy {np.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    print("| network | precision | on | scale | batch | threads | ms/face | faces/s | GMAC/face | of peak | MB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        graphs = {scale: Path(folder) / f"x{scale}.onnx" for scale in arguments.scales}
        for scale, path in graphs.items():
            alone(write_graph, path, scale, arguments.width)
        results = []
        for setting in settings(arguments):
            results.append(alone(measure, replace(setting, graph=str(graphs[setting.scale]))))
            print(line(results[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([{**asdict(r), "share": r.share} for r in results], indent=2))


if __name__ == "__main__":
    main()
