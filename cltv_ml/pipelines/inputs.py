"""Inputs of a pipeline, read from its settings: the clean log, tables of earlier commands, a campaign."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from cltv_ml.customers import CleanedShop
from cltv_ml.data import (
    DATASETS,
    Cleaned,
    Raw,
    Rules,
    change_rules,
    clean,
    judge,
    read,
    read_product_names,
)
from cltv_ml.decisions import Costs, category_rates, fill_every_gap
from cltv_ml.errors import InputError
from cltv_ml.evaluation.metrics import Targeting
from cltv_ml.evaluation.progress import Progress
from cltv_ml.files import read_earlier_json
from cltv_ml.log import Log
from cltv_ml.pipelines.customer_inputs import with_tables
from cltv_ml.pipelines.earlier_files import (
    check_figures,
    check_once_each,
    read_earlier_table,
)
from cltv_ml.remote import local
from cltv_ml.settings import (
    Acquisition,
    Audit,
    Backtest,
    Check,
    Cohorts,
    Customers,
    Forecast,
    Judged,
    Lifetime,
    Monitor,
    Plot,
    Source,
    Train,
    Windowed,
)
from cltv_ml.settings.base import flag_of
from cltv_ml.tracking.local_registry import champion_currency
from cltv_ml.windows import (
    Window,
    judged_window,
    main_horizon,
    to_horizons,
)

#: What was guessed from the data is logged as a warning; the command line shows it on stderr.
logger = logging.getLogger("cltv_ml")

_S = TypeVar("_S", Acquisition, Audit, Backtest, Check, Cohorts, Forecast, Lifetime, Monitor, Plot, Train)

_ACCOUNT = "the totals of `cltv lifetime`"
_SCORES = "a table that `cltv score` wrote"


def load(
    settings: Source, progress: Progress, *, learned: Sequence[str] | None = None, named: bool = False
) -> CleanedShop:
    """Return the clean log of the settings' data; a proposed mapping is logged.

    If a model has chosen its features (`learned`), attributes of customers are read as these need them. `named` also
    reads the names of products.
    """
    if isinstance(settings.data, CleanedShop):
        return settings.data
    if isinstance(settings.data, Cleaned):
        refuse_reading(settings)
        return with_tables(settings.data, settings, rules_of(settings), learned=learned)
    settings.check_given()
    progress("reading and cleaning the transactions", 0.0)
    raw = read_raw(settings)
    cleaned = clean(raw)
    if not isinstance(settings, Check) and not len(cleaned.log):
        raise InputError(f"the data check says {judge(cleaned.log, None, cleaned.report).text}.")
    fields = {column: name for name, column in raw.mapping.items()}
    headings = {column: fields.get(column, "") for column in raw.columns}
    shop = with_tables(cleaned, settings, raw.rules, headings=headings, learned=learned)
    return replace(shop, product_names=read_product_names(raw)) if named else shop


def refuse_reading(settings: Source, *, but: str = "") -> None:
    """Raise InputError if settings tell how to read data that are clean already, `but` for one that has another use.

    Rules also read the tables about customers.
    """
    names = ["mapping", "query", "header_row", "observed_until"]
    if not isinstance(settings, Customers) or not (settings.names_customers or settings.names_contacts):
        names += ["rules", "timezone"]
    for name in names:
        if getattr(settings, name) and name != but:
            raise InputError(
                f"data is a clean log, so {name} has no effect; pass it to `read`, or pass the raw table as data."
            )


def with_currency(settings: _S, cleaned: Cleaned) -> _S:
    """Return the settings with the currency that every line of the log states, where they state none.

    A command that shows only the log's own money takes the champion's where the log states none either.
    """
    stated = "" if settings.currency else stated_currency(cleaned)
    if not (settings.currency or stated) and isinstance(settings, Acquisition | Audit | Cohorts):
        stated = champion_currency()
    return settings.model_copy(update={"currency": stated}) if stated else settings


def stated_currency(cleaned: Cleaned) -> str:
    """Return the currency that every line of a log states; empty if none does, or the log was not cleaned here."""
    return cleaned.report.currency if cleaned.report is not None else ""


def rules_of(settings: Source) -> Rules:
    """Return the rules that the settings state, without those proposed from the data."""
    zone = {"timezone": settings.timezone} if settings.timezone else {}
    return change_rules(Rules(), {**settings.rules, **zone})


def read_raw(settings: Source, memory: str = "1GB") -> Raw:
    """Return the settings' unchanged data, with the settings' rules for cleaning."""
    flags = {"timezone": settings.timezone, "observed_until": settings.observed_until}
    raw = read(
        settings.data,
        settings.mapping or None,
        table=settings.query or None,
        header_row=settings.header_row or None,
        changes={**settings.rules, **{name: value for name, value in flags.items() if value}},
        memory=memory,
    )
    added = {name: column for name, column in raw.mapping.items() if name not in (settings.mapping or {})}
    if added and str(settings.data).partition(":")[0] not in DATASETS:
        pairs = ",".join(f"{name}={column}" for name, column in added.items())
        logger.warning("Mapping   proposed from headings, types and values: %s", pairs)
    return raw


def holdout_window(settings: Windowed, log: Log) -> Window:
    """Return the test window: from the settings' cutoff, or the latest whole horizon of the log.

    Of several horizons, it is that of the main one (`windows.main_horizon`).
    """
    horizon = chosen_horizon(settings.horizon, log.span, settings.cutoff)
    window = judged_window(log.last, horizon, settings.cutoff)
    log.check(window)
    return window


def chosen_horizon(horizons: str, span: tuple[pd.Timestamp, pd.Timestamp], cutoff: str = "") -> int:
    """Return the horizon of a setting in days; of several, the main one for a log's span (`windows.main_horizon`)."""
    days = to_horizons(horizons)
    several = len(days) > 1 and span[0] is not pd.NaT
    return main_horizon(*span, days, cutoff) if several else days[0]


def targeting_of(settings: Judged) -> Targeting | None:
    """Return the campaign whose profit measures the ranking of customers; None if Gini does."""
    if settings.objective != "profit":
        return None
    margin = 1.0 if settings.margin_rate is None else settings.margin_rate
    return Targeting(share=settings.share, cost=settings.cost, margin=margin)


def written_scores(source: Any) -> Any:
    """Return the scores to read: scores.csv in place of scores.parquet where `cltv score` wrote only the former."""
    if not isinstance(source, Path) or source.name != "scores.parquet" or source.is_file():
        return source
    other = source.with_suffix(".csv")
    return other if other.is_file() else source


def read_scores(source: Path | pd.DataFrame) -> pd.DataFrame:
    """Return the table that `cltv score` wrote, indexed by customer_id; raise InputError if it is another table."""
    scores = read_table(source, ["expected_value"], _SCORES)
    check_once_each(scores, name_of_input(source), _SCORES)
    return scores


#: Where `cltv lifetime` writes by default.
LIFETIMES = Path("out/lifetime.parquet")


def read_account(settings: Any, default: Path = LIFETIMES) -> dict[str, Any]:
    """Return the totals and terms that `cltv lifetime` wrote next to its table; empty if there is no such file.

    Next to a named table on an object store the file is required, because a store does not distinguish a missing file
    from one that may not be read.
    """
    source = default if settings.lifetimes is None else settings.lifetimes
    if not isinstance(source, Path) or (
        settings.lifetimes is None and not source.with_suffix(".json").is_file()
    ):
        return {}
    with local(source.with_suffix(".json")) as file:
        return read_earlier_json(file, _ACCOUNT) if file.is_file() else {}


def read_lifetimes(settings: Any) -> pd.DataFrame | None:
    """Return the table of `cltv lifetime` if another value than the horizon's revenue is requested, else None.

    Raises
    ------
    InputError
        There is no such table.
    """
    if settings.value == "horizon" and settings.basis == "revenue":
        return None
    source = LIFETIMES if settings.lifetimes is None else settings.lifetimes
    meant = f"the table of `cltv lifetime`, which --value {settings.value} and --basis {settings.basis} need"
    lifetimes = read_table(source, ["remaining_value", "lifetime_value", "cutoff"], meant)
    check_once_each(lifetimes, name_of_input(source), meant)
    return lifetimes


def read_table(
    source: Path | pd.DataFrame,
    wanted: Sequence[str],
    meant: str = "a table that `cltv act` wrote",
    key: str = "customer_id",
    *,
    as_text: bool = False,
) -> pd.DataFrame:
    """Return a frame, or a file that ends in .parquet or .csv, with the wanted columns, indexed by its key.

    Without a key, customers become the index if the table has them. `as_text` keeps what a CSV contains, such as the
    plus and the leading zeros of phone numbers.

    Raises
    ------
    InputError
        There is no such file, or it lacks a column.
    """
    table = (
        source.reset_index()
        if isinstance(source, pd.DataFrame)
        else read_earlier_table(source, meant, as_text=as_text)
    )
    table = table.astype({name: "str" for name in ("customer_id", "arm", "category") if name in table})
    missing = [name for name in [*filter(None, [key]), *wanted] if name not in table]
    if missing:
        raise InputError(f"{name_of_input(source)}: missing columns {missing}; give {meant}.")
    if key == "customer_id":
        check_figures(table, name_of_input(source), meant)
    key = key or ("customer_id" if "customer_id" in table else "")
    return table.set_index(key) if key else table.rename_axis("row")


def name_of_input(source: Path | pd.DataFrame) -> str:
    """Return the name of an input table in messages."""
    return "the table" if isinstance(source, pd.DataFrame) else source.name


def read_rates(source: Any) -> dict[str, float]:
    """Return the margin rate of each category of a table."""
    table = read_table(source, ["margin_rate"], "a table with category and margin_rate", key="category")
    if table.empty:
        raise InputError(
            "the table of margin rates has no row; add one per category, or leave the table out."
        )
    twice = table.index[table.index.duplicated()]
    if len(twice):
        raise InputError(f"the category {str(twice[0])!r} has two margin rates; keep one row.")
    return dict(to_numbers(table["margin_rate"]))


def to_numbers(column: pd.Series) -> pd.Series:
    """Return a column as numbers; raise InputError if a value is not a number."""
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    wrong = column[numbers.isna() & column.notna()]
    if len(wrong):
        raise InputError(f"the column {column.name} must hold numbers, got {str(wrong.iloc[0])!r}.")
    return numbers


def without_effect(settings: Source, names: Sequence[str]) -> str:
    """Return a sentence on the stated ones of these costs, which change nothing without a margin; empty without any."""
    unused = [
        flag_of(type(settings), name)
        for name in names
        if not isinstance(value := getattr(settings, name), float) or value
    ]
    return f"Without a margin, {' and '.join(unused)} changed nothing." if unused else ""


def known_costs(settings: Any, log: Log) -> tuple[Costs | None, Log, list[str]]:
    """Return the stated margin rates, None if there are none, the log without gaps in its costs, and sentences."""
    rates, costs = getattr(settings, "category_margins", None), None
    if settings.margin_rate is not None or rates is not None:
        own = None if rates is None else read_rates(rates)
        costs = Costs(margin_rate=category_rates(log, own, settings.margin_rate))
    filled, notes = fill_every_gap(log, stated=costs is not None)
    return costs, filled, notes
