"""The authors' networks a second time: functions of a state dict under their own keys.

Written as plain functions, apart from the project's modules: what the importer makes is compared with this for any weights
and width. The fixtures of the authors' own outputs are the other half of the check.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]


def keys(name: str, width: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a network's tensors in the newer layout; name is "parsingnet", "x4" or "x8"."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv(key: str, inputs: int, outputs: int, size: int = 3) -> None:
        shapes[f"{key}.weight"] = (outputs, inputs, size, size)
        shapes[f"{key}.bias"] = (outputs,)

    def linear(key: str, inputs: int, outputs: int) -> None:
        shapes[f"{key}.weight"] = (outputs, inputs)
        shapes[f"{key}.bias"] = (outputs,)

    def gate(key: str) -> None:
        linear(f"{key}.mlp.1", width, width // 4)
        linear(f"{key}.mlp.3", width // 4, width)

    def residual(key: str) -> None:
        conv(f"{key}.body.0", width, width)
        conv(f"{key}.body.2", width, width)

    conv("head.0", 3, width)
    if name == "parsingnet":
        for index in range(8):
            residual(f"body.{index}")
        conv("feature.0", width, 3)
        return shapes
    large = name == "x8"
    levels = 3 if large else 2
    ups = [f"up{i}" for i in range(1, levels + 1)] + [f"up2{i}" for i in range(1, levels + 1)]
    downs = range(1 if large else 2, 4)
    for up in ups:
        conv(f"{up}.{'0' if large else 'body'}.0", width, 4 * width)
    for down in downs:
        conv(f"down{down}.{'0.conv' if large else 'conv'}", 4 * width, width)
    stages = [f"up_stage{i}" for i in range(1, levels + 1)] + [f"down_stage{i}" for i in downs]
    stages += [f"up2_stage{i}" for i in range(1, levels + 1)]
    for stage in [f"{stage}.{block}" for stage in stages for block in (0, 1)]:
        residual(stage)
        conv(f"{stage}.attention_layer1.spatial_layer1", width, 2 * width, 1)
        conv(f"{stage}.attention_layer1.spatial_layer3", 2 * width, width, 1)
        gate(f"{stage}.attention_layer2")
        conv(f"{stage}.conv", 2 * width, width, 1)
        conv(f"{stage}.conv_feature.0", width, width)
        conv(f"{stage}.conv_parsing.0", 3, width)
        conv(f"{stage}.conv_fusion", 2 * width, width)
        conv(f"{stage}.attention_fusion", 2 * width, width, 1)
    for number in range(2 * levels):
        key = f"refine2.{number}"
        level = levels - 1 - number if number < levels else number - levels
        if level <= levels - 2:
            conv(f"{key}.down1", width, width)
        if level == levels - 3:
            conv(f"{key}.down2.0", width, width)
            conv(f"{key}.down2.2", width, width)
        for size in (2, 4, 8)[:levels]:
            residual(f"{key}.refine{size}.conv.0")
            residual(f"{key}.refine{size}.conv.1")
        conv(f"{key}.conv", levels * width, width, 1)
        if large:
            gate(f"{key}.attention")
            continue
        conv(f"{key}.attention.body.0", width, width, 1)
        for size in (1, 3, 5, 7):
            conv(f"{key}.attention.body.2.conv{size}", width // 4, width // 4, size)
        gate(f"{key}.attention.attention_layer2")
    conv("tail.0", width, 3)
    if large:
        conv("conv", width, width)
        for number in (1, 2, 3):
            conv(f"conv_tail{number}", 2 * width, width, 1)
    return shapes


def older_layout(state: State) -> State:
    """The same weights under the keys of before 2024-01-13."""

    def renamed(key: str) -> str:
        key = key.replace(".0.conv.", ".1.") if key.startswith("down") and "_" not in key else key
        key = key.replace(".conv.", ".1.") if key.startswith("down") and "_" not in key else key
        if key.startswith("up") and "_" not in key:
            stem, leaf = key.split(".")[0], key.split(".")[-1]
            return f"{stem}.0.{leaf}"
        return key

    return {renamed(key): tensor for key, tensor in state.items()}


def convolve(state: State, key: str, x: Tensor, stride: int = 1) -> Tensor:
    weight = state[f"{key}.weight"]
    return F.conv2d(x, weight, state[f"{key}.bias"], stride, weight.shape[-1] // 2)


def residual_block(state: State, key: str, x: Tensor, factor: float = 1.0) -> Tensor:
    return x + factor * convolve(state, f"{key}.body.2", convolve(state, f"{key}.body.0", x).relu())


def parsing_net(state: State, lr: Tensor) -> Tensor:
    x = convolve(state, "head.0", lr)
    for index in range(8):
        x = residual_block(state, f"body.{index}", x, 0.2)
    return convolve(state, "feature.0", x)


def channel_gate(state: State, key: str, x: Tensor) -> Tensor:
    def mlp(pooled: Tensor) -> Tensor:
        hidden = F.linear(pooled, state[f"{key}.mlp.1.weight"], state[f"{key}.mlp.1.bias"]).relu()
        return F.linear(hidden, state[f"{key}.mlp.3.weight"], state[f"{key}.mlp.3.bias"])

    flat = x.flatten(2)
    gates = mlp(flat.mean(2)) + mlp(flat.max(2).values) + mlp(flat.var(2, correction=0))
    return x * gates.sigmoid()[..., None, None]


def pafb(state: State, key: str, x: Tensor, parsing: Tensor) -> Tensor:
    parsing = F.interpolate(parsing, size=x.shape[2:])
    y = convolve(state, f"{key}.body.2", convolve(state, f"{key}.body.0", x).relu())
    hidden = convolve(state, f"{key}.attention_layer1.spatial_layer1", y).relu()
    spatial = y * convolve(state, f"{key}.attention_layer1.spatial_layer3", hidden).sigmoid()
    attended = torch.cat((spatial, channel_gate(state, f"{key}.attention_layer2", y)), 1)
    attended = convolve(state, f"{key}.conv", attended)
    projected = (
        convolve(state, f"{key}.conv_feature.0", x).relu(),
        convolve(state, f"{key}.conv_parsing.0", parsing).relu(),
    )
    fused = convolve(state, f"{key}.conv_fusion", torch.cat(projected, 1))
    return x + convolve(state, f"{key}.attention_fusion", torch.cat((fused, attended), 1))


def msrb(state: State, number: int, kept: list[Tensor], now: Tensor) -> Tensor:
    key, refined = f"refine2.{number}", []
    for size, old in zip((2, 4, 8), kept, strict=False):
        if old.shape[-1] < now.shape[-1]:
            old = F.interpolate(old, size=now.shape[2:])
        elif old.shape[-1] == 2 * now.shape[-1]:
            old = convolve(state, f"{key}.down1", old, 2)
        elif old.shape[-1] == 4 * now.shape[-1]:
            old = convolve(state, f"{key}.down2.2", convolve(state, f"{key}.down2.0", old, 2).relu(), 2)
        error = now - old
        for part in (0, 1):
            error = residual_block(state, f"{key}.refine{size}.conv.{part}", error)
        refined.append(error + now)
    x = convolve(state, f"{key}.conv", torch.cat(refined, 1))
    if f"{key}.attention.mlp.1.weight" in state:
        return channel_gate(state, f"{key}.attention", x) + now
    quarters = convolve(state, f"{key}.attention.body.0", x).relu().chunk(4, 1)
    bank = [
        convolve(state, f"{key}.attention.body.2.conv{size}", part)
        for size, part in zip((1, 3, 5, 7), quarters, strict=True)
    ]
    return channel_gate(state, f"{key}.attention.attention_layer2", torch.cat(bank, 1)) + x + now


def fishfsrnet(state: State, lr: Tensor, parsing: Tensor) -> Tensor:
    large = "up3.0.0.weight" in state
    levels, inner, down_key = (3, "0.0", "0.conv") if large else (2, "body.0", "conv")

    def blocks(stage: str, x: Tensor, order: tuple[int, int] = (0, 1)) -> Tensor:
        for block in order:
            x = pafb(state, f"{stage}.{block}", x, parsing)
        return x

    resample: dict[str, Callable[[str, Tensor], Tensor]] = {
        "up": lambda key, x: F.pixel_shuffle(convolve(state, f"{key}.{inner}", x), 2),
        "down": lambda key, x: convolve(state, f"{key}.{down_key}", F.pixel_unshuffle(x, 2)),
    }
    x, head, body = convolve(state, "head.0", lr), [], []
    for number in range(1, levels + 1):
        head.append(resample["up"](f"up{number}", x))
        x = blocks(f"up_stage{number}", head[-1])
    for number in range(levels):
        place = number + (1 if large else 2)
        body.insert(0, resample["down"](f"down{place}", msrb(state, number, head, x)))
        x = blocks(f"down_stage{place}", body[0])
    for number in range(1, levels + 1):
        x = msrb(state, levels + number - 1, body, x)
        if large and number == 1:
            x = convolve(state, "conv", x)
        twice = large and number == 3
        x = blocks(f"up2_stage{number}", resample["up"](f"up2{number}", x), (0, 0) if twice else (0, 1))
    return convolve(state, "tail.0", x)
