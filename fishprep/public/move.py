"""`fishprep.move`: the shards of a build brought to another place and back."""

from collections.abc import Callable
from pathlib import Path

from fishprep.builds.moving import MoveCount, move_away, move_back, note_away
from fishprep.common.errors import ConfigurationError
from fishprep.public.news import unheard
from fishprep.public.settings import StrPath
from fishprep.storage.named import is_url, located


def move(
    out: StrPath,
    to: StrPath | None = None,
    *,
    unseen: bool = False,
    back: bool = False,
    progress: Callable[[str], None] = unheard,
) -> MoveCount:
    """Bring the shards of the finished build in `out` to `to`, a folder or a bucket; `out` keeps rows and records, and knows them by
    their hashes. Shards that somebody has moved to `to` by hand are recorded. progress: gets the name of each file that is copied.

    unseen: record that the shards which are not in `out` are at `to`, which may be any words and is not looked at. back: bring them
    back from where they are; at their place they stay. Each is copied, compared by its hash and recorded before it is removed from
    `out`, so that the same call goes on where it was stopped.

    Raises ConfigurationError where a shard is nowhere or another file bears its name, BuildError where one is damaged or a folder cannot
    be written.
    """
    place = located(out)
    place = place.resolve() if isinstance(place, Path) else place
    if back:
        if to is not None or unseen:
            raise ConfigurationError("--back brings shards from where they are: it takes no place, and no --unseen")
        return move_back(place, progress)
    if to is None:
        raise ConfigurationError("where to? give a folder or a bucket after OUT, or --back")
    if unseen:
        return note_away(place, str(to))
    return move_away(place, str(to) if is_url(to) else str(Path(to).resolve()), progress)
