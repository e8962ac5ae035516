"""Files whose lines are of several types, marked by their first field, as in electronic data interchange."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cltv_ml.errors import InputError

#: A mark of a type; and how many of them a file has.
_MARK = re.compile("(H-)?[A-Z]{1,6}[0-9]{0,2}|[0-9]{1,3}")
_FEWEST, _MOST = 3, 8


def check_record_types(rows: Sequence[Sequence[str]], name: str) -> None:
    """Raise InputError if each row begins with the mark of its type, which alone decides the number of its fields.

    >>> check_record_types([["HDR", "7"], *[["ORD", "1", "C1"], ["LIN", "A", "2", "9.50"]] * 2, ["TRL", "5"]], "a.txt")
    Traceback (most recent call last):
    ...
    cltv_ml.errors.InputError: 'a.txt' has no header and contains lines of 4 types, marked by their first field (HDR
    with 2 fields, LIN with 4, ORD with 3, TRL with 2). Join them into a table with one line per sale, the same columns
    on each line and a header, and save that.
    """
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    widths: dict[str, set[int]] = {}
    for row in filled:
        widths.setdefault(row[0].strip(), set()).add(len(row))
    marks = sorted(widths)
    alone = sum(row[0].strip() == filled[0][0].strip() for row in filled) == 1 if filled else False
    named = [mark for mark in marks if f"H-{mark}" in widths]  # by header lines of their own
    if (
        not _FEWEST <= len(marks) <= _MOST
        or not alone
        or not all(map(_MARK.fullmatch, marks))
        or any(len(own) > 1 for own in widths.values())
        or (len({min(own) for own in widths.values()}) < _FEWEST and len(named) < 2)
    ):
        return
    first, *others = marks
    listed = ", ".join(f"{mark} with {min(widths[mark])}" for mark in others)
    headed = "a header for each type" if named else "no header"
    raise InputError(
        f"{name!r} has {headed} and contains lines of {len(marks)} types, marked by their first field ({first} with "
        f"{min(widths[first])} fields, {listed}). Join them into a table with one line per sale, the same columns on "
        "each line and a header, and save that."
    )
