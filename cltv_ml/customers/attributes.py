"""Attributes of customers from any source: the kind of each column, and one typed row per state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from cltv_ml.columns.mapping import flag
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.customers.key import find_key, find_since
from cltv_ml.customers.kinds import (
    KINDS,
    Attribute,
    describe,
    plain_name,
)
from cltv_ml.customers.no_answers import blank_no_answers, doubt_ages, doubt_numbers
from cltv_ml.customers.typed_values import note_unread, value_sql
from cltv_ml.customers.units import without_units
from cltv_ml.data.raw import Opened, open_source
from cltv_ml.engine import Relation, keep, show
from cltv_ml.errors import InputError
from cltv_ml.sources.paths import readable
from cltv_ml.tables import POSTCODE_PARTS, split_postcode

#: Values of `--attribute`.
ATTRIBUTE_KINDS = ("customer_id", "valid_from", *KINDS, "none")


@dataclass(frozen=True)
class Attributes:
    """Customers' attributes, each with its kind, and the table that contains them."""

    #: `customer_id`, `valid_from` where rows are dated, and the attributes: text, 64-bit numbers, dates as
    #: days since 1970-01-01.
    table: pa.Table
    #: Every column of the source except id and date, used or left out.
    account: tuple[Attribute, ...]
    #: Number of rows of the source; the rows set aside, with `rule` and `reason`.
    rows: int
    quarantine: pd.DataFrame
    #: The source's name, without passwords.
    source: str
    #: Notes for the reader, a sentence each.
    notes: tuple[str, ...] = ()
    #: By column, in words, how many of its values nobody can read.
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def used(self) -> tuple[Attribute, ...]:
        """The attributes that models may learn from."""
        return tuple(attribute for attribute in self.account if attribute.name and not attribute.protected)

    @property
    def learned(self) -> pa.Table:
        """The table without protected attributes."""
        return self.table.drop_columns(
            [attribute.name for attribute in self.account if attribute.name and attribute.protected]
        )

    @property
    def dated(self) -> bool:
        """Whether rows state the date from which they are valid."""
        return "valid_from" in self.table.column_names

    def without(self, reasons: Mapping[str, str]) -> Attributes:
        """Return the attributes without some of them, given as name -> reason."""
        account = [
            replace(attribute, name="", reason=reasons[attribute.name])
            if attribute.name in reasons
            else attribute
            for attribute in self.account
        ]
        return replace(self, table=self.table.drop_columns(list(reasons)), account=tuple(account))

    def account_table(self) -> pd.DataFrame:
        """Return the account as a table: column, kind, levels, share missing, and use."""
        rows = [
            {
                "column": attribute.column,
                "kind": "category, in order" if attribute.in_order else attribute.kind,
                "levels": attribute.levels,
                "missing": attribute.missing,
                "use": f"left out: {attribute.reason}"
                if attribute.reason
                else "protected"
                if attribute.protected
                else "learned from",
            }
            for attribute in self.account
        ]
        return pd.DataFrame(rows, columns=["column", "kind", "levels", "missing", "use"])


def read_attributes(
    source: pd.DataFrame | pa.Table | str | Path,
    kinds: Mapping[str, str] | None = None,
    *,
    protected: Sequence[str] = (),
    rules: Rules | None = None,
    wanted: Sequence[str] | None = None,
    learns: bool = True,
    customers: pd.Index | None = None,
) -> Attributes:
    """Return the attributes of customers from anything that `read` reads.

    Parameters
    ----------
    kinds
        The kind of a column by its heading: "customer_id", "valid_from", one of `KINDS`, or "none" to leave it out.
        Other columns are inferred from headings and values, and shown in the account.
    protected
        Headings of columns that models and actions must not use, ignoring case and signs.
    wanted
        Columns `<kind>_<name>` that a model was trained on: only these are read, with these kinds.
    learns
        Whether a model will learn from them: columns without information are then left out.
    customers
        Ids of the log, which identify the column of ids where no heading does.

    Raises
    ------
    InputError
        The source cannot be read, no column is clearly the customers' id, a named column does not exist, or a customer
        has several rows without dates.

    >>> people = pd.DataFrame({"id": ["a", "b"], "Country": ["UK", "FR"], "email": ["a@x.io", "b@x.io"]})
    >>> found = read_attributes(people)
    >>> found.table.column_names, [one.column for one in found.account if one.reason]
    (['customer_id', 'text_country'], ['email'])
    """
    opened = open_source(source)
    with readable(opened.table, opened.name):
        return _attributes_among(opened, kinds or {}, protected, rules or Rules(), wanted, learns, customers)


def _attributes_among(
    opened: Opened,
    kinds: Mapping[str, str],
    protected: Sequence[str],
    rules: Rules,
    wanted: Sequence[str] | None,
    learns: bool,
    customers: pd.Index | None,
) -> Attributes:
    """Return the attributes among the columns of a table; the arguments are those of `read_attributes`."""
    columns = Columns(opened.table, rules, groups=True)
    stated, hidden = _given(kinds, list(columns.kinds)), {plain_name(name, 0) for name in protected}
    key, since = find_key(columns, stated, customers), find_since(columns, stated)
    candidates = [column for column in columns.kinds if column not in (key, since)]
    names = dict(zip(candidates, _unique(candidates), strict=True))
    known = (
        {} if wanted is None else {column: _wanted(wanted, names[column], column) for column in candidates}
    )
    opened, inferred = _plain(opened, kinds, [column for column in known if not known[column].name])
    found_by, columns = columns.notes, Columns(opened.table, rules, groups=True)
    account = []
    for column, name in names.items():
        attribute = known.get(column) or describe(
            columns, inferred, column, stated.get(column, ""), name, learns=learns
        )
        account.append(replace(attribute, protected=plain_name(column, 0) in hidden))
    dates = [column for column in candidates if inferred.get(column) == "timestamp"]
    values = {attribute.name: value_sql(columns, attribute) for attribute in account if attribute.name}
    empty, unreadable = note_unread(columns, account, values)
    of_kind = {
        kind: {one.column: values[one.name] for one in account if one.name and one.kind == kind}
        for kind in KINDS
    }
    doubts = []
    if learns and wanted is None:
        numbers, births = of_kind["number"], of_kind["birth date"]
        doubts = [*doubt_numbers(columns, numbers), *doubt_ages(columns, numbers, births)]
    table, rows, aside = _collect(opened, columns, (key, since), values, dates)
    notes = (*opened.notes, *found_by, *columns.notes, *doubts)
    attributes = Attributes(table, tuple(account), rows, aside, opened.name, notes, unreadable)
    return attributes.without(empty) if wanted is None else attributes


def _plain(opened: Opened, kinds: Mapping[str, str], unread: Sequence[str]) -> tuple[Opened, dict[str, str]]:
    """Return the source without columns that no model reads, non-answers and units, and the kinds of its columns."""
    table = opened.table
    if unread:
        exclude = ", ".join(map(quote, unread))
        table = show(table.con, "read_columns", f"select * exclude ({exclude}) from {table}")
    table, answers = blank_no_answers(table)
    table, inferred, units = without_units(table, kinds)
    return replace(opened, table=table, notes=(*opened.notes, *answers, *units)), inferred


def _given(kinds: Mapping[str, str], columns: Sequence[str]) -> dict[str, str]:
    for column in kinds:
        if column not in columns:
            raise InputError(f"customers: column {column!r} is not in the table. Found {list(columns)}.")
    for column, kind in kinds.items():
        if kind not in ATTRIBUTE_KINDS:
            raise InputError(
                f"customers: {column!r} cannot be {kind!r}; use --attribute {flag(column, 'KIND')} with one "
                f"of {list(ATTRIBUTE_KINDS)}."
            )
    return dict(kinds)


def _wanted(wanted: Sequence[str], name: str, column: str) -> Attribute:
    """Return a column with the kind that the model learned, whatever today's values look like, or left out."""
    part_of = {learned: "" for learned in wanted if learned.partition("_")[2] == name}
    for learned in wanted:
        base, part = split_postcode(learned)
        if part and base.partition("_")[2] == name:
            part_of[learned] = part
    if not part_of:
        return Attribute(column, "", "none", 0, 0.0, "the model was not trained on it.")
    widths = ["", *POSTCODE_PARTS]
    best = max(part_of, key=lambda learned: widths.index(part_of[learned]) if part_of[learned] else 99)
    kind = next(kind for kind, prefix in KINDS.items() if prefix == best.partition("_")[0])
    return Attribute(column, best, kind, 0, 0.0, part=part_of[best])


def _unique(columns: Sequence[str]) -> list[str]:
    """Return plain names of columns, numbered where two are the same."""
    taken: list[str] = []
    for name in (plain_name(column, place + 1) for place, column in enumerate(columns)):
        number = 1
        while (f"{name}_{number}" if number > 1 else name) in taken:
            number += 1
        taken.append(f"{name}_{number}" if number > 1 else name)
    return taken


def _collect(
    opened: Opened,
    columns: Columns,
    keys: tuple[str, str],
    values: Mapping[str, str],
    dates: Sequence[str],
) -> tuple[pa.Table, int, pd.DataFrame]:
    """Return the typed table, its number of rows, and the quarantined rows: without an id or date, or repeated.

    `keys` are the columns of ids and of the time from which a row is valid, `values` the SQL of each attribute, `dates`
    other columns with dates.
    """
    table = opened.table
    key, since = keys
    dated = {"valid_from": columns.timestamp(since)} if since else {}
    chosen = ", ".join(f'{sql} as "{name}"' for name, sql in {**dated, **values}.items())
    states = keep(
        table.con,
        "states",
        f"select source_row, {columns.identifier(key)} as customer_id{', ' if chosen else ''}{chosen} from {table}",
    )
    rules = {"missing_customer": ("customer_id is null", "The row has no customer.")}
    if since:
        rules["bad_date"] = (
            "valid_from is null",
            "The date from which the row is valid is missing or unreadable.",
        )
    every = ", ".join(f'"{name}"' for name in ("customer_id", *dated, *values))
    several = states.row(f"select count(customer_id) > count(distinct customer_id) from {states}")[0]
    if several:
        rules["exact_duplicate"] = (
            f"row_number() over (partition by {every} order by source_row) > 1",
            "The row equals an earlier row of the same customer.",
        )
        if since:
            rules["same_moment"] = (
                f"max(source_row) over (partition by {every}) < max(source_row) over (partition by customer_id, "
                "valid_from)",
                "A later row of the same customer is valid from the same moment.",
            )
    cases = " ".join(f"when {test} then '{rule}'" for rule, (test, _) in rules.items())
    judged = keep(table.con, "judged", f"select *, case {cases} end as rule from {states}")
    if several and not since:
        _check_once(judged, dates)
    accepted = table.con.sql(f"select {every} from {judged} where rule is null order by customer_id")
    reasons = " ".join(f"when '{rule}' then '{reason}'" for rule, (_, reason) in rules.items())
    aside = table.con.sql(
        f"select source_row + 1 as source_row, customer_id, rule, case rule {reasons} end as reason from {judged} "
        "where rule is not null union all select source_row + 1, null, 'broken_line', "
        f"'The line has another number of fields than the header.' from {opened.broken} order by 1"
    ).df()
    return accepted.to_arrow_table(), judged.count(), aside


def _check_once(judged: Relation, dates: Sequence[str]) -> None:
    """Raise InputError if customers have several different rows without dates."""
    rows = judged.rows(
        f"select customer_id, count(*) over () from {judged} where rule is null group by 1 having count(*) > 1 limit 1"
    )
    if rows:
        customer, several = rows[0]
        there = f" Columns with dates: {list(dates)}." if dates else ""
        raise InputError(
            f"customers: rows differ for {several:,} customer{('' if several == 1 else 's')}, such as "
            f"{str(customer)!r}, and no column shows when each row became valid. Name that column with "
            f"--attribute COLUMN=valid_from, or keep one row per customer.{there}"
        )
