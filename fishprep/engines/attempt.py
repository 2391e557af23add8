"""One attempt at a spec, and what can come of it."""

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fishprep.common.errors import BuildError, FishPrepError, PartError
from fishprep.engines.base import R, S, Work


@dataclass(frozen=True)
class Returned:
    """The work came to its end."""

    value: Any


@dataclass(frozen=True)
class Raised:
    """A spec's own failure, at none of its parts."""

    reason: str
    system_error: int | None = None


@dataclass(frozen=True)
class Lost:
    """A worker that did not come to the end of its spec. parts: what it was at. certain: it was their doing and nobody else's
    (an exception of theirs, or their time)."""

    reason: str
    parts: tuple[str, ...]
    certain: bool


Attempted = Returned | Raised | Lost


def made(make_work: Callable[[], Work[S, R]]) -> Work[S, R]:
    """The function for specs; BuildError where it cannot be made, whatever the reason."""
    try:
        return make_work()
    except Exception as error:
        raise BuildError(
            str(error) if isinstance(error, FishPrepError) else f"cannot start: {_named(error)}"
        ) from error


def attempt(work: Work[S, R], spec: S, tell: Callable[[object], None]) -> Attempted:
    """Work on a spec, here and now, whatever it raises."""
    try:
        return Returned(work(spec, tell))
    except PartError as error:
        return Lost(error.reason, error.parts, certain=True)
    except FishPrepError as error:
        return Raised(str(error))
    except OSError as error:
        return Raised(str(error), error.errno)
    except Exception as error:  # reported with the spec that it belongs to, where the run goes on
        traceback.print_exc(file=sys.stderr)
        return Raised(_named(error))


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
