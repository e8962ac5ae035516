"""From scores to actions: every decision table of a log, and the sentences for those it cannot answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from cltv_ml import decisions
from cltv_ml.data import Cleaned
from cltv_ml.decisions import Costs
from cltv_ml.evaluation.backtest import Progress, silent
from cltv_ml.features import build_features, default_features
from cltv_ml.models import MBGNBD, ProbabilisticValue
from cltv_ml.ops import scoring, tracking
from cltv_ml.ops.files import atomic, write_table
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import render_html, section, summarise
from cltv_ml.windows import Window

#: Whom a retention campaign is for: customers who are staying need no saving.
LEAVING = ("at risk", "lapsed")


@dataclass(frozen=True)
class Terms:
    """What the user states about the business; nothing here is invented where it is missing."""

    margin_rate: float | None = None
    uplift: float | None = None
    cost: float | None = None
    budget: float | None = None
    currency: str = ""
    before: pd.DataFrame | None = None  # customers.csv of an earlier call, indexed by customer_id


@dataclass
class Actions:
    """Decision tables by name, rules to store by name, sections of the report, refused parts by name."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)
    sections: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Shop:
    """What every part looks at: the log, today's customers and what the champion expects of them."""

    log: pd.DataFrame
    window: Window
    X: pd.DataFrame
    predictions: pd.DataFrame
    tiers: pd.Series
    lifecycle: pd.DataFrame
    terms: Terms


def act(cleaned: Cleaned, terms: Terms, out: Path, progress: Progress = silent) -> Actions:
    """Return and write segments, margins, a retention list, recommendations and offers.

    Written to `out`: one CSV per table, `rules.json` (cut points for next month) and `actions.html`. A part
    that the log or the terms cannot answer is left out with a sentence that says what it needs; the
    others run.

    Raises
    ------
    ValueError
        There is no champion to score the customers with.
    """
    progress("scoring the customers", 0.1)
    done = Actions()
    shop = _look(cleaned, terms, done)
    parts: dict[str, Callable[[_Shop, Actions], None]] = {
        "segments": _segments,
        "changes": _changes,
        "margins": _margins,
        "retention": _retention,
        "cross-sell": _cross_sell,
        "upsell": _upsell,
        "offers": _offers,
    }
    for number, (name, part) in enumerate(parts.items()):
        progress(name, 0.3 + 0.6 * number / len(parts))
        try:
            part(shop, done)
        except ValueError as error:
            done.refused[name] = str(error)
    progress("writing", 0.95)
    _write(done, shop, out)
    return done


def evaluate(
    cleaned: Cleaned, actions: pd.DataFrame, window: Window, margin_rate: float, out: Path
) -> pd.DataFrame:
    """Return and write what a campaign brought in its window, against its control group."""
    table = decisions.evaluate_campaign(actions, cleaned.log, window, margin_rate=margin_rate)
    write_table(table.reset_index(), out)
    return table


def _look(cleaned: Cleaned, terms: Terms, done: Actions) -> _Shop:
    cutoff = scoring.check_as_of(cleaned.log, None)
    tracking.open_store()
    model, version = scoring.load_registered()
    card = model.metadata.metadata
    names = dict.fromkeys([*card["features"], *default_features(list(cleaned.log.columns))])
    X = build_features(cleaned.log, cutoff, names=list(names))
    predictions = scoring.predict_in_chunks(model, X[card["features"]])
    if "p_alive" not in predictions:
        # Trees do not know who is still a customer; MBG/NBD does, one-time buyers included.
        second = ProbabilisticValue(MBGNBD(), horizon=int(card["horizon"])).fit(X).predict_table(X)
        predictions = predictions.join(second[["expected_purchases", "p_alive"]])
    trusted = predictions["p_alive"] if decisions.tells_who_left(X, predictions["p_alive"]) else None
    rule = decisions.fit_lifecycle(X)
    # MLflow sorts a model's metadata by name; tiers go from the highest down.
    cuts = dict(sorted(card["tiers"].items(), key=lambda tier: -tier[1]))
    done.rules |= {"tiers": cuts, "lifecycle": rule, "model_version": version}
    return _Shop(
        log=cleaned.log,
        window=Window(cutoff, int(card["horizon"])),
        X=X,
        predictions=predictions
        if trusted is not None
        else predictions.drop(columns="p_alive", errors="ignore"),
        tiers=decisions.apply_tiers(predictions["expected_value"], cuts).rename("tier"),
        lifecycle=decisions.apply_lifecycle(X, rule, trusted),
        terms=terms,
    )


def _segments(shop: _Shop, done: Actions) -> None:
    rfm = decisions.compute_rfm(shop.log, shop.window.cutoff)
    done.rules["rfm"] = decisions.fit_rfm(rfm)
    scored = decisions.apply_rfm(rfm, done.rules["rfm"])
    done.tables["customers"] = pd.concat(
        [shop.predictions.drop(columns="tier", errors="ignore"), shop.tiers, shop.lifecycle,
         scored[["rfm", "segment"]]], axis=1,
    )  # fmt: skip
    profiles = {
        "segments_by_value": shop.tiers,
        "segments_by_rfm": scored["segment"],
        "segments_by_lifecycle": shop.lifecycle["lifecycle"],
    }
    for name, groups in profiles.items():
        done.tables[name] = decisions.profile_segments(
            shop.log, groups, predictions=shop.predictions, cutoff=shop.window.cutoff
        )
    done.tables["segment_definitions"] = decisions.segment_definitions()
    tiers = done.tables["customers"].groupby("tier")["expected_value"].agg(["size", "sum"])
    tiers = (
        tiers.set_axis(["customers", "expected_value"], axis=1).reindex(["high", "medium", "low"]).dropna()
    )
    done.sections.append(
        section(
            "Who the customers are",
            ["Value tiers are cut where the champion's training cut them, so months compare."],
            figures={
                "Share of customers and of predicted value per tier": plots.tier_pyramid(tiers),
                "Share of customers and of revenue per segment": plots.segment_sizes(
                    done.tables["segments_by_rfm"], currency=shop.terms.currency
                ),
                "Customers by recency and frequency score": plots.rfm_map(
                    scored, currency=shop.terms.currency
                ),
            },
        )
    )


def _changes(shop: _Shop, done: Actions) -> None:
    """Say who moved between tiers and what changed the total since an earlier call, where one is given."""
    before = shop.terms.before
    if before is None:
        return
    after = done.tables["customers"]
    values = pd.concat([before["expected_value"], after["expected_value"]], axis=1, keys=["before", "after"])
    flows = decisions.compute_migration(before["tier"], after["tier"], values)
    change = decisions.account_for_change(before, after, tiers=done.rules["tiers"])
    done.tables |= {"migration": flows, "value_change": change}
    done.sections.append(
        section(
            "What changed since the earlier scores",
            [
                "A new model or new prices are not told apart from behaviour here; score both dates with one model."
            ],
            figures={
                "Customers by tier, then and now": plots.migration_sankey(flows),
                "Change of the total predicted value by cause": plots.value_waterfall(
                    change, currency=shop.terms.currency
                ),
            },
        )
    )


def _margins(shop: _Shop, done: Actions) -> None:
    costs = Costs(margin_rate=shop.terms.margin_rate)
    grains = [
        "customer",
        *(grain for grain in ("category", "product", "channel") if _column(grain) in shop.log),
    ]
    for grain in grains:
        done.tables[f"margins_by_{grain}"] = decisions.compute_margins(shop.log, _column(grain), costs=costs)
    done.tables["margins_by_tier"] = decisions.compute_margins(
        shop.log, "segment", costs=costs, segments=shop.tiers
    )
    drawn = done.tables[f"margins_by_{grains[1] if len(grains) > 1 else 'tier'}"]
    losing = decisions.loss_makers(done.tables["margins_by_customer"])
    done.sections.append(
        section(
            "Where the margin comes from",
            [f"{len(losing):,} customers cost more than they brought."],
            figures={"Contribution margin": plots.margin_bars(drawn, currency=shop.terms.currency)},
        )
    )


def _retention(shop: _Shop, done: Actions) -> None:
    terms = shop.terms
    if terms.uplift is None or terms.cost is None:
        raise ValueError(
            "a retention list needs the share of value a treatment saves and its cost per customer; "
            "state them with --uplift and --cost, or measure them in a randomised campaign."
        )
    leaving = shop.lifecycle.index[shop.lifecycle["lifecycle"].isin(LEAVING)]
    if not len(leaving):
        raise ValueError("nobody is at risk or lapsed, so there is no customer to win back.")
    rate = decisions.customer_margin_rates(_by_customer(shop, done)).reindex(leaving)
    treatment = decisions.compute_treatment(
        shop.predictions.loc[leaving],
        uplift=terms.uplift,
        margin_rate=rate.fillna(rate.mean()),
        cost=terms.cost,
    )
    chosen = decisions.choose_customers(treatment, terms.budget)
    done.tables["retention_curve"] = decisions.profit_curve(treatment)
    control = _control(chosen, shop, done)
    about = pd.concat([shop.tiers, shop.lifecycle], axis=1)
    done.tables["retention_list"] = decisions.build_campaign(
        chosen, shop.window, action="win back", about=about, control=control
    )
    curve = plots.campaign_profit(done.tables["retention_curve"], currency=terms.currency, listed=len(chosen))
    done.sections.append(
        section(
            "Whom to win back",
            [
                f"{len(chosen):,} of {len(leaving):,} customers at risk or lapsed are worth the cost of "
                f"{terms.cost:,.2f} each, if a treatment saves {terms.uplift:.0%} of the value at risk: "
                "your assumption, not a measurement.",
                f"Read the outcome from {shop.window.end:%Y-%m-%d}, against the control group marked in the list.",
            ],
            figures={"Expected profit by length of the list": curve},
        )
    )


def _control(chosen: pd.DataFrame, shop: _Shop, done: Actions) -> pd.Series | None:
    """Return who of the chosen is left untreated; None, with a note, where no size would show the uplift."""
    if not len(chosen):
        return None
    try:
        # The share who buy anyway, from their expected purchases as if these came at a constant rate.
        base = float((1 - np.exp(-shop.predictions.loc[chosen.index, "expected_purchases"])).mean())
        size = decisions.control_size(len(chosen), shop.terms.uplift or 0.0, base_rate=base)
    except ValueError as error:
        done.refused["control group"] = str(error)
        return None
    return decisions.draw_control(chosen.index, size, strata=shop.tiers.reindex(chosen.index))


def _cross_sell(shop: _Shop, done: Actions) -> None:
    level: Literal["product_id", "category"] = "product_id" if "product_id" in shop.log else "category"
    if level not in shop.log:
        raise ValueError(
            "recommendations need products: map the article number to product_id, or a group to category."
        )
    past = Window(shop.window.cutoff - pd.Timedelta(days=shop.window.horizon), shop.window.horizon)
    judged = decisions.evaluate_cross_sell(shop.log, past, level=level)
    best = str(judged.index[0]) if judged.index.name else str(judged.iloc[0, 0])
    done.tables["cross_sell_quality"] = judged
    done.tables["cross_sell"] = decisions.recommend_next(shop.log, shop.window, level=level, recommender=best)
    pairs = decisions.find_associations(shop.log, level)
    done.tables["cross_sell_pairs"] = pairs
    done.sections.append(
        section(
            "What to offer next",
            [
                str(
                    judged.attrs.get(
                        "verdict", f"On the window before, {best} found most of what was bought next."
                    )
                )
            ],
            figures={"Items bought together": plots.cross_sell_matrix(pairs)} if len(pairs) else {},
        )
    )


def _upsell(shop: _Shop, done: Actions) -> None:
    done.tables["upsell"] = decisions.recommend_upsell(shop.log, shop.window.cutoff)


def _offers(shop: _Shop, done: Actions) -> None:
    response = decisions.fit_response(shop.log)
    slopes = decisions.customer_slopes(shop.log, response)
    rate = decisions.customer_margin_rates(_by_customer(shop, done))
    expected = shop.predictions.get("expected_purchases")
    if expected is None:
        raise ValueError(
            "offers need expected purchases, which the champion does not give; choose a probabilistic one."
        )
    frame = pd.DataFrame(
        {
            "expected_purchases": expected,
            "order_value": shop.X["monetary_value"].where(shop.X["monetary_value"] > 0),
            "margin_rate": rate,
            "slope": slopes,
        }
    ).dropna()
    done.tables["offer_response"] = response
    done.tables["offers"] = decisions.choose_offers(frame)
    done.tables["offers_by_tier"] = decisions.discount_by_segment(done.tables["offers"], shop.tiers)


def _by_customer(shop: _Shop, done: Actions) -> pd.DataFrame:
    if "margins_by_customer" not in done.tables:
        raise ValueError("margins are not known: map a cost column, or state --margin-rate.")
    return done.tables["margins_by_customer"]


def _column(grain: str) -> Any:
    return {"customer": "customer_id", "product": "product_id"}.get(grain, grain)


def _write(done: Actions, shop: _Shop, out: Path) -> None:
    for name, table in done.tables.items():
        write_table(table.reset_index() if table.index.name else table, out / f"{name}.csv")
    with atomic(out / "rules.json") as path:
        path.write_text(json.dumps(done.rules, indent=1), encoding="utf-8")
    left_out = [f"{name}: {sentence}" for name, sentence in done.refused.items()]
    sections = [*done.sections, *([section("What could not be answered", left_out)] if left_out else [])]
    title = f"Actions as of {shop.window.cutoff:%Y-%m-%d}"
    subtitle = f"{len(shop.X):,} customers, {shop.window.horizon} days ahead"
    with atomic(out / "actions.html") as path:
        path.write_text(render_html(summarise(title, subtitle, sections)), encoding="utf-8")
