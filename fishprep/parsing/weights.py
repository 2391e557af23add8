"""Weight files of the parsers, by the names that the parsers have."""

from pathlib import Path

from safetensors import SafetensorError, safe_open

from fishprep.common.files import check_regular, sha256_file
from fishprep.common.weights import OWN_PACKAGE, WeightRecord
from fishprep.parsing.base import BISENET, COMPACT, DEFAULT_PARSER, TEACHER

RECORDS = (
    WeightRecord(
        name=DEFAULT_PARSER,
        file="compact-fishfsr.safetensors",
        package=OWN_PACKAGE,
        sha256="040b49a4864f1e11f6b3f1cc55e85cdc8349a19189c89577383458455d562db9",
        size=8_833_856,
        licence="non-commercial only: trained on CelebAMask-HQ and CelebA",
        purpose="face parsing, 19 classes (the compact network, trained here)",
        flags="--parser-weights FILE",
    ),
    WeightRecord(
        name=TEACHER,
        file="bisenet-fishfsr.safetensors",
        package=OWN_PACKAGE,
        sha256="d444fe149a6feea4f754a60a5a2c95de1c3ab2252c2374167b7659878b61b88a",
        size=26_645_792,
        licence="non-commercial only: trained on CelebAMask-HQ",
        purpose="face parsing, 19 classes (BiSeNet trained here)",
        flags="--parser-weights FILE",
    ),
    WeightRecord(
        name="bisenet",
        file="parsing_bisenet.pth",
        url="https://github.com/xinntao/facexlib/releases/download/v0.2.0/parsing_bisenet.pth",
        sha256="468e13ca13a9b43cc0881a9f99083a430e9c0a38abd935431d1c28ee94b26567",
        size=53_289_463,
        licence="MIT code, trained on CelebAMask-HQ: non-commercial research only",
        purpose="face parsing, 19 classes (facexlib's BiSeNet)",
        flags="--parser-weights FILE or --weights-dir FOLDER",
    ),
)


def name_of(file: Path) -> str:
    """What a network with the weights of a file is called: as the record says whose bytes they are, else as the network is."""
    found = sha256_file(file) if file.is_file() else None
    return next((record.name for record in RECORDS if record.sha256 == found), None) or _network_of(file)


def _network_of(file: Path) -> str:
    """`compact` where a header says so, without torch, which takes seconds. What is wrong with a file is said where it is loaded."""
    try:
        check_regular(file)
        with safe_open(file, framework="numpy") as stream:
            return COMPACT if (stream.metadata() or {}).get("network") == COMPACT else BISENET
    except (SafetensorError, OSError):
        return BISENET
