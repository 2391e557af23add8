"""The versions of algorithms that shards record, compared.

Names of the project's own algorithms begin with `OWN`; the other names are those of libraries. Shards from before versions were
recorded name no algorithm of the project: theirs are the first versions.
"""

from collections.abc import Mapping

OWN = "fishprep/"
FIRST = "1"


def are_recorded(versions: Mapping[str, str]) -> bool:
    """Whether the versions of the project's algorithms are among those that a build recorded."""
    return any(name.startswith(OWN) for name in versions)


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """`name: one → other` for every algorithm that two builds used in different versions."""
    names = sorted(name for name in one.keys() | other.keys() if name.startswith(OWN))
    pairs = [(name, _version(name, one), _version(name, other)) for name in names]
    return [f"{name}: {was} → {now}" for name, was, now in pairs if was and now and was != now]


def _version(name: str, versions: Mapping[str, str]) -> str | None:
    """None where a build that records versions did not use the algorithm."""
    return versions.get(name) if are_recorded(versions) else FIRST
