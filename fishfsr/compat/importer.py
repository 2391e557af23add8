"""Checkpoints of the authors' code to this project's networks."""

import pickle
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fishfsr.checkpoint import Checkpoint, Details
from fishfsr.compat.keys import fishfsrnet_rules, is_dead, parsing_net_rules, rename
from fishfsr.errors import CheckpointError, ConfigurationError
from fishfsr.models.authors import AuthorsFishFSRNet, AuthorsFishFSRNetConfig
from fishfsr.models.config import ParsingNetConfig
from fishfsr.models.parsingnet import ParsingNet
from fishfsr.models.state import load_state
from fishprep.common.errors import WeightsError
from fishprep.common.files import sha256_file
from fishprep.common.mistaken import mistaken_for
from fishprep.common.tensors import is_count, load_torch

RESIDUAL_SCALE = 0.2
"""What the authors' ParsingNet multiplies its residual branches by (its option `res_scale`)."""

WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net", "params_ema", "params", "module")
TellNote = Callable[[str], None]
PREFIXES = ("module.", "_orig_mod.", "model.", "network.", "net.")


def import_authors(path: Path, tell: TellNote = lambda note: None) -> ParsingNet | AuthorsFishFSRNet:
    """The network of a checkpoint of the authors' code: ParsingNet, FishFSRNet x8 or x4, told by its tensors.

    Reads tensors only: a file that would run code is refused. Wrappers such as {"state_dict": ...} and
    prefixes such as "module." are taken off; numbers beside the weights are passed over, which `tell` is told.
    Raises CheckpointError on anything else.
    """
    return from_authors_state(unwrap(read_pickle(path), path.name, tell), path.name)


def imported_checkpoint(paths: Sequence[Path], tell: TellNote = lambda note: None) -> Checkpoint:
    """One checkpoint of the authors' files: ParsingNet, the network that enlarges, or both; its details name the files.

    Raises CheckpointError as `import_authors` does, and for two networks of a kind.
    """
    networks = [import_authors(path, tell) for path in paths]
    parsing_nets = [network for network in networks if isinstance(network, ParsingNet)]
    sr_nets = [network for network in networks if isinstance(network, AuthorsFishFSRNet)]
    if len(parsing_nets) > 1 or len(sr_nets) > 1:
        raise CheckpointError(
            "two files hold the same kind of network: a checkpoint has one ParsingNet and one FishFSRNet"
        )
    source = "; ".join(f"{path.name} (SHA-256 {sha256_file(path)})" for path in paths)
    return Checkpoint(
        parsing_nets[0] if parsing_nets else None,
        sr_nets[0] if sr_nets else None,
        Details(source=f"imported from the authors' {source}"),
    )


def from_authors_state(state: Mapping[str, Tensor], name: str) -> ParsingNet | AuthorsFishFSRNet:
    """The network of a state dict in one of the authors' key layouts; `name` stands in the errors."""
    try:
        return _network(state, name)
    except ConfigurationError as error:
        raise CheckpointError(f"{name}: {error}") from error


def _network(state: Mapping[str, Tensor], name: str) -> ParsingNet | AuthorsFishFSRNet:
    if "feature.0.weight" in state:
        return _parsing_net(state, name)
    if any(key.startswith("refine2.0.refine16.") for key in state):
        raise CheckpointError(f"{name}: the authors' x16 network cannot run a forward pass: nothing to import")
    if any(key.startswith("refine2.0.refine8.") for key in state):
        return _fishfsrnet(state, name, scale=8)
    if any(key.startswith("refine2.0.attention.body.2.") for key in state):
        return _fishfsrnet(state, name, scale=4)
    raise CheckpointError(
        f"{name}: not a checkpoint of the authors' ParsingNet, FishFSRNet x4 or x8; "
        f"its tensors begin with {', '.join(list(state)[:4])}"
    )


def read_pickle(path: Path) -> Any:
    """What a PyTorch file holds, read so that nothing in it can run. Raises CheckpointError on every failure."""
    if mistaken := mistaken_for(path):
        raise CheckpointError(f"{path}: this is {mistaken}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols: the file is read or refused all the same
            return load_torch(path)
    except WeightsError as error:
        raise CheckpointError(str(error)) from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: refused: it holds more than tensors, and reading it could run code (or it is damaged). "
            "If you trust its source, save only the state_dict of its network again"
        ) from error
    except Exception as error:  # a hostile file can make the reader fail in any way
        raise CheckpointError(f"{path}: damaged, or no PyTorch checkpoint ({type(error).__name__})") from error


def unwrap(loaded: Any, name: str, tell: TellNote = lambda note: None) -> dict[str, Tensor]:
    """The state dict inside the usual wrappings, without the usual prefixes and what is no tensor or a profiler's count."""
    while isinstance(loaded, Mapping):
        inner = next((loaded[key] for key in WRAPPERS if isinstance(loaded.get(key), Mapping)), None)
        if inner is None:
            break
        loaded = inner
    if not isinstance(loaded, Mapping) or not loaded:
        raise CheckpointError(f"{name}: holds no state dict, but {type(loaded).__name__}")
    state = {key: value for key, value in loaded.items() if isinstance(key, str) and isinstance(value, Tensor)}
    state = {key: value for key, value in state.items() if not is_count(key)}
    passed_over = [str(key) for key in loaded if key not in state]
    if not state:
        raise CheckpointError(f"{name}: no state dict: {passed_over[0]!r} is not a named tensor of a network")
    if passed_over:
        more = f" and {len(passed_over) - 3} more" if len(passed_over) > 3 else ""
        tell(f"{name}: no weights, passed over: {', '.join(passed_over[:3])}{more}")
    while prefix := next((p for p in PREFIXES if all(key.startswith(p) for key in state)), None):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _parsing_net(state: Mapping[str, Tensor], name: str) -> ParsingNet:
    numbers = [int(match[1]) for key in state if (match := re.match(r"body\.(\d{1,3})\.", key))]
    config = ParsingNetConfig(
        width=_channels(state, "head.0.weight", name),
        map_channels=_channels(state, "feature.0.weight", name),
        blocks=1 + max(numbers, default=0),
    )
    with torch.device("meta"):
        network = ParsingNet(config)
    renamed = rename(state, parsing_net_rules(), name)
    for key in renamed:
        if re.fullmatch(r"blocks\.\d+\.body\.2\.(weight|bias)", key):
            # A scale on a residual branch is a scale on its last convolution.
            renamed[key] = renamed[key] * RESIDUAL_SCALE
    load_state(network, renamed, name)
    return network


def _fishfsrnet(state: Mapping[str, Tensor], name: str, scale: int) -> AuthorsFishFSRNet:
    config = AuthorsFishFSRNetConfig(
        width=_channels(state, "head.0.weight", name),
        map_channels=_channels(state, "up_stage1.0.conv_parsing.0.weight", name, axis=1),
        scale=scale,
    )
    with torch.device("meta"):
        network = AuthorsFishFSRNet(config)
    alive = {key: tensor for key, tensor in state.items() if not (scale == 8 and is_dead(key))}
    renamed = rename(alive, fishfsrnet_rules(scale.bit_length() - 1), name)
    for key in renamed:
        if key.endswith("join.weight"):
            # The authors concatenate F_P before F_A.
            renamed[key] = renamed[key].roll(config.width, 1)
    load_state(network, renamed, name)
    return network


def _channels(state: Mapping[str, Tensor], key: str, name: str, axis: int = 0) -> int:
    if key not in state or state[key].ndim != 4:
        raise CheckpointError(f"{name}: {key} is missing, or is no convolution")
    return state[key].shape[axis]
