"""Is the machine that a worker begins on fit for a build? It may be another one than that which planned it."""

from pathlib import Path

from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.networks import LoadedNetworks
from fishprep.builds.versions import PRODUCER, version_changes
from fishprep.common.errors import BuildError


def refuse_other_software(attributes: BuildAttributes, producer: str) -> None:
    """BuildError where this machine has another fishprep, or other libraries or algorithms, than those that a build began with."""
    changes = [] if producer == PRODUCER else [f"{producer} → {PRODUCER}"]
    changes += version_changes(attributes.versions, attributes.configuration)
    if changes:
        raise BuildError(f"other versions are installed than the build began with: {'; '.join(changes)}")


def refuse_other_drives(root: str) -> None:
    """BuildError where this machine does not see the photos' source: else each photo would be recorded as gone. `root`: a path or
    a url, or empty where there is no one place."""
    if root and "://" not in root and not Path(root).exists():
        raise BuildError(
            f"{root} is not there: every machine must have the photos under this path, on a drive that they share"
        )


def refuse_other_weights(attributes: BuildAttributes, loaded: LoadedNetworks) -> None:
    """BuildError where other weights were loaded here."""
    here = loaded.pipeline.backend.weights | loaded.parser.weights
    if sorted(here.values()) != sorted(attributes.configuration.weights.values()):
        raise BuildError(f"the weights {', '.join(sorted(here))} are not those that the build began with")
