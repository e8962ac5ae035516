"""The campaign list: customers, action, reason, cost, expected profit, and the control group."""

from __future__ import annotations

import pandas as pd

from cltv_ml.counts import singular
from cltv_ml.errors import InputError
from cltv_ml.money import format_exactly
from cltv_ml.tables import ACTIONS, pandas_only
from cltv_ml.windows import Window

#: The action of a list whose cost is the discount that its customers are expected to use.
DISCOUNT = "personal discount"


@pandas_only
def build_campaign(
    chosen: pd.DataFrame,
    window: Window,
    *,
    action: str,
    about: pd.DataFrame | None = None,
    products: pd.DataFrame | None = None,
    control: pd.Series | None = None,
    currency: str = "",
) -> pd.DataFrame:
    """Return ACTIONS: one row per customer on the list, in its order.

    `customer_id`, `action`, `cost` and `expected_profit` (currency), `reason` in words, `control` (True:
    leave untreated), `read_on` (first day on which `evaluate_campaign` can read the outcome), and where
    given `tier`, `segment`, `lifecycle`, `offer`, `products` and `expected_value`.

    Parameters
    ----------
    chosen
        `choose_customers`: the treatment table, restricted and in order; a column `reason`, where there is one,
        replaces the value at risk in the reason.
    window
        First day of the campaign and the days until its outcome is read.
    action
        The action, such as "win-back mail".
    about
        Facts by customer_id, any of `tier`, `segment`, `lifecycle`, `offer`, `expected_value`, and `usual_gap` with
        `overdue_ratio` (`apply_lifecycle`), which the reason then puts into words.
    products
        `recommend_next`: the items to show.
    control
        `draw_control`; with None there is no control group, and the campaign cannot be evaluated.
    currency
        Decides the number of digits of the amounts in a reason.

    Raises
    ------
    InputError
        The control lacks a customer of the list.
    """
    left_out = pd.Series(False, index=chosen.index) if control is None else control.reindex(chosen.index)
    if left_out.isna().any():
        raise InputError(
            f"the control does not cover {int(left_out.isna().sum())} of {len(chosen)} customers of the "
            "list; draw it from the list itself."
        )
    facts = pd.DataFrame(index=chosen.index) if about is None else about.reindex(chosen.index)
    table = pd.DataFrame({"customer_id": chosen.index.astype("str"), "action": action})
    for name in ("tier", "segment", "lifecycle", "offer"):
        if name in facts:
            table[name] = facts[name].astype("str").to_numpy()
    if products is not None:
        table["products"] = _items_text(products).reindex(chosen.index).astype("str").to_numpy()
    if "expected_value" in facts:
        table["expected_value"] = facts["expected_value"].to_numpy()
    table[["cost", "expected_profit"]] = chosen[["cost", "expected_profit"]].to_numpy()
    table["control"] = left_out.to_numpy(dtype=bool)
    table["read_on"] = window.end
    table["reason"] = _action_reasons(chosen, facts, table, currency)
    return ACTIONS.check(table.astype({"action": "str"}))


@pandas_only
def campaign_summary(actions: pd.DataFrame) -> dict[str, float]:
    """Return the expected cost and profit of the list without the control, as plain numbers.

    `treated`, `control`, `cost`, `expected_profit`, `profit_forgone` (the expected profit of treating the control,
    which is the price of the measurement).

    >>> actions = pd.DataFrame({"control": [True, False], "cost": [1.0, 1.0], "expected_profit": [4.0, 3.0]})
    >>> campaign_summary(actions)
    {'treated': 1, 'control': 1, 'cost': 1.0, 'expected_profit': 3.0, 'profit_forgone': 4.0}
    """
    control = actions["control"].astype(bool)
    treated = actions[~control]
    return {
        "treated": len(treated),
        "control": int(control.sum()),
        "cost": float(treated["cost"].sum()),
        "expected_profit": float(treated["expected_profit"].sum()),
        "profit_forgone": float(actions.loc[control, "expected_profit"].sum()),
    }


def _items_text(products: pd.DataFrame) -> pd.Series:
    """Return each customer's items in one text, best first."""
    return products.sort_values(["customer_id", "rank"]).groupby("customer_id")["item"].agg(", ".join)


def _action_reasons(
    chosen: pd.DataFrame, facts: pd.DataFrame, table: pd.DataFrame, currency: str
) -> pd.Series:
    """Return one sentence per customer: the given one, or the value at risk and the expected effect of the action."""
    if "reason" in chosen:
        return _complete(pd.Series(chosen["reason"].to_numpy(), index=table.index, dtype="str"), facts, table)
    saved = chosen["uplift"] * chosen["value_at_risk"] * chosen["margin_rate"]
    sentences = [
        f"{at_risk} of value at risk; the action costs {cost} and is expected to bring in {margin} of margin"
        for at_risk, margin, cost in zip(
            *(
                [format_exactly(amount, currency) for amount in column]
                for column in (chosen["value_at_risk"], saved, chosen["cost"])
            ),
            strict=True,
        )
    ]
    return _complete(pd.Series(sentences, index=table.index, dtype="str"), facts, table)


def _complete(text: pd.Series, facts: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    """Return the sentences with the segment and the silence before them, the control after them."""
    if {"usual_gap", "overdue_ratio"} <= set(facts):
        silences = [
            singular(f"silent for {gap * ratio:.0f} days, ")
            + f"usually buys every {'day' if gap < 1.5 else f'{gap:.0f} days'}; "
            if gap * ratio > 0
            else ""
            for gap, ratio in zip(facts["usual_gap"], facts["overdue_ratio"], strict=True)
        ]
        text = pd.Series(silences, index=table.index, dtype="str") + text
    if "segment" in table:
        text = table["segment"].fillna("no segment") + ": " + text
    return text.where(~table["control"], text + "; control group, do not contact")
