"""What a network costs: parameters and multiply-accumulates, as trained here and as published."""

from functools import cache

from fishfsr.comparison.plan import Entrant
from fishfsr.comparison.rows import NetworkCost
from fishfsr.models.config import ParsingNetConfig, SrNetConfig
from fishfsr.registry import ModelSize, network_size
from fishprep.shards.schema import HR_SIZE


def cost_of(entry: Entrant, parsing: ParsingNetConfig | None) -> NetworkCost:
    """Of an entry's network, with ParsingNet (`parsing` is the one here) where its map is read."""
    own = entry.config.sr.network(entry.config.scale)
    full = type(own).from_dict({**own.to_dict(), "width": entry.full_width})
    architecture = entry.contestant.architecture
    return NetworkCost(
        entry.width,
        _size(architecture, own, parsing if own.needs_map else None),
        entry.full_width,
        _size(architecture, full, ParsingNetConfig() if own.needs_map else None),
    )


@cache
def _size(architecture: str, config: SrNetConfig, parsing: ParsingNetConfig | None) -> ModelSize:
    found = network_size(architecture, config, HR_SIZE // config.scale)
    if parsing is None:
        return found
    beside = network_size("parsingnet", parsing, HR_SIZE // config.scale)
    return ModelSize(found.parameters + beside.parameters, found.macs + beside.macs)
