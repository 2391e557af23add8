"""The architecture of each network as a frozen record: validated, and written to JSON beside the weights."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from fishfsr.errors import ConfigurationError
from fishfsr.models.blocks import REDUCTION

SCALES = (2, 4, 8, 16)
WIDEST = 1024
DEEPEST = 256
NARROWEST = 32


@dataclass(frozen=True)
class NetworkConfig:
    """What both networks have.

    `width`, the number of features, and `map_channels` (1; the authors' files have 3).
    """

    width: int = 64
    map_channels: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            # bool is an int to isinstance, and 1.0 == 1: the types are compared themselves.
            if type(value) is not type(field.default):
                kind = type(field.default).__name__
                raise ConfigurationError(f"{field.name} = {value!r}: expected {kind}")
        if not REDUCTION <= self.width <= WIDEST or self.width % REDUCTION:
            raise ConfigurationError(
                f"width = {self.width}: must be divisible by {REDUCTION} (the reduction of channel attention), "
                f"from {REDUCTION} to {WIDEST}"
            )
        if self.map_channels not in (1, 3):
            raise ConfigurationError(f"map_channels = {self.map_channels}: must be 1, or 3 for the authors' maps")

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The record of these fields; raises ConfigurationError on an unknown field or a value out of range."""
        names = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise ConfigurationError(
                f"unknown option {', '.join(map(repr, unknown))} of {cls.__name__}; known are {', '.join(names)}"
            )
        return cls(**values)


@dataclass(frozen=True)
class ParsingNetConfig(NetworkConfig):
    """ParsingNet: `blocks` residual blocks (8 in the paper)."""

    blocks: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.blocks <= DEEPEST:
            raise ConfigurationError(f"blocks = {self.blocks}: must be from 1 to {DEEPEST}")


@dataclass(frozen=True)
class SrNetConfig(NetworkConfig):
    """What every network has that enlarges a face: its `scale`, and whether it reads the parsing map."""

    scale: int = 8
    use_map: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale(self.scale)

    @property
    def needs_map(self) -> bool:
        """Whether the output depends on the parsing map."""
        return self.use_map


@dataclass(frozen=True)
class FishFSRNetConfig(SrNetConfig):
    """FishFSRNet: by default the paper's (Model 8), with the switches of Table III and Fig. 14.

    `use_map=False` keeps the parsing branch and its parameters, and feeds it from F alone (Fig. 14).
    Not in the paper: `global_residual=True` adds the bicubic enlargement of the LR image to the output, `narrowest` > 0 halves
    the width at each doubling of the size, but never below that.
    """

    spatial_attention: bool = True
    channel_attention: bool = True
    parsing_branch: bool = True
    multi_scale_refine: bool = True
    global_residual: bool = False
    narrowest: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.narrowest and not (REDUCTION <= self.narrowest <= self.width and self.narrowest % REDUCTION == 0):
            raise ConfigurationError(
                f"narrowest = {self.narrowest}: must be 0, or divisible by {REDUCTION}, from {REDUCTION} to the width, {self.width}"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """Features at the LR size, at twice that, ... up to the HR size; all the same in the paper."""
        return tapering(self.width, self.narrowest or self.width, self.scale.bit_length())

    @property
    def needs_map(self) -> bool:
        """Whether the output depends on the parsing map."""
        return self.parsing_branch and self.use_map


@dataclass(frozen=True)
class TaperNetConfig(SrNetConfig):
    """TaperNet: `width` features at the LR size, half as many at each doubling of it, but never fewer than 32 (or `width`).

    `blocks`: residual blocks at the LR size; `blocks_above`: at each size above it.
    """

    width: int = 128
    blocks: int = 8
    blocks_above: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("blocks", "blocks_above"):
            if not 1 <= getattr(self, name) <= DEEPEST:
                raise ConfigurationError(f"{name} = {getattr(self, name)}: must be from 1 to {DEEPEST}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Features at the LR size, at twice that, ... up to half the HR size."""
        return tapering(self.width, min(self.width, NARROWEST), self.scale.bit_length() - 1)


def tapering(width: int, floor: int, levels: int) -> tuple[int, ...]:
    """`width`, half of it, a quarter, ..., each divisible by 4 and no less than `floor`."""
    return tuple(max(floor, (width >> level) // REDUCTION * REDUCTION) for level in range(levels))


def check_scale(scale: int, known: tuple[int, ...] = SCALES) -> None:
    """Raise ConfigurationError unless `scale` is one of `known`."""
    if scale not in known:
        raise ConfigurationError(f"scale = {scale}: must be one of {', '.join(map(str, known))}")
