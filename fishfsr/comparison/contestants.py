"""Who takes part in a comparison: the methods of Table I and those beside it, the models of Table III, and who they are held against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fishfsr.errors import ConfigurationError
from fishfsr.evaluation.methods import BICUBIC
from fishfsr.methods.base import Method
from fishfsr.methods.every import METHODS
from fishfsr.models.ablations import ABLATIONS

OURS = "fishfsrnet"
REFERENCES = (OURS, "model_8")
"""Whoever is first of these is what the others are held against."""
WITHOUT_D = "urdgn-plain"


@dataclass(frozen=True)
class Contestant:
    """One row of the table: a method by its `architecture`, with `switches`, fields of [sr] by name."""

    name: str
    title: str
    architecture: str
    switches: Mapping[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> Method:
        """What is known of it."""
        return METHODS[self.architecture]


def _table() -> tuple[Contestant, ...]:
    found: list[Contestant] = []
    for name, method in METHODS.items():
        found.append(Contestant(name, method.title, name))
        if name == "urdgn":
            without = {"options": {"discriminator": False}}
            found.append(Contestant(WITHOUT_D, f"{method.title} without D", name, without))
    return tuple(found)


TABLE = _table()
"""In the order of the paper's Table I, then those that are not in it."""

MODELS_OF_TABLE_3 = tuple(
    Contestant(name, "FishFSRNet without the map" if name == "without_map" else f"Model {name[-1]}", OURS, switches)
    for name, switches in ABLATIONS.items()
)
"""Models 1 to 8, then the one of Fig. 14."""

GROUPS: Mapping[str, tuple[Contestant, ...]] = MappingProxyType({"all": TABLE, "ablations": MODELS_OF_TABLE_3})


def known_names() -> tuple[str, ...]:
    """Of everybody who can take part, bicubic aside."""
    return tuple(each.name for group in GROUPS.values() for each in group)


def chosen(words: str) -> tuple[Contestant, ...]:
    """`all`, `ablations`, or names with commas between them, each once, in the order of the tables; bicubic takes part in any case.

    Raises ConfigurationError for another name.
    """
    known = {each.name: each for group in GROUPS.values() for each in group}
    wanted: set[str] = set()
    for word in (word.strip() for word in words.split(",")):
        if word in GROUPS:
            wanted |= {each.name for each in GROUPS[word]}
        elif word in known:
            wanted.add(word)
        elif word != BICUBIC:
            listed = ", ".join((*GROUPS, BICUBIC, *known))
            raise ConfigurationError(f"no method {word!r}; there are {listed}")
    if not wanted:
        raise ConfigurationError("only bicubic is named: name a method that is trained")
    return tuple(each for name, each in known.items() if name in wanted)


def reference_of(names: set[str]) -> str:
    """The name of whoever the others are held against: FishFSRNet, Model 8, or else bicubic."""
    return next((name for name in REFERENCES if name in names), BICUBIC)
