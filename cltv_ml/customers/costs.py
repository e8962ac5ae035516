"""Acquisition costs from any source: by day or month, channel and campaign."""

from __future__ import annotations

import logging
import re
from typing import Any

import pandas as pd

from cltv_ml.data.headings import plain_heading
from cltv_ml.data.numerals import CURRENCIES, code_of
from cltv_ml.data.parse import Columns
from cltv_ml.data.raw import open_source
from cltv_ml.data.rules import Rules
from cltv_ml.data.source_columns import quote
from cltv_ml.errors import InputError
from cltv_ml.sources.paths import readable

logger = logging.getLogger("cltv_ml")

#: Kinds of columns of costs, and their headings, the most certain first.
_COST_HEADINGS = {
    "month": "month monat mois mes mese maand yearmonth",
    "date": "date day datum tag jour fecha dia data giorno dag week reportingstarts starts period periode periodo",
    "acquisition_cost": "acquisitioncost cac cpa costperacquisition costpercustomer customeracquisitioncost "
    "akquisekosten akquisitionskosten kundengewinnungskosten coutdacquisition costedeadquisicion costeadquisicion "
    "costodiacquisizione acquisitiekosten",
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
    """Return costs from any source: `month` or `date`, `cost` and, if known, `channel`, `campaign` and `currency`.

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
        columns = Columns(opened.table, Rules())
        mapping = _map_costs(list(columns.kinds))
        if not {"month", "date"} & set(mapping) or "cost" not in mapping:
            raise InputError(
                "the costs need the columns month (or date) and cost, and may also have channel, campaign "
                f"and currency. Found {list(columns.kinds)}."
            )
        mapping.pop("acquisition_cost", None)
        return _read_cost_columns(columns, mapping)


def read_acquisition_costs(source: Any) -> pd.DataFrame:
    """Return `channel`, `month` or both, and `acquisition_cost` (per customer) or `cost` (in total), from any source.

    Columns are identified as by `read_costs`; a `date` becomes the first day of its `month`.

    Raises
    ------
    InputError
        The source or a value cannot be read, or a column is missing.

    >>> read_acquisition_costs(pd.DataFrame({"Kanal": ["ads"], "CAC": ["12,50"]})).to_dict("records")
    [{'acquisition_cost': 12.5, 'channel': 'ads'}]
    """
    opened = open_source(source)
    with readable(opened.table, opened.name):
        columns = Columns(opened.table, Rules())
        mapping = _map_costs(list(columns.kinds))
        money = [name for name in ("acquisition_cost", "cost") if name in mapping]
        if len(money) != 1 or not {"channel", "month", "date"} & set(mapping):
            raise InputError(
                "a table of acquisition costs needs channel or month (or both), and either acquisition_cost "
                f"(per customer) or cost (total). Found {list(columns.kinds)}."
            )
        table = _read_cost_columns(
            columns, {name: column for name, column in mapping.items() if name != "campaign"}
        )
    if "date" in table:
        table = table.assign(month=table.pop("date").dt.to_period("M").dt.to_timestamp())
    return table


def _read_cost_columns(columns: Columns, mapping: dict[str, str]) -> pd.DataFrame:
    """Return the mapped columns with their values read; raise InputError if a value cannot be."""
    when = next((name for name in ("month", "date") if name in mapping), None)
    money = "acquisition_cost" if "acquisition_cost" in mapping else "cost"
    chosen = {money: columns.number(mapping[money])}
    texts = None if when is None else _cost_texts(columns, mapping[when])
    months = None if texts is None else _as_months(texts)
    if when is not None and months is None:
        chosen[when] = columns.timestamp(mapping[when])
    names = [name for name in ("channel", "campaign", "currency") if name in mapping]
    chosen |= {name: columns.identifier(mapping[name]) for name in names}
    listed = ", ".join(f"{sql} as {name}" for name, sql in chosen.items())
    table = columns.table.con.sql(f"select {listed} from {columns.table} order by source_row").df()
    if "currency" not in mapping and (code := _heading_currency(mapping[money])):
        table["currency"], names = code, [*names, "currency"]
    if when is not None and months is not None:
        table[when] = months
    if when is not None and table[when].isna().any():
        where = _first_blank(table[when], columns, mapping[when])
        raise InputError(f"the costs contain the {when} {where}; write months such as 2025-03, or dates.")
    if table[money].isna().any():
        where = _first_blank(table[money], columns, mapping[money])
        raise InputError(
            f"a cost must be a number of at least 0, got {where}; correct it, or leave the row out."
        )
    return table[[*([when] if when else []), money, *names]]


def _first_blank(values: pd.Series, columns: Columns, name: str) -> str:
    """Return the cell and row of the first value of a column that could not be read."""
    row = int(values.isna().argmax())
    return f"{_written_cell(_cost_texts(columns, name).iloc[row])} in row {row + 1}"


def _written_cell(written: object) -> str:
    """Return a cell as an error shows it."""
    return repr(written) if isinstance(written, str) and written else "an empty cell"


def _heading_currency(heading: str) -> str:
    """Return the currency that a heading of costs ends in; empty if it names none.

    >>> _heading_currency("Amount spent (EUR)"), _heading_currency("Cost USD"), _heading_currency("Kosten")
    ('EUR', 'USD', '')
    """
    last = re.findall(r"[^\W\d_]+|[€£₹]", heading)[-1:]
    code = code_of(last[0]) if last else ""
    return code if code in CURRENCIES else ""


def by_campaign(costs: pd.DataFrame, column: str) -> tuple[pd.DataFrame, list[str]]:
    """Return costs with the campaign as the channel if `column` is headed as a campaign.

    `column` states what won each customer. For other headings the costs of campaigns are summed. The second item is a
    sentence that says so.

    >>> by_campaign(pd.DataFrame({"cost": [5.0], "campaign": ["spring"]}), "utm_campaign")[0]["channel"].tolist()
    ['spring']
    """
    if "campaign" not in costs:
        return costs, []
    if plain_heading(column) in _COST_HEADINGS["campaign"].split():
        return costs.assign(channel=costs["campaign"]), ["Each campaign of the costs counts as a channel."]
    return costs, [
        f"The costs of {costs['campaign'].nunique():,} campaigns were summed. To compare campaigns, name the "
        "column of --customers with the campaign that won each customer, such as --channel utm_campaign."
    ]


def _map_costs(columns: list[str]) -> dict[str, str]:
    """Return the meaning of each column by its heading; raise InputError if several could be the cost."""
    plain = {column: plain_heading(column) for column in columns}
    mapping: dict[str, str] = {}
    for name, headings in _COST_HEADINGS.items():
        matching = [column for heading in headings.split() for column in columns if plain[column] == heading]
        if name == "cost":
            matching = matching or [column for column in columns if _SPENT.fullmatch(plain[column])]
        if name == "cost" and len(matching) > 1:
            raise InputError(
                f"columns {matching} could each be the cost; keep only one of them in the table."
            )
        if matching:
            mapping[name] = matching[0]
    if any(plain[column] != plain_heading(name) for name, column in mapping.items()):
        read_as = ", ".join(f"{column}={name}" for name, column in mapping.items())
        logger.warning("Costs     read as %s.", read_as)
    return mapping


def _cost_texts(columns: Columns, column: str) -> pd.Series:
    rows = columns.table.con.sql(
        f"select trim(cast({quote(column)} as varchar)) as v from {columns.table} order by source_row"
    )
    return rows.df()["v"].astype("object")


def _as_months(texts: pd.Series) -> pd.Series | None:
    """Return the first days of months that are written without a day; None if they are not."""
    for form, iso in _MONTH_FORMS.items():
        if texts.notna().all() and texts.str.fullmatch(form).all():
            return pd.to_datetime(texts.str.replace(form, iso, regex=True), format="%Y-%m", errors="coerce")
    words = pd.to_datetime(texts, format="%b %Y", errors="coerce")
    words = words.fillna(pd.to_datetime(texts, format="%B %Y", errors="coerce"))
    return words if words.notna().all() else None
