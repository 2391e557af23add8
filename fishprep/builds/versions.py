"""The versions of all that decides what a build makes of its photos."""

from fishprep.builds import algorithms
from fishprep.builds.configuration import BuildConfiguration
from fishprep.common.libraries import library_versions
from fishprep.common.version import __version__
from fishprep.shards.versions import differences

PRODUCER = f"fishprep {__version__}"


def versions_of(configuration: BuildConfiguration) -> dict[str, str]:
    """Versions of all that decides what a build makes of its photos: libraries, and the project's own algorithms."""
    return library_versions() | algorithms.versions(configuration)


def version_changes(before: dict[str, str], configuration: BuildConfiguration) -> list[str]:
    """`name: before → now` for every library and algorithm of another version than a build recorded."""
    libraries = [
        f"{name}: {old} → {new}" for name, new in library_versions().items() if (old := before.get(name)) != new
    ]
    return libraries + differences(before, algorithms.versions(configuration))
