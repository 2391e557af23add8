"""The versions of the libraries whose release can change a pixel or a point."""

import functools
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

_LIBRARIES = ("torch", "numpy", "pillow", "opencv-python", "h5py", "dlib-bin", "face-alignment", "facexlib")
_STAND_INS = {
    "opencv-python": ("opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
}
"""Distributions of the same code, which are recorded under the declared one's name."""


def library_versions() -> dict[str, str]:
    """Distribution → version, of those that are installed."""
    return installed_versions(_LIBRARIES)


def installed_versions(distributions: Iterable[str]) -> dict[str, str]:
    """The same of some distributions, which not all that is recorded has run."""
    return {name: found for name in distributions if (found := _version(name))}


@functools.cache
def _version(distribution: str) -> str | None:
    """Read once: a distribution's metadata takes milliseconds, and what is imported stays what it is."""
    for name in (distribution, *_STAND_INS.get(distribution, ())):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None
