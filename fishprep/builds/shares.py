"""The shares of a split that is drawn: `--split 0.9,0.05,0.05`."""

import math
from dataclasses import dataclass

from fishprep.common.errors import ConfigurationError


@dataclass(frozen=True)
class Shares:
    """Shares of train, val and test, which add up to 1."""

    train: float
    val: float
    test: float

    @classmethod
    def of(cls, rule: str) -> "Shares | None":
        """From two or three numbers with commas between them; None where a rule is something else. ConfigurationError where
        they are no shares."""
        try:
            numbers = [float(part) for part in rule.split(",")]
        except ValueError:
            return None
        if len(numbers) not in (2, 3):
            return None
        if not all(0 <= number <= 1 for number in numbers) or not math.isclose(sum(numbers), 1, abs_tol=1e-6):
            raise ConfigurationError(
                f"--split {rule}: shares of train, val and test must add up to 1, as 0.9,0.05,0.05"
            )
        if not numbers[0]:
            raise ConfigurationError(f"--split {rule}: nothing would be left to train on")
        return cls(*numbers, *[0.0] * (3 - len(numbers)))

    def __str__(self) -> str:
        return f"{self.train:g},{self.val:g},{self.test:g}"

    def counts(self, photos: int) -> dict[str, int]:
        """Photos of val and test: at least one where there is a share, and photos enough."""
        wanted = {"val": self.val, "test": self.test}
        return {
            split: min(photos // 3, max(1, round(share * photos))) if share else 0 for split, share in wanted.items()
        }
