"""The transaction log that travels between rooms: opened in DuckDB once, its span and customers computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import duckdb
import pandas as pd
import pyarrow as pa
from pandas.api.types import is_string_dtype

from cltv_ml.engine import MONEY_SCALE, Tabular, as_tabular, connect, cursor, frame, publish, view
from cltv_ml.errors import InputError, unknown_name
from cltv_ml.inline import Inline
from cltv_ml.labels import LABELS
from cltv_ml.stamps import lasting_share, observed_until, with_stamps
from cltv_ml.tables import TRANSACTIONS
from cltv_ml.windows import MIN_CUSTOMERS, Window

Found = TypeVar("Found")

#: How a user supplies an optional column of the log.
_WAY_OUT = {
    "order_id": "map the receipt or invoice number to order_id",
    "product_id": "map the article number to product_id",
    "category": "map the product group to category",
    "quantity": "map the number of items to quantity",
    "discount": "map the money taken off each line to discount",
    "cost": "map the column with the shop's cost of each line to cost, or give a margin rate",
    "channel": "map the place of purchase to channel",
}

_LINE_LABELS = {name: label for name, label in LABELS.items() if label.grain == "line"}


@dataclass(frozen=True, eq=False)
class Log(Inline):
    """A clean transaction log: any table that `engine.as_tabular` takes, opened once for all who read it.

    Functions take any of these and turn it into a `Log` at their door; between rooms only the `Log` travels. What was
    found once is kept, so the table must not change afterwards. Customers' ids that are no text are read as text.

    >>> log = Log.of(pd.DataFrame({"customer_id": ["a", "b"], "amount": [1.0, 2.0],
    ...                            "timestamp": pd.to_datetime(["2024-01-01", "2024-03-01"])}))
    >>> len(log), log.first, list(log.customers)
    (2, Timestamp('2024-01-01 00:00:00'), ['a', 'b'])
    """

    table: Tabular
    holidays: pd.DataFrame | None = None  # `holiday` and `date` of holidays that move from year to year
    #: What else is known of the customers: their attributes (`customer_id`, `valid_from` where dated, columns
    #: `<kind>_<name>`), and the campaign contacts with them (`customer_id`, `timestamp`, `responded_at` ...).
    attributes: pa.Table | None = None
    contacts: pa.Table | None = None

    def _parts(self) -> dict[str, Any]:
        return {
            "lines": len(self),
            "customers": len(self.customers),
            "from": self.first,
            "until": self.last,
            "known": ", ".join(self.known),
            "first_lines": frame(self.connect().table("log").limit(5)),
        }

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", as_tabular(self.table))

    @classmethod
    def of(cls, log: AnyLog) -> Log:
        """Return a log as a `Log`; one that is a `Log` already is returned as it is."""
        return log if isinstance(log, Log) else cls(log)

    @cached_property
    def readable(self) -> pa.Table | str:
        """The table as the engines read it without another copy: Arrow, or a Parquet path."""
        if isinstance(self.table, pd.DataFrame):
            return pa.Table.from_pandas(self.table, preserve_index=False)
        return self.table if isinstance(self.table, pa.Table) else str(self.table)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The log as a pandas frame; a Parquet file is read into memory."""
        if not isinstance(self.table, pd.DataFrame):
            return with_stamps(frame(self.connect().table("log")), self.table)
        if "customer_id" not in self.table or is_string_dtype(self.table["customer_id"]):
            return self.table
        return self.table.astype({"customer_id": "str"})

    @cached_property
    def columns(self) -> list[str]:
        """The names of the log's columns."""
        return [str(name) for name in self.connect().table("log").columns]

    @property
    def known(self) -> list[str]:
        """The names of the log's columns, and `customers.NAME` and `contacts.NAME` of what else is known.

        >>> Log(pd.DataFrame({"amount": [1.5]}), attributes=pa.table({"text_country": ["UK"]})).known
        ['amount', 'customers.text_country']
        """
        tables = {"customers": self.attributes, "contacts": self.contacts}
        qualified = [
            f"{table_name}.{name}"
            for table_name, table in tables.items()
            if table is not None
            for name in table.column_names
        ]
        return [*self.columns, *qualified]

    @cached_property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """The first timestamp and the last one, or the day until which the log is known to be complete.

        A frame says so in `attrs["observed_until"]`, a Parquet file and an Arrow table in their metadata, which `clean`
        and `clean_to_parquet` write where the rules tell: a week without a sale at the end was observed too.
        """
        ends = self.connect().sql("select min(timestamp), max(timestamp) from log").fetchall()[0]
        first, last = pd.Timestamp(ends[0]), pd.Timestamp(ends[1])
        until = observed_until(self.table)
        return first, max(last, pd.Timestamp(until)) if until and last is not pd.NaT else last

    @property
    def first(self) -> pd.Timestamp:
        """The first timestamp."""
        return self.span[0]

    @property
    def last(self) -> pd.Timestamp:
        """The last timestamp, or the day until which the log is known to be complete."""
        return self.span[1]

    @property
    def end(self) -> pd.Timestamp:
        """The first day after those that the log covers.

        >>> str(Log(pd.DataFrame({"timestamp": pd.to_datetime(["2026-01-31 18:00"])})).end)
        '2026-02-01 00:00:00'
        """
        return self.last.normalize() + pd.Timedelta(days=1)

    @cached_property
    def customers(self) -> pd.Index:
        """The customers, sorted."""
        ids = self.connect().sql(
            "select distinct customer_id from log where customer_id is not null order by 1"
        )
        return pd.Index(frame(ids)["customer_id"], name="customer_id")

    def customers_before(self, day: pd.Timestamp) -> pd.Index:
        """Return the customers with a line before a day, sorted.

        >>> days = pd.to_datetime(["2026-01-31", "2026-02-01"])
        >>> log = Log(pd.DataFrame({"customer_id": ["b", "a"], "timestamp": days}))
        >>> list(log.customers_before(days[1]))
        ['b']
        """
        ids = self.connect().sql(
            f"select distinct customer_id from log where timestamp < timestamp '{day}' order by 1"
        )
        return pd.Index(frame(ids)["customer_id"], name="customer_id")

    def only(self, customers: pd.Index) -> Log:
        """Return the log of some of its customers.

        >>> log = Log(pd.DataFrame({"customer_id": ["a", "b", "a"], "amount": [1.0, 2.0, 3.0]}))
        >>> log.only(pd.Index(["a"])).frame["amount"].tolist()
        [1.0, 3.0]
        """
        con = self.connect()
        view(con, "chosen", pa.table({"customer_id": pa.array(customers)}))
        lines = con.sql("select log.* from log semi join chosen using (customer_id)").to_arrow_table()
        return replace(self, table=with_stamps(lines, self.table))

    def lasting(self, column: str) -> str:
        """Return SQL for a line's money less what later returns will probably take of it, where `clean` found that.

        >>> Log(pd.DataFrame({"amount": [1.0]})).lasting("amount")
        'amount'
        """
        share = lasting_share(self.table)
        return f"{column} * {share}" if share else column

    def once(self, name: str, find: Callable[[], Found]) -> Found:
        """Return the result of `find` for this log, stored under `name` for later calls; callers must not change it.

        >>> log = Log(pd.DataFrame({"amount": [1.0]}))
        >>> [log.once("lines", lambda: len(log)), log.once("lines", lambda: 0)]
        [1, 1]
        """
        if name not in self._found:
            self._found[name] = find()
        return cast(Found, self._found[name])

    @cached_property
    def _found(self) -> dict[str, Any]:
        return {}

    def __len__(self) -> int:
        """The number of lines."""
        return int(self.connect().sql("select count(*) from log").fetchall()[0][0])

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a connection in which the view `log` holds the lines; temporary tables made in it are its own.

        >>> Log(pd.DataFrame({"amount": [1.5, 2.0]})).connect().sql("select sum(amount) from log").fetchall()
        [(3.5,)]
        """
        return cursor(self._database)

    def connect_for(self, task: str, needs: Sequence[str] = ()) -> tuple[duckdb.DuckDBPyConnection, set[str]]:
        """Return a connection as `connect` does, and the names of the columns, for a task that needs some of them.

        Parameters
        ----------
        task
            What the log is needed for, the subject of the error's sentence.

        Raises
        ------
        InputError
            A needed column is missing; the message says how to supply it.

        >>> Log(pd.DataFrame({"customer_id": ["a"]})).connect_for("cross-selling", ["product_id"])
        Traceback (most recent call last):
        cltv_ml.errors.InputError: cross-selling needs the column 'product_id', but the log has customer_id; map the
        article number to product_id.
        """
        for name in needs:
            if name not in self.columns:
                way_out = _WAY_OUT.get(name, f"map a column to {name}")
                present = ", ".join(self.columns)
                raise InputError(f"{task} needs the column {name!r}, but the log has {present}; {way_out}.")
        return self.connect(), set(self.columns)

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        con = connect()
        publish(con, "log", self.readable)
        kinds = dict(con.execute("select column_name, column_type from (describe log)").fetchall())
        if kinds.get("customer_id", "VARCHAR") != "VARCHAR":
            publish(con, "log_as_given", self.readable)
            con.execute(
                "create or replace view log as "
                "select * replace (cast(customer_id as varchar) as customer_id) from log_as_given"
            )
        return con

    def target(self, window: Window, customers: pd.Index, label: str = "value") -> pd.Series:
        """Return the label of each of `customers` in the holdout of `window`, zero for those who did nothing.

        Parameters
        ----------
        customers
            Index named `customer_id`; the result is aligned with it.
        label
            `"value"` (spend), `"purchases"` (purchase days), `"active"` (1 or 0) or `"margin"` (spend less cost).

        Raises
        ------
        InputError
            The label is unknown or the log ends before the holdout does (a censored label).
        """
        if label not in _LINE_LABELS:
            raise unknown_name("label", label, _LINE_LABELS)
        if missing := sorted(_LINE_LABELS[label].needs - set(self.columns)):
            raise InputError(f"label {label!r} needs {missing}, which the log lacks. Found {self.columns}.")
        window.check_holdout(self.last)
        names = sorted({"amount", *_LINE_LABELS[label].needs})
        money = [f"cast(round({self.lasting(name)} * {MONEY_SCALE}) as bigint) as {name}" for name in names]
        lines = ", ".join(["cast(timestamp as date) as day", *money])
        rows = frame(
            self.connect().sql(
                f"select customer_id, {_LINE_LABELS[label].value} as label from (select customer_id, {lines} from log "
                f"where timestamp >= timestamp '{window.cutoff}' and timestamp < timestamp '{window.end}') group by all"
            )
        )
        return rows.set_index("customer_id")["label"].reindex(customers, fill_value=0.0).rename(label)

    def check(self, window: Window) -> None:
        """Raise InputError when the log cannot hold the window or fewer than 50 customers bought before its cutoff."""
        everybody = self._count("true")
        if everybody < MIN_CUSTOMERS:
            raise InputError(
                f"the log has {everybody} customers with a purchase, but at least {MIN_CUSTOMERS} are "
                "needed; use a longer or more complete log."
            )
        window.check(*self.span)
        customers = self._count(f"timestamp < timestamp '{window.cutoff}'")
        if customers < MIN_CUSTOMERS:
            raise InputError(
                f"{customers} customers bought before the cutoff {window.cutoff:%Y-%m-%d}, but at least "
                f"{MIN_CUSTOMERS} are needed; choose a later cutoff."
            )

    def _count(self, where: str) -> int:
        rows = self.connect().sql(f"select count(distinct customer_id) from log where {where}")
        return int(rows.fetchall()[0][0])

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the table only: a connection cannot travel to another process."""
        return Log, (self.table, self.holidays, self.attributes, self.contacts)


#: A log as functions take it.
AnyLog: TypeAlias = Log | Tabular


def check_clean_log(file: Path) -> None:
    """Raise InputError unless a Parquet file has the columns of a clean log, with their types."""
    con = connect()
    view(con, "log", file)
    kinds = dict(con.execute("select column_name, column_type from (describe log)").fetchall())
    missing = [name for name, column in TRANSACTIONS.columns.items() if column.required and name not in kinds]
    if missing:
        raise InputError(
            f"{file}: missing columns {missing}, found {sorted(kinds)}; give a clean log of `cltv data clean`, "
            "or other data with --data."
        )
    if not str(kinds["timestamp"]).startswith(("TIMESTAMP", "DATE")):
        raise InputError(
            f"{file}: column 'timestamp' holds {kinds['timestamp']} instead of timestamps; give a clean log of "
            "`cltv data clean`, or other data with --data."
        )
