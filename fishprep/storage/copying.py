"""A file from one storage into another."""

import shutil

from fishprep.common.files import sha256_file
from fishprep.storage.base import Storage


class OtherBytesError(Exception):
    """A file does not hold what it should."""


def copy_between(source: Storage, name: str, target: Storage, to: str, sha256: str) -> None:
    """Store `name` of `source` as `to` in `target`. OtherBytesError, and nothing stored, where it has not the hash `sha256`."""
    with source.local(name) as old, target.put(to) as new:
        shutil.copyfile(old, new)
        if sha256_file(new) != sha256:
            raise OtherBytesError(source.where(name))
