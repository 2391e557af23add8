"""What can go wrong in a way that the user can mend. The command line prints these without a traceback."""

import errno
import os
import re


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


class DeviceError(ConfigurationError):
    """A device that is not there, or cannot do what was asked of it."""


class BuildError(FishPrepError):
    """A build that could not be finished; what was finished stands."""


class MissingLibraryError(FishPrepError):
    """A library that is installed, but cannot be loaded on this machine; the message says what it lacks."""


class UnreadableError(BuildError):
    """A record that the system does not let anybody look at: nothing is known of what is in it."""


class EmbeddingError(FishPrepError):
    """Identity vectors that could not be computed: a process that worked on them died."""


class UnreachableError(FishPrepError, OSError):
    """A network or a server that fails: it says nothing about what was asked for, and asking again may help."""


class PartError(FishPrepError):
    """Something that work on `parts` of a whole raised: photos of a shard, by their ids."""

    def __init__(self, parts: tuple[str, ...], reason: str) -> None:
        super().__init__(f"{', '.join(parts)}: {reason}")
        self.parts = parts
        self.reason = reason


def reason_of(doing: str, error: Exception) -> str:
    """One line for a row: what something raised that nobody foresaw."""
    if says_out_of_memory(error):
        return out_of_memory(doing)
    return " ".join(f"{doing}: {type(error).__name__}: {error}".split())[:300]


def out_of_memory(doing: str) -> str:
    """The reason of a row."""
    return f"{doing}: not enough memory; fewer workers leave more for each"


def says_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, which some libraries only say in words: Pillow's and OpenCV's decoders, torch's allocators."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY)


_NO_MEMORY = ("out of memory", "insufficient memory", "can't allocate memory", "bad allocation", "bad_alloc")


def unusable(path: os.PathLike[str] | str, error: Exception, damaged: str) -> BuildError:
    """The error for a record of a build that cannot be used: `damaged` in these words, unless nobody could look at it."""
    why = refusal(error)
    return BuildError(f"{path}: {damaged}") if why is None else UnreadableError(f"{path}: {why}")


def refusal(error: BaseException) -> str | None:
    """What to say of a file that the system did not let us look at (rights, locks, a drive that does not answer); None where it
    did, so that the fault is the file's own, or where there is no such file."""
    match = re.search(r"errno = (\d+)", str(error))  # HDF5 has the system's number in its text alone, at times
    number = int(match[1]) if match else getattr(error, "errno", None)
    if not number or number == errno.ENOENT:
        return None
    why = getattr(error, "strerror", None) or os.strerror(number)
    return f"cannot be read now ({why}): whether it is sound, nobody knows; see to it and try again"
