"""Exchange rates: one per currency, or a table by day."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from cltv_ml.columns.compound import words_of
from cltv_ml.columns.currency import is_exchanged, is_own_currency
from cltv_ml.columns.glance import COLUMNS_COMPARED
from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.kinds import look
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question, QuestionsError
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation, keep, keep_first, literal, pattern, quoted
from cltv_ml.errors import InputError

_DAY_HEADINGS = "date day datum fecha data jour tag validfrom ratedate asof"
_CURRENCY = "currency code currencycode ccy curr from fromcurrency base waehrung wahrung devise moneda symbol"
_RATE = "rate exchangerate fxrate value kurs wechselkurs taux tasa price factor"

#: Words for money converted to one currency; the rest of such a heading is that of the original money.
_CONVERTED = re.compile(
    "inlocalcurrency|base|shop|home|local|converted|company|reporting|functional|domestic|lcy|hauswahrung|inusd|ineur|ingbp"
)


def rate_of_lines(raw: Raw, columns: Columns, values: Mapping[str, str]) -> str:
    """Return SQL for the value of one unit of a line's currency; empty if all lines have the same.

    Raises
    ------
    QuestionsError
        A rate is missing, but the amounts or another column may be in one currency.
    """
    time, money = values.get("timestamp", "cast(null as timestamp)"), raw.mapping.get("amount", "")
    if columns.rules.rate_table in columns.kinds:
        return columns.number(str(columns.rules.rate_table))
    try:
        return _rate_sql(raw.table, values["currency"], time, raw.mapping["currency"], columns.rules)
    except InputError as error:
        if not money or columns.rules.rates or columns.rules.rate_table:
            raise
        stated = _find_rates(raw)
        converted = [
            column
            for column in columns.kinds
            if _CONVERTED.sub("", plain_heading(column), 1) == plain_heading(money)
            and column not in raw.mapping.values()
        ] or _find_exchanged(raw, money, {*raw.mapping.values(), *(stated or ())[:1]})
        currency = words_of(raw.mapping["currency"])
        if converted and (
            _CONVERTED.search(plain_heading(converted[0]))
            or len(currency & words_of(converted[0])) <= len(currency & words_of(money))
        ):
            way_out = (
                f"{converted[0]!r} is the same money in one currency, use --mapping "
                f"{flag('amount', converted[0])} --mapping currency= instead."
            )
            answers = (f"amount={converted[0]},currency=",)
        elif converted:
            way_out = f"{converted[0]!r} is in these currencies and {money!r} in one, use --mapping currency= instead."
            answers = ("currency=",)
        elif is_own_currency(money):
            way_out = f"{money!r} is in one currency, as its name suggests, use --mapping currency= instead."
            answers = ("currency=",)
        elif stated:
            column, worth = stated
            listed = ", ".join(f"1 {name} = {rate:.10g}" for name, rate in worth.items())
            way_out = (
                f"{column!r} is what one unit of a line's currency is worth ({listed}), use --rule "
                f"{flag('rates', column)} instead."
            )
            answers = (f"rates={column}",)
        else:
            raise
        raise QuestionsError([Question(f"{str(error).rstrip('.')}. If {way_out}", answers)]) from error


def _find_exchanged(raw: Raw, money: str, taken: set[str]) -> list[str]:
    """Return the other column that is nearest to money but for a rate of each currency; empty if there is none."""
    first = keep_first(raw.table, 20_000)
    read = Columns(first, Rules(), ask=False)
    numbers = [name for name, kind in look(first).items() if kind == "number" and name not in taken][
        : 2 * COLUMNS_COMPARED
    ]
    own, currency = read.number(money), quote(raw.mapping["currency"])
    found = [name for name in numbers if is_exchanged(first, own, read.number(name), currency)]
    apart = first.aggregate(
        {
            name: (
                f"abs(avg(ln(({own}) / ({read.number(name)}))) filter (({own}) / ({read.number(name)}) > 0))",
            )
            for name in found
        }
    )
    return sorted(found, key=lambda name: apart[name][0])[:1]


def _find_rates(raw: Raw) -> tuple[str, dict[str, float]] | None:
    """Return a column with nearly one number per currency, 1 in one of them, and the mean of each other currency."""
    first = keep_first(raw.table, 20_000)
    read = Columns(first, Rules(), ask=False)
    taken, currency = {*raw.mapping.values()}, quote(raw.mapping["currency"])
    numbers = [name for name, kind in look(first).items() if kind in ("number", "rate") and name not in taken]
    for column in numbers[: 2 * COLUMNS_COMPARED]:
        value = read.number(column)
        if not is_exchanged(first, value, "1", currency):
            continue
        means = first.rows(
            f"select {currency}, avg({value}), bool_and({value} = 1) from {first} where {value} > 0 and "
            f"{currency} is not null group by 1 order by 1"
        )
        if sum(bool(own) for *_, own in means) == 1:
            return column, {str(name): float(rate) for name, rate, own in means if not own}
    return None


def _rate_sql(table: Relation, currency: str, time: str, column: str, rules: Rules) -> str:
    """Return SQL for the value of one unit of a line's currency; empty for a single currency without a rate.

    From a table of rates, each line takes the latest rate that is not after its day.

    Parameters
    ----------
    currency, time
        SQL of a line's currency and time.
    column
        What the source calls the currency.

    Raises
    ------
    InputError
        A currency has no rate, or none for the days of its lines.
    """
    # `value` is qualified: a column of the source may have any name.
    rows = table.rows(
        f"select distinct found.value from (select {currency} as value from {table}) as found "
        "where found.value is not null order by 1"
    )
    currencies = [str(name) for (name,) in rows]
    rates = {**{name.upper(): rate for name, rate in rules.rates.items()}, **rules.rates}
    dated = _load(table, rules.rate_table) if rules.rate_table else {}
    missing = [name for name in currencies if name not in rates and name not in dated]
    if missing and (len(currencies) > 1 or rules.rates or dated):
        raise InputError(
            f"column {column!r} contains the currencies {currencies[:10]}, but there is no rate for "
            f"{missing[0]!r}. Give a rate for each, for example {{{missing[0]!r}: 1.0}} or --rule "
            f"rates={missing[0]}:1.0, or a table of date, currency and rate (--rule rates=rates.csv), or "
            "read one currency at a time."
        )
    ways = {name: repr(rates[name]) for name in currencies if name in rates}
    by_day = [name for name in currencies if name not in rates and name in dated]
    _check_days(table, currency, time, {name: dated[name] for name in by_day})
    ways |= {name: _on_day(name, dated[name], time) for name in by_day}
    cases = " ".join(f"when {literal(name)} then {way}" for name, way in ways.items())
    return f"case {currency} {cases} else {'null' if dated else '1'} end" if cases else ""


def _on_day(name: str, first: date, time: str) -> str:
    place = f"date_diff('day', date '{first}', cast({time} as date)) + 1"
    return f"if({place} >= 1, getvariable('{_variable(name)}')[{place}], null)"


def _variable(name: str) -> str:
    return "rates_" + "".join(sign for sign in name if sign.isalnum())


def _load(table: Relation, path: str) -> dict[str, date]:
    """Store the rates of each currency by day, up to tomorrow; return the first day of each currency."""
    if not Path(path).is_file():
        raise InputError(
            f"rates: {path!r} is neither a file nor a column. Name a CSV or Parquet table of date, currency and rate, "
            "a column of rates, or a rate such as USD:0.92."
        )
    source = literal(pattern(Path(path)))
    rows = (
        f"read_parquet({source})" if path.endswith(".parquet") else f"read_csv({source}, all_varchar = true)"
    )
    columns = [str(name) for name, *_ in table.rows(f"describe from {rows}")]
    day, currency, rate = (_column(columns, names, path) for names in (_DAY_HEADINGS, _CURRENCY, _RATE))
    dated = keep(
        table.con,
        "dated_rates",
        f"select upper(trim(cast({currency} as varchar))) as name, try_cast({day} as date) as day, "
        f"try_cast({rate} as double) as rate from {rows}",
    )
    [broken] = dated.row(f"select count(*) from {dated} where day is null or not rate > 0 or rate is null")
    if broken:
        raise InputError(
            f"rates: {broken:,} lines of {Path(path).name!r} have no date as YYYY-MM-DD or no positive rate."
        )
    firsts = {
        str(name): first for name, first in dated.rows(f"select name, min(day) from {dated} group by 1")
    }
    until = date.today() + timedelta(days=2)
    for name, first in firsts.items():
        table.con.execute(
            f"set variable {_variable(name)} = (select list(rate order by days.day) from "
            f"(select cast(range as date) as day from range(date '{first}', date '{until}', interval 1 day)) as days "
            f"asof join (from {dated} where name = {literal(name)}) as rates on days.day >= rates.day)"
        )
    return firsts


def _column(columns: Sequence[str], names: str, path: str) -> str:
    matching = [column for column in columns if plain_heading(column) in names.split()]
    if len(matching) != 1:
        raise InputError(
            f"rates: {Path(path).name!r} must contain the columns date, currency and rate (the value of one "
            f"unit in the log's currency), but has {list(columns)[:8]}."
        )
    return quoted(matching[0])


def _check_days(table: Relation, currency: str, time: str, firsts: dict[str, date]) -> None:
    """Raise InputError if lines are dated before the first rate of their currency."""
    if not firsts:
        return
    early = " or ".join(
        f"(found.currency = {literal(name)} and found.day < date '{first}')" for name, first in firsts.items()
    )
    lines, name, day = table.row(
        "select count(*), min_by(found.currency, found.day), min(found.day) from "
        f"(select {currency} as currency, cast({time} as date) as day from {table}) as found where {early}"
    )
    if lines:
        raise InputError(
            f"rates: {lines:,} lines are dated before the first rate of their currency, for example one in "
            f"{name} on {day}. Add earlier rates to the table, or use a fixed rate such as --rule "
            f"rates={name}:1.0."
        )
