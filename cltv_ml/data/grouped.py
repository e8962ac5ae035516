"""Reports that name a customer or an order once, on the first of its lines: the lines below are filled down."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from cltv_ml.data.parse import quote
from cltv_ml.data.questions import Question, QuestionsError
from cltv_ml.data.totals import TOTAL_WORDS

#: Names whose columns a report leaves blank below the first line; numbers are never filled down.
_FILLED = ("customer_id", "order_id", "timestamp", "status", "payment_status", "currency", "channel")

#: Blank customers below this share of the lines are guests, or missing.
_SHARE = 0.1


def fill_down(con: duckdb.DuckDBPyConnection, mapping: Mapping[str, str], told: bool | None) -> list[str]:
    """Fill the customers of a grouped report down in `raw`; return what to tell.

    Lines continue the line above where the order id is the same, or where the order id or the date are blank together
    with the customer, as no guest's are. Where only the customer is blank, customers of whom each is named once, in
    order, show a report; else the user is asked where each is named once. Rows that hold nothing but a name head their
    group; rows of totals are not filled, so that they are set aside.

    Parameters
    ----------
    told
        What the user says: `Rules.fill_down`.

    Raises
    ------
    QuestionsError
        Each customer is named once, but nothing shows whether the lines below are theirs.
    """
    customer = mapping.get("customer_id")
    if customer is None or told is False or not _often_blank(con, customer):
        return []
    others = [mapping[name] for name in ("order_id", "timestamp") if name in mapping]
    money = mapping.get("amount") or mapping.get("unit_price")
    _mark(con, customer, others, money, mapping)
    blank, together, same, filled, distinct, ordered, headings = con.execute(
        "select count(*) filter (where blank), count(*) filter (where blank and others_blank), "
        "count(*) filter (where blank and same_order), count(*) filter (where not blank), "
        "count(distinct customer), bool_and(customer >= before or before is null), count(*) filter (where heading) "
        "from marked where not total"
    ).fetchall()[0]
    if not blank or not filled:
        return []
    once = filled == distinct and filled >= 3
    if together >= 0.95 * blank:
        how = (
            "its order and date are blank as well"
            if len(others) > 1
            else "its date or order is blank as well"
        )
    elif same >= 0.95 * blank:
        how = "they belong to the same order"
    elif told or (once and (headings == filled or (ordered and blank >= filled))):
        how = "each customer is named once"
    elif once and blank >= 0.5 * filled:
        text = (
            f"column {customer!r} names each of {filled:,} customers once and is blank on {blank:,} lines; say --rule "
            "fill_down=true if those lines belong to the customer above, --rule fill_down=false if to nobody."
        )
        raise QuestionsError([Question(text, ("fill_down=true", "fill_down=false"))])
    else:
        return []
    _fill(con, [mapping[name] for name in _FILLED if name in mapping], same_order=how.startswith("they"))
    note = (
        f"Column {customer!r} is blank on {blank:,} lines that were read as the customer's above, because {how}; "
        "--rule fill_down=false leaves them without a customer."
    )
    return [note + (f" {headings:,} rows that hold only a name were read as headings." if headings else "")]


def _often_blank(con: duckdb.DuckDBPyConnection, customer: str) -> bool:
    """Whether the first lines name customers, but not all of them do."""
    [(rows, filled)] = con.execute(
        f"select count(*), count(*) filter (where {_is_filled(customer)}) from (from raw limit 2000)"
    ).fetchall()
    return 0 < filled <= (1 - _SHARE) * rows


def _is_filled(column: str) -> str:
    return f"coalesce(trim(cast({quote(column)} as varchar)), '') <> ''"


def _mark(
    con: duckdb.DuckDBPyConnection,
    customer: str,
    others: list[str],
    money: str | None,
    mapping: Mapping[str, str],
) -> None:
    """Make `marked`, what tells of each line whether it continues the one above."""
    names = [str(name) for name, *_ in con.execute("describe raw").fetchall() if str(name) != "source_row"]
    texts = [f'cast("{name.replace(chr(34), chr(34) * 2)}" as varchar)' for name in names]
    cells = " + ".join(f"cast(coalesce(trim({text}), '') <> '' as integer)" for text in texts)
    total = " or ".join(
        rf"coalesce(regexp_full_match(lower(trim({text})), '({TOTAL_WORDS})\b.*'), false)" for text in texts
    )
    no_others = " and ".join(f"not {_is_filled(column)}" for column in others) or "false"
    order = (
        f"nullif(trim(cast({quote(mapping['order_id'])} as varchar)), '')"
        if "order_id" in mapping
        else "null"
    )
    lone = f"not {_is_filled(mapping['product_id'])}" if "product_id" in mapping else "false"
    con.execute(
        "create or replace temp table marked as select *, "
        "lag(customer ignore nulls) over (partition by total order by source_row) as before, "
        "blank and order_id is not null and order_id = lag(order_id ignore nulls) over (order by source_row) "
        "as same_order "
        f"from (select source_row, not {_is_filled(customer)} as blank, "
        f"nullif(trim(cast({quote(customer)} as varchar)), '') as customer, {no_others} as others_blank, "
        f"{order} as order_id, {cells} = 1 and {_is_filled(customer)} as heading, "
        f"({total}) or ({_is_filled(money) if money else 'false'} and not {_is_filled(customer)} and {no_others} and "
        f"({lone} or {cells} <= 1)) as total from raw)"
    )


def _fill(con: duckdb.DuckDBPyConnection, columns: list[str], same_order: bool) -> None:
    """Replace `raw` by one with the columns filled down, without the rows that are headings."""
    which = "marked.same_order" if same_order else "marked.blank"
    filled = ", ".join(
        f"if({which} and not marked.total and not {_is_filled(column)}, last_value(if({_is_filled(column)}, "
        f"{quote(column)}, null) ignore nulls) over (order by source_row), {quote(column)}) as {quote(column)}"
        for column in columns
    )
    con.execute(
        "create or replace temp table filled as select * exclude (heading) from (select raw.* replace "
        f"({filled}), marked.heading from raw join marked using (source_row)) where not heading order by source_row"
    )
    kinds = con.execute(
        "select table_type from information_schema.tables where table_name = 'raw'"
    ).fetchall()
    con.execute(f"drop {'view' if kinds and kinds[0][0] == 'VIEW' else 'table'} raw")
    con.execute("alter table filled rename to raw")
