"""News of a build on its way."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """What happened since the last news: photos done, faces kept, photos or faces dropped; `looked_at`: photos looked at
    so far before the first shard. The first news of a build tells the photos that were done before."""

    photos: int = 0
    kept: int = 0
    dropped: int = 0
    looked_at: int = 0

    def undone(self) -> "Progress":
        """Takes this one back."""
        return Progress(-self.photos, -self.kept, -self.dropped)


TellProgress = Callable[[Progress], None]

TellCount = Callable[[int, int], None]
"""Told how many are done, and of how many."""
