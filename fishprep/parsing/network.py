"""BiSeNet as facexlib defines it, loaded without importing facexlib, and reduced to what inference needs."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fishprep.common.errors import WeightsError
from fishprep.common.tensors import load_state_dict
from fishprep.parsing.classes import FaceClass

STRIDE = 8  # input pixels per pixel of the logits, along each axis
MEAN = (0.485, 0.456, 0.406)  # ImageNet's, RGB in 0-1: the network's input is normalised with them
STD = (0.229, 0.224, 0.225)

_PACKAGE = "_fishprep_facexlib_parsing"
_CONV_BN = (("conv", "bn"), ("conv1", "bn1"), ("conv2", "bn2"), ("conv_atten", "bn_atten"), ("0", "1"))


class MainHead(nn.Module):
    """The path of facexlib's BiSeNet to its main logits.

    Its two auxiliary heads, which only training needs, and its upsampling to the size of the input are left out.
    """

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.context = net.cp
        self.fusion = net.ffm
        self.head = net.conv_out

    def forward(self, images: Tensor) -> Tensor:
        """images (N, 3, S, S), normalised, S a multiple of 32 → logits (N, 19, S/8, S/8).

        The centres of the logits' corner pixels lie on the centres of the input's corner pixels (`align_corners=True`).
        """
        detail, context, _ = self.context(images)
        logits, _ = self.head(self.fusion(detail, context))
        return cast(Tensor, logits)


class AllHeads(nn.Module):
    """facexlib's BiSeNet as training needs it: the main head and the two auxiliary ones, none of them upsampled."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """images (N, 3, S, S), normalised, S a multiple of 32 → logits (N, 19, s, s): main S/8, auxiliary S/8 and S/16."""
        detail, context8, context16 = self.net.cp(images)
        main, _ = self.net.conv_out(self.net.ffm(detail, context8))
        finer, _ = self.net.conv_out16(context8)
        coarser, _ = self.net.conv_out32(context16)
        return main, finer, coarser


def new_network() -> nn.Module:
    """facexlib's `BiSeNet(19)` with first weights of its own drawing, from torch's generator."""
    return cast(nn.Module, _definition().BiSeNet(len(FaceClass)))


def empty_network() -> nn.Module:
    """facexlib's `BiSeNet(19)` on the meta device: keys and shapes without storage, and no random number drawn."""
    with torch.device("meta"):
        return cast(nn.Module, _definition().BiSeNet(len(FaceClass)))


def load_network(path: Path) -> MainHead:
    """BiSeNet with the weights of a file (safetensors or pth, any floating dtype), ready for inference in float32.

    WeightsError: the file is refused, holds other keys or shapes than BiSeNet, or numbers that are not finite.
    """
    net = whole_network(path)
    net.eval().requires_grad_(False)
    fold_batch_norms(net)
    return MainHead(net)


def whole_network(path: Path) -> nn.Module:
    """All of BiSeNet with the weights of a file, in float32, to be trained on. Raises as `load_network`."""
    net = empty_network()
    tensors = load_state_dict(path)
    _check_fit(net.state_dict(), tensors, path)
    values = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    damaged = next((name for name, value in values.items() if not torch.isfinite(value).all()), None)
    if damaged is not None:
        raise WeightsError(f"weights {path}: {damaged} holds numbers that are not finite")
    net.load_state_dict(values, assign=True)
    return net


def fold_batch_norms(net: nn.Module) -> None:
    """Fold every batch normalisation of an `eval` BiSeNet into the convolution before it, in place."""
    for module in list(net.modules()):
        for conv_name, norm_name in _CONV_BN:
            conv, norm = getattr(module, conv_name, None), getattr(module, norm_name, None)
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(module, norm_name, nn.Identity())


def _definition() -> Any:
    """facexlib/parsing/bisenet.py under a private name.

    `import facexlib` imports torchvision, which fails beside a torch built for the CPU; its parsing files need torch alone.
    """
    spec = importlib.util.find_spec("facexlib")  # finds the package without running it
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError("the parser needs facexlib's definition of BiSeNet: pip install facexlib")
    if _PACKAGE not in sys.modules:
        package = ModuleType(_PACKAGE)
        package.__path__ = [str(Path(spec.submodule_search_locations[0]) / "parsing")]
        sys.modules[_PACKAGE] = package
    return importlib.import_module(f"{_PACKAGE}.bisenet")


def _check_fit(expected: dict[str, Tensor], found: dict[str, Tensor], path: Path) -> None:
    problems = [
        _listed("missing", sorted(expected.keys() - found.keys())),
        _listed("unknown", sorted(found.keys() - expected.keys())),
        _listed(
            "of another shape",
            [
                f"{name} {tuple(found[name].shape)} instead of {tuple(value.shape)}"
                for name, value in expected.items()
                if name in found and found[name].shape != value.shape
            ],
        ),
    ]
    said = "; ".join(problem for problem in problems if problem)
    if said:
        raise WeightsError(f"weights {path} do not fit BiSeNet with {len(FaceClass)} classes: {said}")


def _listed(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return f"{len(names)} {what} ({shown})" if names else ""
