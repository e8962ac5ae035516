"""Lists of customers to win back, and lists learned from a past randomised campaign."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.products import products_of
from cltv_ml.actions.shop import (
    Shop,
    about,
    bounded,
    draw_untreated,
    margin_rates,
    margins_known,
    order_values,
)
from cltv_ml.actions.terms import Actions, PastCampaign, nobody_pays, still_needed, worth_the_cost
from cltv_ml.errors import InputError
from cltv_ml.features import build_features, default_features
from cltv_ml.money import format_exactly, format_money, format_number, format_range
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section
from cltv_ml.reporting.what_if import reach
from cltv_ml.windows import Window

#: Lifecycle stages that a retention campaign addresses: customers who stay need no treatment.
LEAVING = ("at risk", "lapsed")

_LEAVING_IN_WORDS = "customers whose lifecycle is at risk or lapsed"


def add_retention(shop: Shop, actions: Actions) -> None:
    """Add the list of customers at risk who are worth a treatment whose effect the user states."""
    terms = shop.terms
    needed = still_needed(
        "a retention list",
        {
            "--margin-rate": (margins_known(actions), "margins"),
            "--uplift": (terms.uplift, "the share of value a treatment saves"),
            "--cost": (terms.cost, "the cost of treating one customer"),
        },
    )
    if terms.uplift is None or terms.cost is None or needed:
        raise InputError(needed)
    leaving = shop.lifecycle.index[shop.lifecycle["lifecycle"].isin(LEAVING)]
    if not len(leaving):
        raise InputError("no customer is at risk or lapsed, so there is nobody to win back.")
    people = shop.worth.loc[leaving]
    treatment = decisions.compute_treatment(
        people, uplift=terms.uplift, margin_rate=margin_rates(leaving, actions), cost=terms.cost
    )
    chosen = decisions.choose_customers(treatment, terms.budget)
    actions.candidates["retention_list"] = treatment
    actions.tables["retention_curve"] = curve = decisions.profit_curve(treatment, total=shop.total)
    rates = decisions.expected_rates(people.loc[chosen.index], terms.uplift) if len(chosen) else (0.0, 0.0)
    if chosen.empty:
        actions.refused["retention list"] = nobody_pays(terms)
    else:
        actions.tables["retention_list"] = decisions.build_campaign(
            chosen,
            shop.window,
            action="win back",
            about=about(shop, actions),
            products=products_of(chosen.index, actions),
            control=draw_untreated(chosen, bounded(rates), shop, actions, name="retention_list"),
            currency=terms.currency,
        )
    near = curve[curve["customers"] <= reach(curve, len(chosen))]
    drawn = plots.campaign_profit(near, currency=terms.currency, listed=len(chosen))
    actions.sections.append(
        section(
            "Customers to win back",
            [
                f"{worth_the_cost(treatment, len(chosen), terms, _LEAVING_IN_WORDS)}, if a treatment "
                f"saves {terms.uplift:.0%} of the value at risk. That is your assumption, not a "
                "measurement.",
                *_outlook(treatment, chosen, curve, shop),
            ],
            figures={"Expected profit by length of the list": drawn},
        )
    )


def _outlook(treatment: pd.DataFrame, chosen: pd.DataFrame, curve: pd.DataFrame, shop: Shop) -> list[str]:
    """Return a sentence on the profit of the best list and the day to read it, or on the lack of one."""
    if chosen.empty:
        return ["So there is no list: one of any length is expected to lose money."]
    return [
        _best_list(treatment, curve, shop.terms.currency),
        f"From {shop.window.end:%Y-%m-%d} on, compare the outcome with the control group marked in the list.",
    ]


def _best_list(treatment: pd.DataFrame, curve: pd.DataFrame, currency: str) -> str:
    """Return a sentence on the most profitable list, the longest list without a loss, and the profit's interval."""
    break_even_point = decisions.break_even(treatment)
    best = curve.loc[curve["expected_profit"].idxmax()]
    text = (
        f"With its control group, the best list has {break_even_point['best_customers']:,} customers; if all of them "
        f"were treated, it would be expected to earn {format_money(break_even_point['best_profit'], currency)}"
    )
    if "profit_lower" in curve and break_even_point["best_customers"]:
        text += (
            f" ({format_money(float(best['profit_lower']), currency)} to "
            f"{format_money(float(best['profit_upper']), currency)} with about 90% probability)"
        )
    gaining = int(break_even_point["break_even_customers"])
    if gaining >= len(treatment):
        return f"{text}; a list of all {len(treatment):,} customers still loses no money."
    return f"{text}; a list of more than {gaining:,} customers loses money."


def check_outcome_known(window: Window, last: pd.Timestamp, start: str, length: str) -> None:
    """Raise when a log that ends at `last` does not hold the outcome of a campaign in this window.

    `start` and `length` are the options that state its first day and the days until the outcome is read.
    """
    if not window.ends_by(last):
        raise InputError(
            f"the outcome of the campaign, {window.horizon} days from {window.cutoff:%Y-%m-%d}, is known "
            f"once the log reaches {window.end - pd.Timedelta(days=1):%Y-%m-%d}, but the log ends on "
            f"{last:%Y-%m-%d}; use a newer log, an earlier {start} or a shorter {length}."
        )


def add_campaign(shop: Shop, actions: Actions) -> None:
    """Add the effects learned from a past randomised campaign, and the list that follows from them."""
    past, cost = shop.terms.campaign, shop.terms.cost
    if past is None:
        raise InputError(
            "uplift, and the outcome of other offers, can only be learned from a past campaign with "
            "randomly drawn recipients. Give its file with --campaign (columns customer_id and arm, plus "
            "propensity where arms were not equally likely) and its first day with --campaign-start."
        )
    check_outcome_known(past.window, shop.log.last, "--campaign-start", "--campaign-days")
    sent = past.sent.drop_duplicates("customer_id").set_index("customer_id")["arm"]
    before = build_features(shop.log, past.window.cutoff, names=default_features(shop.log.columns))
    common = before.index.intersection(sent.index)
    bought = shop.log.target(past.window, common, "active")
    lesson = decisions.learn_from_campaign(before.loc[common], sent.loc[common], bought, control=past.control)
    balance = decisions.balance_table(before.loc[common], (sent.loc[common] != past.control).astype(int))
    actions.tables |= {
        "campaign_lesson": lesson.arms,
        "campaign_balance": balance,
        "qini_curve": lesson.curves,
    }
    sentences = [_arm_sentence(str(arm), row, past) for arm, row in lesson.arms.iterrows()]
    unlike = balance.index[~balance["looks_random"]]
    needed = still_needed(
        "a campaign list, together with the expected outcome of other offers,",
        {
            "--margin-rate": (margins_known(actions), "margins"),
            "--cost": (cost, "the cost of treating one customer"),
        },
    )
    if needed:
        actions.refused["campaign list"] = needed
    else:
        sentences.append(
            _add_campaign_list(lesson.predict(shop.X[before.columns]), past.window.horizon, shop, actions)
        )
        sentences += _policies(
            lesson, before.loc[common], sent.loc[common], shop, actions, trusted=not unlike.size
        )
    actions.sections.append(_campaign_section(lesson, sentences, unlike, actions, shop.terms.currency))


def _campaign_section(
    lesson: decisions.CampaignLesson,
    sentences: list[str],
    unlike: pd.Index,
    actions: Actions,
    currency: str,
) -> dict[str, Any]:
    """Return the section of a past campaign; `unlike` names the features in which its arms differed before it."""
    warnings = [
        f"Recipients differed from the control group before the campaign, most in {name}. They are unlikely "
        "to have been drawn at random, so do not trust the uplift."
        for name in unlike[:1]
    ]
    figures: dict[str, Any] = {
        "Customers who bought because of the campaign, among the half that the learner never saw, by length "
        "of the list": (plots.qini_curve(lesson.curves))
    }
    shown = actions.tables.get("policy_value")
    policies = (
        {}
        if shown is None
        else {"Profit per customer by rule for choosing arms": show_policies(shown, currency)}
    )
    return section(
        "Lessons from the past campaign", sentences, warnings=warnings, figures=figures, tables=policies
    )


def _policies(
    lesson: decisions.CampaignLesson,
    X: pd.DataFrame,
    sent: pd.Series,
    shop: Shop,
    actions: Actions,
    *,
    trusted: bool,
) -> list[str]:
    """Add the estimated profit of other policies for choosing arms; return sentences on it or on missing inputs."""
    past = shop.terms.campaign
    if past is None:
        return []
    drawn = past.sent.drop_duplicates("customer_id").set_index("customer_id").get("propensity")
    if drawn is None and not trusted:
        actions.refused["policy value"] = (
            "to compare other ways of choosing arms, the campaign must have been drawn at random, or the "
            "probability of each customer's arm must be known; add it to the campaign file as the column "
            "propensity."
        )
        return []
    cost, rates = float(shop.terms.cost or 0.0), margin_rates(X.index, actions)
    profit = shop.log.target(past.window, X.index) * rates - cost * (sent != past.control)
    until = shop.log.frame[shop.log.frame["timestamp"] < past.window.cutoff]
    table = decisions.judge_policies(
        lesson,
        X,
        sent,
        profit,
        worth=order_values(until, X.index) * rates,
        cost=cost,
        propensity=None if drawn is None else drawn.loc[X.index],
    )
    actions.tables["policy_value"] = table
    return tell_policies(table, shop.terms.currency)


def tell_policies(table: pd.DataFrame, currency: str = "") -> list[str]:
    """Return a sentence on the policy that would have earned most, by the doubly robust estimates."""
    robust = table[table["estimator"] == "doubly_robust"]
    best, logged = robust.loc[robust["value"].idxmax()], table.iloc[0]
    value, logged_value = (f"{format_number(row['value'])} {currency}".rstrip() for row in (best, logged))
    sentences = (
        f"Of all ways to choose arms, {best['policy']} would have earned most: {value} per "
        f"customer ({format_range(best['lower'], best['upper'])}, doubly robust, on the half that the "
        f"learner never saw). The campaign as it was earned {logged_value} "
        f"({format_range(logged['lower'], logged['upper'])})."
    )
    personal = best["policy"] == "each customer's best"
    return [
        sentences
        if personal
        else f"{sentences} The data do not show that choosing for each customer earns more."
    ]


def show_policies(policies: pd.DataFrame, currency: str = "") -> pd.DataFrame:
    """Return the table of `judge_policies` with its numbers as text."""
    return pd.DataFrame(
        {
            "Arms": policies["policy"],
            "Estimator": policies["estimator"].str.replace("_", " "),
            f"Profit per customer ({currency})".removesuffix(" ()"): [
                format_number(value) for value in policies["value"]
            ],
            "95% interval": [
                format_range(low, high)
                for low, high in zip(policies["lower"], policies["upper"], strict=True)
            ],
            "Customers": [f"{count:,}" for count in policies["customers"]],
        }
    )


def _arm_sentence(arm: str, row: pd.Series, past: PastCampaign) -> str:
    return (
        f"{arm}: {row['rate_treated']:.1%} of {row['treated']:,} recipients bought within "
        f"{past.window.horizon} days, against {row['rate_untreated']:.1%} of {row['untreated']:,} others, a "
        f"difference of {row['uplift']:.1%} ({row['uplift_lower']:.1%} to {row['uplift_upper']:.1%}). On the "
        f"half that it never saw, the learner ({row['learner'].replace('_', ' ')}) has a Qini coefficient of "
        f"{row['qini']:.2%} ({row['qini_lower']:.2%} to {row['qini_upper']:.2%}): it {row['verdict']}."
    )


def _add_campaign_list(uplifts: pd.DataFrame, days: int, shop: Shop, actions: Actions) -> str:
    """Add the list: for each customer the arm with the highest expected profit, where that is positive."""
    cost = float(shop.terms.cost or 0.0)
    values, rates = order_values(shop.log.frame, shop.X.index), margin_rates(uplifts.index, actions)
    best = uplifts.to_numpy().argmax(axis=1)
    uplift = pd.Series(uplifts.to_numpy()[np.arange(len(uplifts)), best], index=uplifts.index)
    treatment = decisions.compute_treatment(
        shop.predictions, uplift=uplift, margin_rate=rates, cost=cost, value=values
    )
    treatment["arm"] = uplifts.columns.to_numpy()[best]
    treatment["reason"] = [
        f"{arm} changes the chance to buy by {100 * gain:+.1f} points; an order is "
        f"{format_exactly(value, shop.terms.currency)} at a margin of {rate:.0%}"
        for gain, arm, value, rate in zip(uplift, treatment["arm"], values, rates, strict=True)
    ]
    chosen = decisions.choose_customers(treatment, shop.terms.budget)
    actions.candidates["campaign_list"] = treatment
    if chosen.empty:
        actions.refused["campaign list"] = nobody_pays(shop.terms)
        return f"None of the {len(treatment):,} customers is worth the cost."
    window = Window(shop.window.cutoff, days)
    orders = shop.predictions.loc[chosen.index, "expected_purchases"] * days / shop.window.horizon
    base, gain = float((1 - np.exp(-orders)).mean()), float(chosen["uplift"].mean())
    actions.tables["campaign_list"] = decisions.build_campaign(
        chosen,
        window,
        action="campaign",
        about=about(shop, actions).assign(offer=treatment["arm"]),
        products=products_of(chosen.index, actions),
        control=draw_untreated(chosen, bounded((base, base + gain)), shop, actions, name="campaign_list"),
    )
    earned = format_money(float(chosen["expected_profit"].sum()), shop.terms.currency)
    each = format_money(cost, shop.terms.currency)
    return (
        f"{len(chosen):,} of {len(treatment):,} customers are worth the cost of {each} each; the expected profit "
        f"is {earned}."
    )
