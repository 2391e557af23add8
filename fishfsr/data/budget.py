"""How many shards of a bucket there is room for at a time."""

from collections.abc import Collection, Iterable, Sequence

from fishfsr.errors import DataError
from fishprep.common.words import size_text
from fishprep.shards.cache import fetched_bytes
from fishprep.shards.remote import RemoteShard

TURNING = "train"
"""The split whose shards may take turns; those of others are kept, as validation reads them all again and again."""


class Budget:
    """`size` bytes for shards, of which the `wanted` pieces are needed.

    Beside those that take turns stand the others, and of each that does all that is small. There is room for two windows: the
    one that is read, and the next one.
    """

    def __init__(self, listings: Iterable[Sequence[RemoteShard]], wanted: Collection[str], size: int) -> None:
        every = [shard for listing in listings for shard in listing]
        turning = [shard for shard in every if shard.name.split == TURNING]
        self.size, self.total = size, sum(fetched_bytes(shard, wanted) for shard in every)
        self._fixed = self.total - sum(fetched_bytes(shard, wanted) for shard in turning)
        self._fixed += sum(fetched_bytes(shard, frozenset()) for shard in turning)
        self._largest = max((fetched_bytes(shard, wanted) for shard in turning), default=0)
        self._are_known = all(shard.pieces is not None for shard in turning)

    @property
    def holds_all(self) -> bool:
        """Whether all shards have room together."""
        return self.total <= self.size

    def window(self, asked: int) -> int:
        """Shards of a window: as many as are `asked` for, or (0) as there is room for. DataError where that is too little."""
        if not self._are_known or not self._largest:
            raise DataError(
                f"{size_text(self.total)} of shards are more than --cache-size, and cannot take turns: their build does not say where "
                "datasets lie in them. Give them room, or build them anew"
            )
        room = max(0, self.size - self._fixed) // (2 * self._largest)
        least = self._fixed + 2 * self._largest * max(1, asked)
        if room < max(1, asked):
            raise DataError(
                f"--cache-size: {size_text(self.size)} are too few for these shards: two windows of {max(1, asked)}, the validation "
                f"split and what stands for the others take {size_text(least)}"
            )
        return asked or room
