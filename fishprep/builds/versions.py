"""The versions of all that decides what a build makes of its photos."""

from fishprep.builds import algorithms
from fishprep.builds.configuration import BuildConfiguration
from fishprep.common.libraries import installed_versions, library_versions
from fishprep.common.version import __version__
from fishprep.shards.versions import differences

PRODUCER = f"fishprep {__version__}"


def versions_of(configuration: BuildConfiguration) -> dict[str, str]:
    """Versions of all that decides what a build makes of its photos: libraries, and the project's own algorithms."""
    return _libraries(configuration) | algorithms.versions(configuration)


def version_changes(before: dict[str, str], configuration: BuildConfiguration) -> list[str]:
    """`name: before → now` for every library and algorithm of another version than a build recorded."""
    changed = [
        f"{name}: {old or 'none'} → {new}"
        for name, new in _libraries(configuration).items()
        if (old := before.get(name)) != new
    ]
    return changed + differences(before, algorithms.versions(configuration))


def _libraries(configuration: BuildConfiguration) -> dict[str, str]:
    return library_versions() | installed_versions(configuration.runtimes)
