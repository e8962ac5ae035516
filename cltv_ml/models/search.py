"""Search spaces: the values that each setting of a model can take, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole numbers when both are whole.

    With `log` every doubling is equally likely.

    >>> Range(3, 8).holds(4), Range(3, 8).holds(4.5), Range(0.01, 0.3, log=True).holds(1.0)
    (True, False, False)
    """

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """True when only whole numbers are allowed."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def holds(self, value: Any) -> bool:
        """Return whether `value` lies in the range."""
        number = isinstance(value, int) if self.whole else isinstance(value, (int, float))
        return number and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of the listed values.

    >>> Choice((True, False)).holds(True)
    True
    """

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Return whether `value` is one of them."""
        return value in self.values


#: Argument of the model -> the values to try.
SearchSpace = Mapping[str, Range | Choice]

#: The space of all boosted trees: their number, depth, and the share of the data each one sees.
TREES: SearchSpace = {
    "n_estimators": Range(30, 400, log=True),
    "learning_rate": Range(0.02, 0.2, log=True),
    "max_depth": Range(2, 7),
    "min_child_weight": Range(5.0, 300.0, log=True),
    "subsample": Range(0.5, 1.0),
    "colsample_bytree": Range(0.3, 1.0),
}

#: Trees under the Tweedie likelihood, whose power lies between 1 (Poisson) and 2 (gamma).
TWEEDIE_TREES: SearchSpace = {**TREES, "tweedie_variance_power": Range(1.1, 1.9)}
