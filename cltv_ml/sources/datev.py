"""Bookings as DATEV exports them (EXTF): debtors among the accounts, and days whose year the first line tells."""

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


def complete_bookings(table: Relation, line: str, name: str) -> list[str]:
    """Add the debtor of each booking and what it does, complete its day by the year; return notes for the user.

    Debtors have one digit more than other accounts and begin with 1 to 6 (10000 to 69999 where those have four). A
    booking against an account on whose side debtors mostly owe is a bill (`Rechnung`) or, the other way round, a credit
    (`Gutschrift`); against any other account it is a payment (`Zahlung`), and without a debtor a `Journal` entry.

    Parameters
    ----------
    line
        DATEV's own line above the header.

    Raises
    ------
    InputError
        No booking has a debtor.
    """
    here = {column.removeprefix(MARK): column for column in table.kinds}
    reversal = next((column for column in here if column.startswith(_REVERSAL)), "")
    if not {_BOOKED, _BOOKED_SIDE, _ACCOUNT, _OTHER_ACCOUNT, _BOOKED_DAY} <= set(here) or {
        "Debitor",
        "Buchungsart",
    } & set(here):
        return []
    fields = next(csv.reader([line], delimiter=";"), [])
    fields += [""] * (_FIRST_DAY + 1 - len(fields))
    digits = int(fields[_ACCOUNT_DIGITS]) if fields[_ACCOUNT_DIGITS].isdecimal() else 4
    texts = {
        column: f"coalesce(trim({quoted(here[column])}), '')"
        for column in (
            _BOOKED,
            _BOOKED_SIDE,
            _ACCOUNT,
            _OTHER_ACCOUNT,
            _BOOKED_DAY,
            *filter(None, [reversal]),
        )
    }
    own, other = (
        f"regexp_full_match({texts[column]}, '[1-6][0-9]{{{digits}}}')"
        for column in (_ACCOUNT, _OTHER_ACCOUNT)
    )
    if not table.holds(f"{own} or {other}"):
        raise InputError(
            f"{name!r} contains DATEV bookings without debtor accounts (1 to 6 and {digits} more digits), so "
            "no line has a customer. Export the bookings of the receivables."
        )
    _add_kinds(table, texts, own, other, texts.get(reversal, "'0'"))
    notes = [
        f"{name!r} contains DATEV bookings: debtor accounts were read as customers (column 'Debitor'); "
        "invoices, credits and payments were identified by the opposite account (column 'Buchungsart'); "
        "amounts include VAT."
    ]
    first = fields[_FIRST_DAY] or fields[_YEAR_BEGINS]
    if re.fullmatch(r"\d{8}", first):
        _complete_days(table, texts[_BOOKED_DAY], quoted(here[_BOOKED_DAY]), first)
        notes.append(
            f"The days in {_BOOKED_DAY!r} were completed with the year from DATEV's first line, "
            f"whose bookings begin on {first}."
        )
    return notes


def _add_kinds(table: Relation, texts: dict[str, str], own: str, other: str, reversal: str) -> None:
    """Add the columns of debtors and of what each booking does."""
    against = f"if({own}, {texts[_OTHER_ACCOUNT]}, {texts[_ACCOUNT]})"
    owes = f"((upper({texts[_BOOKED_SIDE]}) = 'S') = {own}) = ({reversal} <> '1')"
    money = f"coalesce(try_cast(replace(replace({texts[_BOOKED]}, '.', ''), ',', '.') as double), 0)"
    sales = table.rows(
        f"select {against} from {table} where {own} <> {other} group by 1 "
        f"having sum(if({owes}, {money}, 0)) > sum(if({owes}, 0, {money}))"
    )
    listed = ", ".join(literal(str(account)) for (account,) in sales) or "''"
    columns = {
        "Debitor": f"case when {own} then {texts[_ACCOUNT]} when {other} then {texts[_OTHER_ACCOUNT]} end",
        "Buchungsart": f"case when {own} = {other} then 'Journal' when {against} not in ({listed}) then 'Zahlung' "
        f"when {owes} then 'Rechnung' else 'Gutschrift' end",
    }
    for column, sql in columns.items():
        table.change(f"alter table {table} add column {quoted(MARK + column)} varchar")
        table.change(f"update {table} set {quoted(MARK + column)} = {sql}")
        table.kinds[MARK + column] = "VARCHAR"


def _complete_days(table: Relation, text: str, column: str, first: str) -> None:
    """Write days such as 0501 as dates: a month before that of the first day is one of the next year."""
    digits = f"lpad({text}, 4, '0')"
    year = f"{int(first[:4])} + cast(right({digits}, 2) < '{first[4:6]}' as integer)"
    table.change(
        f"update {table} set {column} = ({year}) || '-' || right({digits}, 2) || '-' || left({digits}, 2) "
        rf"where regexp_full_match({text}, '[0-3]?\d[01]\d')"
    )
