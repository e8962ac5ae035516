"""A raw table becomes a valid transaction log, a quarantine with a reason per line, and a report."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb
import pandas as pd
import pyarrow as pa

from cltv_ml.data.netting import net_returns
from cltv_ml.data.parse import Columns, quote
from cltv_ml.data.rules import REASONS, Rules
from cltv_ml.data.sources import Raw, read
from cltv_ml.engine import MONEY_SCALE, frame, literal
from cltv_ml.tables import TRANSACTIONS

_LIMIT = 1e12


@dataclass(frozen=True)
class Report:
    """What was understood, changed and set aside; money in the log's currency.

    Parameters
    ----------
    source
        What was read.
    mapping
        Standard name -> source column.
    rows_in, rows_out
        Lines of the source, lines of the log.
    money_in
        Sum of all readable amounts of the source, returns negative.
    money_kept
        Sum of the log.
    money_quarantined
        Sum of the lines set aside, those of the rule `cancellation` left out.
    money_netted
        Sales that cancellations and returns took away, plus those returns: zero when each was credited at
        its price.
    money_capped
        What winsorising took off.
    rules
        One row per rule: rows and money before it, rows and money it set aside.
    notes
        What a reader should know, one sentence each.
    """

    source: str
    mapping: dict[str, str]
    rows_in: int
    rows_out: int
    money_in: float
    money_kept: float
    money_quarantined: float
    money_netted: float
    money_capped: float
    rules: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cleaned:
    """The clean log, the lines set aside, and the report."""

    log: pd.DataFrame
    quarantine: pd.DataFrame
    report: Report


def clean(raw: Raw | pd.DataFrame | pa.Table, rules: Rules | None = None) -> Cleaned:
    """Return the valid log of a raw table, the quarantine and the report.

    No line is lost: each is in the log or in the quarantine, which names the rule it broke, and every
    amount is accounted for: `money_in = kept + quarantined + netted + capped`, checked on every run.

    Parameters
    ----------
    raw
        What `read` returns, or a pandas or Arrow table, which is read first.
    rules
        How to clean; None takes the settings of the source.

    Raises
    ------
    ValueError
        No date or no amount of the source can be read, day and month or the decimal sign are open, or
        the source holds several currencies without rates.

    >>> cleaned = clean(pd.DataFrame({
    ...     "customer_id": ["a", "a", None], "timestamp": ["2024-01-31"] * 3, "amount": ["9.50", "?", "1"],
    ... }))
    >>> cleaned.log
      customer_id  timestamp  amount
    0           a 2024-01-31     9.5
    >>> cleaned.quarantine[["source_row", "rule", "amount"]].values.tolist()
    [[2, 'bad_amount', '?'], [3, 'missing_customer', '1']]
    """
    if not isinstance(raw, Raw):
        raw = read(raw)
    rules = rules or raw.rules
    con = raw.con
    _read_lines(raw, rules)
    _check_readable(raw)
    if rules.applies("exact_duplicate"):
        _set_aside(con, "exact_duplicate", _DUPLICATES)
    _net(con, rules)
    if rules.applies("customer_total"):
        _set_aside(con, "customer_total", _RETURNED_MORE)
    return _collect(raw, _cap(con, rules))


#: Every line but the first of those that are equal in all columns.
_DUPLICATES = """
select source_row from (
    select source_row, row_number() over (
        partition by line_hash, customer_id, timestamp, amount order by source_row
    ) as number
    from lines where rule is null and line_hash in (
        select line_hash from lines where rule is null group by 1 having count(*) > 1
    )
) where number > 1
"""

#: What customers still have in the log who returned as much from outside it, or more.
_RETURNED_MORE = """
with returned as (
    select customer_id, sum(coalesce(reduced.money, lines.money)) as money from lines
    join aside using (source_row) left join reduced using (source_row)
    where aside.rule = 'return_without_order' group by 1
), bought as (
    select customer_id, sum(coalesce(reduced.money, lines.money)) as money from lines
    anti join aside using (source_row) left join reduced using (source_row)
    where rule is null and customer_id in (select customer_id from returned) group by 1
)
select source_row from lines anti join aside using (source_row)
where rule is null and customer_id in (
    select customer_id from bought join returned using (customer_id)
    where bought.money + returned.money <= 0
)
"""


def _read_lines(raw: Raw, rules: Rules) -> None:
    """Make the table `lines`: the standard columns, money in integers, and the rule a line breaks by itself."""
    con = raw.con
    columns = Columns(con, rules)
    values = _expressions(raw, columns)
    if rules.applies("exact_duplicate"):
        sources = ", ".join(quote(name) for name in columns.kinds if name != "source_row")
        values["line_hash"] = f"hash({sources})"
    selected = ", ".join(f"{expression} as {name}" for name, expression in values.items())
    quantity = "quantity" if "quantity" in values else "null"
    con.execute(
        f"create or replace temp table lines as select *, {_rule(rules, set(values), raw.read_at)} as rule "
        f"from (select *, coalesce(amount < 0 or {quantity} < 0, false) as is_return, "
        f"if(abs(amount) < {_LIMIT}, cast(round(amount * {MONEY_SCALE}) as bigint), null) as money "
        f"from (select source_row, {selected} from raw))"
    )
    con.execute(
        "create or replace temp table aside as select source_row, rule from lines where rule is not null "
        "union all select source_row, 'broken_line' from broken_lines"
    )


def _expressions(raw: Raw, columns: Columns) -> dict[str, str]:
    """Return the SQL of each standard column that the source has or that follows from others."""
    mapping = raw.mapping
    columns.check_one_currency(mapping.get("amount", mapping.get("unit_price", "")))
    values = {
        name: _READ_AS[column.kind](columns, mapping[name])
        for name, column in TRANSACTIONS.columns.items()
        if name in mapping
    }
    number = {
        name: columns.number(mapping[name])
        for name in ("unit_price", "unit_cost", "profit")
        if name in mapping
    }
    if "amount" not in mapping:
        values["amount"] = f"({values['quantity']}) * ({number['unit_price']})"
    if "currency" in mapping:
        values["currency"] = columns.identifier(mapping["currency"])
        values["amount"] = _converted(raw, values, columns.rules)
    if "cancels" in mapping:
        values["cancels"] = columns.identifier(mapping["cancels"])
    if "cost" not in values and "unit_cost" in number and "quantity" in values:
        values["cost"] = f"({values['quantity']}) * ({number['unit_cost']})"
    elif "cost" not in values and "profit" in number:
        values["cost"] = f"({values['amount']}) - ({number['profit']})"
    return values


_READ_AS = {"string": Columns.identifier, "timestamp": Columns.timestamp, "number": Columns.number}


def _converted(raw: Raw, values: dict[str, str], rules: Rules) -> str:
    """Return SQL for the amount in the log's one currency."""
    found = [
        str(name)
        for (name,) in raw.con.execute(
            f"select distinct {values['currency']} as name from raw where name is not null order by 1"
        ).fetchall()
    ]
    missing = [name for name in found if name not in rules.rates]
    if missing and (len(found) > 1 or rules.rates):
        raise ValueError(
            f"column {raw.mapping['currency']!r} holds the currencies {found[:10]}, without a rate for "
            f"{missing[0]!r}; give rates, for example {{{missing[0]!r}: 1.0}}, or read one currency at a time."
        )
    if not rules.rates:
        return values["amount"]
    rates = " ".join(f"when {literal(name)} then {rules.rates[name]!r}" for name in found)
    return f"({values['amount']}) * (case {values['currency']} {rates} end)"


def _rule(rules: Rules, columns: set[str], read_at: pd.Timestamp) -> str:
    """Return SQL for the first rule that a line breaks by itself."""
    tests = {
        "missing_customer": "customer_id is null",
        "bad_date": "timestamp is null or year(timestamp) < 1900",
        "future_date": f"timestamp > timestamp '{read_at + pd.Timedelta(days=1)}'",
        "bad_amount": "money is null",
    }
    if "quantity" in columns:
        tests["contradictory_signs"] = "quantity < 0 and amount > 0"
    if "currency" in columns and len(rules.rates) > 1:
        tests["unknown_currency"] = "currency is null"
    if rules.non_products and "product_id" in columns:
        tests["non_product"] = _matches("product_id", rules.non_products)
    coded = [name for name in ("order_id", "product_id") if name in columns]
    if rules.adjustments and coded:
        tests["adjustment"] = " or ".join(_matches(name, rules.adjustments) for name in coded)
    broken = " ".join(f"when {test} then '{name}'" for name, test in tests.items() if rules.applies(name))
    return f"case {broken} end"


def _matches(column: str, patterns: tuple[str, ...]) -> str:
    return f"coalesce(regexp_full_match({column}, {literal('|'.join(patterns))}, 'i'), false)"


def _check_readable(raw: Raw) -> None:
    """Raise ValueError when a required column holds nothing that can be read."""
    counts = raw.con.execute(
        "select count(customer_id), count(timestamp), count(money) from lines"
    ).fetchall()[0]
    wanted = {"customer_id": "an identifier", "timestamp": "a date", "amount": "an amount"}
    for (name, kind), count in zip(wanted.items(), counts, strict=True):
        column = raw.mapping.get(name, raw.mapping.get("unit_price", ""))
        if count == 0:
            [(value,)] = raw.con.execute(
                f"select {quote(column)} from raw order by source_row limit 1"
            ).fetchall()
            raise ValueError(
                f"column {column!r} was read as {name}, but none of its values is {kind}, for example "
                f"{str(value)[:50]!r}; map another column to {name}."
            )


def _set_aside(con: duckdb.DuckDBPyConnection, rule: str, query: str) -> None:
    con.execute(f"insert into aside select source_row, '{rule}' from ({query})")


def _net(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Take returns off their purchases; set aside what is undone and what matches nothing."""
    con.execute("create or replace temp table reduced (source_row bigint, units_share double, money bigint)")
    if not con.execute("select 1 from lines where is_return and rule is null limit 1").fetchall():
        return
    if rules.applies("cancellation"):
        net_returns(con, [str(name) for name, *_ in con.execute("describe lines").fetchall()])
        _set_aside(con, "cancellation", "select source_row from reduced where undone")
    _set_aside(
        con,
        "return_without_order",
        "select source_row from lines anti join aside using (source_row) where rule is null and is_return",
    )


def _cap(con: duckdb.DuckDBPyConnection, rules: Rules) -> int | None:
    """Return the amount, in integer minor units, above which lines are capped."""
    if rules.winsorise is None:
        return None
    middle = "select median(ln(money)) from kept"
    [(cap,)] = con.execute(
        "with kept as (select money from lines anti join aside using (source_row) where rule is null and money > 0) "
        f"select exp(({middle}) + {rules.winsorise!r} * 1.4826 * median(abs(ln(money) - ({middle})))) from kept"
    ).fetchall()
    return None if cap is None else round(cap)


def _collect(raw: Raw, cap: int | None) -> Cleaned:
    """Return the log, the quarantine and the report, once all rules have run."""
    con = raw.con
    log = frame(con.sql(_log_query(con, cap)))
    quarantine = con.sql(_quarantine_query(raw)).to_arrow_table().to_pandas(types_mapper=_WHOLE.get)
    return Cleaned(TRANSACTIONS.check(log), quarantine, _report(raw, log, cap))


#: Whole numbers of the source stay whole in the quarantine, also beside missing ones.
_WHOLE = {pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}


def _log_query(con: duckdb.DuckDBPyConnection, cap: int | None) -> str:
    """Return the query of the clean log, in the order of the source."""
    present = {str(name) for name, *_ in con.execute("describe lines").fetchall()}
    columns = [name for name in TRANSACTIONS.columns if name in present]
    values = {name: name for name in columns}
    tables = "lines anti join aside using (source_row)"
    if con.execute("select 1 from reduced limit 1").fetchall():
        tables += " left join reduced using (source_row)"
        values["amount"] = f"coalesce(reduced.money / {MONEY_SCALE}.0, amount)"
        for name in ("quantity", "cost", "discount"):
            if name in columns:
                values[name] = f"{name} * coalesce(units_share, 1)"
    if cap is not None:
        values["amount"] = f"least({values['amount']}, {cap} / {MONEY_SCALE}.0)"
    selected = ", ".join(f"{value} as {name}" for name, value in values.items())
    return f"select {selected} from {tables} where rule is null order by source_row"


def _quarantine_query(raw: Raw) -> str:
    """Return the query of the quarantine: rule, reason, customer and the source's own columns."""
    reasons = " ".join(f"when {literal(name)} then {literal(reason)}" for name, reason in REASONS.items())
    described = raw.con.execute("describe raw").fetchall()
    columns = [str(name) for name, *_ in described if name != "source_row"]
    originals = [f"raw.{quote(name)} as {quote(_beside_ours(name))}" for name in columns]
    if raw.con.execute("select 1 from broken_lines limit 1").fetchall():
        originals.append("line")
    return (
        f"select source_row, aside.rule, case aside.rule {reasons} end as reason, lines.customer_id, "
        f"{', '.join(originals)} from aside left join lines using (source_row) "
        "left join raw using (source_row) left join broken_lines using (source_row) order by source_row"
    )


def _beside_ours(name: str) -> str:
    return f"{name}_source" if name.lower() == "customer_id" else name


def _report(raw: Raw, log: pd.DataFrame, cap: int | None) -> Report:
    """Return the report; raise when money was lost, which would be a fault of this program."""
    con = raw.con
    rows_in, money_in = con.execute("select count(*), coalesce(sum(money), 0) from lines").fetchall()[0]
    [(broken,)] = con.execute("select count(*) from broken_lines").fetchall()
    [(netted,)] = con.execute(
        "select coalesce(sum(lines.money - reduced.money), 0) from reduced join lines using (source_row)"
    ).fetchall()
    aside = con.execute(
        "select aside.rule, count(*), coalesce(sum(coalesce(reduced.money, lines.money)), 0) from aside "
        "left join lines using (source_row) left join reduced using (source_row) group by 1"
    ).fetchall()
    quarantined = sum(money for rule, _, money in aside if rule != "cancellation")
    kept = _total(con, log)
    capped = 0 if cap is None else _capped(con, cap)
    rows_aside = sum(rows for _, rows, _ in aside)
    if money_in != kept + quarantined + netted + capped or rows_in + broken != len(log) + rows_aside:
        raise RuntimeError(
            f"{raw.source}: {money_in} in, but {kept} kept, {quarantined} quarantined, {netted} netted and "
            f"{capped} capped; please report this as a fault of cltv_ml."
        )
    taken = {rule: (rows, netted if rule == "cancellation" else money) for rule, rows, money in aside}
    taken.setdefault("cancellation", (0, netted))
    return Report(
        source=raw.source,
        mapping=dict(raw.mapping),
        rows_in=rows_in + broken,
        rows_out=len(log),
        money_in=money_in / MONEY_SCALE,
        money_kept=kept / MONEY_SCALE,
        money_quarantined=quarantined / MONEY_SCALE,
        money_netted=netted / MONEY_SCALE,
        money_capped=capped / MONEY_SCALE,
        rules=_rule_table(taken, rows_in + broken, money_in),
    )


def _total(con: duckdb.DuckDBPyConnection, log: pd.DataFrame) -> int:
    """Return the log's revenue in integer minor units, as every later room sums it."""
    con.register("log", pa.table({"amount": pa.array(log["amount"])}))
    [(total,)] = con.execute(f"select sum(cast(round(amount * {MONEY_SCALE}) as bigint)) from log").fetchall()
    con.unregister("log")
    return int(total or 0)


def _capped(con: duckdb.DuckDBPyConnection, cap: int) -> int:
    [(capped,)] = con.execute(
        f"select sum(greatest(coalesce(reduced.money, lines.money) - {cap}, 0)) from lines "
        "anti join aside using (source_row) left join reduced using (source_row) where rule is null"
    ).fetchall()
    return int(capped or 0)


def _rule_table(taken: dict[str, tuple[int, int]], rows: int, money: int) -> pd.DataFrame:
    """Return one row per rule in the order applied: what was there before it and what it set aside."""
    table = []
    for rule in REASONS:
        out, out_money = taken.get(rule, (0, 0))
        table.append((rule, rows, money / MONEY_SCALE, out, out_money / MONEY_SCALE))
        rows, money = rows - out, money - out_money
    return pd.DataFrame(table, columns=["rule", "rows_before", "money_before", "rows", "money"])
