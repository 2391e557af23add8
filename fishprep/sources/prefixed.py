"""A source whose photos are called by a word before their own names: a second source of a build, in which names may come again."""

import re
from dataclasses import dataclass, replace

from fishprep.common.errors import ConfigurationError
from fishprep.faces.photo import Photo
from fishprep.sources.base import Listing, Source


@dataclass(frozen=True)
class PrefixedSource:
    """`source`, in which the photo `a/b.jpg` is called `PREFIX/a/b.jpg`, and its id likewise."""

    source: Source
    prefix: str

    @property
    def kind(self) -> str:
        """Of the source."""
        return self.source.kind

    def listing(self) -> Listing:
        """As of the source."""
        found = self.source.listing()
        return replace(found, photos=tuple(map(self._called, found.photos)))

    def _called(self, photo: Photo) -> Photo:
        return replace(photo, id=f"{self.prefix}/{photo.id}", relative=f"{self.prefix}/{photo.relative}")


def with_prefix(source: Source, prefix: str) -> Source:
    """An empty prefix is none. ConfigurationError where it is no plain word."""
    if prefix and not re.fullmatch(r"(?!\.)[\w.-]+", prefix):
        raise ConfigurationError(f"--prefix {prefix}: expected a word of letters, digits, `-`, `_` and `.`")
    return PrefixedSource(source, prefix) if prefix else source
