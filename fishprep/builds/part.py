"""Every N-th shard of a build: one of several calls, on machines that share a folder and know nothing of each other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fishprep.common.errors import ConfigurationError

S = TypeVar("S", bound=Sequence[Any])


@dataclass(frozen=True)
class Part:
    """Part `index` of `count`, from 0. ConfigurationError where there is none."""

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ConfigurationError(f"--part {self}: parts are counted from 0, so that the last of N is N-1/N")

    @classmethod
    def of(cls, text: str) -> "Part":
        """From `3/64`."""
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if match is None:
            raise ConfigurationError(f"--part {text}: expected I/N, as 0/64")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def take(self, items: S) -> S:
        """Every N-th."""
        return items[self.index :: self.count]  # type: ignore[return-value]  # a slice of a sequence is one of its kind
