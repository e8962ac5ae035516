"""Bookings exported by DATEV (EXTF): debtors among the accounts, and days whose year is only in the first line."""

from __future__ import annotations

import csv
import re

from cltv_ml.engine import Relation, literal, quoted
from cltv_ml.errors import InputError
from cltv_ml.sources.frames import MARK

#: How DATEV's own line above the header begins.
DATEV_LINE = re.compile(r'\ufeff?"?(EXTF|DTVF)"?;\d+;')

#: The fields of that line, from 0: the first day of the fiscal year, the digits of an account, and the first day.
_YEAR_BEGINS, _ACCOUNT_DIGITS, _FIRST_DAY = 12, 13, 14

_BOOKED, _BOOKED_SIDE, _ACCOUNT = "Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "Konto"
_OTHER_ACCOUNT, _BOOKED_DAY, _REVERSAL = "Gegenkonto (ohne BU-Schlüssel)", "Belegdatum", "Generalumkehr"


#: What marks a booking that takes another back.
_REVERSED = "('1', 'g')"


def complete_bookings(table: Relation, line: str, name: str) -> list[str]:
    """Add each booking's debtor and type to the table, and the year to its day; return notes for the user.

    Debtor accounts have one digit more than other accounts and begin with 1 to 6 (10000 to 69999 if the others have
    four). A booking against an account to which debtors mostly owe money is a bill (`Rechnung`) or, on the other side,
    a credit (`Gutschrift`). One against any other account is a payment (`Zahlung`), and one without a debtor a
    `Journal` entry. A booking that takes another back (`Generalumkehr`) is on the other side than that, as DATEV writes
    it, unless more of them are on the same side.

    Parameters
    ----------
    line
        DATEV's own line above the header.

    Raises
    ------
    InputError
        No booking has a debtor.
    """
    columns = {column.removeprefix(MARK): column for column in table.kinds}
    reversal = next((column for column in columns if column.startswith(_REVERSAL)), "")
    if not {_BOOKED, _BOOKED_SIDE, _ACCOUNT, _OTHER_ACCOUNT, _BOOKED_DAY} <= set(columns) or {
        "Debitor",
        "Buchungsart",
    } & set(columns):
        return []
    fields = next(csv.reader([line], delimiter=";"), [])
    fields += [""] * (_FIRST_DAY + 1 - len(fields))
    digits = int(fields[_ACCOUNT_DIGITS]) if fields[_ACCOUNT_DIGITS].isdecimal() else 4
    texts = {
        column: f"coalesce(trim({quoted(columns[column])}), '')"
        for column in (
            _BOOKED,
            _BOOKED_SIDE,
            _ACCOUNT,
            _OTHER_ACCOUNT,
            _BOOKED_DAY,
            *filter(None, [reversal]),
        )
    }
    debtor, opposite = (
        f"regexp_full_match({texts[column]}, '[1-6][0-9]{{{digits}}}')"
        for column in (_ACCOUNT, _OTHER_ACCOUNT)
    )
    if not table.holds(f"{debtor} or {opposite}"):
        raise InputError(
            f"{name!r} contains DATEV bookings without debtor accounts (1 to 6 and {digits} more digits), so "
            "no line has a customer. Export the bookings of the receivables."
        )
    reversals = _add_kinds(table, texts, debtor, opposite, texts.get(reversal, "''"))
    notes = [
        f"{name!r} contains DATEV bookings: debtor accounts were read as customers (column 'Debitor'); "
        "invoices, credits and payments were identified by the opposite account (column 'Buchungsart'); "
        "amounts include VAT.",
        *reversals,
    ]
    first = fields[_FIRST_DAY] or fields[_YEAR_BEGINS]
    if re.fullmatch(r"\d{8}", first):
        _complete_days(table, texts[_BOOKED_DAY], quoted(columns[_BOOKED_DAY]), first)
        notes.append(
            f"The days in {_BOOKED_DAY!r} were completed with the year from DATEV's first line, "
            f"whose bookings begin on {first}."
        )
    return notes


def _add_kinds(
    table: Relation, texts: dict[str, str], debtor: str, opposite: str, reversal: str
) -> list[str]:
    """Add the columns with each booking's debtor and type; return a note on bookings that take others back."""
    against = f"if({debtor}, {texts[_OTHER_ACCOUNT]}, {texts[_ACCOUNT]})"
    who = f"case when {debtor} then {texts[_ACCOUNT]} when {opposite} then {texts[_OTHER_ACCOUNT]} end"
    owes = f"(upper({texts[_BOOKED_SIDE]}) = 'S') = {debtor}"
    money = f"coalesce(try_cast(replace(replace({texts[_BOOKED]}, '.', ''), ',', '.') as double), 0)"
    reverses = f"lower({reversal}) in {_REVERSED}"
    count, same_side = _look_at_reversals(table, who, against, money, owes, reverses)
    if same_side:
        owes = f"({owes}) <> ({reverses})"
    sales = table.rows(
        f"select {against} from {table} where {debtor} <> {opposite} group by 1 "
        f"having sum(if({owes}, {money}, 0)) > sum(if({owes}, 0, {money}))"
    )
    listed = ", ".join(literal(str(account)) for (account,) in sales) or "''"
    columns = {
        "Debitor": who,
        "Buchungsart": f"case when {debtor} = {opposite} then 'Journal' "
        f"when {against} not in ({listed}) then 'Zahlung' when {owes} then 'Rechnung' else 'Gutschrift' end",
    }
    for column, sql in columns.items():
        table.change(f"alter table {table} add column {quoted(MARK + column)} varchar")
        table.change(f"update {table} set {quoted(MARK + column)} = {sql}")
        table.kinds[MARK + column] = "VARCHAR"
    side = "the same side as" if same_side else "the other side than"
    note = f"{count:,} bookings marked {_REVERSAL!r} were taken to be on {side} the bookings that they take back."
    return [note] * bool(count)


def _look_at_reversals(
    table: Relation, who: str, against: str, money: str, owes: str, reverses: str
) -> tuple[int, bool]:
    """Return how many bookings take others back, and whether more are on the side of those than on the other."""
    count, same, other = table.row(
        f"with bookings as materialized (select {who} as who, {against} as account, {money} as money, {owes} as owes, "
        f"{reverses} as back from {table}) select (select count(*) from bookings where back), "
        "count(*) filter (one.owes = other.owes), count(*) filter (one.owes <> other.owes) from bookings as one join "
        "(select distinct who, account, money, owes from bookings where not back) as other using (who, account, money) "
        "where one.back"
    )
    return int(count), same > other


def _complete_days(table: Relation, text: str, column: str, first: str) -> None:
    """Write days such as 0501 as dates; a month before that of the first day is in the next year."""
    digits = f"lpad({text}, 4, '0')"
    year = f"{int(first[:4])} + cast(right({digits}, 2) < '{first[4:6]}' as integer)"
    table.change(
        f"update {table} set {column} = ({year}) || '-' || right({digits}, 2) || '-' || left({digits}, 2) "
        rf"where regexp_full_match({text}, '[0-3]?\d[01]\d')"
    )
