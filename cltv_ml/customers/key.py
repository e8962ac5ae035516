"""Key columns of a table about customers: their ids, and the time from which each row is valid."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from cltv_ml.columns.headings import SYNONYMS, plain_heading
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.source_columns import quote
from cltv_ml.errors import InputError
from cltv_ml.tables import ids_among

#: The option that names a column of each table.
OPTION = {"customers": "--attribute", "contacts": "--contact"}

#: Smallest share of a column's values that are customers of the log, to take it as their ids whatever its heading.
_LEAST_MATCHED = 0.5

#: Values of a column compared with the ids as written before all of them are compared by letters and digits.
_COMPARED_AS_WRITTEN = 1000

#: Headings of a key; under another heading, small numbers may equal the log's ids by chance.
_KEY = re.compile(
    ".(id|ids|key|bk|nk|ref|code|no|nr|nro|num|number|nummer|numero|numer)$|"
    "^(id|key|no?|nr|num|number|numero|nummer|numer|code|codigo|codice|kod|cislo)(of|de|del|do|du|van)?(the|la|el|l)?"
    "(customer|client|cliente|klient|klienta|klant|kunden?|member|membre|socio|utente|usuario|user|zakaznika|asiakkaan)$"
)

#: Words before and after the one that says that a row holds: `dbt_valid_from`, `row_effective_dt`, `eff_start_date`.
_ROW = "^(dbt|dwh|etl|row|rec|record|scd[0-9]?|version)?"
_DAY = "(date|dt|day|at|on|ts|time|timestamp|datum)?"
_SINCE = re.compile(
    f"{_ROW}(valid|effective|eff)(from|since|start|begin){_DAY}$|{_ROW}(effective|eff)(date|dt|ts|timestamp)$|"
    f"{_ROW}(gueltig|gultig)(ab|von|seit)$|^(row|rec|record|scd[0-9]?|version)(start|from|begin){_DAY}$|"
    "^(geldigvanaf|validodesde|valideapartirde|validedepuis|validodal|vigenciadesde)$"
)


def find_key(
    columns: Columns, stated: Mapping[str, str], customers: pd.Index | None = None, subject: str = "customers"
) -> str:
    """Return the id column: the stated one, the one with a matching heading, or the one whose values match the log.

    Parameters
    ----------
    customers
        Ids of the log, whose name is their heading in its source. Where no heading names the column of ids, or none of
        its values is an id of the log, the one column with mostly such values is taken, with a note.

    Raises
    ------
    InputError
        No heading or several headings fit, and no single column clearly matches the log.
    """
    named = [column for column, kind in stated.items() if kind == "customer_id"]
    if named:
        return named[0]
    headed = _by_heading(columns, stated)
    if customers is None:
        matching = []
    elif headed and _has_known_id(columns, headed, customers):
        return headed
    else:
        matching = _by_matches(
            columns, [column for column in columns.kinds if column not in stated], customers
        )
    heading = "" if customers is None else plain_heading(str(customers.name))
    shared = [column for column in matching if plain_heading(column) == heading]
    matching = shared if len(shared) == 1 else matching
    if len(matching) == 1 and (
        shared or _KEY.search(plain_heading(matching[0])) or not _are_numbers(customers)
    ):
        columns.notes.append(
            f"Column {matching[0]!r} was used as the customer id because its values are ids of the log "
            f"({OPTION[subject]} {flag(matching[0], 'none')} turns this off)."
        )
        return matching[0]
    if headed:
        return headed
    several = f" The values of {matching} are ids of the log." if matching else ""
    raise InputError(
        f"{subject}: no column is clearly the customer id; name it with {OPTION[subject]} "
        f"COLUMN=customer_id.{several} Found {list(columns.kinds)}."
    )


def match_key(columns: Columns, customers: pd.Index) -> str:
    """Return the column of the ids of known customers: the headed one if any match, else by values; "" if unclear."""
    headed = _by_heading(columns, {})
    if headed and _has_known_id(columns, headed, customers):
        return headed
    matching = [] if _are_numbers(customers) else _by_matches(columns, list(columns.kinds), customers)
    return matching[0] if len(matching) == 1 else headed


def find_since(columns: Columns, stated: Mapping[str, str]) -> str:
    """Return the column with the time from which a row is valid; empty if there is none."""
    named = [column for column, kind in stated.items() if kind == "valid_from"]
    candidates = [
        column
        for column in columns.kinds
        if column not in stated and _SINCE.match(plain_heading(column)) is not None
    ]
    return [*named, *candidates, ""][0]


def _are_numbers(customers: pd.Index | None) -> bool:
    """Whether the log's ids are integers, which ages and counters may match by chance."""
    return customers is not None and bool(
        customers.astype("str").str.fullmatch(r"\d{1,9}").mean() > _LEAST_MATCHED
    )


def _by_heading(columns: Columns, stated: Mapping[str, str]) -> str:
    unique, certain, *further = SYNONYMS["customer_id"]
    for step in (unique, certain, "id", *further):
        named = [
            column
            for column in columns.kinds
            if stated.get(column) != "none" and plain_heading(column) in step.split()
        ]
        is_certain = step in (unique, certain) and len(named) == 1
        candidates = named if is_certain else [column for column in named if _tells_apart(columns, column)]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            break
    return ""


def _tells_apart(columns: Columns, column: str) -> bool:
    """Whether a column has as many distinct values as ids would have; a customer may have several rows."""
    rows, distinct = columns.row(f"select count(*), count(distinct {quote(column)}) from {columns.table}")
    return distinct >= min(0.05 * rows + 2, rows)


def _by_matches(columns: Columns, candidates: list[str], customers: pd.Index) -> list[str]:
    """Return the columns most of whose values are customers of the log; several if they match equally well."""
    counts = {
        column: _count_matches(columns, column, customers)
        for column in candidates
        if _tells_apart(columns, column)
    }
    sure = {column: same for column, (same, all_) in counts.items() if same > _LEAST_MATCHED * all_}
    return [column for column, same in sure.items() if same >= _LEAST_MATCHED * max(sure.values())]


def _has_known_id(columns: Columns, column: str, customers: pd.Index) -> bool:
    """Whether a value is the id of a customer; one of the first as written saves spelling all of them alike."""
    written = (
        f"select distinct cast({quote(column)} as varchar) from {columns.table} limit {_COMPARED_AS_WRITTEN}"
    )
    first = pd.Series([text for (text,) in columns.table.rows(written) if text], dtype="str")
    return bool(ids_among(customers, first).any()) or _count_matches(columns, column, customers)[0] > 0


def _count_matches(columns: Columns, column: str, customers: pd.Index) -> tuple[int, int]:
    """Return the number of values that match ids of the log by letters and digits alone, and that of all values."""
    plain = customers.astype("str").str.lower().str.replace(r"[\W_]", "", regex=True).str.lstrip("0")
    ids = pa.table({"id": pa.array(plain.unique(), pa.string())})
    con = columns.table.con
    con.register("ids_of_the_log", ids)
    text = f"lower(regexp_replace(cast({quote(column)} as varchar), '\\.0+$', ''))"
    value = rf"ltrim(regexp_replace({text}, '[^\p{{L}}\p{{N}}]', '', 'g'), '0')"
    matched = con.sql(
        f"select count(*) filter (v in (select id from ids_of_the_log)), count(*) from "
        f"(select distinct {value} as v from {columns.table} where {quote(column)} is not null)"
    ).fetchall()[0]
    con.unregister("ids_of_the_log")
    return int(matched[0]), int(matched[1])
