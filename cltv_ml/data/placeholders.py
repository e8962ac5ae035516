"""Placeholder customers such as guest, unknown and 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cltv_ml.columns.rules import Rules
from cltv_ml.columns.text_bytes import Signs
from cltv_ml.columns.words import words
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import MONEY_SCALE, Relation, keep, literal
from cltv_ml.money import log_amount

#: Identifiers that are placeholders, in any case; and numbers that are if many lines have them.
WORDS, NUMBERS = words("placeholders")["nobody"], words("placeholders")["numbers"]

#: Dummy e-mail addresses.
_NOBODY = "|".join(words("placeholders")["addresses"])

#: Guests with a new id per order, and the quickly tested beginning of such ids.
_NUMBERED = str(words("placeholders")["numbered"])
_TESTS = str(words("placeholders")["tests"])
_BEGINNINGS = tuple(words("placeholders")["begin"])
_TEST_BEGINNINGS = ("test", "demo", "dumm")

#: Ids without a letter or digit, such as ***, are placeholders: they begin with a character before 0 or after Z.
_SIGN_FIRST = "(customer_id < '0' or customer_id between '[' and '_~')"
_NO_SIGN = bytes([*range(ord("0"), ord("[")), *range(ord("_") + 1, 256)])


def set_placeholders_aside(lines: Lines, aside: Aside, rules: Rules) -> list[str]:
    """Quarantine the lines of placeholder customers; return notes that name them.

    A number such as 0 is a placeholder if it has ten times the lines of an average customer, or if no customer
    is called 1, 2 or 3, so that it does not start a count.
    """
    if not rules.applies("placeholder_customer"):
        return []
    left = f"{lines.parsed} anti join {aside} using (source_row)"
    suspects = _suspects(lines.parsed, left, lines.customer_signs)
    if suspects is None:
        return []
    placeholders = suspects.rows(
        f"select customer_id, lines, money, returns from {suspects} where nobody order by 2 desc, 1"
    )
    real = _real_customers(lines.parsed, {name: rows for name, rows, *_ in placeholders if name in NUMBERS})
    nobody = [entry for entry in placeholders if entry[0] not in real]
    numbered = [*_tell_of_numbered_guests(suspects), *_tell_of_tests(suspects, nobody, lines.parsed.count())]
    if not nobody:
        return numbered
    theirs = f"customer_id in ({_listed([name for name, *_ in nobody])})"
    aside.add("placeholder_customer", f"select source_row from {left} where {theirs}")
    lines.marks.change(
        f"update {lines.marks} set rule = 'placeholder_customer' where source_row in "
        f"(select source_row from {aside} where rule = 'placeholder_customer')"
    )
    shown = ", ".join(
        f"{name!r} ({rows:,} lines, {log_amount(int(money or 0) / MONEY_SCALE)})"
        for name, rows, money, _ in nobody[:8]
    )
    adopted = "order_id" in lines.columns and any(returns for *_, returns in nobody)
    returns = " (returns that name a customer's order are deducted from it)" if adopted else ""
    return [
        f"These customer ids are placeholders and were quarantined: {shown}{returns} (--rule "
        "off=placeholder_customer keeps each as one customer).",
        *numbered,
    ]


def _suspects(parsed: Relation, left: str, signs: Signs) -> Relation | None:
    """Return customers that may be placeholders, numbered guests or tests, with their lines, money and returns.

    Return None if there are none. Each distinct customer is checked once, because checking each line against all names
    would take far longer. If `signs` allows only a few whole names, lines with any other are excluded first.
    """
    names = [name for name in sorted({*_spelled(WORDS), *NUMBERS}) if signs.allow(name)]
    listed = f"customer_id in ({_listed(names)})" if names else "false"
    guests, tests = _with_start(_BEGINNINGS, signs), _with_start(_TEST_BEGINNINGS, signs)
    guests += " or starts_with(customer_id, 'ゲスト')" if signs.wide else ""
    mail = "contains(customer_id, '@')" if b"@" in signs.inside else "false"
    sign = _SIGN_FIRST if signs.first.translate(None, _NO_SIGN) else "false"
    odd = f"{guests} or {tests} or {mail} or {sign}"
    few = set(odd.split(" or ")) == {"false"}
    if few and not names:
        return None
    each = f"select distinct customer_id from {parsed} where customer_id is not null"
    looked_at = keep(
        parsed.con,
        "names",
        f"with each_one as materialized ({each} and {listed if few else 'true'}) from each_one where {listed} or {odd}",
    )
    if not looked_at.count():
        return None
    judged = (
        f"select customer_id, {listed} "
        rf"or ({sign} and not regexp_matches(customer_id, '[\p{{L}}\p{{N}}]')) "
        f"or ({mail} and regexp_matches(lower(customer_id), '{_NOBODY}')) as nobody, "
        f"({guests}) and regexp_matches(strip_accents(lower(customer_id)), strip_accents('{_NUMBERED}')) as numbered, "
        f"({tests} or {mail}) and regexp_matches(lower(customer_id), '{_TESTS}') as tested from {looked_at}"
    )
    suspects = keep(parsed.con, "suspects", f"from ({judged}) where nobody or numbered or tested")
    sums = "count(*) as lines, sum(money) as money, count(*) filter (where is_return) as returns"
    if not suspects.count():
        return None
    among = f"customer_id in (select customer_id from {suspects})"
    return keep(
        parsed.con,
        "suspects",
        f"from {suspects} join (select customer_id, {sums} from {left} where {among} group by 1) using (customer_id)",
    )


def _with_start(starts: Sequence[str], signs: Signs) -> str:
    """Return SQL for customers that begin with one of these four-letter prefixes, in any case."""
    possible = _listed(filter(signs.allow_start, starts))
    return f"lower(left(customer_id, 4)) in ({possible})" if possible else "false"


def _spelled(names: Iterable[str]) -> set[str]:
    """Return each name with other signs for its blanks, in brackets, and in capitals."""
    joined = {name.replace(" ", sign) for name in names for sign in " _-"}
    joined |= {f"{start}{name}{end}" for name in names for start, end in ("()", "[]", "<>")}
    return {
        form
        for name in joined
        for form in (
            name,
            name.upper(),
            name.capitalize(),
            name.title(),
            " ".join(map(str.capitalize, name.split())),
        )
    }


def _tell_of_numbered_guests(suspects: Relation) -> list[str]:
    """Return a note on guests with a new id per order: such customers can never return."""
    customers, number, money, example = _summed(suspects, "numbered")
    if customers < 3:
        return []
    return [
        f"{customers:,} customers such as {str(example)[:30]!r} ({number:,} lines, "
        f"{log_amount(int(money or 0) / MONEY_SCALE)}) look like guests with a new id for each order, so their "
        "repeat purchases cannot be recognised. They count as customers; to quarantine them, leave their id "
        "blank."
    ]


def _tell_of_tests(suspects: Relation, nobody: Iterable[tuple[Any, ...]], rows: int) -> list[str]:
    """Return a note on customers named as tests that still count, if they are few."""
    aside = _listed(["", *(name for name, *_ in nobody)])
    customers, number, money, example = _summed(suspects, f"tested and customer_id not in ({aside})")
    if not number or number > 0.2 * rows:
        return []
    return [
        f"{customers:,} customers such as {str(example)[:30]!r} ({number:,} lines, "
        f"{log_amount(int(money or 0) / MONEY_SCALE)}) look like tests and count as customers. If they are tests, "
        "remove their lines from the export."
    ]


def _summed(suspects: Relation, test: str) -> tuple[Any, ...]:
    """Return the number of customers that pass a test, their lines, money and one example."""
    return suspects.row(
        f"select count(*), sum(lines), sum(money), min(customer_id) from {suspects} where {test}"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(literal, names))


def _real_customers(parsed: Relation, rows_of: dict[str, int]) -> list[str]:
    """Return the numbers that are ordinary customers."""
    if not rows_of:
        return []
    rows, customers, counted = parsed.row(
        "select count(*), approx_count_distinct(customer_id), count(*) filter (where customer_id in ('1', '2', '3')) "
        f"from {parsed}"
    )
    average = rows / max(customers, 1)
    return [
        name
        for name, own in rows_of.items()
        if not (
            own >= 10 * average
            or (own >= 3 * average and own >= 0.1 * rows)
            or (name in ("0", "-1") and not counted)
        )
    ]
