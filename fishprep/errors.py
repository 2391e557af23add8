"""What can go wrong in a way that the user can mend. The command line prints these without a traceback."""


class FishPrepError(Exception):
    """A mistake in what was asked or given: says what is wrong, in which file, and what to do."""


class SourceError(FishPrepError):
    """A folder, list or annotation file of a source that cannot be used."""


class DecodeError(FishPrepError):
    """A photo that is not decoded; `status` is the name of its row in the manifest."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class WeightsError(FishPrepError):
    """Weights that are missing, damaged, or not what they claim to be."""


class ShardError(FishPrepError):
    """A shard that is truncated, of another schema, or against its own rules."""


class ConfigurationError(FishPrepError):
    """Settings that contradict each other, or a build resumed with other settings or inputs."""


class BuildError(FishPrepError):
    """A build that could not be finished; what was finished stands."""
