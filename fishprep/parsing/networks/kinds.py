"""The networks that a parser may be, by the name that the header of their weights gives."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from fishprep.common.errors import ConfigurationError, WeightsError
from fishprep.common.tensors import load_state_dict, metadata
from fishprep.parsing.base import BISENET, COMPACT
from fishprep.parsing.classes import FaceClass
from fishprep.parsing.networks import bisenet
from fishprep.parsing.networks.compact import Compact, CompactShape, refined
from fishprep.parsing.networks.folding import fold_batch_norms

LARGEST = 1024  # channels or blocks that a header may ask for


@dataclass(frozen=True)
class NetworkKind:
    """One network.

    new: it with first weights, from torch's generator, of the shape that a header tells (`{}`: its usual one).
    heads: what training runs: images (N, 3, S, S) → logits of the main head and of auxiliary ones, if it has them.
    main: what inference runs: images → logits (N, 19, s, s), s a whole part of S.
    begun: what training goes on with where it begins with weights of this kind.
    size: side of the input that it is trained at where nothing else is said.
    """

    title: str
    new: Callable[[dict[str, str]], nn.Module]
    heads: Callable[[nn.Module], nn.Module]
    main: Callable[[nn.Module], nn.Module]
    size: int
    begun: Callable[[nn.Module], nn.Module] = lambda net: net


class _One(nn.Module):
    """A network without auxiliary heads, as training wants it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.net(images),)


def _compact(header: dict[str, str]) -> nn.Module:
    """Raises ValueError, TypeError, KeyError, OverflowError or RecursionError for a header whose shape is none."""
    told = json.loads(header["shape"]) if "shape" in header else asdict(CompactShape())
    widths, down, up = (tuple(map(int, told[name])) for name in ("widths", "down", "up"))
    if min(*widths, *down, *up) < 1 or max(*widths, *down, *up) > LARGEST:
        raise ValueError(f"numbers that are not in 1 ... {LARGEST}")
    return Compact(CompactShape(widths, down, up, told.get("fine", False) is True))  # type: ignore[arg-type]


NETWORKS: dict[str, NetworkKind] = {
    BISENET: NetworkKind(
        "BiSeNet",
        lambda header: bisenet.new_network(),
        bisenet.AllHeads,
        bisenet.MainHead,
        256,
    ),
    COMPACT: NetworkKind(
        "the compact parser", _compact, _One, lambda net: net, 160, lambda net: refined(cast(Compact, net))
    ),
}


def network_kind(name: str) -> NetworkKind:
    """ConfigurationError for a name that is none."""
    if name not in NETWORKS:
        raise ConfigurationError(f"--network {name}: expected {' or '.join(NETWORKS)}")
    return NETWORKS[name]


def kind_of(path: Path) -> str:
    """Which network the weights of a file are for: as its header says, else BiSeNet. WeightsError for a name that is none."""
    name = metadata(path).get("network", BISENET)
    if name not in NETWORKS:
        raise WeightsError(f"weights {path}: the header names an unknown network, {name[:40]!r}: {', '.join(NETWORKS)}")
    return name


def header_of(net: nn.Module) -> dict[str, str]:
    """What the header of a network's weights says of its kind; nothing of a BiSeNet, as it always was."""
    return {"network": COMPACT, "shape": json.dumps(asdict(net.shape))} if isinstance(net, Compact) else {}


def load_network(path: Path) -> nn.Module:
    """The network with the weights of a file (safetensors or pth, any floating dtype), ready for inference in float32.

    WeightsError: the file is refused, holds other keys or shapes than its network, or numbers that are not finite.
    """
    net = whole_network(path)
    net.eval().requires_grad_(False)
    fold_batch_norms(net)
    _refuse_infinite(path, dict(net.named_parameters()))  # what variances below 0 come to
    return NETWORKS[kind_of(path)].main(net)


def whole_network(path: Path) -> nn.Module:
    """All of a network with the weights of a file, in float32, to be trained on. Raises as `load_network`."""
    kind, header = NETWORKS[kind_of(path)], metadata(path)
    try:
        with torch.device("meta"):
            net = kind.new(header)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise WeightsError(f"weights {path}: the shape in the header is none: {error}") from error
    tensors = load_state_dict(path)
    _check_fit(net.state_dict(), tensors, path, kind.title)
    values = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    _refuse_infinite(path, values)
    net.load_state_dict(values, assign=True)
    return net


def _refuse_infinite(path: Path, values: Mapping[str, Tensor]) -> None:
    damaged = next((name for name, value in values.items() if not torch.isfinite(value).all()), None)
    if damaged is not None:
        raise WeightsError(f"weights {path}: {damaged} holds numbers that are not finite")


def _check_fit(expected: dict[str, Tensor], found: dict[str, Tensor], path: Path, title: str) -> None:
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
        raise WeightsError(f"weights {path} do not fit {title} with {len(FaceClass)} classes: {said}")


def _listed(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return f"{len(names)} {what} ({shown})" if names else ""
