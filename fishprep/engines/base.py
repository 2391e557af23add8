"""What engines and their users share: specs made of parts, and the one event that each spec comes to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar


class Spec(Protocol):
    """A unit of work, made of parts that can be left out where a process dies of them."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts, in the order in which they are worked on."""
        ...

    def trial(self, parts: Sequence[str]) -> Self:
        """These parts alone, one at a time; nothing comes of it but whether the process lives."""
        ...

    def without(self, blamed: Mapping[str, str]) -> Self:
        """The same work, one part at a time, with a reason instead of those parts that cannot be done."""
        ...


class News(Protocol):
    """What work tells of its progress."""

    def undone(self) -> "News":
        """The news that takes this one back, as the process died and its work begins anew."""
        ...


S = TypeVar("S", bound=Spec)
R = TypeVar("R")
Tell = Callable[[News], None]
Work = Callable[[S, Callable[[object], None]], R]
"""Takes a spec and tells of `News` and of every `Step`; what it raises while it is at a step is a PartError."""


@dataclass(frozen=True)
class Done(Generic[S, R]):
    """A spec and what came of it."""

    spec: S
    result: R


@dataclass(frozen=True)
class Failed(Generic[S]):
    """A spec that raised, or over which processes died for no part's sake. `system_error` is the errno where the system refused
    something."""

    spec: S
    reason: str
    system_error: int | None = None


@dataclass(frozen=True)
class Raised:
    """A spec's own failure, at none of its parts."""

    reason: str
    system_error: int | None = None


@dataclass(frozen=True)
class Lost:
    """A process that did not come to the end of its spec. parts: what it was at, in the spec's order. certain: it was their
    doing and nobody else's (an exception of theirs, or their time)."""

    reason: str
    parts: tuple[str, ...]
    certain: bool
