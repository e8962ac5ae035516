"""Layouts of acquisition costs: a column per channel, and the first and last day of a cost in one cell."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from cltv_ml.columns.headings import currency_of_heading, plain_text
from cltv_ml.columns.source_columns import quote
from cltv_ml.customers.cost_headings import headed
from cltv_ml.customers.cost_months import NO_ENTRY, source_names
from cltv_ml.engine import Relation, keep, literal, quoted
from cltv_ml.sources.frames import MARK

logger = logging.getLogger("cltv_ml")

#: Headings of numbers next to costs, which are no channels.
_NO_CHANNEL = re.compile(
    r"\b(click|klick|impression|conversion|konversion|customer|kund|client|orders|bestell|session|visit|besuch|user|lead"
    "|view|reach|reichweite|revenue|umsatz|sales|income|profit|gewinn|roas|roi|ctr|cpc|cpm|cpa|cac|budget|year|jahr"
    "|week|woche|quarter|quartal|number|anzahl|count|rate|share|anteil)"
    r"|^(no|nr|id|index)$"
)

#: Headings of one column of numbers that may be the cost of all channels.
_SOME_SUM = re.compile(
    r"\b(total|sum|summe|gesamt|value|wert|amount|net|netto|gross|brutto|all|alle|marketing|paid)\b"
)

#: A word for costs in the heading of a channel, such as "Kosten Google" or "Google spend".
_COST_WORD = (
    r"(?i)^(costs?|spend|kosten|ausgaben|couts?|costes?|costi)\b\W*|\W*\b(costs?|spend|kosten|ausgaben)$"
)

#: The currency that a heading ends in, such as "Google (EUR)".
_CURRENCY_AT_END = r"[\W_]+(?:\w*[€£₹$¥]|[^\W_]+)[^\w€£₹$¥]*$"

#: Two days in one cell, such as "01.01.2026 - 31.01.2026".
_UNTIL_WORDS = "to|until|through|thru|bis|au|al|tot|ate|hasta|do"
_RANGE = rf"(?i)(.*\d)\s*(?:\s(?:-|{_UNTIL_WORDS})\s|[–—~])\s*(\S.*\d)|([\d./]+)-([\d./]+)"


def channels_as_rows(table: Relation) -> Relation:
    """Return one row per month or day and channel of a table with a column per channel, else the table."""
    names = source_names(table)
    meaning = headed(names)
    when = next((meaning[name] for name in ("month", "date") if name in meaning), None)
    channels = [name for name in names if name not in meaning.values()]
    if when is None or set(meaning) - {"month", "date", "until"} or not channels:
        return table
    if len(channels) == 1 and (
        _SOME_SUM.search(plain_text(channels[0], " ")) or currency_of_heading(channels[0])
    ):
        return table  # it may be what was spent in all
    if any(_NO_CHANNEL.search(plain_text(name, " ")) or "%" in name for name in channels):
        return table
    if any(not _are_costs(table, name) for name in channels):
        return table
    logger.warning("Costs     read as one channel per column: %s.", ", ".join(channels))
    return _unpivot(table, [*meaning.values()], channels)


def _are_costs(table: Relation, column: str) -> bool:
    """Whether every cell of a column is blank or a number, perhaps with a currency, and some cell is a number."""
    text = f"coalesce(trim(cast({quote(column)} as varchar)), '')"
    [some, other] = table.row(
        rf"select count(*) filter (regexp_matches({text}, '\d')), count(*) filter (not regexp_full_match({text}, "
        rf"'{NO_ENTRY}|\D{{0,4}}\d[\d.,'' ]*\D{{0,4}}')) from {table}"
    )
    return bool(some and not other)


def _unpivot(table: Relation, kept: Sequence[str], channels: Sequence[str]) -> Relation:
    labels = ", ".join(f"{quote(name)}" for name in kept)
    codes = [currency_of_heading(channel) for channel in channels]
    names = [re.sub(_COST_WORD, "", channel).strip() or channel for channel in channels]
    in_currency = all(codes)
    if in_currency:
        names = [re.sub(_CURRENCY_AT_END, "", name).strip() or name for name in names]
    rows = " union all ".join(
        f"select source_row, {place} as place, {labels}, "
        f"{literal(names[place])} as {quoted(MARK + 'channel')}, "
        + (f"{literal(codes[place])} as {quoted(MARK + 'currency')}, " if in_currency else "")
        + f"cast({quote(channel)} as varchar) as {quoted(MARK + 'cost')} from {table}"
        for place, channel in enumerate(channels)
    )
    return keep(
        table.con,
        "channels",
        "select row_number() over (order by source_row, place) - 1 as source_row, * exclude (source_row, place) "
        f"from ({rows}) where not regexp_full_match(coalesce(trim({quoted(MARK + 'cost')}), ''), '{NO_ENTRY}')",
    )


def split_ranges(table: Relation) -> Relation:
    """Return the table with the first and last day of each cost in columns of their own, if one cell holds both."""
    names = source_names(table)
    column = headed(names).get("date", "")
    if not column or "until" in headed(names) or table.kinds[MARK + column] != "VARCHAR":
        return table
    text, form = f"trim(cast({quote(column)} as varchar))", literal(_RANGE)
    if table.holds(f"not regexp_full_match({text}, {form})") or not table.holds(f"{text} <> ''"):
        return table
    rest = "".join(f"{quote(name)}, " for name in names if name != column)
    first, last = (
        f"coalesce(nullif(regexp_extract({text}, {form}, {one}), ''), regexp_extract({text}, {form}, {other}))"
        for one, other in ((1, 3), (2, 4))
    )
    return keep(
        table.con,
        "ranges",
        f"select source_row, {rest}{first} as {quoted(MARK + 'date')}, {last} as {quoted(MARK + 'until')} "
        f"from {table}",
    )
