"""Ids as names of files: the same in every format, of any system, and never the name of another face."""

import hashlib
from collections import Counter
from collections.abc import Sequence

LONGEST = 120
"""Bytes of a key; LMDB takes 511, a file system 255 with the suffix."""

_TAKEN = frozenset("/\\.%~#?*:|\"'<>`$&")
"""Characters with a meaning to file systems, shells, or the formats: WebDataset ends a key at the first dot."""


def file_keys(ids: Sequence[str]) -> list[str]:
    """A key for each id, all different, upper and lower case being one; the same ids give the same keys.

    Characters that mean something elsewhere are written `%2F`. An id that is too long, or differs from another in case alone, ends in
    a hash of it.

    >>> file_keys(["000001", "a/b.c", "A/b.c"])
    ['000001', 'a%2Fb%2Ec~d7fd...', 'A%2Fb%2Ec~5f3a...']
    """
    plain = [_escaped(name) for name in ids]
    counts = Counter(key.casefold() for key in plain)
    return [
        key if counts[key.casefold()] == 1 and len(key.encode()) <= LONGEST else _hashed(key, name)
        for key, name in zip(plain, ids, strict=True)
    ]


def _escaped(name: str) -> str:
    return "".join(c if c.isprintable() and not c.isspace() and c not in _TAKEN else _percent(c) for c in name)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _hashed(key: str, name: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    start = key.encode()[: LONGEST - len(digest) - 1].decode(errors="ignore")
    return f"{start}~{digest}"
