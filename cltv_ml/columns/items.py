"""Several items written into one cell, such as `2 x Shirt @ 19.95; 1 x Cap @ 5.00`."""

from __future__ import annotations

_COUNT, _PRICE = r"(\d{1,4}) ?[x×*] ?", r"@ ?[^\d@;|,\n]{0,4}"
_ITEM_PRICE = r"(\d+(?:[., ]\d{3})*(?:[.,]\d{2})?)"
_ITEM = rf"{_COUNT}[^@;|\n]+? ?{_PRICE}{_ITEM_PRICE}(?: ?[A-Za-z€$£]{{1,3}})?"
_ITEMS_APART = r"\s*(?:[;|\n]|, )\s*"


def is_items(text: str) -> str:
    """Return SQL for whether a text consists only of items, each with its quantity and price."""
    return f"regexp_full_match(trim({text}), '{_ITEM}(?:{_ITEMS_APART}{_ITEM})*')"


def add_items_up(text: str) -> str:
    """Return SQL for the sum of quantity times price over the items of a text.

    >>> import duckdb
    >>> items = "select '2 x Shirt @ 19,95 EUR; 1x Cap @ 1.005,00' as t"
    >>> duckdb.sql(f"select {add_items_up('t')} from ({items})").fetchall()
    [(1044.9,)]
    """
    counts, prices = (f"regexp_extract_all({text}, '{_ITEM}', {group})" for group in (1, 2))
    digits = "regexp_replace(p, '[., ]', '', 'g')"
    worth = f"cast({digits} as double) / if(regexp_matches(p, '[.,][0-9]{{2}}$'), 100, 1)"
    return (
        f"round(list_sum(list_transform(list_zip({counts}, {prices}), "
        f"lambda one: cast(one[1] as double) * list_transform([one[2]], lambda p: {worth})[1])), 4)"
    )
