"""What a place must do: say cheaply what lies there, and read it within limits."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Protocol

from fishprep.decoding.decode import Limits


@dataclass(frozen=True, slots=True)
class Stamp:
    """What can be known of bytes without reading them. size: how many they are; None where nothing is known.

    version: text that is another one whenever the bytes are: the time of the last change, an ETag, a checksum.
    identity: the same for all names of the same bytes (links to one file); None where nobody knows.
    """

    size: int | None = None
    version: str = ""
    identity: Hashable | None = field(default=None, compare=False)

    def differs(self, planned: "Stamp") -> bool:
        """Whether the bytes are others than those of a stamp, as far as that says anything."""
        other_size = planned.size is not None and planned.size != self.size
        return other_size or (planned.version != "" and planned.version != self.version)


UNKNOWN = Stamp()


@dataclass(frozen=True)
class ReadBytes:
    """Bytes, and their stamp as it was once they were read."""

    data: bytes
    stamp: Stamp


class Place(Protocol):
    """Where the bytes of a photo lie. Small, hashable, and can be sent to other processes and machines.

    `str` says where, for messages.
    """

    def stamp(self) -> Stamp:
        """What lies there now, or did when the source was listed; `UNKNOWN` where that is not to be had. Reads no bytes."""

    def read(self, limits: Limits) -> ReadBytes:
        """All bytes, never more than `limits.max_bytes`. DecodeError with status `unreadable`, `too_large`, `changed`, or `failed`
        where memory runs out.

        What says nothing about the photo (a network that is down) is raised as it comes: it is no answer.
        """
