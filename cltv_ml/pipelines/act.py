"""Decision tables of a log, and a sentence for each that cannot be computed: `cltv act`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml import decisions, remote
from cltv_ml.actions.campaigns import add_campaign, add_retention, check_outcome_known
from cltv_ml.actions.changes import add_changes
from cltv_ml.actions.customers import add_segments
from cltv_ml.actions.lists import (
    LISTS,
    facts,
    list_answers,
    list_terms,
    list_totals,
    lists_section,
    unprofitable_lists,
    win_back_terms,
)
from cltv_ml.actions.money import add_margins, add_payback
from cltv_ml.actions.offers import add_offers, add_price_test
from cltv_ml.actions.past_campaign_table import learn_from_table
from cltv_ml.actions.products import add_cross_sell, add_upsell
from cltv_ml.actions.questions import missing_section
from cltv_ml.actions.shop import Shop, read_shop
from cltv_ml.actions.terms import Actions, PastCampaign, Terms
from cltv_ml.customers import CleanedShop
from cltv_ml.decisions.product_tables import insert_names
from cltv_ml.errors import InputError
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.files import atomic, check_folder, discard, table_file, together, write_table
from cltv_ml.log import Log
from cltv_ml.pipelines.customer_inputs import tables_of
from cltv_ml.pipelines.earlier_files import check_campaign
from cltv_ml.pipelines.inputs import (
    load,
    name_of_input,
    read_lifetimes,
    read_rates,
    read_table,
    stated_currency,
    to_numbers,
)
from cltv_ml.pipelines.lifetime import paid_to_win
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.pages import write_page
from cltv_ml.pipelines.redaction import as_wanted
from cltv_ml.reporting.report import summarise
from cltv_ml.serving.scoring import check_as_of
from cltv_ml.settings import Act, Evaluate, Learn, Settings
from cltv_ml.tables import for_spreadsheet
from cltv_ml.windows import Window, days_in_words

logger = logging.getLogger("cltv_ml")

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


@with_bar
def act(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Actions:
    """Turn the champion's scores into segments, margins, lists of customers, recommendations and offers.

    They are returned and written to `out`: one CSV per table, `rules.json` (cut points for next month), `actions.json`
    (the lists' totals) and `actions.html`. Customers of an earlier day that a call left in `out` are compared with
    today's, unless `before` names others. A part that the log or the settings cannot answer is left out, with a
    sentence on what it needs; the other parts run. Columns that the champion's training protected stay protected.

    Raises
    ------
    InputError
        There is no champion to score the customers with, it uses a protected column, or a table that the settings
        name cannot be read.
    """
    settings = Act.of(settings, options)
    check_folder(settings.out)
    terms = _read_terms(settings)
    cleaned = load(settings, progress, named=True)
    terms = _with_costs(terms, settings, cleaned)
    terms = replace(terms, currency=terms.currency or stated_currency(cleaned))
    if terms.before is None:
        terms = replace(terms, before=_earlier_customers(settings, cleaned))
    protected = dict.fromkeys([*terms.protected, *cleaned.customers.hidden])
    terms = replace(terms, protected=tuple(protected))
    progress("scoring the customers", 0.1)
    actions = Actions()
    shop = read_shop(cleaned, terms, actions)
    tell_of_exclusions(shop.log, terms.exclude)
    for number, (name, write_part) in enumerate(PARTS.items()):
        progress(name, 0.3 + 0.6 * number / len(PARTS))
        try:
            write_part(shop, actions)
        except InputError as error:
            actions.refused[name] = _why_left_out(str(error), terms.protected)
    if "margins_by_product" in actions.tables:
        margins = actions.tables["margins_by_product"]
        actions.tables["margins_by_product"] = insert_names(margins, "product_id", shop.product_names)
    progress("writing", 0.95)
    _write_act(actions, shop, settings.out, cleaned if settings.redact else None)
    return actions


@with_bar
def evaluate(
    settings: Settings | None = None, *, progress: Progress = silent, **options: Any
) -> pd.DataFrame:
    """Return and write the uplift and profit of a campaign, treated against control, with intervals."""
    settings = Evaluate.of(settings, options)
    out = table_file(settings.out, "outcome.csv")
    window = Window(settings.start, settings.horizon)
    listed = read_table(settings.actions, ["control", "cost"]).reset_index()
    log = load(settings, progress).transactions
    check_outcome_known(window, log.last, "--start", "--horizon")
    table = decisions.evaluate_campaign(listed, log, window, margin_rate=settings.margin_rate)
    write_table(table.reset_index(), out)
    return table


@with_bar
def learn(
    settings: Settings | None = None, *, progress: Progress = silent, **options: Any
) -> dict[str, pd.DataFrame]:
    """Learn from a past randomised campaign in one table, without a log, which customers respond and what that earns.

    The tables of `learn_from_table` are returned and written to `out`, with `lesson.html`.
    """
    settings = Learn.of(settings, options)
    arm, outcome = settings.arm, settings.outcome
    columns = [*settings.features, arm, outcome]
    if {arm, outcome} & set(settings.features):
        raise InputError(
            f"{arm} and {outcome} are not known before the campaign; leave them out of --features."
        )
    table = read_table(settings.campaign, columns, "a table with these columns", key="")
    check_campaign(table, arm, name_of_input(settings.campaign))
    progress("learning", 0.1)
    return learn_from_table(
        table[settings.features],
        table[arm].astype("str"),
        to_numbers(table[outcome]),
        settings.out,
        control=settings.control,
        worth=settings.worth,
        cost=settings.cost,
    )


def _why_left_out(why: str, protected: Sequence[str]) -> str:
    """Return why a part is left out; a protected column is not asked for.

    >>> _why_left_out("upselling needs the column 'category', but the log has amount; map a column.", ["category"])
    "upselling would use the column 'category', which is protected."
    """
    for column in protected:
        task, found, _ = why.partition(f" needs the column {column!r}, but the log has ")
        if found:
            return f"{task} would use the column {column!r}, which is protected."
    return why


def _read_terms(settings: Act) -> Terms:
    """Return the business terms that the settings state, with the tables that they name."""
    same = (
        "margin_rate",
        "uplift",
        "cross_sell_uplift",
        "upsell_share",
        "cost",
        "budget",
    )
    rates = settings.category_margins
    return Terms(
        **{name: getattr(settings, name) for name in (*same, "currency", "split_by", "value", "basis")},
        category_margins=None if rates is None else read_rates(rates),
        exclude=tuple(settings.exclude),
        protected=tuple(tables_of(settings).protected),
        before=None if settings.before is None else read_table(settings.before, ["tier", "expected_value"]),
        campaign=_past_campaign(settings),
        lifetimes=read_lifetimes(settings),
    )


def _earlier_customers(settings: Act, cleaned: CleanedShop) -> pd.DataFrame | None:
    """Return the customers that an earlier call left in `out` if they are of an earlier day; None otherwise."""
    file = settings.out / "customers.csv"
    if (settings.value, settings.basis) != ("horizon", "revenue") or not remote.is_file(file):
        return None
    earlier = read_table(file, ["tier", "expected_value"])
    days = earlier["cutoff"].dropna().unique() if "cutoff" in earlier else []
    today = f"{check_as_of(cleaned.transactions, None):%Y-%m-%d}"
    return earlier if len(days) == 1 and days[0] < today else None


def tell_of_exclusions(log: Log, exclude: Sequence[str]) -> None:
    """Log each name to leave out of lists that neither a product nor a category has."""
    columns = [name for name in ("product_id", "category") if name in log.columns]
    known = {str(value) for name in columns for value in log.frame[name].dropna().unique()} if exclude else ()
    for name in exclude:
        if name not in known:
            logger.warning(
                "Exclude   %r is neither a product nor a category of the log, so it leaves nothing out; write each "
                "name as the log does, with an --exclude of its own.",
                name,
            )


def _with_costs(terms: Terms, settings: Act, cleaned: CleanedShop) -> Terms:
    """Return the terms with each customer's acquisition cost, if it is stated."""
    stated = settings.acquisition_cost
    if stated is None or isinstance(stated, float):
        return replace(terms, acquisition_cost=stated)
    log = cleaned.transactions
    paid, notes = paid_to_win(cleaned, log, stated, check_as_of(log, None), settings.currency)
    return replace(terms, acquisition_cost=paid, acquisition_notes=tuple(notes))


def _past_campaign(settings: Act) -> PastCampaign | None:
    if settings.campaign is None:
        return None
    sent = read_table(settings.campaign, ["arm"], "a table with customer_id and arm")
    check_campaign(sent, "arm", name_of_input(settings.campaign))
    if not settings.campaign_start:
        raise InputError(
            "a past campaign needs its first day; set it with --campaign-start, such as 2026-03-01."
        )
    return PastCampaign(
        sent.reset_index(), Window(settings.campaign_start, settings.campaign_days), settings.control
    )


@together()
def _write_act(actions: Actions, shop: Shop, out: Path, unnamed: CleanedShop | None = None) -> None:
    """Write the tables and the page, which names no customer of `unnamed`; delete lists of an earlier call."""
    for name in LISTS:
        old = out / f"{name}.csv"
        if name not in actions.tables and remote.is_file(old):
            discard(old)
            actions.deleted.append(old.name)
    for name, table in actions.tables.items():
        rows = table.reset_index() if table.index.name else table
        write_table(for_spreadsheet(rows, shop.terms.currency), out / f"{name}.csv")
    totals = list_totals(shop, actions)
    for name, content in {"rules": actions.rules, "actions": _json_summary(totals, shop, actions)}.items():
        with atomic(out / f"{name}.json") as path:
            path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    page = _act_page(totals, actions, shop)
    page = page if unnamed is None else as_wanted(page, True, unnamed)
    write_page(page, out / "actions.html", private=unnamed is None)


def _act_page(totals: pd.DataFrame, actions: Actions, shop: Shop) -> dict[str, Any]:
    """Return the page: totals and lists, then why, then what is missing; what is missing comes first without lists."""
    missing = [section] if (section := missing_section(actions.refused, shop.terms.currency)) else []
    sections = (
        [lists_section(totals, shop, actions), *actions.sections, *missing]
        if len(totals)
        else [*missing, *actions.sections]
    )
    page_facts = facts(totals, actions, shop)
    return summarise(
        f"Actions as of {shop.window.cutoff:%Y-%m-%d}",
        f"{len(shop.X):,} customers with orders from {shop.log.first:%Y-%m-%d} to {shop.log.last:%Y-%m-%d}, "
        f"and what they are expected to buy in the next {days_in_words(shop.days)}, predicted by model "
        f"version {shop.version}",
        sections,
        page_facts,
        list_answers(totals, shop, actions),
        headlines=max(len(page_facts), 1),
    )


def _json_summary(totals: pd.DataFrame, shop: Shop, actions: Actions) -> dict[str, Any]:
    """Return the totals and terms of the lists for the report as JSON values, with money rounded to the cent."""
    rows = (
        totals.assign(read_on=totals["read_on"].dt.strftime("%Y-%m-%d")).round(2) if len(totals) else totals
    )
    return {
        "cutoff": f"{shop.window.cutoff:%Y-%m-%d}",
        "horizon": shop.window.horizon,
        "model_version": shop.version,
        "currency": shop.terms.currency,
        "terms": list_terms(totals, shop),
        "win_back_terms": win_back_terms(shop, actions),
        "unprofitable": unprofitable_lists(actions),
        "lists": rows.to_dict("records"),
    }
