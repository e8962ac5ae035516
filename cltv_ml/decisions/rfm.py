"""RFM: recency, frequency and money scored 1 to 5 by rank, and ten named segments that cover all 125 cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.decisions.lines import total
from cltv_ml.engine import frame
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only
from cltv_ml.windows import to_cutoff

#: The scored columns, and whether less is better.
_SCORED = {"recency_score": "days_since_last", "frequency_score": "purchase_days", "money_score": "spend"}


@dataclass(frozen=True)
class Segment:
    """A named box of RFM cells: inclusive ranges of the three scores, and the action for its customers."""

    recency: tuple[int, int]
    frequency: tuple[int, int]
    money: tuple[int, int]
    meaning: str
    action: str


#: Every cell belongs to exactly one segment.
SEGMENTS = {
    "Champions": Segment(
        (4, 5), (4, 5), (4, 5), "bought recently, often and for a lot", "reward, ask for referrals"
    ),
    "Loyal": Segment(
        (4, 5), (4, 5), (1, 3), "bought recently and often, for less", "upsell, raise the basket"
    ),
    "Potential loyalists": Segment(
        (4, 5), (2, 3), (1, 5), "bought recently, a few times", "offer the next category"
    ),
    "New": Segment(
        (4, 5), (1, 1), (1, 5), "bought recently, but rarely so far", "welcome, win the second order"
    ),
    "Need attention": Segment(
        (3, 3), (4, 5), (1, 5), "bought often, not very recently", "remind before they leave"
    ),
    "About to sleep": Segment(
        (3, 3), (1, 3), (1, 5), "bought rarely, not very recently", "remind at low cost"
    ),
    "Cannot lose": Segment(
        (1, 2), (3, 5), (4, 5), "bought often and for a lot, long ago", "win back in person"
    ),
    "At risk": Segment((1, 2), (3, 5), (1, 3), "bought often for less, long ago", "win back with an offer"),
    "Lapsed big spenders": Segment(
        (1, 2), (1, 2), (4, 5), "bought rarely but for a lot, long ago", "send one good offer"
    ),
    "Lost": Segment((1, 2), (1, 2), (1, 3), "bought rarely and for little, long ago", "leave alone"),
}


def compute_rfm(log: AnyLog, cutoff: str | pd.Timestamp) -> pd.DataFrame:
    """Return `days_since_last`, `purchase_days` and `spend` (currency) per customer before the cutoff.

    Indexed by customer_id, sorted. Aggregated in DuckDB, the log may be a Parquet file.
    """
    con = Log.of(log).connect()
    end = to_cutoff(cutoff)
    table = frame(
        con.sql(
            f"select customer_id, date_diff('day', max(timestamp)::date, date '{end:%Y-%m-%d}') as days_since_last, "
            f"count(distinct timestamp::date) as purchase_days, {total('amount')} as spend "
            f"from log where timestamp < timestamp '{end}' group by 1 order by 1"
        )
    )
    return table.set_index("customer_id")


@pandas_only
def fit_rfm(rfm: pd.DataFrame) -> dict[str, list[float]]:
    """Return the cut points of the three scores: the value from which a customer scores 2, 3, 4 and 5.

    A customer's score is 1 + 5 x the share of customers who are strictly worse, rounded down: equal customers score
    equally, and one-time buyers score 1 for frequency however many they are. Days since the last purchase score from
    above (fewer is better). A column in which all customers are equal carries no information and scores 3. Store the
    dictionary: next month's customers are scored at the same values.

    >>> fit_rfm(pd.DataFrame({"days_since_last": [9, 5, 3, 2, 1], "purchase_days": [1, 1, 1, 2, 9],
    ...                       "spend": [10.0] * 5}))["days_since_last"]
    [5.0, 3.0, 2.0, 1.0]
    """
    if rfm.empty:
        raise InputError(
            "RFM needs at least one customer before the cutoff, got none; choose a later cutoff."
        )
    cuts = {name: _cuts(_sign(name) * rfm[name].to_numpy(dtype=np.float64)) for name in _SCORED.values()}
    return {name: [_sign(name) * value for value in values] for name, values in cuts.items()}


@pandas_only
def apply_rfm(rfm: pd.DataFrame, cuts: Mapping[str, list[float]]) -> pd.DataFrame:
    """Return `rfm` with `recency_score`, `frequency_score`, `money_score`, `rfm` ("543") and `segment`.

    >>> table = pd.DataFrame({"days_since_last": [9, 5, 3, 2, 1], "purchase_days": [1, 1, 1, 2, 9],
    ...                       "spend": [10.0, 20.0, 30.0, 40.0, 50.0]})
    >>> apply_rfm(table, fit_rfm(table))[["rfm", "segment"]].values.tolist()
    [['111', 'Lost'], ['212', 'Lost'], ['313', 'About to sleep'], ['444', 'Champions'], ['555', 'Champions']]
    """
    table = rfm.copy()
    for score, name in _SCORED.items():
        values = _sign(name) * rfm[name].to_numpy(dtype=np.float64)
        table[score] = 1 + np.searchsorted(_sign(name) * np.array(cuts[name]), values, side="right")
    scores = [table[score] for score in _SCORED]
    table["rfm"] = scores[0].astype("str") + scores[1].astype("str") + scores[2].astype("str")
    cells = {cell: segment_of(*map(int, cell)) for cell in table["rfm"].unique()}
    table["segment"] = table["rfm"].map(cells).astype("str")
    return table


def segment_of(recency: int, frequency: int, money: int) -> str:
    """Return the name of the segment of one RFM cell.

    >>> segment_of(5, 5, 5), segment_of(1, 5, 5), segment_of(5, 1, 1)
    ('Champions', 'Cannot lose', 'New')
    """
    for name, box in SEGMENTS.items():
        ranges = zip((recency, frequency, money), (box.recency, box.frequency, box.money), strict=True)
        if all(low <= score <= high for score, (low, high) in ranges):
            return name
    raise InputError(f"scores must be whole numbers from 1 to 5, got {(recency, frequency, money)}.")


def segment_definitions() -> pd.DataFrame:
    """Return the ten segments in one table: `segment`, the three ranges, `meaning`, `action`, `cells`.

    >>> segment_definitions().iloc[0, :4].tolist(), int(segment_definitions()["cells"].sum())
    (['Champions', '4-5', '4-5', '4-5'], 125)
    """
    rows = []
    for name, box in SEGMENTS.items():
        ranges = (box.recency, box.frequency, box.money)
        labels = [f"{low}-{high}" if low < high else f"{low}" for low, high in ranges]
        cells = int(np.prod([high - low + 1 for low, high in ranges]))
        rows.append([name, *labels, box.meaning, box.action, cells])
    names = ["segment", "recency_score", "frequency_score", "money_score", "meaning", "action", "cells"]
    return pd.DataFrame(rows, columns=names)


def _sign(name: str) -> int:
    return -1 if name == "days_since_last" else 1


def _cuts(values: np.ndarray) -> list[float]:
    """Return, for scores 2 to 5, the lowest value that at least 20, 40, 60, 80% of customers stay below."""
    distinct, counts = np.unique(values, return_counts=True)
    never = float(np.nextafter(distinct[-1], np.inf))
    if len(distinct) == 1:
        return [float(distinct[0])] * 2 + [never] * 2
    below = counts.cumsum() - counts
    reached = [distinct[5 * below >= level * len(values)] for level in (1, 2, 3, 4)]
    return [float(candidates[0]) if len(candidates) else never for candidates in reached]
