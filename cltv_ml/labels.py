"""Labels: what a customer did in a holdout, each declared once for the log and for builds of features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cltv_ml.engine import MONEY_SCALE


@dataclass(frozen=True)
class Label:
    """One label: an aggregate over the rows of one customer in the holdout, zero without any."""

    name: str
    unit: str
    sql: str
    doc: str
    #: What one row is. At `line` the expression reads `day`, and `amount` and `cost` in whole
    #: ten-thousandths, so that sums are exact; both engines and a bare log can compute it. At `order` it
    #: reads `words`, columns of the ledger of orders, which only a build of features has.
    grain: Literal["line", "order"] = "line"
    words: frozenset[str] = frozenset()
    #: Optional columns of the log without which there is no such label.
    needs: frozenset[str] = frozenset()

    @property
    def value(self) -> str:
        """SQL of the label in its unit.

        >>> LABELS["value"].value
        'cast(sum(amount) as double) / 10000e0'
        """
        return f"cast({self.sql} as double) / {MONEY_SCALE if self.unit == 'currency' else 1}e0"


#: Labels by name. A purchase is a line whose amount is not negative; a negative one is a return.
LABELS: Mapping[str, Label] = {
    label.name: label
    for label in (
        Label("value", "currency", "sum(amount)", "Spend in the holdout, less what came back in it."),
        Label(
            "purchases",
            "purchase days",
            "count(distinct case when amount >= 0 then day end)",
            "Purchase days in the holdout.",
        ),
        Label(
            "orders",
            "orders",
            "count_if(is_first)",
            "Orders placed in the holdout.",
            grain="order",
            words=frozenset({"is_first"}),
        ),
        Label(
            "margin",
            "currency",
            "coalesce(sum(amount - cost), 0)",
            "Spend minus cost in the holdout, on lines whose cost is known.",
            needs=frozenset({"cost"}),
        ),
        Label(
            "active",
            "0 or 1",
            "max(case when amount >= 0 then 1 else 0 end)",
            "1 for customers who bought in the holdout.",
        ),
    )
}
