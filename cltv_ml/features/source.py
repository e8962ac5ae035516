"""Sources of features: the log, two optional tables about customers, and the business time zone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from cltv_ml.engine import MONEY_SCALE
from cltv_ml.errors import InputError
from cltv_ml.features.engines import Engine, EngineKind, zone_changes
from cltv_ml.features.grains import ITEM_SCALE
from cltv_ml.features.macros import day_number
from cltv_ml.log import Log
from cltv_ml.stamps import observed_until
from cltv_ml.tables import NO, POSTCODE_PARTS, YES, postcode_sql, split_postcode
from cltv_ml.windows import check_timezone

logger = logging.getLogger("cltv_ml")

_TEXTS = ("order_id", "product_id", "category", "channel")
_COLUMN_SCALES = {"amount": MONEY_SCALE, "discount": MONEY_SCALE, "cost": MONEY_SCALE, "quantity": ITEM_SCALE}
_ALWAYS = "-2147483648"


@dataclass(frozen=True)
class Source:
    """A transaction log with optional tables about its customers.

    Parameters
    ----------
    log
        A clean transaction log: a `Log`, a pandas or Arrow table or a Parquet path; on Spark also a DataFrame.
    customers
        States of customers: `customer_id`, attributes in columns such as `text_country` (`features.customer`), and
        optionally `valid_from`, the moment from which a row holds; by default those of the `Log`.
    contacts
        Campaign contacts: `customer_id`, `timestamp`, and optionally `responded_at`; by default those of the `Log`.
    timezone
        The shop's own time zone, such as `"Europe/Paris"`: needed where times have a zone, because a
        cutoff is a midnight there. Times without zone are in it already.
    until
        First day that the log does not cover; by default the day after its last line, or after the day until which a
        `Log` is known to be complete. A log of few customers may be complete beyond its last purchase.
    """

    log: Any
    customers: Any = None
    contacts: Any = None
    timezone: str | None = None
    until: pd.Timestamp | None = None

    def __post_init__(self) -> None:
        """Fill in missing arguments from a `Log`; raise InputError for an unknown time zone."""
        if isinstance(self.log, Log):
            complete_until = observed_until(self.log.table)
            if self.until is None and complete_until:
                object.__setattr__(
                    self, "until", pd.Timestamp(complete_until).normalize() + pd.Timedelta(days=1)
                )
            for name, table in (("customers", self.log.attributes), ("contacts", self.log.contacts)):
                if getattr(self, name) is None:
                    object.__setattr__(self, name, table)
        check_timezone(self.timezone)


@dataclass(frozen=True)
class Base:
    """The base tables as SQL, with the columns that they hold."""

    lines: str
    extra: dict[str, str]
    columns: frozenset[str]
    first: pd.Timestamp
    last: pd.Timestamp
    rows: int

    @property
    def dated(self) -> bool:
        """Whether states of customers have a moment from which they hold."""
        return "customers.valid_from" in self.columns

    def check(self, cutoffs: Sequence[pd.Timestamp]) -> None:
        """Raise when a cutoff lies outside the log; the day after the last sees everything."""
        if not cutoffs:
            raise InputError("cutoffs must have at least one calendar day, got none.")
        for cutoff in cutoffs:
            if not self.first < cutoff <= self.last + pd.Timedelta(days=1):
                raise InputError(
                    f"cutoff {cutoff:%Y-%m-%d} lies outside the log, which runs from {self.first:%Y-%m-%d} to "
                    f"{self.last:%Y-%m-%d}; choose a day after the first and at most one day after the last."
                )


def register_source(engine: Engine, source: Source) -> Base:
    """Register the tables of `source` with the engine and return the SQL of the base tables.

    Raises
    ------
    InputError
        A required column is missing or of another kind, or times have a zone and none is named.
    """
    table = source.log.readable if isinstance(source.log, Log) else source.log
    kinds = engine.register("cltv_log", table)
    check_kinds(kinds, "log", {"customer_id": None, "timestamp": "time", "amount": "number"}, source)
    day, second = engine.day(
        "timestamp", kinds["timestamp"], _zone(engine, source, "cltv_log", "timestamp", kinds)
    )
    row = engine.query(
        f"select min({day}) as first, max({day}) as last, count(*) as lines from cltv_log"
    ).to_pylist()[0]
    if row["first"] is None:
        raise InputError("the log has no rows; give a log with at least one purchase.")
    columns = set(kinds)
    extra = {}
    if source.customers is not None:
        extra["cltv_customers"], more = _register_customers(engine, source)
        columns |= {f"customers.{name}" for name in more}
    if source.contacts is not None:
        extra["cltv_contacts"], more = _contacts(engine, source)
        columns |= {f"contacts.{name}" for name in more}
    first, last = (pd.Timestamp(row[end], unit="D") for end in ("first", "last"))
    if source.until is not None:
        last = max(last, source.until - pd.Timedelta(days=1))
    return Base(lines_sql(day, second, kinds), extra, frozenset(columns), first, last, row["lines"])


def lines_sql(day: str, second: str, kinds: dict[str, EngineKind]) -> str:
    """Return SQL of the lines of `cltv_log` as features read them: day numbers, and money in whole numbers."""
    date = f"date_add(date '1970-01-01', {day})"
    chosen = [
        "cast(customer_id as string) as customer_id",
        f"{day} as day",
        f"{second} as second",
        f"cast(year({date}) * 12 + month({date}) - 1 as integer) as month",
    ]
    chosen += [
        f"cast(round({name} * {scale}) as bigint) as {name}"
        for name, scale in _COLUMN_SCALES.items()
        if name in kinds
    ]
    chosen += [name for name in _TEXTS if name in kinds]
    return f"select {', '.join(chosen)} from cltv_log where customer_id is not null"


def _register_customers(engine: Engine, source: Source) -> tuple[str, dict[str, EngineKind]]:
    kinds = engine.register("cltv_customer_states", source.customers)
    dated: dict[str, str | None] = {"valid_from": "time"} if "valid_from" in kinds else {}
    check_kinds(kinds, "customers", {"customer_id": None, **dated}, source)
    valid_day = _ALWAYS
    if dated:
        zone = _zone(engine, source, "cltv_customer_states", "valid_from", kinds)
        day, second = engine.day("valid_from", kinds["valid_from"], zone)
        valid_day = f"coalesce({day} + {second} / 86400e0, {_ALWAYS})"  # the later of a day
    own = [name for name in kinds if name not in ("customer_id", "valid_from")]
    chosen = ["cast(customer_id as string) as customer_id", f"{valid_day} as valid_day", *own]
    return f"select {', '.join(chosen)} from cltv_customer_states", kinds


def with_attributes(base: Base, wanted: Sequence[str]) -> Base:
    """Return base tables that have these attributes; those that are in no table are missing for every customer.

    A model keeps its features, but the table that comes with a later log may differ. A warning names missing
    attributes. An attribute that was read as another kind is converted to the kind that the model knows.
    """
    present = {name.removeprefix("customers.") for name in base.columns if name.startswith("customers.")}
    absent = [name for name in wanted if name not in present]
    if not absent:
        return base
    nowhere = [
        name.partition("_")[2].replace("_", " ") for name in absent if _as_kind(name, present, "") == ""
    ]
    if nowhere:
        logger.warning(
            "The model learned from the customer columns %s, which are missing here and are treated as "
            "missing for every customer; give a table that has them with --customers.",
            ", ".join(nowhere),
        )
    states = base.extra.get("cltv_customers") or (
        f"select cast(customer_id as string) as customer_id, {_ALWAYS} as valid_day from cltv_log where 1 = 0"
    )
    absent_columns = ", ".join(f"{_as_kind(name, present)} as {name}" for name in absent)
    extra = {**base.extra, "cltv_customers": f"select *, {absent_columns} from ({states}) as given"}
    columns = base.columns | {"customers.customer_id", *(f"customers.{name}" for name in absent)}
    return replace(base, extra=extra, columns=columns)


def _as_kind(name: str, present: set[str], nothing: str = "null") -> str:
    """Return SQL that converts an attribute from another kind, or `nothing` if no kind of it is there."""
    kind, _, base = name.partition("_")
    same = [column for column in sorted(present) if column.partition("_")[2] == base]
    whole, part = split_postcode(name)
    if not same and part and kind == "text":
        larger = [whole, *(f"{whole}_{source}" for source in POSTCODE_PARTS[part])]
        columns = [column for column in larger if column in present]
        return postcode_sql(columns[0], part) if columns else nothing
    source = same[0] if same else nothing
    dates = ("birth", "date")
    if (kind in dates) != (source.partition("_")[0] in dates):
        source = nothing
    if not source:
        return ""
    if kind == "text":
        if source == "null" or source.startswith("text_"):
            return f"cast({source} as string)"
        whole = f"{source} = floor({source})"
        return f"case when {whole} then cast(cast({source} as bigint) as string) else cast({source} as string) end"
    if kind == "flag" and source.startswith("text_"):  # today some answer neither yes nor no
        return f"case when lower({source}) in {YES} then 1e0 when lower({source}) in {NO} then 0e0 end"
    return f"try_cast({source} as double)"


def _contacts(engine: Engine, source: Source) -> tuple[str, dict[str, EngineKind]]:
    """Return SQL with a row per contact and a row per response, each on its own day."""
    kinds = engine.register("cltv_contact_log", source.contacts)
    answered: dict[str, str | None] = {"responded_at": "time"} if "responded_at" in kinds else {}
    check_kinds(kinds, "contacts", {"customer_id": None, "timestamp": "time", **answered}, source)
    rows = []
    for column, counts in (("timestamp", "1 as contacts, 0 as responses"), ("responded_at", "0, 1")):
        if column in kinds:
            zone = _zone(engine, source, "cltv_contact_log", column, kinds)
            day = engine.day(column, kinds[column], zone)[0]
            rows.append(
                f"select cast(customer_id as string) as customer_id, {day} as day, {counts} "
                f"from cltv_contact_log where {column} is not null"
            )
    return " union all ".join(rows), kinds


def check_kinds(
    kinds: dict[str, EngineKind], table: str, wanted: dict[str, str | None], source: Source
) -> None:
    """Raise InputError where a column is missing, of another kind, or has a time zone while the shop's is unknown."""
    missing = [name for name in wanted if name not in kinds]
    if missing:
        raise InputError(f"{table}: missing columns {missing}. Found {list(kinds)}.")
    for name, kind in wanted.items():
        if kind == "time" and kinds[name] == "zoned time" and source.timezone is None:
            raise InputError(
                f"{table}: column {name!r} has a time zone; give the time zone of the shop, in which its "
                "days begin: Source(..., timezone='Europe/Paris'), or --timezone Europe/Paris."
            )
        if kind and kind not in kinds[name]:
            raise InputError(f"{table}: column {name!r} must be of kind {kind}, found {kinds[name]}.")


def _zone(
    engine: Engine, source: Source, table: str, column: str, kinds: dict[str, EngineKind]
) -> dict[int, int]:
    """The changes of the shop's offset from UTC while the table lasts; none needed without zone."""
    if kinds[column] != "zoned time" or source.timezone is None:
        return {}
    utc = engine.day(column, "zoned time", {0: 0})[0]
    ends = engine.query(f"select min({utc}) as first, max({utc}) as last from {table}").to_pylist()[0]
    if ends["first"] is None:
        return {0: 0}
    first, last = (pd.Timestamp(ends[end], unit="D") for end in ("first", "last"))
    return zone_changes(first, last + pd.Timedelta(days=1), source.timezone)


def before(sql: str, day: pd.Timestamp) -> str:
    """Return the SQL of a base table without anything from `day` on."""
    return f"select * from ({sql}) as lines where day < {day_number(day)}"
