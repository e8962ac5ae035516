"""Forecasts of the whole shop's revenue, orders and customers, including new customers: `cltv forecast`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml.decisions.shop_plan import PlanTerms, compute_equity, compute_scenarios
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.evaluation.shop_tables import (
    compute_actuals,
    compute_bands,
    compute_history,
    drawn_parts,
    expected_parts,
    repeat_share,
)
from cltv_ml.evaluation.whole_shop import ShopForecast, forecast_shop
from cltv_ml.files import table_file, together, write_table
from cltv_ml.inline import Inline
from cltv_ml.log import Log
from cltv_ml.models import Level
from cltv_ml.models.value_curve import check_discount_rate
from cltv_ml.money import format_money
from cltv_ml.pipelines.forecast_inputs import (
    PLAN_COLUMNS,
    find_plan,
    judge_plan,
    pause_expected_again,
    plan_terms,
    read_holiday_names,
    unused_holidays,
)
from cltv_ml.pipelines.inputs import load, with_currency, without_effect
from cltv_ml.pipelines.left_out import describe_left_out
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.pages import write_page
from cltv_ml.pipelines.train_notes import disagreement
from cltv_ml.reporting.report import summarise
from cltv_ml.reporting.scenarios import build_scenarios
from cltv_ml.reporting.sections.forecast import (
    NO_MARGIN,
    equity_section,
    forecast_answers,
    forecast_facts,
    forecast_section,
    last_plan_section,
    scenarios_section,
)
from cltv_ml.settings import Forecast, Settings
from cltv_ml.tables import for_spreadsheet
from cltv_ml.tracking.forecast_runs import log_forecast
from cltv_ml.windows import Window, days_in_words, to_days

#: Days up to which weeks are shown by default.
_WEEKS_UPTO = 190

#: By how much last year's weight must change the total for a reader to be told of it.
_LEAST_SAY = 0.005

#: Settings that change nothing where no margin is known.
_NEED_A_MARGIN = ("share_of_amount", "per_order", "acquisition_cost", "discount_rate")

_NONE_WON = "The log shows no new customer in the last four weeks"

#: What a reader finds in each file, as the page names it.
_FILE_TITLES = {
    "forecast": "The forecast, every period and band",
    "history": "Revenue before the forecast",
    "scenarios": "All scenarios",
    "equity": "Customer equity",
    "last_plan": "The last forecast, period by period",
    "causes": "Causes of the difference",
    "before": "The last forecast, every period and band",
    "earlier": "Forecasts from earlier cutoffs, and what came",
}


@dataclass(frozen=True)
class Forecasted(Inline):
    """The result of a forecast: tables, sentences, files and page."""

    #: `evaluation.shop_tables.compute_bands`.
    table: pd.DataFrame
    #: `decisions.shop_plan`; no equity where no margin is known.
    scenarios: pd.DataFrame
    equity: pd.DataFrame | None
    #: The last forecast's periods that have ended, and what made the difference; None without one.
    judged: pd.DataFrame | None
    causes: pd.DataFrame | None
    #: Sentences to read first.
    notes: list[str]
    file: Path
    page: Path
    #: The files of all tables, by name.
    files: dict[str, Path]


@with_bar
def forecast(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Forecasted:
    """Forecast the shop's revenue, orders and customers after the end of the log; write a table and a page.

    The total of existing customers is the level (`models.level`), spread over time by their ages and the season. New
    customers are simulated: how many arrive each day, and what they spend by age. If last year's same weeks were
    accurate at earlier cutoffs, both are scaled to a total that includes them (`evaluation.shop_total`).

    Raises
    ------
    InputError
        A setting is impossible, the log is shorter than eight weeks, or an earlier forecast or a table of holidays
        cannot be read.
    """
    settings = Forecast.of(settings, options)
    settings = settings.model_copy(update={"out": table_file(settings.out, "forecast.csv")})
    horizon = to_days(settings.horizon)
    check_discount_rate(settings.discount_rate)
    holidays = read_holiday_names(settings.holidays)
    cleaned = load(settings, progress)
    settings, log = with_currency(settings, cleaned), cleaned.transactions
    window = Window(log.end, horizon)
    per = ("week" if horizon <= _WEEKS_UPTO else "month") if settings.per == "auto" else settings.per
    terms, gaps = plan_terms(settings, log, window.cutoff)
    plan = find_plan(settings.before, settings.out, log.first, window.cutoff)
    progress("forecasting the whole shop", 0.3)
    shop = forecast_shop(log, window, per, holidays=holidays)
    bands, parts = compute_bands(shop, terms), expected_parts(shop)
    until = shop.periods["days"].cumsum().to_numpy()
    repeat = repeat_share(log, window.cutoff, horizon)
    scenarios = compute_scenarios(parts, terms, until, repeat)
    equity = None if terms.margin_rate is None else compute_equity(drawn_parts(shop), terms, until, parts)
    judged, causes = judge_plan(log, plan, window.cutoff)
    notes = _forecast_notes(shop, terms, window, holidays=bool(holidays), currency=settings.currency)
    unused = without_effect(settings, _NEED_A_MARGIN) if terms.margin_rate is None else ""
    notes = [*describe_left_out(cleaned, settings.currency), *notes, *gaps, *filter(None, [unused])]
    if not shop.grain:
        notes += unused_holidays(holidays, log.first, window)
    notes += pause_expected_again(shop.value.joined, shop.closed, window)
    progress("writing the page", 0.9)
    tables = {
        "forecast": bands.assign(cutoff=window.cutoff),
        "history": compute_history(log, shop),
        "scenarios": scenarios,
        "equity": equity,
        "last_plan": judged,
        "causes": causes,
        "before": plan,
        "earlier": shop.earlier if len(shop.earlier) else None,
    }
    known = {name: content for name, content in tables.items() if content is not None}
    files = _table_files(settings.out, known)
    page = settings.out.with_suffix(".html")
    drawn = scenarios, parts, terms, shop.periods, repeat, bands
    summary = summarise(
        "Forecast of the shop",
        f"{window.horizon} days from {window.cutoff:%Y-%m-%d}",
        _sections(tables, drawn, files, notes, settings.currency),
        forecast_facts(bands, none_to_come=_none_to_come(shop), currency=settings.currency),
        forecast_answers(bands, _earlier_spans(log, window), shop.earlier, notes, currency=settings.currency),
        headlines=3,
    )
    with together():
        _write_tables(known, files, settings.currency)
        write_page(summary, page)
    log_forecast(bands, settings.experiment, settings.dataset, window, settings=_settings_to_store(settings))
    return Forecasted(bands, scenarios, equity, judged, causes, notes, settings.out, page, files)


def _earlier_spans(log: Log, window: Window) -> pd.DataFrame:
    """Return the revenue of the same length just before the window, and of the same weekdays a year ago, if known."""
    days = pd.Timedelta(days=window.horizon)
    starts = {
        f"The {days_in_words(window.horizon).removeprefix('1 ')} before": window.cutoff - days,
        "The same weeks a year earlier": window.cutoff - pd.Timedelta(days=364),
    }
    first = log.first.normalize()
    totals = {
        span: start for span, start in starts.items() if first <= start and start + days <= window.cutoff
    }
    spans = pd.DataFrame({"start": [*totals.values()], "until": [start + days for start in totals.values()]})
    if spans.empty:
        return pd.DataFrame(columns=["span", "revenue"])
    came = [
        compute_actuals(log, spans[place : place + 1], first)["revenue"].sum() for place in range(len(spans))
    ]
    return pd.DataFrame({"span": [*totals], "revenue": came}).drop_duplicates("revenue")


def _sections(
    tables: Mapping[str, Any],
    drawn: tuple[Any, ...],
    files: Mapping[str, Path],
    notes: list[str],
    currency: str,
) -> list[dict[str, Any]]:
    """Return the page's sections, each with links to the files of its numbers."""

    def links(*names: str) -> dict[str, str]:
        """Return the files of some tables, by the words of their links."""
        return {_FILE_TITLES[name]: files[name].name for name in names}

    scenarios, parts, terms, periods, repeat, bands = drawn
    series = links("forecast", "history", *(["earlier"] if tables["earlier"] is not None else []))
    sliders = build_scenarios(parts, terms, periods, repeat, bands, currency=currency)
    sections = [
        forecast_section(tables["forecast"], tables["history"], notes=notes, links=series, currency=currency),
        scenarios_section(scenarios, sliders, repeat, links=links("scenarios"), currency=currency),
    ]
    if tables["equity"] is not None:
        sections.append(
            equity_section(tables["equity"], terms, periods, links=links("equity"), currency=currency)
        )
    if tables["last_plan"] is not None:
        judged = links("last_plan", "causes", "before")
        sections.append(
            last_plan_section(tables["last_plan"], tables["causes"], links=judged, currency=currency)
        )
    return sections


def _settings_to_store(settings: Forecast) -> str:
    return settings.toml(data=settings.dataset, holidays=None, before=None)


def _table_files(out: Path, tables: Mapping[str, pd.DataFrame]) -> dict[str, Path]:
    """Return the files by name: the forecast's is `out`, the others lie next to it."""
    return {name: out if name == "forecast" else out.with_stem(f"{out.stem}_{name}") for name in tables}


def _write_tables(tables: Mapping[str, pd.DataFrame], files: Mapping[str, Path], currency: str) -> None:
    for name, table in tables.items():
        first = PLAN_COLUMNS if name in ("forecast", "before") else []
        ordered = table[[*first, *(column for column in table if column not in first)]]
        write_table(for_spreadsheet(ordered, currency), files[name])


def _none_to_come(shop: ShopForecast) -> str:
    """Return why no new customers are forecast; empty if they are."""
    return f"{_NONE_WON[0].lower()}{_NONE_WON[1:]}" if shop.arrivals.rate is None else ""


def _doubts_about(level: Level, cutoff: pd.Timestamp, currency: str) -> list[str]:
    """Return sentences on the forecast of existing customers: whether its parts disagree, and what it assumes."""
    apart = disagreement(level, cutoff, currency)
    return [*(f"Existing customers: {one[0].lower()}{one[1:]}" for one in apart), *level.notes]


def _forecast_notes(
    shop: ShopForecast, terms: PlanTerms, window: Window, *, holidays: bool, currency: str
) -> list[str]:
    """Return notes to read before the numbers; `holidays` states whether there is a table of them."""
    notes = [] if shop.level is None else _doubts_about(shop.level, window.cutoff, currency)
    if shop.grain and holidays:
        notes.append(f"The table of holidays is not used, because purchases have one date per {shop.grain}.")
    days = shop.value.repeat.calendar.days
    if not shop.arrivals.season_seen:
        notes.append(
            f"The log covers {days} days, less than a year, so new customers and spending follow their trend "
            "without a season."
        )
    if shop.arrivals.rate is None:
        notes.append(f"{_NONE_WON}, so none are expected; all revenue comes from existing customers.")
    if shop.level is None:
        notes.append(
            "Nobody spent anything in the last horizon, so the forecast uses only customers' spend by age."
        )
    if shop.level is not None and shop.total is not None:
        change = shop.total.total / shop.total.parts - 1
        if abs(change) >= _LEAST_SAY:
            last_year, without = (
                format_money(total, currency) for total in (shop.total.last_year, shop.level.total)
            )
            notes.append(
                f"Last year's revenue of the same weeks, {last_year}, has a weight of {shop.total.weight:.0%} "
                "in the total, based on its errors at earlier cutoffs. This changes the forecasts for existing "
                f"customers ({without} without it) and for new customers by {change:+.1%}."
            )
    if window.horizon > days:
        notes.append(
            f"The horizon of {window.horizon} days is longer than the log of {days} days, so no such "
            "forecast could be tested."
        )
    if terms.margin_rate is None:
        notes.append(NO_MARGIN)
    return notes
