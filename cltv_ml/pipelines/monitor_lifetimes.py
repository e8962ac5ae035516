"""Lifetime values as a batch to monitor: expected from now on, in revenue or profit, against realised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from cltv_ml import decisions
from cltv_ml.errors import InputError
from cltv_ml.log import Log
from cltv_ml.money import format_money
from cltv_ml.pipelines.inputs import read_account, read_lifetimes
from cltv_ml.settings import Monitor


@dataclass(frozen=True)
class LifetimeBatch:
    """A batch of lifetime values."""

    #: As `cltv score` writes them: `expected_value` is the value to watch, `horizon` how far it reaches.
    scores: pd.DataFrame
    #: The path of the total over time and the level of the intervals, for `scored_batches.keep_batch`.
    about: dict[str, Any]
    #: Added to the model's name: batches of one value make a series of their own.
    series: str
    #: Days of the champion's horizon.
    horizon: int
    #: Margin rate by customer where profit is watched, else None.
    rates: pd.Series | None
    #: What the value is without a discount over what it is in the table.
    scale: float = 1.0
    #: Whether the chosen value holds what is past, which is not watched.
    past: bool = False

    def log(self, log: Log) -> Log:
        """Return the log in the monitored money: for profit, amounts times each customer's margin rate."""
        if self.rates is None:
            return log
        lines = log.frame
        rates = lines["customer_id"].map(self.rates).astype(float).fillna(0.0)
        return Log(lines.assign(amount=lines["amount"] * rates))

    def notes(self, currency: str) -> list[str]:
        """Return notes on this series for a reader of the page."""
        sentences = [
            "Lifetime values are compared with realised money; to measure drift since training, monitor the "
            "scores."
        ]
        if self.past:
            sentences.append(
                "Only the remaining part of the lifetime value is monitored, because past value does not "
                "change."
            )
        if self.scale != 1:
            total = self.scores["expected_value"].sum()
            plain, discounted = (format_money(amount, currency) for amount in (total, total / self.scale))
            sentences.append(
                f"The total of {plain} is not discounted, because realised money is not; the table of "
                f"cltv lifetime discounts it to {discounted}."
            )
        if self.rates is not None:
            sentences.append(
                "Realised revenue is converted to profit with the margin rates of today's table."
            )
        return sentences


#: Columns of the table that a batch is made of, besides its values.
_NEEDED_COLUMNS = ("horizon", "end", "tier", "model_version")


def read_lifetime_batch(settings: Monitor) -> LifetimeBatch | None:
    """Return the lifetime values that the settings monitor; None if they monitor the horizon's revenue.

    Values are not discounted, because realised money is not discounted either.
    """
    table = read_lifetimes(settings)
    if table is None:
        return None
    missing = [name for name in _NEEDED_COLUMNS if name not in table]
    if missing or not len(table):
        raise InputError(
            f"the table of cltv lifetime has no rows or lacks the columns {missing}; run cltv lifetime again."
        )
    ahead = "horizon" if settings.value == "horizon" else "remaining"
    chosen = decisions.choose_value(table, ahead, settings.basis)
    reach, horizon = ("horizon" if ahead == "horizon" else "end"), int(table["horizon"].iloc[0])
    days = int(table[reach].iloc[0])
    path, scale = _path(
        read_account(settings), days, float(table[decisions.value_column(ahead, "revenue")].sum())
    )
    scores = pd.DataFrame({"expected_value": chosen * scale}).assign(
        tier=table["tier"],
        cutoff=pd.to_datetime(table["cutoff"]),
        horizon=days,
        model_version=table["model_version"],
    )
    if ahead == "remaining":
        column = decisions.value_column(ahead, settings.basis)
        scores = scores.assign(
            value_lower=table[f"{column}_lower"] * scale, value_upper=table[f"{column}_upper"] * scale
        )
    about = {"path": path, "interval_level": 0.9 if ahead == "remaining" else None}
    rates = table["margin_rate"] if settings.basis == "profit" else None
    return LifetimeBatch(
        scores.reset_index(),
        about,
        f" {ahead} {settings.basis}",
        horizon,
        rates,
        round(scale, 6),
        settings.value == "lifetime",
    )


def _path(account: dict[str, Any], days: int, total: float) -> tuple[dict[str, list[float]] | None, float]:
    """Return the share of the value expected by each day, and the undiscounted value divided by the discounted one."""
    by_day = {int(day): float(value) for day, value in account.get("expected_by_day", {}).items()}
    if by_day.get(days, 0.0) <= 0 or total <= 0:
        return None, 1.0
    paid = {0: 0.0, **{day: value for day, value in sorted(by_day.items()) if day <= days}}
    return {"day": list(paid), "share": [value / by_day[days] for value in paid.values()]}, by_day[
        days
    ] / total
