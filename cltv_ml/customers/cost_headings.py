"""Headings of tables of acquisition costs, and the currency that costs state."""

from __future__ import annotations

import logging
import re

from cltv_ml.columns.headings import currency_of_heading, plain_heading
from cltv_ml.columns.numerals import codes_sql, signed
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.source_columns import quote
from cltv_ml.errors import InputError
from cltv_ml.money import CURRENCIES

logger = logging.getLogger("cltv_ml")

#: Kinds of columns of costs, and their headings, the most certain first.
COST_HEADINGS = {
    "month": "month monat mois mes mese maand yearmonth monthyear monthlyperiod "
    "reportingmonth billingmonth invoicemonth calendarmonth startofmonth berichtsmonat abrechnungsmonat rechnungsmonat",
    "date": "date dt ds day datum tag jour fecha dia data giorno dag week woche kalenderwoche semaine semana settimana "
    "reportingstarts starts startdate startdatum von datedebut fechainicio datainizio period periode periodo zeitraum "
    "daterange reportingperiod datumsbereich",
    "until": "until enddate reportingends ends enddatum bis datefin fechafin datafine dataconclusao einddatum",
    "acquisition_cost": "acquisitioncost cac cpa costperacquisition costpercustomer customeracquisitioncost "
    "akquisekosten akquisitionskosten kundengewinnungskosten coutdacquisition costedeadquisicion costeadquisicion "
    "costodiacquisizione acquisitiekosten",
    "cost": "cost costs spend spent adspend adcost adcosts mediaspend mediacost totalcost totalspend kosten ausgaben "
    "werbekosten cout couts depense depenses coste costes costo costi gasto gastos inversion spesa spese kostnad "
    "marketingcost marketingcosts marketingspend marketingkosten advertisingcost advertisingspend amount betrag "
    "montant importe importo bedrag belopp",
    "channel": "channel kanal canal canale kanaal defaultchannelgroup sourcemedium source quelle fuente origine fonte "
    "utmsource platform plattform medium",
    "campaign": "campaign campaignname kampagne campagne campana campagna campanha utmcampaign",
    "currency": "currency currencycode wahrung waehrung devise moneda valuta",
}

#: A heading of costs with its currency or unit, such as "Amount spent (EUR)", "Cost USD" or "cost_micros".
_SPENT = re.compile(
    r"(amountspent|cost|costs|spend|kosten|ausgaben)(in)?(t|k|tsd|mio|thousands?|tausend|000s?)?"
    rf"({'|'.join(sorted(CURRENCIES)).lower()}|euro|micros)?"
)


def map_costs(columns: list[str]) -> dict[str, str]:
    """Return the meaning of each column by its heading and log it; raise InputError if several could be the cost."""
    mapping = headed(columns)
    if any(plain_heading(column) != plain_heading(name) for name, column in mapping.items()):
        read_as = ", ".join(f"{column}={name}" for name, column in mapping.items())
        logger.warning("Costs     read as %s.", read_as)
    if unread := [column for column in columns if column not in mapping.values()]:
        logger.warning("Costs     not read: %s.", ", ".join(unread))
    return mapping


def headed(columns: list[str]) -> dict[str, str]:
    """Return the column of each meaning that a heading states; raise InputError if several could be the cost."""
    plain = {column: plain_heading(column) for column in columns}
    mapping: dict[str, str] = {}
    for name, headings in COST_HEADINGS.items():
        matching = [column for heading in headings.split() for column in columns if plain[column] == heading]
        if name == "cost":
            matching = matching or [column for column in columns if _SPENT.fullmatch(plain[column])]
        if name == "cost" and len(matching) > 1:
            raise InputError(
                f"columns {matching} could each be the cost; keep only one of them in the table."
            )
        if matching:
            mapping[name] = matching[0]
    return mapping


def currency_of_costs(columns: Columns, column: str) -> str:
    """Return SQL for the currency of each cost, by the column's heading or the sign in its cell; empty without any."""
    if code := currency_of_heading(column):
        return f"'{code}'"
    if columns.kinds[column] != "VARCHAR":
        return ""
    has_sign, sign = signed(quote(column))
    code = f"if({has_sign}, {codes_sql(sign)}, null)"
    return (
        code if columns.table.rows(f"select 1 from {columns.table} where {code} is not null limit 1") else ""
    )
