"""What every method of a comparison may spend: minutes of training, or faces seen."""

import re
from dataclasses import dataclass

from fishfsr.errors import ConfigurationError

ENDLESS = 1_000_000_000
"""Steps of a training that ends by the clock."""

_SPELLING = re.compile(r"(?P<amount>\d[\d_,]*(\.\d+)?)\s*(?P<unit>m|min|minutes?|h|hours?|faces?)")
_MINUTES = {"m": 1.0, "h": 60.0}


@dataclass(frozen=True)
class TrainingBudget:
    """Either `minutes` of training or `faces` seen, the other is None.

    A face counts each time it is in a step. Minutes are of this machine's clock, and the opening of the data is among
    them; what is told as spent is of steps and validations.
    """

    minutes: float | None = None
    faces: int | None = None

    def __post_init__(self) -> None:
        if (self.minutes is None) is (self.faces is None):
            raise ConfigurationError("a budget is of minutes or of faces")
        if not (self.minutes or self.faces or 0) > 0:
            raise ConfigurationError(f"a budget of {self}: must be more than nothing")

    def steps(self, batch_size: int) -> int:
        """Steps of `batch_size` faces that come nearest to the budget, one at least; `ENDLESS` where it is of minutes."""
        return ENDLESS if self.faces is None else max(1, round(self.faces / batch_size))

    def minutes_left(self, seconds: float) -> float | None:
        """Minutes after `seconds` of training; None where the budget is of faces. Less than a second, or than a tenth of a short budget, is
        nothing: opening the data is of the budget, is not counted as training, and takes longer than that."""
        if self.minutes is None:
            return None
        left = self.minutes - seconds / 60
        return left if left > min(1 / 60, self.minutes / 10) else 0.0

    @property
    def words(self) -> str:
        """What each method is given, for sentences."""
        return f"{self} seen" if self.faces is not None else f"{self} of training"

    def __str__(self) -> str:
        return f"{self.faces:,} faces" if self.faces is not None else f"{self.minutes:g} minutes"


def parse_budget(text: str) -> TrainingBudget:
    """A budget as the command line spells it. Raises ConfigurationError for anything else.

    >>> str(parse_budget("20m")), str(parse_budget("1.5h")), str(parse_budget("50_000faces"))
    ('20 minutes', '90 minutes', '50,000 faces')
    """
    found = _SPELLING.fullmatch(text.strip().lower())
    if found is None:
        raise ConfigurationError(
            f"no budget {text!r}: say 20m or 1.5h for the time of each method, 50000faces for what it sees"
        )
    amount = float(found["amount"].replace(",", "").replace("_", ""))
    if found["unit"].startswith("face"):
        return TrainingBudget(faces=round(amount))
    return TrainingBudget(minutes=amount * _MINUTES[found["unit"][0]])
