"""All methods by name."""

from collections.abc import Mapping
from types import MappingProxyType

from fishfsr.methods import dic, fsrnet, ours, sisn, sparnet, srcnn, superfan, urdgn, vdsr, wsrnet
from fishfsr.methods.base import Method

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            srcnn.METHOD,
            urdgn.METHOD,
            vdsr.METHOD,
            wsrnet.METHOD,
            superfan.METHOD,
            fsrnet.METHOD,
            dic.METHOD,
            sisn.METHOD,
            ours.FISHFSRNET,
            sparnet.METHOD,
            ours.TAPERNET,
        )
    }
)
"""In the order of the paper's Table I, then those that are not in it."""
