"""The ablations of the paper as options of FishFSRNet.

Models 1-8 of Table III, and Fig. 14's model without the map.
"""

from collections.abc import Mapping
from types import MappingProxyType


def _model(spatial: bool, channel: bool, parsing: bool, refine: bool) -> Mapping[str, bool]:
    return MappingProxyType(
        {
            "spatial_attention": spatial,
            "channel_attention": channel,
            "parsing_branch": parsing,
            "multi_scale_refine": refine,
        }
    )


ABLATIONS: Mapping[str, Mapping[str, bool]] = MappingProxyType(
    {
        "model_1": _model(spatial=False, channel=False, parsing=False, refine=False),
        "model_2": _model(spatial=False, channel=False, parsing=False, refine=True),
        "model_3": _model(spatial=True, channel=True, parsing=False, refine=False),
        "model_4": _model(spatial=False, channel=False, parsing=True, refine=False),
        "model_5": _model(spatial=True, channel=False, parsing=True, refine=False),
        "model_6": _model(spatial=False, channel=True, parsing=True, refine=False),
        "model_7": _model(spatial=True, channel=True, parsing=True, refine=False),
        "model_8": _model(spatial=True, channel=True, parsing=True, refine=True),
        "without_map": MappingProxyType({"use_map": False}),
    }
)
