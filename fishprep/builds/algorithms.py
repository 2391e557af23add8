"""The versions of this project's own algorithms that a build names: with its settings they say how its pixels came to be.

Each version stands beside its algorithm and is raised by whoever changes what that gives; tests/fishprep/builds/test_algorithms.py
holds what each version gives. A build records them with the versions of the libraries, and resuming compares both. Version 1
is what was done before versions were recorded, so that shards from then keep their recipe.
"""

from collections.abc import Mapping

from fishprep.builds.configuration import BuildConfiguration
from fishprep.decoding import decode
from fishprep.faces import crop, pyramid, turned
from fishprep.landmarks import BACKENDS, DETECTORS, select
from fishprep.parsing import PARSERS, skin
from fishprep.shards.versions import FIRST, OWN


def everything() -> dict[str, str]:
    """Name → version of every algorithm that a configuration can name."""
    kinds = {
        "crop": crop.VERSIONS | {"upright": turned.VERSION},
        "resizer": {name: kind.version for name, kind in pyramid.RESIZERS.items()},
        "mask-resizer": skin.RESIZE_VERSIONS,
        "parser": {name: kind.version for name, kind in PARSERS.items()},
        "landmarks": {name: kind.version for name, kind in BACKENDS.items()},
        "detector": DETECTORS,
    }
    alone = {"fusion": skin.FUSION_VERSION, "decoder": decode.VERSION, "faces": select.VERSION}
    return _named(
        alone | {f"{kind}-{name}": version for kind, known in kinds.items() for name, version in known.items()}
    )


def in_recipe(configuration: BuildConfiguration) -> dict[str, str]:
    """Name → version of what shards that are trained together must agree on."""
    turned = ["crop-upright"] if configuration.upright else []
    pictures = _chosen(f"crop-{configuration.crop}", *turned, f"resizer-{configuration.resizer}")
    return pictures | in_maps(configuration)


def in_maps(configuration: BuildConfiguration) -> dict[str, str]:
    """Of that, what makes the maps and not the pictures."""
    method = skin.MaskResize.of(configuration.mask_resizer).method
    return _chosen(f"mask-resizer-{method}", "fusion", f"parser-{configuration.parser}")


def in_provenance(configuration: BuildConfiguration) -> dict[str, str]:
    """Name → version of what is a fact of a build but no part of its recipe: how photos are decoded, faces found and chosen."""
    detectors = configuration.detector.split("+") if configuration.landmarks == "dlib" else []
    return _chosen(
        "decoder", f"landmarks-{configuration.landmarks}", *(f"detector-{name}" for name in detectors), "faces"
    )


def versions(configuration: BuildConfiguration) -> dict[str, str]:
    """Name → version of every algorithm that a configuration names."""
    return in_recipe(configuration) | in_provenance(configuration)


def recorded(configuration: BuildConfiguration, before: Mapping[str, str]) -> dict[str, str]:
    """As `in_recipe`, of a build that recorded the versions `before`."""
    return {name: before.get(name, FIRST) for name in in_recipe(configuration)}


def _chosen(*names: str) -> dict[str, str]:
    """A name that there is not has no version; whoever runs it says so."""
    known = everything()
    return {OWN + name: known[OWN + name] for name in names if OWN + name in known}


def _named(algorithms: Mapping[str, int]) -> dict[str, str]:
    return {OWN + name: str(version) for name, version in algorithms.items()}
