"""The value that a request chooses: within the horizon, all future value, or future plus past value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml.decisions import value_column
from cltv_ml.decisions.lifetime import VALUES
from cltv_ml.errors import InputError
from cltv_ml.models import CATALOGUE, ValueModel
from cltv_ml.models.future_value import FutureValue
from cltv_ml.models.state import from_state, to_state
from cltv_ml.models.value_curve import ValueCurve, check_discount_rate
from cltv_ml.windows import days_in_words, to_days

TAIL = "tail.json"

_HORIZON_VALUE = re.compile(r"expected_value_(\d+)d")

#: The column of a request with each customer's spend so far.
PAST = "value_to_date"
BASES = ("revenue", "profit")


@dataclass(frozen=True)
class Tail:
    """The value of a model's customers beyond its longest horizon, and the days it covers unless a request states them.

    Where the log shows no dropout, so that the sum has no natural limit, these are the length of the log.
    """

    model: FutureValue
    end: int


@dataclass(frozen=True)
class ValueChoice:
    """The requested value, in revenue or in profit, and its end."""

    value: str = "horizon"
    basis: str = "revenue"
    end: int | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> ValueChoice:
        """Return the choice in a request's parameters; raise InputError if one is unknown or lacks what it needs."""
        value, basis = params.get("value") or "horizon", params.get("basis") or "revenue"
        for name, choice, options in (("value", value, VALUES), ("basis", basis, BASES)):
            if choice not in options:
                raise InputError(f"Unknown {name} {choice!r}. Available: {', '.join(options)}.")
        if basis == "profit" and params.get("margin") in (None, 1.0):
            raise InputError(
                "basis 'profit' needs margin, the share of revenue left after costs, such as 0.3."
            )
        end = params.get("end") or 0
        return cls(value, basis, to_days(end, "end") if end else None)

    @property
    def is_usual(self) -> bool:
        """Whether it is the default value."""
        return (self.value, self.basis) == ("horizon", "revenue")

    @property
    def column(self) -> str:
        """The column of the response, as `cltv lifetime` names it."""
        return value_column(self.value, self.basis)


def write_tail(tail: Tail, folder: Path) -> None:
    """Write a tail next to a model's files."""
    text = json.dumps({"end": tail.end, "state": to_state(tail.model)}, indent=1)
    (folder / TAIL).write_text(text, encoding="utf-8")


def read_tail(folder: Path) -> Tail | None:
    """Return the tail next to a model's files; None if its training stored none."""
    path = folder / TAIL
    if not path.exists():
        return None
    classes = CATALOGUE | {kind.__name__: kind for kind in (FutureValue, ValueCurve)}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Tail(from_state(stored["state"], classes), int(stored["end"]))
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise InputError(
            f"{TAIL} is damaged ({type(error).__name__}: {error}); restore the model's files, or train again."
        ) from error


def longest(table: pd.DataFrame, horizon: int) -> tuple[int, pd.Series]:
    """Return the longest horizon for which a table of predictions has values, and these values.

    Without a column per horizon, `expected_value` is that of `horizon`.

    >>> longest(pd.DataFrame({"expected_value": [5.0], "expected_value_91d": [9.0]}), 30)[0]
    91
    """
    days = {int(match[1]): name for name in table if (match := _HORIZON_VALUE.fullmatch(str(name)))}
    last = max(days, default=0)
    return (last, table[days[last]]) if last >= horizon else (horizon, table["expected_value"])


def compute_remaining(
    tail: Tail | None, model: ValueModel, X: pd.DataFrame, end: int | None, discount_rate: float | None
) -> pd.DataFrame:
    """Return `value`, each customer's expected spend from now to the end, discounted from each purchase.

    The 90% bounds `lower` and `upper` of `cltv lifetime` are added, unless an earlier cltv_ml stored the tail.

    Raises
    ------
    InputError
        The version holds no tail, or the end does not lie beyond its longest horizon.
    """
    if tail is None:
        raise InputError(
            "a value beyond the horizon is not available: this version was trained by an earlier cltv_ml, "
            "or on customers of whom none bought on a second day; leave value out, or train again."
        )
    horizon = tail.model.horizon
    if end is not None and end <= horizon:
        raise InputError(
            f"the end, {days_in_words(end)} ahead, must lie beyond the model's horizon of {days_in_words(horizon)}."
        )
    rate = discount_rate or 0.0
    check_discount_rate(rate)
    _, values = longest(model.predict_table(X), horizon)
    last = end or tail.end
    value = tail.model.predict(X, values, [last], rate)[last]
    table = pd.DataFrame({"value": value})
    return table if tail.model.spread_ is None else table.join(tail.model.interval(X, value, last))
