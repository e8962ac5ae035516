"""Calibration and holdout windows: what may be seen, what is to be predicted, in days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from cltv_ml.engine import MONEY_SCALE, Tabular, connect, frame, view
from cltv_ml.errors import InputError

#: Days in one unit; months and years are average calendar lengths, rounded to whole days at the end.
_DAYS_IN = {"d": 1.0, "w": 7.0, "m": 365.25 / 12, "y": 365.25}

#: With fewer customers neither a model nor its comparison means anything.
MIN_CUSTOMERS = 50

#: What a customer does in the holdout, as SQL over the log's rows of that customer.
LABELS = {
    "value": f"sum(cast(round(amount * {MONEY_SCALE}) as bigint)) / {MONEY_SCALE}.0",
    "purchases": "count(distinct cast(timestamp as date)) filter (where amount >= 0)",
    "active": "cast(bool_or(amount >= 0) as integer)",
}


def to_days(horizon: int | float | str | pd.Timedelta) -> int:
    """Return a horizon in whole days: the one place where weeks, months and years are converted.

    1w is 7 days, 1m is 365.25 / 12 days and 1y is 365.25 days, rounded once at the end.

    Raises
    ------
    InputError
        The horizon cannot be read or is shorter than one day.

    >>> to_days("13w"), to_days("6m"), to_days("1y"), to_days(90), to_days("91D")
    (91, 183, 365, 90, 91)
    """
    if isinstance(horizon, pd.Timedelta):
        days = horizon / pd.Timedelta(days=1)
    elif isinstance(horizon, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([dwmy]?)\s*", horizon.lower())
        if found is None:
            raise InputError(f"horizon {horizon!r} cannot be read; write 90 (days), 13w, 6m or 1y.")
        days = float(found[1]) * _DAYS_IN[found[2] or "d"]
    else:
        days = float(horizon)
    if not 1 <= days < 36525:
        raise InputError(f"horizon must be between one day and a hundred years, got {horizon!r}.")
    return round(days)


def to_cutoff(moment: str | date | pd.Timestamp, argument: str = "cutoff") -> pd.Timestamp:
    """Return a cutoff as a midnight without time zone.

    >>> to_cutoff("1997-10-01")
    Timestamp('1997-10-01 00:00:00')
    """
    try:
        cutoff = pd.Timestamp(moment)
    except (ValueError, TypeError):
        cutoff = pd.NaT
    if cutoff is pd.NaT or cutoff.tzinfo is not None or cutoff != cutoff.normalize():
        raise InputError(f"{argument} must be a calendar day such as 2011-09-10, got {str(moment)!r}.")
    return cutoff.as_unit("us")


def check_timezone(zone: str | None) -> None:
    """Raise when a time zone is named that does not exist."""
    try:
        ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"timezone {zone!r} is unknown; write a name such as 'Europe/London'.") from error


@dataclass(frozen=True)
class Window:
    """A calibration window that ends at `cutoff` and the holdout of `horizon` days that follows.

    Calibration is everything before `cutoff`; the holdout is `[cutoff, cutoff + horizon)`.

    >>> Window("1997-10-01", "39w")
    Window(cutoff=Timestamp('1997-10-01 00:00:00'), horizon=273)
    >>> Window("1997-10-01", "39w").end
    Timestamp('1998-07-01 00:00:00')
    """

    cutoff: pd.Timestamp
    horizon: int

    def __init__(self, cutoff: str | date | pd.Timestamp, horizon: int | float | str | pd.Timedelta) -> None:
        object.__setattr__(self, "cutoff", to_cutoff(cutoff))
        object.__setattr__(self, "horizon", to_days(horizon))

    @property
    def end(self) -> pd.Timestamp:
        """First instant after the holdout."""
        return self.cutoff + pd.Timedelta(days=self.horizon)

    def target(self, log: Tabular, customers: pd.Index, label: str = "value") -> pd.Series:
        """Return what each of `customers` did in the holdout, zero for those who did nothing.

        Parameters
        ----------
        log
            A clean transaction log that reaches the end of the holdout.
        customers
            Index named `customer_id`; the answer is aligned with it.
        label
            `"value"` (spend), `"purchases"` (purchase days) or `"active"` (1 or 0).

        Raises
        ------
        InputError
            The label is unknown or the log ends before the holdout does (a censored label).
        """
        if label not in LABELS:
            raise InputError(f"Unknown label {label!r}. Available: {sorted(LABELS)}.")
        con = connect()
        view(con, "log", log)
        self._check_holdout(span(log)[1])
        rows = frame(
            con.sql(
                f"select customer_id, cast({LABELS[label]} as double) as label from log "
                f"where timestamp >= timestamp '{self.cutoff}' and timestamp < timestamp '{self.end}' "
                "group by all"
            )
        )
        return rows.set_index("customer_id")["label"].reindex(customers, fill_value=0.0).rename(label)

    def check(self, first: pd.Timestamp, last: pd.Timestamp) -> None:
        """Raise when a log from `first` to `last` does not hold this window.

        A log's last day counts as complete.
        """
        if not first.normalize() < self.cutoff <= last:
            raise InputError(
                f"cutoff {self.cutoff:%Y-%m-%d} lies outside the log, which runs from {first:%Y-%m-%d} "
                f"to {last:%Y-%m-%d}; choose a day after the first and not after the last."
            )
        self._check_holdout(last)
        if pd.Timedelta(days=self.horizon) > self.cutoff - first.normalize():
            raise InputError(
                f"horizon of {self.horizon} days is longer than the history of "
                f"{(self.cutoff - first.normalize()).days} days before the cutoff {self.cutoff:%Y-%m-%d}; "
                "choose a shorter horizon or a later cutoff."
            )

    def _check_holdout(self, last: pd.Timestamp) -> None:
        if self.end > last.normalize() + pd.Timedelta(days=1):
            raise InputError(
                f"the holdout, {self.horizon} days from {self.cutoff:%Y-%m-%d}, ends {self.end:%Y-%m-%d}, "
                f"but the log ends on {last:%Y-%m-%d}; choose an earlier cutoff or a shorter horizon."
            )

    @classmethod
    def latest(cls, last: pd.Timestamp, horizon: int | float | str | pd.Timedelta) -> Window:
        """Return the default window of a log: its cutoff is the last date minus the horizon.

        >>> Window.latest(pd.Timestamp("1998-06-30"), "26w").cutoff
        Timestamp('1997-12-30 00:00:00')
        """
        days = to_days(horizon)
        return cls(last.normalize() - pd.Timedelta(days=days), days)


def check_log(log: pd.DataFrame, window: Window) -> None:
    """Raise when the log cannot hold the window or fewer than 50 customers bought before its cutoff."""
    everybody = log["customer_id"].nunique()
    if everybody < MIN_CUSTOMERS:
        raise InputError(
            f"the log holds {everybody} customers with a purchase, at least {MIN_CUSTOMERS} are needed; "
            "give a longer or fuller log."
        )
    window.check(*span(log))
    seen = log.loc[log["timestamp"] < window.cutoff, "customer_id"].nunique()
    if seen < MIN_CUSTOMERS:
        raise InputError(
            f"{seen} customers bought before the cutoff {window.cutoff:%Y-%m-%d}, at least {MIN_CUSTOMERS} are "
            "needed; choose a later cutoff."
        )


def span(log: Tabular) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first and the last timestamp of a log."""
    con = connect()
    view(con, "log", log)
    first, last = con.sql("select min(timestamp), max(timestamp) from log").fetchall()[0]
    return pd.Timestamp(first), pd.Timestamp(last)


def rolling_origins(
    first: pd.Timestamp, before: Window, step: int | str = "1m", max_origins: int = 6
) -> list[Window]:
    """Return training windows whose holdouts all end by `before.cutoff`, the latest first.

    The latest ends exactly at the test cutoff, the others follow `step` apart into the past as long as
    at least as much history as the horizon (or 90 days, if shorter) lies before them.

    >>> test = Window("2011-09-10", "13w")
    >>> [f"{window.cutoff:%Y-%m-%d}" for window in rolling_origins(pd.Timestamp("2010-12-01"), test)]
    ['2011-06-11', '2011-05-12', '2011-04-12', '2011-03-13']
    """
    days = to_days(step)
    history = pd.Timedelta(days=min(before.horizon, 90))
    cutoffs = (
        before.cutoff - pd.Timedelta(days=before.horizon + number * days) for number in range(max_origins)
    )
    return [Window(cutoff, before.horizon) for cutoff in cutoffs if cutoff - history >= first.normalize()]
