"""Output queries of a cleaning: the log (per line or per order) and the quarantine."""

from __future__ import annotations

from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import REASONS
from cltv_ml.columns.source_columns import quote
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.data.revisited import Revisited
from cltv_ml.engine import MONEY_SCALE, Relation, keep, literal, quoted
from cltv_ml.tables import TRANSACTIONS

#: Name of the column with the normalised customer id, next to the source's own columns.
_CUSTOMER = quoted("customer_id as read")


def log_query(
    lines: Lines, revisited: Revisited, aside: Aside, reduced: Relation, cap: int | None, grain: str
) -> str:
    """Return the query of the clean log, in the order of the source."""
    columns = [name for name in TRANSACTIONS.columns if name in lines.columns]
    values = {name: name for name in columns}
    left = f"{_selected(values, cap)} from {lines.parsed} anti join {aside} using (source_row)"
    if reduced.count():
        changed = {"amount": f"shrunk.money / {MONEY_SCALE}.0"}
        changed |= {
            name: f"{name} * units_share" for name in ("quantity", "cost", "discount") if name in columns
        }
        # Two joins, one of them over few lines, are cheaper than one join that carries changes for all lines.
        shrunk = keep(reduced.con, "shrunk", f"from {reduced} anti join {aside} using (source_row)")
        revisited.add(f"select source_row from {shrunk}")
        left = (
            f"{left} anti join {shrunk} using (source_row) union all "
            f"{_selected(values | changed, cap)} from {revisited.parsed} join {shrunk} as shrunk using (source_row)"
        )
    if grain == "line":
        return f"select * exclude (source_row) from ({left}) order by source_row"
    undated = "order_id" in columns and lines.parsed.holds("order_id is null")
    return _orders_query(columns, left, undated)


def _selected(values: dict[str, str], cap: int | None) -> str:
    if cap is not None:
        values = values | {"amount": f"least({values['amount']}, {cap} / {MONEY_SCALE}.0)"}
    return "select source_row, " + ", ".join(f"{value} as {name}" for name, value in values.items())


def _orders_query(columns: list[str], lines: str, some_without: bool) -> str:
    """Return the query that sums a log to one row per order, in no particular order."""
    money = f"cast(sum(cast(round(amount * {MONEY_SCALE}) as bigint)) as bigint) / {MONEY_SCALE}.0"
    values = {"customer_id": "customer_id", "timestamp": "min(timestamp)", "amount": money}
    values |= {name: f"sum({name})" for name in ("quantity", "discount", "cost") if name in columns}
    key, day = "", "cast(timestamp as date)"
    if "order_id" in columns:
        values["order_id"] = key = "order_id"
    if not key or some_without:
        key = f"{key}, if(order_id is null, {day}, null)" if key else day
    selected = ", ".join(f"{value} as {name}" for name, value in values.items())
    return f"select {selected} from ({lines}) group by customer_id, {key}"


def quarantine_query(raw: Raw, lines: Lines, revisited: Revisited, aside: Aside) -> str:
    """Return the query of the quarantine: rule, reason, customer and the source's own columns."""
    reasons = " ".join(f"when {literal(name)} then {literal(reason)}" for name, reason in REASONS.items())
    originals = [f"raw.{quote(name)} as {quoted(_beside_ours(name))}" for name in raw.columns]
    if raw.broken.count():
        originals.append("line")
    revisited.add_aside(aside)
    named = f"(select *, {lines.customer} as {_CUSTOMER} from {revisited.raw})"
    return (
        f"select source_row + 1 as source_row, aside.rule, case aside.rule {reasons} end as reason, "
        f"raw.{_CUSTOMER} as customer_id, {', '.join(originals)} from {aside} as aside "
        f"left join {named} as raw using (source_row) "
        f"left join {raw.broken} as broken_lines using (source_row) order by 1"
    )


def _beside_ours(name: str) -> str:
    ours = ("source_row", "rule", "reason", "customer_id", "line")
    return f"{name}_source" if name.lower() in ours else name
