"""What can go wrong in a way that the user can mend. The command line prints these without a traceback.

What is wrong with a shard, weights, a photo or a device is found by fishprep, and is one of its errors.
"""

from fishprep.common.errors import DeviceError as DeviceError
from fishprep.common.errors import EmbeddingError as EmbeddingError


class FishFSRError(Exception):
    """A mistake in what was asked or given: says what is wrong, in which file, and what to do."""


class ConfigurationError(FishFSRError, ValueError):
    """Settings out of their range, or that contradict each other."""


class InputError(FishFSRError, ValueError):
    """A tensor of the wrong shape, type or range."""


class CheckpointError(FishFSRError):
    """A checkpoint that is damaged, refused, or does not fit the network it is loaded into."""


class MissingExtraError(FishFSRError):
    """An optional library that is not installed; the message says what to install."""


class ExportError(FishFSRError):
    """An exported graph that could not be written, or does not compute what the networks compute."""


class DataError(FishFSRError):
    """Shards that cannot be trained on together, or hold nothing of what was asked for."""


class TrainingError(FishFSRError):
    """Training that cannot go on: a loss that is no number, a run of other settings, a folder that is taken."""


class NotFiniteError(TrainingError):
    """A loss or gradient that is no number: the weights before it are what the last saved state holds."""


class PeerError(TrainingError):
    """Another process of the group failed; this one stops with it."""
