"""BiSeNet as facexlib defines it, loaded without importing facexlib, and reduced to what inference needs."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor, nn

from fishprep.common.errors import WeightsError
from fishprep.parsing.classes import FaceClass

MEAN = (0.485, 0.456, 0.406)  # ImageNet's, RGB in 0-1: the network's input is normalised with them
STD = (0.229, 0.224, 0.225)

_PACKAGE = "_fishprep_facexlib_parsing"


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
