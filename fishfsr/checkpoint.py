"""The file of a trained pair: safetensors with both networks, or one of them, and what is known of them.

Tensors are named `parsing_net.…` and `sr_net.…`; a network of landmarks, which some methods are trained with, is
`alignment_net.…`. The header's metadata hold `format` ("fishfsr-checkpoint"),
`format_version` ("1"), and as JSON `parsing_net` and `sr_net` ({"architecture", "config"}) for each network
in the file, and `details` (the fields of `Details`).
"""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from fishfsr.errors import CheckpointError, ConfigurationError
from fishfsr.methods.alignment import AlignmentNet
from fishfsr.models.config import NetworkConfig, SrNetConfig
from fishfsr.models.parsingnet import ParsingNet
from fishfsr.models.sr_net import SrNet
from fishfsr.models.state import load_state
from fishfsr.registry import ARCHITECTURES, architecture_of
from fishprep.common.files import open_regular, sweep_abandoned
from fishprep.common.mistaken import mistaken_for
from fishprep.common.tensors import safetensors_file, save_tensors
from fishprep.common.version import __version__

FORMAT = "fishfsr-checkpoint"
FORMAT_VERSION = 1
PARSING_NET = "parsing_net"
ALIGNMENT_NET = "alignment_net"
SR_NET = "sr_net"
PLACES = {"parsingnet": PARSING_NET, "alignmentnet": ALIGNMENT_NET}
"""Where networks stand that do not enlarge, by their architecture; all others are `sr_net`."""


@dataclass(frozen=True)
class Details:
    """What a checkpoint says of itself beside its networks' configurations; every field may be left out.

    `scale`: HR over LR size; `recipe`: the recipe hash of the training shards; `protocol` and `results`: the
    metric protocol and the figures by it;
    `training`: the resolved configuration of the run; `source`: where imported weights came from; `licence`:
    of the weights; `versions`: of the libraries that wrote the file, filled in when it is saved.
    """

    scale: int | None = None
    recipe: str | None = None
    protocol: str | None = None
    results: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None
    licence: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NetworkEntry:
    """One network of a checkpoint: its architecture's name and its configuration."""

    architecture: str
    config: NetworkConfig


@dataclass(frozen=True)
class CheckpointMetadata:
    """All that a checkpoint says without reading its tensors; a network that is not in the file is None."""

    parsing_net: NetworkEntry | None
    sr_net: NetworkEntry | None
    details: Details
    alignment_net: NetworkEntry | None = None


@dataclass(frozen=True)
class Checkpoint:
    """The networks of a file.

    One that is not in it is None. As loaded: on the CPU, float32, in training mode.
    """

    parsing_net: ParsingNet | None = None
    sr_net: SrNet | None = None
    details: Details = field(default_factory=Details)
    alignment_net: AlignmentNet | None = None

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Those that are in it, by their place."""
        named = {PARSING_NET: self.parsing_net, ALIGNMENT_NET: self.alignment_net, SR_NET: self.sr_net}
        return {name: network for name, network in named.items() if network is not None}


def save_checkpoint(path: Path, checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> None:
    """Write `checkpoint` atomically, its tensors as `dtype`: float32 or float16.

    Raises CheckpointError, and writes nothing, for a checkpoint without a network, weights that are not finite in
    `dtype`, and networks that do not go together.
    """
    if dtype not in (torch.float32, torch.float16):
        raise CheckpointError(f"checkpoints are stored as float32 or float16, not {dtype}")
    networks = checkpoint.networks
    entries = {name: NetworkEntry(architecture_of(network), network.config) for name, network in networks.items()}  # type: ignore[arg-type]
    details = replace(checkpoint.details, versions=_versions())
    sr = entries.get(SR_NET)
    if sr is not None and details.scale is None:
        details = replace(details, scale=_scale(sr))
    _check_together(CheckpointMetadata(entries.get(PARSING_NET), sr, details, entries.get(ALIGNMENT_NET)), path)
    tensors = {
        f"{name}.{key}": tensor.detach().to("cpu", dtype).contiguous()
        for name, network in networks.items()
        for key, tensor in network.state_dict().items()
    }
    broken = [key for key, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise CheckpointError(f"{path.name}: not saved: {broken[0]} holds NaN or infinite values as {dtype}")
    header = {"format": FORMAT, "format_version": str(FORMAT_VERSION), "details": _json(asdict(details))}
    for name, entry in entries.items():
        header[name] = _json({"architecture": entry.architecture, "config": entry.config.to_dict()})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep_abandoned(path)
        save_tensors(path, tensors, header)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error}") from error


def read_metadata(path: Path) -> CheckpointMetadata:
    """What the checkpoint says of itself.

    Its tensors are not read. Raises CheckpointError as `load_checkpoint` does.
    """
    return _open(path)[0]


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Nothing in it can run: safetensors holds numbers only.

    Raises CheckpointError that says what is wrong: no such file, a pickle, truncated, another program's file,
    a newer format, metadata that do not hold together, tensors that do not fit their network, NaN.
    """
    metadata, tensors = _open(path, with_tensors=True)
    stray = [key for key in tensors if key.partition(".")[0] not in (*PLACES.values(), SR_NET)]
    if stray:
        raise CheckpointError(f"{path}: the tensor {stray[0]} belongs to neither network")
    parsing_net = _network(metadata.parsing_net, PARSING_NET, tensors, path)
    sr_net = _network(metadata.sr_net, SR_NET, tensors, path)
    alignment_net = _network(metadata.alignment_net, ALIGNMENT_NET, tensors, path)
    assert isinstance(parsing_net, ParsingNet | None) and isinstance(sr_net, SrNet | None)  # _entry has seen to it
    assert isinstance(alignment_net, AlignmentNet | None)
    return Checkpoint(parsing_net, sr_net, metadata.details, alignment_net)


def pack_checkpoint(path: Path, out: Path, licence: str | None = None) -> None:
    """Write the checkpoint at `path` to `out` in float16, half its size; `licence` is kept in the file. Raises CheckpointError."""
    loaded = load_checkpoint(path)
    details = replace(loaded.details, licence=licence or loaded.details.licence)
    save_checkpoint(out, replace(loaded, details=details), torch.float16)


def _open(path: Path, with_tensors: bool = False) -> tuple[CheckpointMetadata, dict[str, Tensor]]:
    try:
        with safetensors_file(path) as file:
            header = file.metadata() or {}
            tensors = _tensors(file) if with_tensors else {}
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from error
    except (SafetensorError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: {_why_unreadable(path)} ({error})") from error
    return _parse_header(header, path), tensors


def _tensors(file: Any) -> dict[str, Tensor]:
    return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping, in spite of its keys)


def _why_unreadable(path: Path) -> str:
    if mistaken := mistaken_for(path):
        return f"this is {mistaken}"
    # Asked only once safetensors has failed: a length at the start of its files can look like a pickle's first bytes.
    try:
        with open_regular(path) as stream:
            start = stream.read(4)
    except OSError:
        return "cannot be read"
    if start == b"PK\x03\x04" or (start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05"):
        return (
            "a pickled PyTorch file, which is not opened here because it can run code. A checkpoint of the authors "
            "is converted by: fishfsr models import FILE OUT.safetensors"
        )
    return "truncated, or no safetensors file"


def _parse_header(header: Mapping[str, str], path: Path) -> CheckpointMetadata:
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path}: a safetensors file, but not a fishfsr checkpoint (no format {FORMAT!r} in it)")
    if header.get("format_version") != str(FORMAT_VERSION):
        raise CheckpointError(
            f"{path}: checkpoint format {header.get('format_version')}; this version reads {FORMAT_VERSION}"
        )
    metadata = CheckpointMetadata(
        _entry(header, PARSING_NET, path),
        _entry(header, SR_NET, path),
        _details(header, path),
        _entry(header, ALIGNMENT_NET, path),
    )
    _check_together(metadata, path)
    return metadata


def _entry(header: Mapping[str, str], name: str, path: Path) -> NetworkEntry | None:
    if name not in header:
        return None
    values = _parsed(header, name, path)
    architecture, config = values.get("architecture"), values.get("config")
    if not isinstance(architecture, str) or not isinstance(config, dict):
        raise CheckpointError(f"{path}: {name} in the metadata lacks its architecture or configuration")
    if architecture not in ARCHITECTURES:
        raise CheckpointError(f"{path}: unknown architecture {architecture!r}; known are {', '.join(ARCHITECTURES)}")
    if PLACES.get(architecture, SR_NET) != name:
        raise CheckpointError(f"{path}: {architecture} cannot stand in the place of {name}")
    try:
        return NetworkEntry(architecture, ARCHITECTURES[architecture].config.from_dict(config))
    except ConfigurationError as error:
        raise CheckpointError(f"{path}: {name} in the metadata: {error}") from error


def _details(header: Mapping[str, str], path: Path) -> Details:
    values = _parsed(header, "details", path)
    known = {item.name for item in fields(Details)}
    details = Details(**{key: value for key, value in values.items() if key in known})
    kinds: dict[str, tuple[type, ...]] = {
        "scale": (int,),
        "results": (dict,),
        "training": (dict,),
        "versions": (dict,),
    }
    for item in fields(Details):
        value = getattr(details, item.name)
        if value is not None and not isinstance(value, kinds.get(item.name, (str,))):
            raise CheckpointError(f"{path}: {item.name} in the metadata is {value!r}")
    return details


def _parsed(header: Mapping[str, str], name: str, path: Path) -> dict[str, Any]:
    try:
        values = json.loads(header[name])
    except (KeyError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: {name} in the metadata is missing or is not JSON") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: {name} in the metadata is not an object")
    return values


def _check_together(metadata: CheckpointMetadata, path: Path) -> None:
    parsing, sr = metadata.parsing_net, metadata.sr_net
    if parsing is None and sr is None and metadata.alignment_net is None:
        raise CheckpointError(f"{path}: holds neither network")
    if sr is not None and metadata.details.scale != _scale(sr):
        raise CheckpointError(f"{path}: says scale {metadata.details.scale}, but its network is of scale {_scale(sr)}")
    if parsing is not None and sr is not None and parsing.config.map_channels != sr.config.map_channels:
        raise CheckpointError(
            f"{path}: the networks do not go together: ParsingNet makes {parsing.config.map_channels} map channels, "
            f"{sr.architecture} reads {sr.config.map_channels}"
        )


def _scale(entry: NetworkEntry) -> int:
    assert isinstance(entry.config, SrNetConfig)
    return entry.config.scale


def _network(entry: NetworkEntry | None, name: str, tensors: dict[str, Tensor], path: Path) -> nn.Module | None:
    state = {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}
    if entry is None:
        if state:
            raise CheckpointError(f"{path}: has tensors of {name}, but says nothing of it in the metadata")
        return None
    # On the meta device, so that a configuration which lies about its size costs no memory before it is found out.
    with torch.device("meta"):
        network = ARCHITECTURES[entry.architecture].network(entry.config)
    load_state(network, state, f"{name} of {path}")
    return network


def _versions() -> dict[str, str]:
    return {"fishfsr": __version__, "torch": torch.__version__, "python": platform.python_version()}


def _json(values: Mapping[str, Any]) -> str:
    try:
        return json.dumps(values, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"the metadata cannot be written as JSON: {error}") from error
