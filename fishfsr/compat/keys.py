"""The names of the authors' tensors, in both layouts, and where each goes in this project's networks.

Layouts differ in the resamplers only: `up1.0.weight`, `down1.1.weight` before 2024-01-13; `up1.0.0.weight`,
`down1.0.conv.weight` (x8) and `up1.body.0.weight`, `down2.conv.weight` (x4) since.
"""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from fishfsr.errors import CheckpointError

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]


def _rule(pattern: str, target: Callable[[re.Match[str]], str]) -> Rule:
    return re.compile(pattern + r"\.(?P<leaf>weight|bias)"), target


def parsing_net_rules() -> list[Rule]:
    """Rules for the authors' ParsingNet."""
    return [
        _rule(r"head\.0", lambda m: "first"),
        _rule(r"body\.(\d+)\.body\.([02])", lambda m: f"blocks.{m[1]}.body.{m[2]}"),
        _rule(r"feature\.0", lambda m: "last"),
    ]


def fishfsrnet_rules(levels: int) -> list[Rule]:
    """Rules for the authors' FishFSRNet with `levels` = log2(scale): 3 at x8, 2 at x4."""
    first_down = 4 - levels  # x8 numbers its down modules from 1, x4 from 2

    def pafb(stage: str, block: str, rest: str) -> str:
        # At x8 the last stage of the tail holds one PAFB, which runs twice.
        twice = levels == 3 and stage == f"tail.{levels - 1}"
        return f"{stage}.blocks.{block}.{'block.' if twice else ''}{_inside_pafb(rest)}"

    def msrb(number: int, rest: str) -> str:
        level = levels - 1 - number if number < levels else number - levels
        stage = f"body.{number}.msrb" if number < levels else f"tail.{level}.msrb"
        # At x8 the tail's first MSRB is wrapped together with the convolution behind it.
        wrapped = ".msrb" if levels == 3 and number == levels else ""
        return f"{stage}{wrapped}.{_inside_msrb(rest, level)}"

    return [
        _rule(r"head\.0", lambda m: "first"),
        _rule(r"tail\.0", lambda m: "last"),
        _rule(r"conv", lambda m: "tail.0.msrb.conv"),
        _rule(r"up2(\d)\.(?:0\.|body\.)?0", lambda m: f"tail.{int(m[1]) - 1}.resample.conv"),
        _rule(r"up(\d)\.(?:0\.|body\.)?0", lambda m: f"head.{int(m[1]) - 1}.resample.conv"),
        _rule(r"down(\d)\.(?:1|(?:0\.)?conv)", lambda m: f"body.{int(m[1]) - first_down}.resample.conv"),
        _rule(r"up_stage(\d)\.(\d)\.(.+)", lambda m: pafb(f"head.{int(m[1]) - 1}", m[2], m[3])),
        _rule(r"down_stage(\d)\.(\d)\.(.+)", lambda m: pafb(f"body.{int(m[1]) - first_down}", m[2], m[3])),
        _rule(r"up2_stage(\d)\.(\d)\.(.+)", lambda m: pafb(f"tail.{int(m[1]) - 1}", m[2], m[3])),
        _rule(r"refine2\.(\d)\.(.+)", lambda m: msrb(int(m[1]), m[2])),
    ]


def is_dead(key: str) -> bool:
    """Whether `key` names weights of the x8 file that no forward pass of the authors' network reads."""
    return re.match(r"(up2_stage3\.1|conv_tail[123])\.", key) is not None


def rename(state: Mapping[str, Tensor], rules: list[Rule], name: str) -> dict[str, Tensor]:
    """The tensors under this project's names.

    Raises CheckpointError, `name` in it, on a key that no rule knows.
    """
    renamed: dict[str, Tensor] = {}
    for key, tensor in state.items():
        for pattern, target in rules:
            if match := pattern.fullmatch(key):
                place = f"{target(match)}.{match['leaf']}"
                if place in renamed:
                    raise CheckpointError(f"{name}: {key} and another tensor both belong at {place}")
                renamed[place] = tensor
                break
        else:
            raise CheckpointError(f"{name}: no place for the tensor {key} in the authors' network")
    return renamed


_PAFB_PARTS = {
    "body.0": "attention.body.0",
    "body.2": "attention.body.2",
    "attention_layer1.spatial_layer1": "attention.attentions.0.body.0",
    "attention_layer1.spatial_layer3": "attention.attentions.0.body.2",
    "attention_layer2.mlp.1": "attention.attentions.1.mlp.0",
    "attention_layer2.mlp.3": "attention.attentions.1.mlp.2",
    "conv": "attention.fusion",
    "conv_feature.0": "parsing.features.0",
    "conv_parsing.0": "parsing.map.0",
    "conv_fusion": "parsing.fusion",
    "attention_fusion": "join",
}

_MSRB_PARTS = {
    "conv": "fusion",
    "attention.mlp.1": "attention.mlp.0",
    "attention.mlp.3": "attention.mlp.2",
    "attention.body.0": "attention.entry",
    "attention.body.2.conv1": "attention.bank.0",
    "attention.body.2.conv3": "attention.bank.1",
    "attention.body.2.conv5": "attention.bank.2",
    "attention.body.2.conv7": "attention.bank.3",
    "attention.attention_layer2.mlp.1": "attention.attention.mlp.0",
    "attention.attention_layer2.mlp.3": "attention.attention.mlp.2",
}


def _inside_pafb(part: str) -> str:
    return _PAFB_PARTS.get(part, part)


def _inside_msrb(part: str, level: int) -> str:
    if match := re.fullmatch(r"refine([248])\.conv\.([01])\.body\.([02])", part):
        return f"refine.{int(match[1]).bit_length() - 2}.project.{match[2]}.body.{match[3]}"
    if match := re.fullmatch(r"down1|down2\.([02])", part):
        return f"resize.{level + 1}.0" if part == "down1" else f"resize.{level + 2}.{match[1]}"
    return _MSRB_PARTS.get(part, part)
