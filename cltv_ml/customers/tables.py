"""Tables about a log's customers: attributes and contacts, matched, checked for leaks, and accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cltv_ml.customers.attributes import Attributes, read_attributes
from cltv_ml.customers.contacts import Contacts, read_contacts
from cltv_ml.customers.groups import group_customers
from cltv_ml.customers.kinds import plain_name
from cltv_ml.customers.leaks import compute_facts, doubtful_rows, find_leaks
from cltv_ml.customers.matching import Coverage, match_customers
from cltv_ml.data import Cleaned, Rules
from cltv_ml.errors import InputError
from cltv_ml.features import attribute_columns
from cltv_ml.features.catalogue import needs
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import TRANSACTIONS, split_postcode


@dataclass(frozen=True)
class CustomerSources:
    """The user's tables in addition to the log.

    Parameters
    ----------
    customers, contacts
        Anything that `read` reads; None where there is none.
    attributes, contact_columns
        Kinds of their columns.
    protected
        Columns of the log or of `customers` that models and actions must not use.
    inherited
        The same, of an earlier training: those that are in neither table are left out.
    """

    customers: Any = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    contacts: Any = None
    contact_columns: Mapping[str, str] = field(default_factory=dict)
    protected: Sequence[str] = ()
    inherited: Sequence[str] = ()

    @property
    def given(self) -> bool:
        """Whether there is a table to read or a column to protect."""
        return self.customers is not None or self.contacts is not None or bool(self.protected)


@dataclass(frozen=True)
class CustomerTables:
    """The attributes and contacts of a log's customers, with their coverage."""

    attributes: Attributes | None = None
    coverage: Coverage | None = None
    contacts: Contacts | None = None
    contact_coverage: Coverage | None = None
    protected: tuple[str, ...] = ()

    def of(self, log: AnyLog) -> Log:
        """Return the log with the tables that models may learn from, and without protected columns."""
        log = Log.of(log)
        hidden = [name for name in self.protected if name in log.columns]
        return Log(
            log.frame.drop(columns=hidden) if hidden else log.table,
            holidays=log.holidays,
            attributes=None if self.attributes is None else self.attributes.learned,
            contacts=None if self.contacts is None else self.contacts.table,
        )

    @property
    def hidden(self) -> list[str]:
        """The protected columns: of the log under their names there, of the table of customers by their headings."""
        account = () if self.attributes is None else self.attributes.account
        return [*self.protected, *(attribute.column for attribute in account if attribute.protected)]

    def protected_attributes(self) -> dict[str, str]:
        """Return the protected attributes, by the name under which a model would have learned from them."""
        account = () if self.attributes is None else self.attributes.account
        return {
            attribute.name: attribute.column
            for attribute in account
            if attribute.protected and attribute.name
        }

    def groups(self, cutoff: pd.Timestamp, customers: pd.Index, most: int = 12) -> dict[str, pd.Series]:
        """Return each customer's level of every attribute, including protected ones, by its heading, as of a cutoff.

        Levels beyond the `most` frequent are called "other"; numbers and dates are divided into quarters.
        """
        return {} if self.attributes is None else group_customers(self.attributes, cutoff, customers, most)

    def levels(self, heading: str, cutoff: pd.Timestamp, customers: pd.Index) -> pd.Series | None:
        """Return each customer's level of the attribute with a heading, whose case and signs are ignored.

        None if no attribute has that heading.
        """
        groups = self.groups(cutoff, customers, len(customers))
        named = {plain_name(column, 0): column for column in groups}
        column = heading if heading in groups else named.get(plain_name(heading, 0))
        return None if column is None else groups[column].rename(column)


@dataclass(frozen=True)
class CleanedShop(Cleaned):
    """The result of `clean` with the tables about its customers."""

    customers: CustomerTables = field(default_factory=CustomerTables)
    product_names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        cleaned: Cleaned,
        customers: CustomerTables | None = None,
        product_names: Mapping[str, str] | None = None,
    ) -> CleanedShop:
        """Return a cleaned log with tables about its customers (its own by default) and names of products."""
        if customers is None and product_names is None and isinstance(cleaned, cls):
            return cleaned
        parts = cleaned.log, cleaned.quarantine, cleaned.report
        return cls(*parts, customers or CustomerTables(), product_names or {})

    @cached_property
    def transactions(self) -> Log:
        """The clean log with the tables about its customers, opened once and shared."""
        return self.customers.of(self.log)


def read_customers(
    log: Log,
    sources: CustomerSources,
    *,
    earliest: pd.Timestamp | None = None,
    rules: Rules | None = None,
    wanted: Sequence[str] | None = None,
    headings: Mapping[str, str] | None = None,
) -> CustomerTables:
    """Return the attributes and contacts of a log's customers from the tables of the user.

    Parameters
    ----------
    earliest
        First cutoff of a training: attributes that reflect later events are left out. None for scoring, where the
        model has chosen its attributes.
    wanted
        The attributes `<kind>_<name>` that a model was trained on, which are read with these kinds; None for all.
    headings
        The columns of the log's source, each with its name in the log, empty for those that were not read.

    Raises
    ------
    InputError
        A table cannot be read, no customer of it is in the log, or a protected column is nowhere.
    """
    rules = rules or Rules()
    shared = ("day_first", "year_first", "decimal", "timezone", "id_forms")
    rules = Rules(**{name: getattr(rules, name) for name in shared})
    attributes, coverage, contacts, contact_coverage = None, None, None, None
    ids = [column for column, name in (headings or {}).items() if name == "customer_id"]
    customers = log.customers.rename(ids[0]) if ids else log.customers
    if sources.customers is not None:
        attributes = read_attributes(
            sources.customers,
            sources.attributes,
            protected=[*sources.protected, *sources.inherited],
            rules=rules,
            wanted=wanted,
            learns=earliest is not None,
            customers=customers,
        )
        table, coverage = match_customers(attributes.table, log.customers)
        attributes = replace(attributes, table=table)
        if earliest is not None:
            facts = compute_facts(log.connect())
            notes = (*attributes.notes, *doubtful_rows(attributes, facts))
            leaks, doubts = find_leaks(attributes, facts, earliest, sources.attributes)
            attributes = replace(attributes.without(leaks), notes=(*notes, *doubts))
    protected = _names_in_log(sources, log, headings or {}, attributes, learns=earliest is not None)
    if sources.contacts is not None:
        contacts = read_contacts(sources.contacts, sources.contact_columns, rules=rules, customers=customers)
        table, contact_coverage = match_customers(contacts.table, log.customers, "contacts")
        notes = (*contacts.notes, *_note_later_contacts(table, log))
        contacts = replace(contacts, table=table, notes=notes)
    return CustomerTables(attributes, coverage, contacts, contact_coverage, protected)


def _note_later_contacts(contacts: pa.Table, log: Log) -> list[str]:
    """Return a note where contacts lie after the log's end: no cutoff can see them."""
    later = pc.sum(pc.greater_equal(contacts["timestamp"], pa.scalar(log.end))).as_py() or 0
    if not later:
        return []
    which = "All" if later == len(contacts) else f"{later:,} of the {len(contacts):,}"
    return [
        f"{which} contacts with customers of the log came after its last day, {log.last:%Y-%m-%d}: nothing uses them."
    ]


def _names_in_log(
    sources: CustomerSources,
    log: Log,
    headings: Mapping[str, str],
    attributes: Attributes | None,
    *,
    learns: bool,
) -> tuple[str, ...]:
    """Return protected columns under their names in the log; raise InputError if a model would learn and one that the
    sources state is missing.

    A column of the source that was not read keeps its heading: nothing can use it.
    """
    account = () if attributes is None else attributes.account
    hidden = {plain_name(attribute.column, 0) for attribute in account if attribute.protected}
    fields = {plain_name(heading, 0): name for heading, name in headings.items()}
    in_log = []
    for name in dict.fromkeys([*sources.protected, *sources.inherited]):
        in_log_as = name if name in log.columns else fields.get(plain_name(name, 0))
        if not in_log_as and plain_name(name, 0) in hidden:
            continue
        stated = name in sources.protected
        if in_log_as is None and stated and learns:
            columns = [*(headings or log.columns), *(attribute.column for attribute in account)]
            available = list(dict.fromkeys(columns))
            raise InputError(f"no column {name!r} to protect; check its spelling. Found {available}.")
        if in_log_as in TRANSACTIONS.required:
            raise InputError(f"the column {name!r} cannot be protected, because actions need customers.")
        if in_log_as or stated or (in_log_as == "" and learns):
            in_log.append(in_log_as or name)
    return tuple(in_log)


def describe_attributes(
    attributes: Attributes, coverage: Coverage, *, learns: bool = True, left_out: bool = True
) -> list[str]:
    """Return sentences on the reading of a table about customers: coverage, kinds, and columns left out.

    `learns` states whether a model will learn from it; without `left_out`, columns left out have no sentence.
    """
    empty = [attribute.column for attribute in attributes.used if attribute.missing == 1]
    used = ", ".join(
        f"{attribute.column}={attribute.kind}"
        for attribute in attributes.used
        if attribute.column not in empty
    )
    sentences = [
        f"{attributes.source}: {coverage.sentence}",
        f"{'Learned from' if learns else 'Read'}: {used or 'no column'}.",
    ]
    if empty:
        sentences.append(f"Columns without any value: {', '.join(empty)}.")
    hidden = [
        attribute.column for attribute in attributes.account if attribute.protected and not attribute.reason
    ]
    if hidden:
        sentences.append(f"Protected, so no model sees them: {', '.join(hidden)}.")
    sentences += [
        f"{attribute.column} is left out: {attribute.reason}"
        for attribute in attributes.account
        if attribute.reason and left_out
    ]
    return [*sentences, *_quarantined(attributes), *attributes.notes]


def describe_scored(attributes: Attributes, coverage: Coverage, wanted: Sequence[str]) -> list[str]:
    """Return sentences on the reading of a table about customers for scoring.

    The attributes are those that the model learned from, of which it wants some; without any, the table changes no
    score.
    """
    used = ", ".join(attribute.column for attribute in attributes.used)
    learned = "none of the table's columns" if wanted else "no attribute"
    return [
        coverage.sentence,
        f"Read: {used}." if used else f"The model learned from {learned}, so this table changes no score.",
        *(_quarantined(attributes) if used else []),
        *attributes.notes,
    ]


def columns_behind(features: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return those columns, of a log or headings of a table of customers, from which features are computed.

    >>> columns_behind(["orders", "attribute_text_home_town", "margin_rate"], ["Home town", "cost", "gender"])
    ['Home town', 'cost']
    """
    read = {column for feature in features for column in needs(feature)}
    attributes = {split_postcode(column)[0].partition("_")[2] for column in attribute_columns(features)}
    return [name for name in columns if name in read or plain_name(name, 0) in attributes]


def describe_contacts(contacts: Contacts, coverage: Coverage) -> list[str]:
    """Return sentences on the reading of a table of contacts: its mapping with the coverage, and its notes."""
    read_as = ", ".join(f"{column}={kind}" for kind, column in contacts.mapping.items())
    return [f"{read_as}. {coverage.sentence}", *contacts.notes]


def _quarantined(attributes: Attributes) -> list[str]:
    if not len(attributes.quarantine):
        return []
    counts = attributes.quarantine["rule"].value_counts()
    aside = ", ".join(f"{count:,} {rule}" for rule, count in counts.items())
    return [f"{len(attributes.quarantine):,} of {attributes.rows:,} rows were quarantined: {aside}."]
