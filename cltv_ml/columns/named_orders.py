"""References by which returns name the order that they take back, in a column or a text of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cltv_ml.engine import Relation

#: Fewest references if sales have other values in the column, the least share of those on returns that must name an
#: order of the same customer, and the most on sales for each of these.
_FEWEST, _NAMED, _ON_SALES = 3, 0.5, 0.02

#: The most pairs of columns, and of columns of text, that are looked at.
_MOST_PAIRS = 12

#: Numbers in a text, such as RE-10022 in "credit for invoice RE-10022".
_ORDER_NUMBERS = r'[^\s,;:()#"]*\d[^\s,;:()#"]*'


def find_reference(
    tables: Sequence[Relation],
    returned: str,
    customer: str,
    orders: Mapping[str, str],
    named: Mapping[str, str],
) -> tuple[str, str] | None:
    """Return the columns of the order's number and of the reference to it; None without such.

    Parameters
    ----------
    tables
        Lines to look at one after another, the fewest first; each must show the reference.
    returned, customer
        SQL for whether a line is a return, and for its customer.
    orders, named
        SQL of the columns that may be the number of the order, and of those that may name another one, by name.
    """
    for order, column in _find_pairs(tables[0], returned, orders, named):
        if all(_names_orders(table, returned, customer, orders[order], named[column]) for table in tables):
            return order, column
    return None


def _find_pairs(
    lines: Relation, returned: str, orders: Mapping[str, str], named: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the most likely pairs of columns: returns have values in one that sales have in the other."""
    backs, sales = (
        f"select distinct name, value from (unpivot (select {_numbered_texts(texts)} from {lines} where {test}) "
        "on columns(*) into name name value value)"
        for texts, test in ((named, returned), (orders, f"not ({returned})"))
    )
    rows = lines.rows(
        f"with backs as ({backs}), sales as ({sales}) select sales.name, backs.name, count(*) from sales "
        f"join backs using (value) group by all order by 3 desc, 1, 2 limit {_MOST_PAIRS}"
    )
    names, columns = list(orders), list(named)
    pairs = [(names[int(order)], columns[int(column)]) for order, column, _ in rows]
    return [(order, column) for order, column in pairs if order != column]


def _numbered_texts(texts: Mapping[str, str]) -> str:
    return ", ".join(f'{text} as "{place}"' for place, text in enumerate(texts.values()))


def named_in_text(lines: Relation, returned: str, customer: str, order: str, text: str) -> str:
    """Return a query for `source_row` and `named`, the order of the customer that the text of a return names."""
    return (
        f"with lines as (select source_row, {returned} as back, {customer} as owner, {order} as own, {text} as text "
        f"from {lines}), numbers as (select source_row, owner, own, "
        f"unnest(regexp_extract_all(text, '{_ORDER_NUMBERS}')) as number from lines where back), "
        "known as (select distinct owner, own as number from lines where not back) "
        "select source_row, min(number) as named from numbers semi join known using (owner, number) "
        "where number <> own group by 1"
    )


def find_text(lines: Relation, returned: str, customer: str, order: str, texts: Mapping[str, str]) -> str:
    """Return the column whose texts on returns mostly name an order of the customer; empty without such."""
    filled = lines.row(
        f"select {', '.join(f'count({text})' for text in texts.values())} from {lines} where {returned}"
    )
    some = [column for column, count in zip(texts, filled, strict=True) if count][:_MOST_PAIRS]
    for column in some:
        query = named_in_text(lines, returned, customer, order, texts[column])
        [known] = lines.row(f"select count(*) from ({query})")
        if known and known >= _NAMED * filled[list(texts).index(column)]:
            return column
    return ""


def _names_orders(lines: Relation, returned: str, customer: str, order: str, named: str) -> bool:
    filled, known, on_sales, sales = lines.row(
        f"with lines as (select {returned} as back, {customer} as owner, {order} as own, {named} as named "
        f"from {lines}), "
        "known as (select distinct owner, own as named from lines where not back and own is not null), "
        "hits as (select back, count(*) as n from lines semi join known using (owner, named) "
        "where named is distinct from own group by 1) "
        "select (select count(named) from lines where back), (select sum(n) from hits where back), "
        "(select sum(n) from hits where not back), (select count(named) from lines where not back)"
    )
    known, on_sales = known or 0, on_sales or 0
    return bool(
        known >= (_FEWEST if sales else 1) and known >= _NAMED * filled and on_sales <= _ON_SALES * known
    )
