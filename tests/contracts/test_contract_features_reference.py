"""Every theme against a slow reference: one customer at a time, plain Python and pandas, no SQL."""

import numpy as np
import pandas as pd
import pytest
from test_contract_features import CUTOFFS, make_source

from cltv_ml.features import CATALOGUE, build_features
from tests.catalogues import for_each

DAY = pd.Timedelta(days=1)


def ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom else np.nan


def slow_features(source, customer: str, cutoff: pd.Timestamp) -> dict:
    """What the documentation of each feature says, for one customer."""
    log = source.log
    rows = log[(log["customer_id"] == customer) & (log["timestamp"] < cutoff)]
    rows = rows.assign(
        day=rows["timestamp"].dt.normalize(), age=(cutoff - rows["timestamp"].dt.normalize()) / DAY
    )
    bought, returned = rows[rows["amount"] >= 0], rows[rows["amount"] < 0]
    days = bought.groupby("day").agg(amount=("amount", "sum"), moment=("timestamp", "min")).reset_index()
    T = (cutoff - days["day"].min()) / DAY - 1
    found = {**slow_rhythm(days, cutoff, T), **slow_calendar(days, cutoff, T)}
    found |= slow_trend(bought, days, cutoff, T)
    found |= slow_basket(bought, returned, cutoff) | slow_margin(bought, T)
    return found | slow_person(source, customer, cutoff)


def slow_rhythm(days: pd.DataFrame, cutoff: pd.Timestamp, T: float) -> dict:
    n, since = len(days), (cutoff - days["day"].max()) / DAY
    gaps = days["day"].diff().dropna() / DAY
    spread = gaps.std() if len(gaps) > 1 else np.nan
    return {
        "frequency": n - 1,
        "recency": (days["day"].max() - days["day"].min()) / DAY,
        "T": T,
        "monetary_value": days["amount"].iloc[1:].mean() if n > 1 else 0,
        "spend_total": days["amount"].sum(),
        "first_spend": days["amount"].iloc[0],
        "spend_per_day": days["amount"].sum() / (T + 1),
        "purchase_days_per_day": n / (T + 1),
        "repeat_rate": ratio(n - 1, T),
        "spend_per_purchase_day": days["amount"].mean(),
        "spend_spread": days["amount"].std(),
        "largest_spend_ratio": ratio(days["amount"].max(), days["amount"].mean()),
        "last_spend_ratio": ratio(days["amount"].iloc[-1], days["amount"].mean()),
        "is_repeat": float(n > 1),
        "days_since_last": since,
        "quiet_share": since / (T + 1),
        "gap_mean": gaps.mean(),
        "gap_spread": spread,
        "gap_median": gaps.median(),
        "gap_max": gaps.max(),
        "gap_last": gaps.iloc[-1] if n > 1 else np.nan,
        "log_gaps": np.log(gaps).sum(),
        "gap_mean_share": gaps.mean() / (T + 1),
        "gap_max_share": gaps.max() / (T + 1),
        "gap_last_ratio": gaps.iloc[-1] / gaps.mean() if n > 1 else np.nan,
        "regularity": gaps.mean() / (gaps.mean() + spread),
        "overdue_ratio": since / gaps.mean() if n > 1 else np.nan,
        "overdue_percentile": (gaps <= since).mean(),
    }


def slow_trend(bought: pd.DataFrame, days: pd.DataFrame, cutoff: pd.Timestamp, T: float) -> dict:
    placed = bought.groupby("order_id")["day"].min()
    found, total = {}, days["amount"].sum()
    for w in (7, 30, 90, 180, 365):
        orders = (placed >= cutoff - w * DAY).sum()
        spend = days.loc[days["day"] >= cutoff - w * DAY, "amount"].sum()
        found |= {f"orders_{w}d": orders, f"spend_{w}d": spend}
        found |= {f"order_rate_{w}d": orders / min(w, T + 1), f"spend_rate_{w}d": spend / min(w, T + 1)}
    for w in (30, 90, 180):
        found[f"spend_share_{w}d"] = ratio(found[f"spend_{w}d"], total)
    for w in (30, 90):
        rest = max(min(365, T + 1) - w, 0)
        earlier = ratio(found["orders_365d"] - found[f"orders_{w}d"], rest)
        found[f"order_trend_{w}d"] = found[f"order_rate_{w}d"] - earlier
    rates = [found[f"spend_rate_{w}d"] for w in (30, 90, 180)]
    found["acceleration"] = (rates[0] - rates[1]) - (rates[1] - rates[2])
    slope = np.polyfit(np.arange(len(days)), days["amount"], 1)[0] if len(days) > 1 else np.nan
    return {**found, "spend_slope": slope}


def slow_basket(bought: pd.DataFrame, returned: pd.DataFrame, cutoff: pd.Timestamp) -> dict:
    orders, amount = bought["order_id"].nunique(), bought["amount"].sum()
    product, group = bought.groupby("product_id"), bought.groupby("category")
    by_group = group["amount"].sum()
    first_day = bought.groupby("order_id")["day"].transform("min")
    discounted = bought[bought["day"] == first_day].groupby("order_id")["discount"].sum()
    recent = bought[bought["age"] <= 90]
    new = recent.groupby("product_id").size().index.difference(bought.loc[bought["age"] > 90, "product_id"])
    by_time = bought.sort_values(["timestamp", "category"])
    listed = amount + bought["discount"].sum()
    first = bought[bought["day"] == bought["day"].min()]
    last_order = bought.groupby(["order_id", "day"]).agg(t=("timestamp", "min"), c=("channel", "min"))
    return {
        "orders": orders,
        "order_value": amount / orders,
        "lines_per_order": len(bought) / orders,
        "items_per_order": bought["quantity"].sum() / orders,
        "spend_per_item": amount / bought["quantity"].sum(),
        "products": len(product),
        "products_per_order": len(product) / orders,
        "repeat_product_share": (product["day"].nunique() > 1).mean(),
        "top_product_share": ratio(product["amount"].sum().max(), amount),
        "new_product_share_90d": ratio(len(new), recent["product_id"].nunique()),
        "categories": len(group),
        "categories_per_order": len(group) / orders,
        "category_concentration": ratio((by_group**2).sum(), amount**2),
        "top_category_share": ratio(by_group.max(), amount),
        "first_category": by_time["category"].iloc[0],
        "first_product": bought.sort_values(["timestamp", "product_id"])["product_id"].iloc[0],
        "first_channel": last_order.sort_values(["t", "c"])["c"].iloc[0],
        "first_products": first.groupby("order_id")["product_id"].nunique().sum(),
        "first_discount_share": ratio(first["discount"].sum(), (first["amount"] + first["discount"]).sum()),
        "last_category": by_time["category"].iloc[-1],
        "price_level_in_category": (by_group / group["quantity"].sum()).median(),
        "price_trend_in_category": slow_price_trend(bought),
        "discount_share": ratio(bought["discount"].sum(), listed),
        "full_price_share": (bought["discount"] == 0).mean(),
        "discounted_order_share": (discounted > 0).sum() / orders,
        "discount_share_90d": ratio(recent["discount"].sum(), (recent["amount"] + recent["discount"]).sum()),
        "return_lines": len(returned),
        "return_value": -returned["amount"].sum(),
        "return_share": ratio(-returned["amount"].sum(), amount),
        "last_channel": last_order.sort_values(["t", "c"])["c"].iloc[-1],
    }


def slow_price_trend(bought: pd.DataFrame) -> float:
    paid = would_have = 0.0
    for _, lines in bought.groupby("category"):
        new, old = lines[lines["age"] <= 180], lines[lines["age"] > 180]
        if len(new) and len(old):
            paid += new["amount"].sum()
            would_have += new["quantity"].sum() * old["amount"].sum() / old["quantity"].sum()
    return ratio(paid, would_have)


def slow_margin(bought: pd.DataFrame, T: float) -> dict:
    margin = bought["amount"] - bought["cost"]
    found = {"margin_total": margin.sum(), "margin_per_day": margin.sum() / (T + 1)}
    found["margin_rate"] = ratio(margin.sum(), bought["amount"].sum())
    for w in (90, 365):
        recent = bought["age"] <= w
        found[f"margin_rate_{w}d"] = ratio(margin[recent].sum(), bought.loc[recent, "amount"].sum())
    return {**found, "loss_line_share": (margin < 0).mean()}


def slow_calendar(days: pd.DataFrame, cutoff: pd.Timestamp, T: float) -> dict:
    first = days["day"].min()
    found = {
        "cutoff_day": (cutoff - pd.Timestamp(0)) / DAY,
        "cohort": first.year * 12 + first.month - 1,
        "cohort_month": first.month,
        "weekend_share": days["day"].dt.day_name().isin(["Saturday", "Sunday"]).mean(),
        "evening_share": (days["moment"].dt.hour >= 18).mean(),
    }
    months = days["day"].iloc[1:].dt.month
    found |= {f"purchase_days_month_{month}": (months == month).sum() for month in range(1, 13)}
    for w in (30, 90):
        begin = cutoff - 365 * DAY
        then = days[(days["day"] >= begin) & (days["day"] < begin + w * DAY)]["amount"].sum()
        found[f"season_rate_last_year_{w}d"] = then / w if T >= 364 else np.nan
    shares = [(days["day"].dt.quarter == quarter).mean() for quarter in (1, 2, 3, 4)]
    found |= {f"quarter_{q}_share": shares[q - 1] if T >= 364 else np.nan for q in (1, 2, 3, 4)}
    day, peak = cutoff, int(np.argmax(shares)) + 1
    while day.quarter != peak:
        day += DAY
    found["days_to_peak"] = (day - cutoff) / DAY if T >= 364 else np.nan
    for w in (91, 182):
        found[f"days_to_peak_within_{w}d"] = found["days_to_peak"] if found["days_to_peak"] < w else np.nan
    return found


def slow_person(source, customer: str, cutoff: pd.Timestamp) -> dict:
    states, mail = source.customers, source.contacts
    mine = states[(states["customer_id"] == customer) & (states["valid_from"] < cutoff)]
    last = {}
    for name in states.columns[2:]:
        known = mine.dropna(subset=[name]).sort_values(["valid_from", name])
        last[name] = known[name].iloc[-1] if len(known) else np.nan
    today = (cutoff - pd.Timestamp(0)) / DAY
    found = {f"attribute_{name}": last[name] for name in ("text_country", "text_gender", "flag_member")}
    found["attribute_number_household_size"] = last["number_household_size"]
    found["attribute_age_date"] = (today - last["birth_date"]) / 365.25
    since = today - last["date_signup"]
    found["attribute_days_since_signup"] = since if since > 0 else np.nan
    mail = mail[mail["customer_id"] == customer]
    sent, answers = mail[mail["timestamp"] < cutoff], mail.loc[mail["responded_at"] < cutoff, "responded_at"]
    last = (cutoff - answers.max()) / DAY if len(answers) else np.nan
    return {
        **found,
        "contacts": len(sent),
        "contacts_90d": (sent["timestamp"] >= cutoff - 90 * DAY).sum(),
        "responses": len(answers),
        "response_rate": ratio(len(answers), len(sent)),
        "days_since_response": last,
    }


@pytest.fixture(scope="module")
def both() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The built table and the slow one; a late line is of its own day, as in the documentation."""
    source = make_source(customers=20)
    built = build_features(source, CUTOFFS[1], "all")
    slow = {customer: slow_features(source, customer, CUTOFFS[1]) for customer in built.index}
    return built, pd.DataFrame.from_dict(slow, orient="index").reindex(built.index)


def test_every_theme_is_in_the_reference(both):
    themes = [
        "overdue_ratio",
        "acceleration",
        "price_trend_in_category",
        "margin_rate",
        "cohort",
        "first_product",
    ]
    assert set(themes) <= set(both[1].columns)
    assert len(both[1].columns) >= 60


ATTRIBUTES = (
    "text_country",
    "text_gender",
    "flag_member",
    "number_household_size",
    "age_date",
    "days_since_signup",
)


@for_each([*CATALOGUE, *(f"attribute_{name}" for name in ATTRIBUTES)])
def test_a_slow_reference_gives_the_same_feature(name, both):
    built, slow = both
    assert name in slow, "say in slow_features what this feature holds"
    if CATALOGUE[name].dtype == "text":
        pd.testing.assert_series_equal(built[name], slow[name].astype("str"), check_names=False)
    else:
        wanted = slow[name].astype("float64")
        pd.testing.assert_series_equal(built[name], wanted, rtol=1e-7, atol=1e-7, check_names=False)
