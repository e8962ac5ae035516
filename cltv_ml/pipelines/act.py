"""From scores to actions: every decision table of a log, and the sentences for those it cannot answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.campaigns import add_campaign, add_retention
from cltv_ml.actions.changes import add_changes
from cltv_ml.actions.customers import add_segments
from cltv_ml.actions.money import add_margins, add_payback
from cltv_ml.actions.offers import add_offers, add_price_test
from cltv_ml.actions.products import add_cross_sell, add_upsell
from cltv_ml.actions.shop import Actions, PastCampaign, Shop, Terms, look
from cltv_ml.data import Cleaned
from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import Progress, silent
from cltv_ml.files import atomic, write_table
from cltv_ml.reporting.report import render_html, section, summarise
from cltv_ml.windows import Window

__all__ = ["PARTS", "Actions", "PastCampaign", "Terms", "act", "evaluate"]

#: What is worked out, in this order: later parts use the tables of earlier ones.
PARTS: dict[str, Callable[[Shop, Actions], None]] = {
    "segments": add_segments,
    "margins": add_margins,
    "changes": add_changes,
    "payback": add_payback,
    "cross-sell": add_cross_sell,
    "upsell": add_upsell,
    "offers": add_offers,
    "price test": add_price_test,
    "retention": add_retention,
    "campaign": add_campaign,
}


def act(cleaned: Cleaned, terms: Terms, out: Path, progress: Progress = silent) -> Actions:
    """Return and write segments, margins, lists of customers to treat, recommendations and offers.

    Written to `out`: one CSV per table, `rules.json` (cut points for next month) and `actions.html`. A part
    that the log or the terms cannot answer is left out with a sentence that says what it needs; the
    others run.

    Raises
    ------
    InputError
        There is no champion to score the customers with, or it uses a protected column.
    """
    progress("scoring the customers", 0.1)
    done = Actions()
    shop = look(cleaned, terms, done)
    for number, (name, part) in enumerate(PARTS.items()):
        progress(name, 0.3 + 0.6 * number / len(PARTS))
        try:
            part(shop, done)
        except InputError as error:
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


def _for_readers(table: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Return a table as a spreadsheet shows it well: four decimals, and the currency in each row where it is known."""
    rows = (table.reset_index() if table.index.name else table).round(4)
    return rows.assign(currency=currency) if currency and "customer_id" in rows else rows


def _write(done: Actions, shop: Shop, out: Path) -> None:
    for name, table in done.tables.items():
        write_table(_for_readers(table, shop.terms.currency), out / f"{name}.csv")
    with atomic(out / "rules.json") as path:
        path.write_text(json.dumps(done.rules, indent=1), encoding="utf-8")
    left_out = [f"{name}: {sentence}" for name, sentence in done.refused.items()]
    sections = [*done.sections, *([section("What could not be answered", left_out)] if left_out else [])]
    title = f"Actions as of {shop.window.cutoff:%Y-%m-%d}"
    subtitle = f"{len(shop.X):,} customers, {shop.window.horizon} days ahead"
    with atomic(out / "actions.html") as path:
        path.write_text(render_html(summarise(title, subtitle, sections)), encoding="utf-8")
