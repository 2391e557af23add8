"""The versions of all that decides what a build makes of its photos."""

from importlib.metadata import PackageNotFoundError, version

from fishprep import __version__
from fishprep.builds import algorithms
from fishprep.builds.configuration import BuildConfiguration
from fishprep.shards.versions import differences

PRODUCER = f"fishprep {__version__}"
_LIBRARIES = ("torch", "numpy", "pillow", "opencv-python", "h5py", "dlib-bin", "face-alignment", "facexlib")
_STAND_INS = {
    "opencv-python": ("opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
}
"""Distributions of the same code, which are recorded under the declared one's name."""


def versions_of(configuration: BuildConfiguration) -> dict[str, str]:
    """Versions of all that decides what a build makes of its photos: libraries, and the project's own algorithms."""
    return library_versions() | algorithms.versions(configuration)


def version_changes(before: dict[str, str], configuration: BuildConfiguration) -> list[str]:
    """`name: before → now` for every library and algorithm of another version than a build recorded."""
    libraries = [
        f"{name}: {old} → {new}" for name, new in library_versions().items() if (old := before.get(name)) != new
    ]
    return libraries + differences(before, algorithms.versions(configuration))


def library_versions() -> dict[str, str]:
    """Versions of the libraries whose release can change a pixel or a point."""
    return {name: found for name in _LIBRARIES if (found := _version(name))}


def _version(distribution: str) -> str | None:
    for name in (distribution, *_STAND_INS.get(distribution, ())):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None
