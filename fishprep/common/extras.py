"""The extras that the project declares, as pip was told of them, and which of their libraries are here."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version

DISTRIBUTION = "fishfsr"
FOR_DEVELOPMENT = ("dev",)
"""Extras of which no command makes use."""

_NEEDED = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[(?P<extras>[^]]*)\])?.*;\s*extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"]"
)


def extras() -> dict[str, dict[str, str]]:
    """Extra → the libraries it asks for → their versions here, empty where one is not; nothing where the project is not installed."""
    try:
        declared = distribution(DISTRIBUTION)
    except PackageNotFoundError:
        return {}
    requirements = declared.requires or []
    names = declared.metadata.get_all("Provides-Extra") or []
    return {
        name: {library: _version(library) for library in _libraries(name, requirements)}
        for name in names
        if name not in FOR_DEVELOPMENT
    }


def _libraries(extra: str, requirements: list[str]) -> Iterator[str]:
    """An extra may be made of others: `fishfsr[export]`."""
    for requirement in requirements:
        needed = _NEEDED.fullmatch(requirement)
        if needed is None or needed["extra"] != extra:
            continue
        if needed["name"] != DISTRIBUTION:
            yield needed["name"]
            continue
        for other in (needed["extras"] or "").split(","):
            yield from _libraries(other.strip(), requirements)


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
