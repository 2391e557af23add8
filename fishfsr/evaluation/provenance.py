"""What an evaluation was made of and with: written at the head of every output."""

from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from fishfsr.checkpoint import Checkpoint
from fishfsr.evaluation.faces import SplitFaces
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.metrics import Protocol
from fishfsr.models.count import count_parameters
from fishfsr.registry import architecture_of
from fishprep.common.files import sha256_file
from fishprep.common.version import __version__
from fishprep.shards.schema import SPLITS

LIBRARIES = ("torch", "numpy", "pillow", "h5py")
TRAIN, VAL, _ = SPLITS


@dataclass(frozen=True)
class CheckpointFacts:
    """`networks`: architecture, configuration and parameters of each network; `details`: what the file says of itself."""

    file: str
    sha256: str
    networks: dict[str, dict[str, Any]]
    details: dict[str, Any]


@dataclass(frozen=True)
class EvaluatedShards:
    """What the shards say of themselves; `faces` of the `available` ones of the split were measured;
    where: the condition that chose those, None for all of the split."""

    folder: str
    split: str
    faces: int
    available: int
    recipe: str
    inputs: str
    producer: str
    configuration: dict[str, Any]
    weights: dict[str, str]
    where: str | None = None


@dataclass(frozen=True)
class Provenance:
    """`protocol`, in words; `degradation`: what the LR faces draw from (`fishfsr.data.degradation`); `identity`: the
    embedder's name; `runs_on`: device, precision and options.
    """

    checkpoint: CheckpointFacts
    shards: EvaluatedShards
    scale: int
    protocol: str
    protocol_words: str
    map: str
    identity: str | None
    runs_on: str
    seed: int
    resamples: int
    degradation: dict[str, Any]
    versions: dict[str, str]


def checkpoint_facts(path: Path, checkpoint: Checkpoint) -> CheckpointFacts:
    """Of the file at `path`, which holds `checkpoint`."""
    networks = {"parsing_net": checkpoint.parsing_net, "sr_net": checkpoint.sr_net}
    return CheckpointFacts(
        str(path),
        sha256_file(path),
        {
            name: {
                "architecture": architecture_of(network),
                "config": network.config.to_dict(),
                "parameters": count_parameters(network),
            }
            for name, network in networks.items()
            if network is not None
        },
        {name: value for name, value in asdict(checkpoint.details).items() if value},
    )


def shard_facts(faces: SplitFaces) -> EvaluatedShards:
    """Of the split that `faces` come from."""
    said = faces.attributes
    return EvaluatedShards(
        folder=str(faces.folder),
        split=faces.split,
        faces=len(faces),
        available=faces.available,
        recipe=said.recipe,
        inputs=said.inputs,
        producer=said.producer,
        configuration={name: value for name, value in said.configuration.items() if name != "weights"},
        weights=said.weights,
        where=faces.where,
    )


def runs_on(resolver: FaceSuperResolver) -> str:
    """Device, precision and options in words, with the name of a CUDA device."""
    name = f" ({torch.cuda.get_device_name(resolver.device)})" if resolver.device.type == "cuda" else ""
    return f"{resolver.device}{name}, {resolver.options}"


def figure_versions(identity: str | None) -> dict[str, str]:
    """Of the libraries that the figures hang on."""
    libraries = [*LIBRARIES, *(["dlib-bin"] if identity and identity.startswith("dlib") else [])]
    libraries += ["deepface"] if identity and identity.startswith("deepface") else []
    return {"fishfsr": __version__} | {name: _version(name) for name in libraries}


def in_words(protocol: Protocol, scale: int) -> str:
    """A protocol as one sentence."""
    pixels = "clamped and rounded to 8 bits" if protocol.quantised else "neither clamped nor rounded"
    channels = "Y of YCbCr (16-235)" if protocol.luma else "R, G and B"
    rounded = ", rounded" if protocol.rounded_luma else ""
    border = scale if protocol.border is None else protocol.border
    wrapped = " SSIM of (-Y) mod 256, as DIC's code has it." if protocol.wrapped_ssim else ""
    return f"PSNR and SSIM on {channels}{rounded}; images {pixels}; {border} px cut off each side.{wrapped}"


def warnings(provenance: Provenance) -> list[str]:
    """What makes these figures mean something else than they seem to."""
    said: list[str] = []
    trained, shards = provenance.checkpoint.details.get("recipe"), provenance.shards
    if trained is None:
        said.append(
            "The checkpoint does not say by which recipe its training faces were cropped and parsed: "
            "whether these faces are like them is not known."
        )
    elif trained != shards.recipe:
        said.append(
            f"The faces were made by another recipe ({shards.recipe[:12]}) than those the checkpoint was trained on "
            f"({trained[:12]}): another crop, resizer or parser. The figures are not those of the trained task."
        )
    if (name := provenance.degradation["name"]) != "none":
        said.append(f"The LR faces were degraded ({name}) before both, bicubic and the network, enlarged them.")
    if shards.split == TRAIN:
        said.append("These are faces of the training split: figures on them say nothing of new faces.")
    if shards.split == VAL:
        said.append("These are faces of the validation split, by which checkpoints are chosen: not test figures.")
    return said


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"
