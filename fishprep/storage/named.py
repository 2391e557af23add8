"""The one way from a word to where it means: a folder, or a bucket."""

import os
import re
from pathlib import Path

from fishprep.common.errors import ConfigurationError
from fishprep.storage.client import SCHEMES
from fishprep.storage.objects import ObjectStorage

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)


def is_url(word: str | os.PathLike[str]) -> bool:
    """Whether a word means no path of this machine."""
    return isinstance(word, str) and _URL.fullmatch(word) is not None


def url_of(path: Path) -> str | None:
    """The url that a path was made of, which has lost one of its slashes by that; None where it was made of none."""
    scheme, _, rest = path.as_posix().partition(":/")
    return f"{scheme}://{rest}" if rest and scheme in SCHEMES else None


def located(word: str | os.PathLike[str] | ObjectStorage) -> Path | ObjectStorage:
    """A path as it is, a url (`s3://bucket/prefix`, `gs://`, `az://`) as a storage. ConfigurationError for any other scheme, and for a
    url without a bucket."""
    if isinstance(word, ObjectStorage):
        return word
    match = _URL.fullmatch(word) if isinstance(word, str) else None
    if match is None:
        return Path(word)
    if match["scheme"] not in SCHEMES or not match["rest"].strip("/"):
        raise ConfigurationError(
            f"{word}: a bucket is given as s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"
        )
    return ObjectStorage(match.string)
