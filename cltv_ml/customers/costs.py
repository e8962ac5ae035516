"""Acquisition costs from any source: by day or month, channel and campaign."""

from __future__ import annotations

import logging
import re
from typing import Any

import pandas as pd

from cltv_ml.data.headings import plain_heading
from cltv_ml.data.parse import Columns, quote
from cltv_ml.data.raw import Opened, open_source
from cltv_ml.data.rules import Rules
from cltv_ml.errors import InputError
from cltv_ml.sources.paths import readable

logger = logging.getLogger("cltv_ml")

#: Kinds of columns of costs, and their headings, the most certain first.
_COST_HEADINGS = {
    "month": "month monat mois mes mese maand yearmonth",
    "date": "date day datum tag jour fecha dia data giorno dag week reportingstarts starts period periode periodo",
    "cost": "cost costs spend spent adspend adcost adcosts mediaspend mediacost totalcost totalspend kosten ausgaben "
    "werbekosten cout couts depense depenses coste costes costo costi gasto gastos inversion spesa spese kostnad",
    "channel": "channel kanal canal canale kanaal defaultchannelgroup sourcemedium source quelle fuente origine fonte "
    "utmsource platform plattform medium",
    "campaign": "campaign campaignname kampagne campagne campana campagna campanha utmcampaign",
    "currency": "currency currencycode wahrung waehrung devise moneda valuta",
}

#: A heading of costs with its currency, such as "Amount spent (EUR)" or "Cost USD".
_SPENT = re.compile(r"(amountspent|cost|costs|spend|kosten|ausgaben)([a-z]{3})?")

#: A month alone, 2025-03, 03.2025 or 202503, and how it becomes the first of them.
_MONTH_FORMS = {
    r"(\d{4})[-/.](\d{1,2})": r"\1-\2",
    r"(\d{1,2})[-/.](\d{4})": r"\2-\1",
    r"((?:19|20)\d{2})(\d{2})": r"\1-\2",
}


def read_costs(source: Any) -> pd.DataFrame:
    """Return `month` or `date`, `cost`, and where known `channel`, `campaign` and `currency`, from any source.

    Columns are identified by headings in several languages; numbers and days are read as in a log.

    Raises
    ------
    InputError
        The source cannot be read, no single column is clearly the day or month, or the cost, or a value cannot be read.

    >>> read_costs(pd.DataFrame({"Monat": ["03.2025"], "Kanal": ["ads"], "Kosten": ["1.250,50"]})).to_dict("records")
    [{'month': Timestamp('2025-03-01 00:00:00'), 'cost': 1250.5, 'channel': 'ads'}]
    """
    opened = open_source(source)
    with readable(opened.table, opened.name):
        return _costs_among(opened)


def _costs_among(opened: Opened) -> pd.DataFrame:
    """Return the costs among the columns of a table."""
    columns = Columns(opened.table, Rules())
    mapping = _map_costs(list(columns.kinds))
    when = "month" if "month" in mapping else "date"
    texts = _distinct_texts(columns, mapping[when])
    months = _as_months(texts)
    chosen = {"cost": columns.number(mapping["cost"])}
    if months is None:
        chosen[when] = columns.timestamp(mapping[when])
    chosen |= {
        name: columns.identifier(mapping[name])
        for name in ("channel", "campaign", "currency")
        if name in mapping
    }
    listed = ", ".join(f"{sql} as {name}" for name, sql in chosen.items())
    table = opened.table.con.sql(f"select {listed} from {opened.table} order by source_row").df()
    if months is not None:
        table.insert(0, when, months)
    _check_read(table, when, texts, _distinct_texts(columns, mapping["cost"]))
    return table[[when, "cost", *(name for name in chosen if name not in (when, "cost"))]]


def by_campaign(costs: pd.DataFrame, column: str) -> tuple[pd.DataFrame, list[str]]:
    """Return costs whose channel is the campaign where `column`, what won each customer, is headed as a campaign.

    Elsewhere the costs of campaigns are added up. The second part is a sentence on that.

    >>> by_campaign(pd.DataFrame({"cost": [5.0], "campaign": ["spring"]}), "utm_campaign")[0]["channel"].tolist()
    ['spring']
    """
    if "campaign" not in costs:
        return costs, []
    if plain_heading(column) in _COST_HEADINGS["campaign"].split():
        return costs.assign(channel=costs["campaign"]), ["Each campaign of the costs counts as a channel."]
    return costs, [
        f"The costs of {costs['campaign'].nunique():,} campaigns are added up. To compare campaigns, name the column "
        "of --customers with the campaign that won each customer, such as --channel utm_campaign."
    ]


def _map_costs(columns: list[str]) -> dict[str, str]:
    """Return what each column is, by its heading; InputError without a day or month, or without one surely of costs."""
    plain = {column: plain_heading(column) for column in columns}
    mapping: dict[str, str] = {}
    for name, headings in _COST_HEADINGS.items():
        matching = [column for heading in headings.split() for column in columns if plain[column] == heading]
        if name == "cost":
            matching = matching or [column for column in columns if _SPENT.fullmatch(plain[column])]
        if name == "cost" and len(matching) > 1:
            raise InputError(f"columns {matching} could each be the cost; leave one of them in the table.")
        if matching:
            mapping[name] = matching[0]
    if not {"month", "date"} & set(mapping) or "cost" not in mapping:
        raise InputError(
            f"the costs need the columns month (or date) and cost, found {columns}; channel, campaign and currency may "
            "follow."
        )
    if any(plain[column] != name for name, column in mapping.items()):
        read_as = ", ".join(f"{column}={name}" for name, column in mapping.items())
        logger.warning("Costs     read as %s.", read_as)
    return mapping


def _distinct_texts(columns: Columns, column: str) -> pd.Series:
    rows = columns.table.con.sql(
        f"select trim(cast({quote(column)} as varchar)) as v from {columns.table} order by source_row"
    )
    return rows.df()["v"].astype("object")


def _as_months(texts: pd.Series) -> pd.Series | None:
    """Return the first days of months that are written without a day; None where they are not."""
    for form, iso in _MONTH_FORMS.items():
        if texts.notna().all() and texts.str.fullmatch(form).all():
            return pd.to_datetime(texts.str.replace(form, iso, regex=True), format="%Y-%m", errors="coerce")
    words = pd.to_datetime(texts, format="%b %Y", errors="coerce")
    words = words.fillna(pd.to_datetime(texts, format="%B %Y", errors="coerce"))
    return words if words.notna().all() else None


def _check_read(table: pd.DataFrame, when: str, texts: pd.Series, costs: pd.Series) -> None:
    """Raise InputError where a day, a month or a cost cannot be read."""
    if table[when].isna().any():
        wrong = texts[table[when].isna()].iloc[0]
        raise InputError(f"the costs hold the {when} {wrong!r}; write months such as 2025-03, or days.")
    if table["cost"].isna().any():
        row = int(table["cost"].isna().argmax())
        raise InputError(
            f"a cost must be a number from 0 up, got {costs.iloc[row]!r} in row {row + 1}; correct it."
        )
