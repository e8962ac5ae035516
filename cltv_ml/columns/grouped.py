"""Grouped reports, which name a customer or order only on its first line; the blanks below are filled down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cltv_ml.columns.candidates import named
from cltv_ml.columns.kinds import first_lines, look
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question, QuestionsError
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.words import TOTAL_WORDS
from cltv_ml.engine import Relation, keep, quoted
from cltv_ml.errors import InputError
from cltv_ml.sources.frames import MARK

#: Names whose columns a report leaves blank below the first line; numbers are never filled down.
_FILLED = ("customer_id", "order_id", "timestamp", "status", "payment_status", "currency", "channel")

#: Labels of rows that contain the count or mean of their group.
_COUNT_WORDS = ("count", "record count", "average", "avg", "anzahl", "nombre", "mittelwert")

#: The column of the headings of groups that stood among the days.
HEADING_OF_GROUP = "group heading"

#: Reports with more columns have no such headings.
_WIDEST_REPORT = 60

#: Below this share of the lines, blank customers are guests or missing.
_SHARE = 0.1

#: Lines of a block in which customers may be named once for several lines; only part of a source may be grouped.
_LINES_AT_ONCE = 2000
_FEWEST_BLANK = 3


def fill_down(table: Relation, mapping: Mapping[str, str], answer: bool | None) -> tuple[Relation, list[str]]:
    """Return the lines of a source with the customers of a grouped report filled down, and notes.

    A line continues the one above if its order names a customer elsewhere, or if its order id or date is blank as well;
    guests' lines have both. If only the customer is blank, the source is a report if each customer is named once and
    the names are sorted; if each is named once but unsorted, the user is asked. A row with only a name is the heading
    of its group. Rows of totals are not filled, so they are quarantined.

    Parameters
    ----------
    answer
        The user's answer: `Rules.fill_down`.

    Raises
    ------
    InputError
        A second table stands next to the first.
    QuestionsError
        Each customer is named once, but it is unclear whether the lines below are theirs.
    """
    _check_nothing_beside(table, mapping)
    table, notes = _fill_days(table, mapping, answer)
    customer = mapping.get("customer_id")
    if customer is None or answer is False or not _often_blank(table, customer):
        return table, notes
    key_columns = [mapping[name] for name in ("order_id", "timestamp") if name in mapping]
    money = mapping.get("amount") or mapping.get("unit_price")
    marked = _mark_continued(table, customer, key_columns, money, mapping)
    blank, together, same, filled, distinct, ordered, headings = marked.row(
        "select count(*) filter (where blank), count(*) filter (where blank and others_blank), "
        "count(*) filter (where blank and same_order), count(*) filter (where not blank), "
        "count(distinct customer), bool_and(customer >= before or before is null), count(*) filter (where heading) "
        f"from {marked} where not total"
    )
    if not blank or not filled:
        return table, notes
    once = filled == distinct and (filled >= 3 or headings == filled)
    if together >= 0.95 * blank:
        reason = f"its {'order and date are' if len(key_columns) > 1 else 'date or order is'} blank as well"
    elif same >= 0.95 * blank:
        reason = "they belong to the same order"
    elif answer or (once and (headings == filled or (ordered and blank >= filled))):
        reason = "each customer is named once"
    elif once and blank >= 0.5 * filled:
        text = (
            f"column {customer!r} names each of {filled:,} customers once and is blank on {blank:,} lines. "
            "Use --rule fill_down=true if those lines belong to the customer above, or --rule "
            "fill_down=false if they have no customer."
        )
        raise QuestionsError([Question(text, ("fill_down=true", "fill_down=false"))])
    else:
        return table, notes
    columns = {name: mapping[name] for name in _FILLED if name in mapping}
    starts = "not (blank and others_blank)" if together >= 0.95 * blank else "not blank"
    filled_down = _fill(table, marked, columns, starts, same_order=reason.startswith("they"))
    note = (
        f"Column {customer!r} is blank on {blank:,} lines, which were assigned to the customer above because "
        f"{reason} (--rule fill_down=false leaves them without a customer)."
    )
    note += f" {headings:,} rows with only a name were read as headings." if headings else ""
    return filled_down, [*notes, note]


def _fill_days(
    table: Relation, mapping: Mapping[str, str], answer: bool | None
) -> tuple[Relation, list[str]]:
    """Return the lines of a report by day, which names each day once and ends it with a total, with each line's day."""
    time, customer = mapping.get("timestamp"), mapping.get("customer_id")
    if not time or not customer or answer is False or table.kinds[MARK + time] != "VARCHAR":
        return table, []
    cells = ", ".join(
        f"lower(trim(cast({quoted(name)} as varchar)))" for name in table.kinds if name != "source_row"
    )
    total = rf"len(list_filter([{cells}], lambda cell: regexp_full_match(cell, '({TOTAL_WORDS})\b.*'))) > 0"
    blank = f"not {_is_filled(time)} and {_is_filled(customer)}"
    [lines] = table.row(f"select count(*) filter (where {blank}) from {table}")
    if not lines:
        return table, []
    days, distinct, totals = table.row(
        "select count(*) filter (where not total), count(distinct day) filter (where not total), "
        f"count(*) filter (where total) from (select {total} as total, {quote(time)} as day, "
        f"{_is_filled(time)} as dated from {table}) where dated or total"
    )
    if days != distinct or days < 3 or not (answer or totals >= 0.5 * days):
        return table, []
    day = f"if({_is_filled(time)} and not ({total}), {quote(time)}, null)"
    filled = f"if({blank}, last_value({day} ignore nulls) over (order by source_row), {quote(time)})"
    note = (
        f"Column {time!r} names each day once and is blank on {lines:,} lines, which were given the day above (--rule "
        "fill_down=false leaves them without a day)."
    )
    return keep(
        table.con, "rows", f"select * replace ({filled} as {quote(time)}) from {table} order by source_row"
    ), [note]


def _check_nothing_beside(table: Relation, mapping: Mapping[str, str]) -> None:
    """Raise InputError if mapped columns stand on both sides of an empty one, and many rows fill only one side."""
    columns = [name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)]
    inner = enumerate(columns[:-2])  # a single column behind is no table, but one that reading has made
    gaps = [place for place, name in inner if name == f"column_{place + 1}" and place]
    for place in gaps:
        left, right = (
            [name for name in side if name in mapping.values()] for side in (columns[:place], columns[place:])
        )
        if not left or not right or table.holds(_any_filled(columns[place : place + 1])):
            continue
        lonely = f"({_any_filled(columns[:place])}) <> ({_any_filled(columns[place:])})"
        rows, alone = table.row(f"select count(*), count(*) filter (where {lonely}) from {table}")
        if alone > _SHARE * rows:
            raise InputError(
                f"two tables seem to stand side by side, with an empty column between {columns[:place][-6:]} and "
                f"{columns[place + 1 :][:6]}: {alone:,} of {rows:,} rows fill only one of them. Put each table into a "
                "separate file, or delete the empty column if they are one table."
            )


def _any_filled(columns: Sequence[str]) -> str:
    """Return SQL for whether a row fills any of these columns."""
    return " or ".join(f"coalesce(trim(cast({quote(column)} as varchar)), '') <> ''" for column in columns)


def find_second_table(table: Relation, mapping: Mapping[str, str]) -> tuple[int, list[str]] | None:
    """Return the row that names the columns of a second table below the first, and these names; None without one.

    In such a row the date, the amount and all other cells are words, no two of them equal, and numbers follow below.
    """
    required = [mapping[name] for name in ("timestamp", "amount") if name in mapping]
    if len(required) < 2 or any(table.kinds[MARK + column] != "VARCHAR" for column in required):
        return None
    cells = ", ".join(f"trim({quoted(name)})" for name, kind in table.kinds.items() if kind == "VARCHAR")
    words = " and ".join(f"{quote(column)} >= ':'" for column in required)
    rows = table.rows(
        f"select source_row, list_filter(listed, lambda cell: cell <> '') as cells from (select source_row, [{cells}] "
        f"as listed from {table} where {words}) where source_row > 0 and len(cells) > 2 "
        r"and len(list_distinct(cells)) = len(cells) and not regexp_matches(array_to_string(cells, ' '), '\d') limit 1"
    )
    for row, names in rows:
        customer_here = (
            f"(select {quote(mapping.get('customer_id', required[0]))} from {table} where source_row = {row})"
        )
        again = f"source_row <> {row} and {quote(mapping.get('customer_id', required[0]))} = {customer_here}"
        if table.holds(
            f"source_row > {row} and regexp_matches({quote(required[1])}, '\\d')"
        ) and not table.holds(again):
            return int(row), list(names)
    return None


def _often_blank(table: Relation, customer: str) -> bool:
    """Whether some block of lines names customers, but not all of them do."""
    cell = quote(customer)
    filled = f"{cell} is not null"
    if table.kinds[MARK + customer] == "VARCHAR":
        filled = f"case when {cell} >= '!' then true else {_is_filled(customer)} end"
    named = f"count(*) filter ({filled})"
    return table.holds(
        f"true group by source_row // {_LINES_AT_ONCE} having {named} between 1 and {1 - _SHARE} * count(*) "
        f"and (min(source_row) < {_LINES_AT_ONCE} or count(*) - {named} >= {_FEWEST_BLANK})"
    )


def _is_filled(column: str) -> str:
    return f"coalesce(trim(cast({quote(column)} as varchar)), '') <> ''"


def _mark_continued(
    table: Relation,
    customer: str,
    key_columns: list[str],
    money: str | None,
    mapping: Mapping[str, str],
) -> Relation:
    """Mark each line that continues the one above."""
    cells = ", ".join(
        f"lower(trim(cast({quoted(name)} as varchar)))" for name in table.kinds if name != "source_row"
    )
    keys_blank = " and ".join(f"not {_is_filled(column)}" for column in key_columns) or "false"
    order = (
        f"nullif(trim(cast({quote(mapping['order_id'])} as varchar)), '')"
        if "order_id" in mapping
        else "null"
    )
    lone = f"not {_is_filled(mapping['product_id'])}" if "product_id" in mapping else "false"
    return keep(
        table.con,
        "marked",
        "select *, "
        "lag(customer ignore nulls) over (partition by total order by source_row) as before, "
        # The order of the last line with a customer: none of the lines of a guest's order names a customer.
        "blank and order_id = last_value(if(blank, null, order_id) ignore nulls) over (order by source_row) "
        "as same_order "
        # Cells as a list: one term per column would take a gigabyte for 300 columns.
        f"from (select * exclude (cells, filled, alone, paid), filled = 1 and not blank as heading, "
        rf"len(list_filter(cells, lambda cell: regexp_full_match(cell, '({TOTAL_WORDS})\b.*'))) > 0 or (blank and "
        f"(len(list_filter(cells, lambda cell: cell in {_COUNT_WORDS})) > 0 "
        "or (paid and others_blank and (alone or filled <= 1)))) as total "
        "from (select *, len(list_filter(cells, lambda cell: cell <> '')) as filled "
        f"from (select source_row, [{cells}] as cells, not {_is_filled(customer)} as blank, "
        f"nullif(trim(cast({quote(customer)} as varchar)), '') as customer, {keys_blank} as others_blank, "
        f"{order} as order_id, {lone} as alone, {_is_filled(money) if money else 'false'} as paid from {table})))",
    )


def _fill(
    table: Relation, marked: Relation, columns: Mapping[str, str], starts: str, same_order: bool
) -> Relation:
    """Return the lines with the columns filled down, without the rows that are headings.

    A status stays within the lines of its order, because the first line of another one may leave it blank.
    """
    which = "marked.same_order" if same_order else "marked.blank"
    order = "order_id" if same_order else f"sum(if({starts}, 1, 0)) over (order by source_row)"
    filled = ", ".join(
        f"if({which} and not marked.total and not {_is_filled(column)}, last_value(if({_is_filled(column)}, "
        f"{quote(column)}, null) ignore nulls) over ({'partition by marked.lines_of ' * name.endswith('status')}"
        f"order by source_row), {quote(column)}) as {quote(column)}"
        for name, column in columns.items()
    )
    return keep(
        table.con,
        "rows",
        f"select * exclude (heading) from (select raw.* replace ({filled}), marked.heading from {table} as raw "
        f"join (select *, {order} as lines_of from {marked}) as marked using (source_row)) "
        "where not heading order by source_row",
    )


def split_labels(table: Relation) -> tuple[Relation, list[str]]:
    """Return the lines of a report whose first column names a group, then its days, with a column of groups; a note.

    Each group's number must be the sum of those of its days, as in a compact pivot table; else the table stays.

    >>> from cltv_ml.data import clean, read
    >>> import pandas as pd
    >>> rows = [["Ann", 9.5], ["2025-01-31", 4.5], ["2025-02-03", 5.0], ["Bob", 2.0], ["2025-02-07", 2.0], ["All", 11]]
    >>> report = pd.DataFrame(rows, columns=["Row Labels", "Sum of Sales"])
    >>> clean(read(report, {"customer_id": "group heading"})).log["customer_id"].tolist()
    ['Ann', 'Ann', 'Bob']
    """
    columns = [name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)]
    first = first_lines(table)
    kinds = look(first) if len(columns) > 1 else {}
    numbers = [column for column in columns[1:] if kinds.get(column) == "number"]
    dated = [column for column in columns[1:] if kinds.get(column) == "timestamp"]
    if not numbers or kinds[columns[0]] == "number":
        return table, []
    if dated:
        return _split_headings(table, first, columns, dated[0])
    reading = Columns(first, Rules(), ask=False)
    day, value = reading.timestamp(columns[0]), reading.number(numbers[0])
    text = f"nullif(trim(cast({quote(columns[0])} as varchar)), '')"
    label, over = f"if({day} is null, {text}, null)", "over (order by source_row)"
    alone = f"if({_any_filled(columns[1:])}, null, {label})"
    if _heads(first, f"select {alone} as label, {day} as day, source_row from {first}"):
        label = alone
    elif not _add_up(
        first, f"select count({label}) {over} as label, {day} as day, {value} as v from {first}"
    ):
        return table, []
    return _split_off(table, label), [
        f"Column {columns[0]!r} names groups above their days; they were put into column {HEADING_OF_GROUP!r}."
    ]


def _split_headings(
    table: Relation, first: Relation, columns: Sequence[str], dated: str
) -> tuple[Relation, list[str]]:
    """Return the lines of a report with rows that hold only a name above the documents of each group."""
    if len(columns) > _WIDEST_REPORT or named(
        "customer_id", columns[:1]
    ):  # `fill_down` reads customers above their lines
        return table, []
    text = f"nullif(trim(cast({quote(columns[0])} as varchar)), '')"
    label = f"if({_any_filled(columns[1:])}, null, {text})"
    if not first.holds(f"{label} is not null"):
        return table, []
    day = Columns(first, Rules(), ask=False).timestamp(dated)
    [unnamed] = first.row(f"select count(*) from {first} where {day} is not null and {text} is null")
    if unnamed or not _heads(first, f"select {label} as label, {day} as day, source_row from {first}"):
        return table, []
    return _split_off(table, label), [
        f"Column {columns[0]!r} names groups in rows of their own; they were put into column {HEADING_OF_GROUP!r}."
    ]


def _split_off(table: Relation, label: str) -> Relation:
    """Return the lines that are no labels, each with the label above it in a column of its own."""
    return keep(
        table.con,
        "rows",
        f"select * exclude (label) from (select *, last_value({label} ignore nulls) over (order by source_row) as "
        f"{quoted(MARK + HEADING_OF_GROUP)}, {label} as label from {table}) where label is null order by source_row",
    )


def _heads(first: Relation, labelled: str) -> bool:
    """Whether several labels, each different, stand above lines with days."""
    labels, distinct, heading, days, covered = first.row(
        "select count(label), count(distinct label), count(label) filter (below), count(day), "
        "count(day) filter (headed) from (select *, lead(day) over (order by source_row) is not null as below, "
        f"count(label) over (order by source_row) > 0 as headed from ({labelled}))"
    )
    return heading >= 2 and labels == distinct and heading >= 0.8 * labels and covered == days


def _add_up(first: Relation, labelled: str) -> bool:
    """Whether the numbers of several labels are each the sum of those of the days below."""
    groups, added = first.row(
        "select count(*), count(*) filter (abs(whole - parts) < 0.011) from (select sum(v) filter (day is null) as "
        f"whole, sum(v) filter (day is not null) as parts from ({labelled}) group by label) where parts is not null"
    )
    return groups >= 2 and added == groups
