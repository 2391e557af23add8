"""How a network is run once it is trained: folded, in a memory format, in a precision, some images at a time."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from fishfsr.errors import ConfigurationError, DeviceError
from fishfsr.models.folding import fold

InferencePrecision = Literal["float32", "bfloat16", "float16"]
Compiler = Literal["none", "inductor", "cudagraphs", "inductor+cudagraphs"]

DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

CPU_PIXELS = 2 * 128 * 128
"""Output pixels computed at a time on a CPU.

Beyond two faces the features fall out of the cache (docs/networks.md).
"""


@dataclass(frozen=True)
class InferenceOptions:
    """How to run a network; by default within 1e-5 of the plain network, in float32.

    `fold`: multiply out what has no non-linearity between it, see `fishfsr.models.folding`.
    `precision`: of weights and activations. "bfloat16" is faster on GPUs and on some CPUs (`fishfsr doctor` says how much),
    "float16" on GPUs only; their outputs differ from float32 by about 1e-2 at most.
    `channels_last`: the memory format; faster on CPUs, and on GPUs in half precision.
    `images`: computed at a time; None leaves it to the device (CPU: what fits its cache; CUDA: the whole
    batch).
    `mirrored`: the mean with what the mirrored face gives, at twice the time. `consistent`: made to shrink to exactly the LR face;
    for sharp LR faces of the recipe, not for noisy or compressed ones (`fishfsr.inference.consistency`).
    `compiler`: "inductor" is torch.compile; "cudagraphs" replays recorded kernels, for batches of unchanging
    size on CUDA.
    """

    fold: bool = True
    precision: InferencePrecision = "float32"
    channels_last: bool = True
    images: int | None = None
    mirrored: bool = False
    consistent: bool = False
    compiler: Compiler = "none"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("precision", self.precision, get_args(InferencePrecision)),
            ("compiler", self.compiler, get_args(Compiler)),
        ):
            if value not in known:
                raise ConfigurationError(f"{name} = {value!r}: must be one of {', '.join(known)}")
        if self.images is not None and self.images < 1:
            raise ConfigurationError(f"images = {self.images}: at least one image is computed at a time")

    def check(self, device: torch.device) -> None:
        """Raise DeviceError where `device` cannot do what the options ask; nothing falls back silently."""
        if device.type == "cuda":
            return
        if self.precision == "float16":
            raise DeviceError(f"float16 needs a CUDA device, not {device}: use bfloat16 or float32")
        if "cudagraphs" in self.compiler:
            raise DeviceError(f"compiler {self.compiler!r} needs a CUDA device, not {device}")

    def __str__(self) -> str:
        parts = [self.precision, "channels_last" if self.channels_last else "contiguous"]
        parts.append("folded" if self.fold else "not folded")
        if self.images is not None:
            parts.append(f"{self.images} at a time")
        if self.mirrored:
            parts.append("mean with the mirrored face")
        if self.consistent:
            parts.append("consistent with the LR face")
        if self.compiler != "none":
            parts.append(self.compiler)
        return ", ".join(parts)


class Runner:
    """A copy of a network, prepared once; float tensors in, float32 tensors out.

    Later changes of the original's weights do not reach it. Gradients go through to inputs that require them, not to the weights.
    """

    def __init__(self, network: nn.Module, device: torch.device, options: InferenceOptions) -> None:
        options.check(device)
        self.device, self.options = device, options
        self.dtype = DTYPES[options.precision]
        prepared = fold(network) if options.fold else _frozen_copy(network)
        self.memory_format = torch.channels_last if options.channels_last else torch.contiguous_format
        prepared.to(device=device, dtype=self.dtype, memory_format=self.memory_format)  # type: ignore[call-overload]
        self.network = _compiled(prepared, options.compiler)

    def __call__(self, *images: Tensor, enlargement: int = 1) -> Tensor:
        """Run on tensors (N, c, h, w).

        `enlargement` is output over input size, for how many images fit the cache.
        """
        wanted = torch.is_grad_enabled() and any(image.requires_grad for image in images)
        # Not inference_mode: what it gives cannot take part in a caller's own differentiation.
        with torch.set_grad_enabled(wanted):
            count = self.options.images or self._images_at_a_time(images[0], enlargement)
            chunks = zip(*(self._moved(image).split(count) for image in images), strict=True)
            outputs = [self._run(chunk) for chunk in chunks]
            return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def _run(self, chunk: tuple[Tensor, ...]) -> Tensor:
        output = self.network(*chunk).to(torch.float32)
        # CUDA graphs write every result to the same memory.
        return output.clone() if "cudagraphs" in self.options.compiler else output

    def _moved(self, image: Tensor) -> Tensor:
        return image.to(self.device, self.dtype).contiguous(memory_format=self.memory_format)

    def _images_at_a_time(self, image: Tensor, enlargement: int) -> int:
        if self.device.type != "cpu":
            return image.shape[0]
        return max(1, CPU_PIXELS // (image.shape[-2] * image.shape[-1] * enlargement**2))


def _frozen_copy(network: nn.Module) -> nn.Module:
    return copy.deepcopy(network).eval().requires_grad_(False)


def _compiled(network: nn.Module, compiler: Compiler) -> Callable[..., Any]:
    if compiler == "inductor":
        return torch.compile(network)
    if compiler == "cudagraphs":
        return torch.compile(network, backend="cudagraphs")
    if compiler == "inductor+cudagraphs":
        return torch.compile(network, mode="reduce-overhead")
    return network
