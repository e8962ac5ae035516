"""Decimal separator of a text column of numbers, inferred from all of its values."""

from __future__ import annotations

from cltv_ml.columns import numerals
from cltv_ml.columns.questions import Question, QuestionsError
from cltv_ml.columns.source_columns import SourceColumns
from cltv_ml.engine import Relation

#: Evidence for the decimal separator, as SQL over the bare text `b` of a number.
_DECIMAL_SIGNS = {
    "commas": numerals.is_decimal("b", ","),
    "dots": numerals.is_decimal("b", "."),
    "open_commas": numerals.is_open("b", ","),
    "open_dots": numerals.is_open("b", "."),
    "tens": r"regexp_matches(b, '[.,]\d\d0$')",
    "short": r"regexp_full_match(b, '[-+]?\d{1,3}')",
    "long": r"regexp_full_match(b, '[-+]?\d{4,}')",
}


def decimal_of(columns: SourceColumns, column: str, texts: Relation) -> str | None:
    """Return the decimal separator of a text column, inferred from all of its values (`keep_texts`).

    None means that each value shows its own, and some show a point and others a comma.

    Raises
    ------
    InputError
        The values contradict each other, or do not show whether a sign separates thousands or decimals.
    """
    if columns.rules.decimal is not None:
        return columns.rules.decimal
    counts = ", ".join(
        f"coalesce(sum(n) filter (where {test}), 0), min(b) filter (where {test})"
        for test in _DECIMAL_SIGNS.values()
    )
    figures = texts.row(f"select {counts} from (select {numerals.bare('t')} as b, n from {texts})")
    count = dict(zip(_DECIMAL_SIGNS, figures[::2], strict=True))
    example = dict(zip(_DECIMAL_SIGNS, figures[1::2], strict=True))
    if min(count["commas"], count["dots"]) > 0 and not count["open_commas"] and not count["open_dots"]:
        columns.notes.append(
            f"Column {column!r} contains numbers such as {example['commas']!r} and {example['dots']!r}; each shows its "
            "decimal separator and was read by it (--rule decimal=. or decimal=, quarantines those of the other form)."
        )
        return None
    if min(count["commas"], count["dots"]) > 0.01 * max(count["commas"], count["dots"]):
        raise _ask_decimal(
            f"column {column!r} contains both {example['commas']!r} and {example['dots']!r}. Choose the "
            "decimal separator with --rule decimal=. or --rule decimal=, (values written the other way are "
            "then quarantined)."
        )
    if count["commas"] or count["dots"]:
        return "," if count["commas"] > count["dots"] else "."
    if not count["open_commas"] and not count["open_dots"]:
        return "."
    sign = "," if count["open_commas"] else "."
    unclear = example["open_commas"] or example["open_dots"]
    whole, broken = unclear.replace(sign, ""), unclear.replace(sign, ".")
    both = count["open_commas"] and count["open_dots"]
    # A program either writes all decimals of every number, or drops trailing zeros everywhere.
    if not both and not columns.table.holds(f"not {numerals.in_whole_units(columns.quote(column))}"):
        return "." if sign == "," else ","
    if both or not count["tens"] or not count["short"] or count["long"]:
        if neighbours := _decimal_nearby(columns, column):
            return neighbours
        if columns.groups and not both:
            columns.notes.append(
                f"Column {column!r}: {unclear!r} was read as {whole}, but it could be {broken}. If it is, "
                "write the numbers without a thousands separator."
            )
            return "." if sign == "," else ","
        raise _ask_decimal(
            f"column {column!r}: {unclear!r} could be {whole} or {broken}. Choose the decimal separator with "
            "--rule decimal=. or --rule decimal=,.",
            "," if sign == "." else ".",
        )
    decimal = "." if sign == "," else ","
    columns.notes.append(
        f"Column {column!r}: {unclear!r} was read as {whole} because {example['short']!r} has no decimals "
        f"(--rule decimal={sign} reads it as {broken})."
    )
    return decimal


def _decimal_nearby(columns: SourceColumns, column: str) -> str | None:
    """Return the decimal separator that is certain in other numeric columns; None if there is none."""
    separators: dict[str, str] = {}
    for neighbour in (name for name, kind in columns.kinds.items() if kind == "VARCHAR" and name != column):
        text = columns.quote(neighbour)
        for sign in ".,":
            filled, numbers, sure = columns.row(
                f"select count(b), count({numerals.read_bare('b', sign)}), "
                f"count(*) filter (where {numerals.is_decimal('b', sign)}) from (select {numerals.bare(text)} as b "
                f"from {columns.table} where trim({text}) <> '')"
            )
            if sure and numbers >= 0.95 * filled:
                separators.setdefault(sign, neighbour)
    if len(separators) != 1:
        return None
    [(sign, neighbour)] = separators.items()
    columns.notes.append(
        f"Column {column!r} was read with the decimal separator {sign!r}, as in column {neighbour!r}."
    )
    return sign


def _ask_decimal(text: str, likely: str = ".") -> QuestionsError:
    answers = ("decimal=.", "decimal=,")
    return QuestionsError([Question(text, answers if likely == "." else answers[::-1])])
