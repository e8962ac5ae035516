"""Tables of refunds next to or below the sales, with headings of their own: read as negative lines of the sales."""

from __future__ import annotations

from collections.abc import Mapping

from cltv_ml.columns.grouped import find_second_table
from cltv_ml.columns.mapping import REQUIRED
from cltv_ml.columns.proposal import complete
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation, keep, quoted, show
from cltv_ml.errors import InputError
from cltv_ml.sources.frames import MARK
from cltv_ml.sources.parts import holds_no_sales, without_refund

#: Names that a line of a refund has of its own; what it says of its state is about the refund.
_TAKEN = (
    *REQUIRED,
    "order_id",
    "product_id",
    "category",
    "quantity",
    "unit_price",
    "currency",
    "channel",
    "cancels",
)


def add_refunds(
    sales: Relation, refunds: Relation, name: str, mapping: Mapping[str, str]
) -> tuple[Relation, str]:
    """Return the lines of sales with those of a table of refunds, each with its columns, and a note.

    Parameters
    ----------
    name
        Of the table of refunds.
    mapping
        Standard name -> column of the sales.

    Raises
    ------
    InputError
        No column of the refunds can be their date, amount, or customer or order.
    """
    columns = [column.removeprefix(MARK) for column in refunds.kinds if column.startswith(MARK)]
    shared = {of: column for of, column in mapping.items() if column in columns and of in _TAKEN}
    theirs = shared | {
        of: column for of, column in _propose(refunds, columns, shared).items() if of not in shared
    }
    wanted = [of for of in ("timestamp", "amount") if of in mapping and of not in theirs]
    wanted += ["customer_id"] if not {"customer_id", "order_id", "cancels"} & set(theirs) else []
    if wanted:
        raise InputError(
            f"{name!r} seems to hold refunds, but none of its columns can be their {', '.join(wanted)}: {columns}. "
            "Give them the headings of the sales, or add them to the sales as negative lines."
        )
    if "cancels" in theirs and "cancels" not in mapping:  # a refund's own number is no order's
        theirs["order_id"] = theirs.pop("cancels")
    values = {
        mapping[of]: _value_of_refund(of, column, mapping) for of, column in theirs.items() if of in mapping
    }
    kept = [column for column in sales.kinds if column != "source_row"]
    ours = ", ".join(
        f"cast({values.get(column.removeprefix(MARK), 'null')} as {sales.kinds[column]}) as {quoted(column)}"
        for column in kept
    )
    table = keep(
        sales.con,
        "rows",
        f"select {', '.join(map(quoted, kept))}, source_row from {sales} union all select {ours}, source_row + "
        f"(select coalesce(max(source_row), -1) + 1 from {sales}) from {refunds} order by source_row",
    )
    named = ", ".join(
        f"{column!r} as {mapping[of]!r}"
        for of, column in theirs.items()
        if of in mapping and column != mapping[of]
    )
    note = f"The {refunds.count():,} lines of {name!r} were read as refunds and subtracted"
    return table, f"{note}, with {named}." if named else f"{note}."


def _propose(refunds: Relation, columns: list[str], shared: Mapping[str, str]) -> dict[str, str]:
    """Return standard name -> column of a table of refunds, read as if its headings did not say so."""
    plain = {
        column: without_refund(column) or "Amount" for column in columns if column not in shared.values()
    }
    own = {name: column for column, name in plain.items() if list(plain.values()).count(name) == 1}
    own |= {column: column for column in columns if column not in own.values()}
    renamed = ", ".join(f"{quote(column)} as {quoted(MARK + name)}" for name, column in own.items())
    neutral = show(refunds.con, "refund_rows", f"select {renamed}, source_row from {refunds}")
    names = {column: name for name, column in own.items()}
    proposed = complete(neutral, {of: names[column] for of, column in shared.items()}).mapping
    return {of: own[name] for of, name in proposed.items() if of in _TAKEN}


def _value_of_refund(of: str, column: str, mapping: Mapping[str, str]) -> str:
    """Return SQL for a value of a refund: money with a minus sign, or the quantity where money is computed from it."""
    if of != ("amount" if "amount" in mapping else "quantity"):
        return quote(column)
    text = f"trim(cast({quote(column)} as varchar))"
    signed = f"regexp_matches({text}, '[-\u2212\u2013(]')"
    return f"if({text} = '' or {signed}, {text}, '-' || {text})"


def split_refunds(table: Relation, mapping: Mapping[str, str]) -> tuple[Relation, Relation | None, str]:
    """Return the lines of sales, a table of refunds that stands below them, and its title; None if there is none.

    Raises
    ------
    InputError
        Another table stands below them.
    """
    second = find_second_table(table, mapping)
    if second is None:
        return table, None, ""
    row, headed = second
    names = [name for name, kind in table.kinds.items() if kind == "VARCHAR"]
    cells = ", ".join(f"coalesce(trim({quoted(name)}), '')" for name in names)
    above, headings = (
        [list(found) for found in table.rows(f"select {cells} from {table} where source_row = {number}")]
        for number in (f"(select max(source_row) from {table} where source_row < {row})", row)
    )
    titles = [cell for cell in above[0] if cell] if above else []
    title = titles[0] if len(titles) == 1 else ""
    if not holds_no_sales(" ".join([title, *headings[0]])):
        raise InputError(
            f"the source contains a second table with the columns {headed[:6]}, starting at row {row + 1} below "
            "the header. Put each table into a separate file."
        )
    renamed = ", ".join(
        f"{quoted(name)} as {quoted(MARK + heading)}"
        for name, heading in zip(names, headings[0], strict=True)
        if heading
    )
    refunds = keep(
        table.con, "refund_rows", f"select {renamed}, source_row from {table} where source_row > {row}"
    )
    last = f"(select max(source_row) from {table} where source_row < {row})" if title else row
    sales = keep(table.con, "rows", f"from {table} where source_row < {last}")
    return sales, refunds, title or headings[0][0]
