"""Every network by name: what it is, how to build it, and where trained weights of it are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import nn

from fishfsr.errors import ConfigurationError
from fishfsr.methods.alignment import AlignmentNet, AlignmentNetConfig
from fishfsr.methods.every import METHODS
from fishfsr.models.ablations import ABLATIONS
from fishfsr.models.authors import AuthorsFishFSRNet, AuthorsFishFSRNetConfig
from fishfsr.models.config import SCALES, NetworkConfig, ParsingNetConfig, SrNetConfig
from fishfsr.models.count import count_macs_of_skeleton, count_parameters, skeletons
from fishfsr.models.parsingnet import ParsingNet
from fishfsr.models.sizes import SIZES
from fishprep.shards.schema import HR_SIZE

PAPER = "Wang et al., Super-Resolving Face Image by Facial Parsing Information, 2023"
TAPER_WIDTHS = MappingProxyType({2: 48, 4: 96, 8: 128, 16: 192})
"""Features at the LR size of each scale's TaperNet."""


class Architecture(NamedTuple):
    """A kind of network: its configuration and its class, which is built from nothing else."""

    config: type[NetworkConfig]
    network: type[nn.Module]

    @property
    def title(self) -> str:
        """What people call it; the authors' code and ours build the same FishFSRNet."""
        return self.network.__name__.removeprefix("Authors")


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        "parsingnet": Architecture(ParsingNetConfig, ParsingNet),
        "alignmentnet": Architecture(AlignmentNetConfig, AlignmentNet),
        **{name: Architecture(method.config, method.network) for name, method in METHODS.items()},
        "authors_fishfsrnet": Architecture(AuthorsFishFSRNetConfig, AuthorsFishFSRNet),
    }
)


@dataclass(frozen=True)
class ModelRecord:
    """One network of the registry, with the width and input size of the paper."""

    name: str
    architecture: str
    scale: int
    width: int = 64
    licence: str = "Apache-2.0"
    paper: str = PAPER
    weights_url: str | None = None
    weights_sha256: str | None = None

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise ConfigurationError(f"{self.name}: unknown architecture {self.architecture!r}")
        if (self.weights_url is None) is not (self.weights_sha256 is None):
            raise ConfigurationError(f"{self.name}: weights need both a url and a SHA-256")
        if self.weights_sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", self.weights_sha256):
            raise ConfigurationError(f"{self.name}: {self.weights_sha256!r} is no SHA-256")

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the LR image of the paper's 128x128 faces."""
        return HR_SIZE // self.scale, HR_SIZE // self.scale

    def config(self, **options: Any) -> NetworkConfig:
        """The network's configuration, changed by `options`."""
        kind = ARCHITECTURES[self.architecture].config
        values: dict[str, Any] = {"width": self.width}
        if issubclass(kind, SrNetConfig):
            values["scale"] = self.scale
        return kind.from_dict(values | options)

    @property
    def needs_map(self) -> bool:
        """Whether the network reads a parsing map."""
        config = self.config()
        return isinstance(config, SrNetConfig) and config.needs_map


class ModelSize(NamedTuple):
    """`parameters`, and `macs` of one face at the record's input size."""

    parameters: int
    macs: int


MODELS: Mapping[str, ModelRecord] = MappingProxyType(
    {
        record.name: record
        for record in (
            *(ModelRecord(f"parsingnet_x{scale}", "parsingnet", scale) for scale in SCALES),
            *(ModelRecord(f"fishfsrnet_x{scale}", "fishfsrnet", scale) for scale in SCALES),
            *(
                ModelRecord(f"tapernet_x{scale}", "tapernet", scale, width, paper=METHODS["tapernet"].paper)
                for scale, width in TAPER_WIDTHS.items()
            ),
            *(
                ModelRecord(f"{name}_x{scale}", name, scale, paper=method.paper)
                for name, method in METHODS.items()
                if method.rival
                for scale in SCALES[1:]
            ),
            *(ModelRecord(f"authors_fishfsrnet_x{scale}", "authors_fishfsrnet", scale) for scale in (4, 8)),
        )
    }
)


def list_models() -> tuple[ModelRecord, ...]:
    """All records, ParsingNet first, by scale."""
    return tuple(MODELS.values())


def create_model(name: str, preset: str | None = None, **options: Any) -> nn.Module:
    """A network with fresh weights (PyTorch's default initialisation), in training mode.

    `name` is one of `list_models()`, for example "fishfsrnet_x8"; `preset` one of the ablations in `ABLATIONS`;
    `options` are fields of the network's configuration, for example `width=16`, and win over the preset.
    Raises ConfigurationError that says what to type instead.
    """
    if name not in MODELS:
        raise ConfigurationError(f"no model {name!r}; there are {', '.join(MODELS)}")
    if preset is not None:
        if preset not in ABLATIONS:
            raise ConfigurationError(f"no preset {preset!r}; there are {', '.join(ABLATIONS)}")
        options = dict(ABLATIONS[preset]) | options
    record = MODELS[name]
    if "scale" in options:
        raise ConfigurationError(f"the scale is part of the model's name: {name!r}, not scale={options['scale']!r}")
    return build_network(record.architecture, record.config(**options))


def build_network(architecture: str, config: NetworkConfig) -> nn.Module:
    """The network of an architecture and its configuration."""
    return ARCHITECTURES[architecture].network(config)


def architecture_of(network: nn.Module) -> str:
    """The name under which the class of `network` is registered.

    Raises ConfigurationError for any other class.
    """
    for name, architecture in ARCHITECTURES.items():
        if type(network) is architecture.network:
            return name
    raise ConfigurationError(f"{type(network).__name__} is not a registered network: {', '.join(ARCHITECTURES)}")


@cache
def model_size(record: ModelRecord) -> ModelSize:
    """Parameters and multiply-accumulates of the record's network: kept for those of the registry, counted for any other."""
    kept = SIZES.get(record.name) if record == MODELS.get(record.name) else None
    return ModelSize(*kept) if kept else network_size(record.architecture, record.config(), HR_SIZE // record.scale)


def network_size(architecture: str, config: NetworkConfig, lr_size: int) -> ModelSize:
    """Parameters and multiply-accumulates of any configuration for LR faces of `lr_size` pixels a side, counted without weights."""
    with skeletons():
        network = build_network(architecture, config)
    shapes = [(1, 3, lr_size, lr_size)]
    if isinstance(config, SrNetConfig) and config.needs_map:
        shapes.append((1, config.map_channels, lr_size, lr_size))
    return ModelSize(count_parameters(network), count_macs_of_skeleton(network, *shapes))
