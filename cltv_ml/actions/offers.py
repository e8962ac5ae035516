"""Personal discounts under guard rails, their audit, and the price test to run before a rollout."""

from __future__ import annotations

import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.products import products_of
from cltv_ml.actions.shop import Shop, about, draw_untreated, margin_rates, mean_margin_rate, order_values
from cltv_ml.actions.terms import Actions
from cltv_ml.decisions.campaign import DISCOUNT
from cltv_ml.decisions.price_response import CONFOUNDING
from cltv_ml.errors import InputError
from cltv_ml.money import format_exactly, format_money
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section
from cltv_ml.windows import Window

#: Days within which a price test counts a purchase.
_READ_DAYS = 28

#: Weeks beyond which a price test is of no use: prices and customers have changed by then.
_LONGEST_TEST = 26

#: Discounts of a price test, as shares of the price, as far as the margin allows them.
_TRIED = (0.1, 0.2)


def add_offers(shop: Shop, actions: Actions) -> None:
    """Add the depth of each customer's discount, the list of offers, and the average discount by segment."""
    response = decisions.fit_response(shop.log, protected=shop.terms.protected)
    people = pd.DataFrame(
        {
            "expected_purchases": shop.predictions["expected_purchases"],
            "order_value": order_values(shop.log.frame, shop.X.index),
            "margin_rate": margin_rates(shop.X.index, actions),
            "slope": decisions.customer_slopes(shop.log, response),
        }
    ).dropna()
    guard = decisions.GuardRails(protected=shop.terms.protected)
    profits = decisions.profit_by_depth(people, guard=guard)
    offers = decisions.choose_offers(people, guard=guard, currency=shop.terms.currency)
    actions.tables |= {"offer_response": response, "offers": offers}
    audit = _audit(offers, shop, actions)
    actions.tables["discount_by_segment"] = audit
    listed = _add_offer_list(offers, people, shop, actions)
    tiers = audit[audit["grouping"] == "tier"].set_index("segment").reindex(["high", "medium", "low"])
    tiers = tiers.dropna(subset="customers").astype({"customers": int}).reset_index()
    actions.sections.append(
        section(
            "Personal discounts",
            [_describe_offers(offers, listed, shop.terms.currency)],
            warnings=[f"The response to discounts is {CONFOUNDING}; run the price test before a rollout."],
            tables={"Who gets a discount, by tier": _offers_table(tiers, shop.terms.currency)}
            if len(listed)
            else {},
            figures={
                "Expected profit of one discount for everyone, and of a personal discount for each customer": (
                    plots.discount_profit(profits, currency=shop.terms.currency)
                )
            },
        )
    )


def _audit(offers: pd.DataFrame, shop: Shop, actions: Actions) -> pd.DataFrame:
    """Return the average discount by tier, segment, lifecycle, and each value of a protected column."""
    groups = {
        "tier": shop.tiers,
        "segment": actions.tables["customers"]["segment"],
        "lifecycle": shop.lifecycle["lifecycle"],
        **{f"protected: {name}": shop.groups[name] for name in shop.groups},
    }
    parts = [
        decisions.discount_by_segment(offers, members).reset_index().assign(grouping=name)
        for name, members in groups.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[["grouping", *(name for name in table if name != "grouping")]]


def _add_offer_list(offers: pd.DataFrame, people: pd.DataFrame, shop: Shop, actions: Actions) -> pd.DataFrame:
    """Add the list of customers who are offered a discount, the most profitable first, with a control group."""
    offered = offers[offers["depth"] > 0].sort_values("expected_profit", ascending=False, kind="stable")
    if offered.empty:
        return offered
    rates = float(offered["p_buy"].mean()), float(offered["p_buy_with_offer"].mean())
    actions.tables["offer_list"] = decisions.build_campaign(
        offered.join(people[["margin_rate"]]),
        shop.window,
        action=DISCOUNT,
        about=about(shop, actions),
        products=products_of(offered.index, actions),
        control=draw_untreated(offered, rates, shop, actions, name="offer_list"),
        currency=shop.terms.currency,
    )
    return offered


def _describe_offers(offers: pd.DataFrame, listed: pd.DataFrame, currency: str) -> str:
    if not len(listed):
        return (
            f"None of the {len(offers):,} customers gets a discount: they either buy anyway or have too thin a "
            "margin."
        )
    return (
        f"{len(listed):,} of {len(offers):,} customers get a discount, which is expected to bring "
        f"{format_money(float(offers['expected_profit'].sum()), currency)} more profit than full prices. "
        "Customers who buy anyway, or whose margin is too thin, get none."
    )


def _offers_table(table: pd.DataFrame, currency: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Tier": table["segment"],
            "Customers": [f"{count:,}" for count in table["customers"]],
            "With a discount": [f"{share:.1%}" for share in table["with_offer"]],
            "Mean discount": [f"{depth:.1%}" for depth in table["mean_depth"]],
            "Expected profit": [format_exactly(profit, currency) for profit in table["expected_profit"]],
        }
    )


def add_price_test(shop: Shop, actions: Actions) -> None:
    """Add the price test to run before a rollout: arms, size and duration."""
    margin = mean_margin_rate(shop, actions)
    depths = [depth for depth in _TRIED if depth < 0.9 * margin]
    if not depths:
        raise InputError(
            f"a margin of {margin:.0%} leaves no room for a discount of {_TRIED[0]:.0%}, so there is no "
            "price to test."
        )
    past = Window(shop.window.cutoff - pd.Timedelta(days=_READ_DAYS), _READ_DAYS)
    base = float(shop.log.target(past, shop.X.index, "active").mean())
    # The rise at which the shallowest discount pays for itself: base margin = (base + rise) (margin - depth).
    rise = base * depths[0] / (margin - depths[0])
    if base + rise >= 1:
        raise InputError(
            f"no discount can pay off: {base:.0%} of the customers buy within {_READ_DAYS} days anyway. At a "
            f"margin of {margin:.0%}, a discount of {depths[0]:.0%} would have to win more customers than "
            "there are."
        )
    lines = shop.log.frame
    weekly = lines.loc[lines["timestamp"] >= past.cutoff, "customer_id"].nunique() * 7 // _READ_DAYS
    actions.tables["price_test"] = table = decisions.propose_price_test(
        depths,
        base_rate=base,
        uplift=rise,
        customers_per_week=weekly,
        order_value=float(order_values(shop.log.frame, shop.X.index).mean()),
        weeks_to_read=_READ_DAYS // 7,
    )
    arms, size, weeks = ", ".join(table["arm"]), table["customers"].iloc[0], table["weeks"].iloc[0]
    shows = (
        f"The test can show a rise from {base:.1%} to {base + rise:.1%} in the share who buy within "
        f"{_READ_DAYS} days; from there on, {depths[0]:.0%} off pays for itself at a margin of {margin:.0%}."
    )
    planned = _describe_arms(arms, size, weeks)
    actions.sections.append(
        section(
            "Test prices before the rollout",
            [f"{planned} {shows}"],
        )
    )


def _describe_arms(arms: str, customers: int, weeks: int) -> str:
    """Return the arms of a price test with their size and duration, and whether it would take too long.

    >>> _describe_arms("full price, 10% off", 2070, 146)[:81]
    'A test of full price, 10% off would need 2,070 customers each and take 146 weeks,'
    """
    if weeks > _LONGEST_TEST:
        return (
            f"A test of {arms} would need {customers:,} customers each and take {weeks} weeks, too long to be "
            "of use. Fewer arms or a larger discount need fewer customers."
        )
    return (
        f"Arms: {arms}; {customers:,} customers each, drawn at random. Read the outcome after {weeks} weeks."
    )
