"""Two sides of an account: debits next to credits, and journals whose documents sum to zero."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cltv_ml.columns.candidates import named
from cltv_ml.columns.headings import SYNONYMS, plain_heading, plain_pattern, plain_text
from cltv_ml.columns.levels import LEVEL_NAMES, MOST_LEVELS, read_levels
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.sides import are_payments
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.summed import credit_of
from cltv_ml.columns.words import words
from cltv_ml.engine import Relation, keep_first

#: Headings of amounts that a column of credits next to them makes debits.
_DEBITS = {"amount", *SYNONYMS["amount"][-2].split()} - {"subtotal"}

#: Headings of the accounts of a journal and of signed amounts, and the names of accounts of sales.
_LEDGER_HEADED = {name: re.compile(plain_pattern(listed)) for name, listed in words("ledger").items()}

#: Fewest documents that show that each sums to zero, the share of them that do, and the columns tried.
_LEAST_DOCUMENTS, _SHARE, _TRIED = 2, 0.95, 12

#: Fewest lines, and the share of them and of their money, below 0 where sales are booked as credits.
_LEAST_LINES, _BELOW = 10, 0.75


@dataclass(frozen=True)
class Journal:
    """A journal with all accounts: the lines of each document sum to zero."""

    #: The columns of accounts and of documents.
    account: str
    document: str
    #: The columns of both sides; without credits, debits are signed.
    debit: str
    credit: str
    #: Credits less debits by account.
    balances: Mapping[str, float]

    def ask(self, mapping: Mapping[str, str]) -> Question:
        """Ask for the accounts that hold the sales; by their names, or else those with the largest credits."""
        name = next((name for name in ("type", "status", *LEVEL_NAMES) if name not in mapping), "type")
        sales = [
            account
            for account in self.balances
            if _LEDGER_HEADED["of_sales"].search(plain_text(account, " "))
        ] or [max(self.balances, key=lambda account: self.balances[account])]
        readings = {account: "counts" if account in sales else "ignore" for account in self.balances}
        answers = [f"amount={self.credit or credit_of(self.debit)}"]
        answers += [f"credit={self.debit}"] if self.credit else []
        answers += [f"{name}={self.account}"]
        answers += [f"{name}={account}:{reading}" for account, reading in readings.items()]
        flags = " ".join(
            f"--{'rule' if setting.endswith((':counts', ':ignore')) else 'mapping'} "
            f"{flag(*setting.split('=', 1))}"
            for setting in answers[:8]
        )
        text = (
            f"the lines of each {self.document!r} sum to zero, as in a journal with all accounts, so only some "
            f"accounts in column {self.account!r} hold the sales. Export invoices with one line each instead"
        )
        return Question(
            f"{text}, or choose the accounts of sales, for example {flags}.", (",".join(answers),)
        )


def find_journal(
    first: Relation, kinds: Mapping[str, str], explicit: Mapping[str, str | None]
) -> Journal | None:
    """Return the journal that a source is; None if it is none or if the user has mapped its amounts."""
    accounts = [
        column
        for column, kind in kinds.items()
        if kind in ("text", "number") and _LEDGER_HEADED["accounts"].search(plain_heading(column))
    ]
    if not accounts or {"amount", "credit"} & set(explicit):
        return None
    numbers = [column for column, kind in kinds.items() if kind in ("number", "rate")]
    credits = named("credit", numbers)
    debits = [column for column in numbers if plain_heading(column) in _DEBITS]
    signed = (
        []
        if credits
        else [
            column
            for column in numbers
            if column not in accounts and _LEDGER_HEADED["signed"].search(plain_heading(column))
        ]
    )
    sides = [(debit, credits[0]) for debit in debits[:1] if credits] + [(amount, "") for amount in signed[:1]]
    for debit, credit in sides:
        number = Columns(first, Rules(), ask=False).number
        balance = f"coalesce({number(credit)}, 0) - " if credit else "-"
        balance += f"coalesce({number(debit)}, 0)"
        for account in accounts[:2]:
            document = _balanced(first, kinds, account, balance, (debit, credit))
            if document:
                rows = first.rows(
                    f"select trim(cast({quote(account)} as varchar)), sum({balance}) from {first} "
                    f"where {quote(account)} is not null group by 1 order by 1 limit {MOST_LEVELS + 1}"
                )
                balances = {str(name): float(money) for name, money in rows}
                return (
                    Journal(account, document, debit, credit, balances) if len(rows) <= MOST_LEVELS else None
                )
    return None


def _balanced(
    first: Relation, kinds: Mapping[str, str], account: str, balance: str, sides: tuple[str, str]
) -> str:
    """Return the column of documents, each posted to several accounts with a sum of zero; empty if there is none."""
    taken = {account, *sides}
    others = [column for column, kind in kinds.items() if kind in ("text", "number") and column not in taken]
    best, most = "", 0
    for column in others[:_TRIED]:
        documents, balanced = first.row(
            f"select count(*), count(*) filter (abs(rest) < 0.006 and accounts > 1) from (select sum({balance}) as "
            f"rest, count(distinct {quote(account)}) as accounts from {first} where {quote(column)} is not null "
            f"group by {quote(column)} having sum(abs({balance})) > 0)"
        )
        if documents >= _LEAST_DOCUMENTS and balanced >= _SHARE * documents and documents > most:
            best, most = column, documents
    return best


def settle_sides(
    table: Relation,
    kinds: Mapping[str, str],
    mapping: Mapping[str, str],
    explicit: Mapping[str, str | None],
    journal: Journal | None,
) -> tuple[dict[str, str], Sequence[Question]]:
    """Return the mapping with the credits next to debits, and a question if a type does not tell what they are."""
    if journal:
        return dict(mapping), [journal.ask(mapping)]
    debit = mapping.get("amount", "")
    credits = named(
        "credit", [column for column in kinds if column not in mapping.values() and kinds[column] != "empty"]
    )
    if debit and not credits and "credit" not in explicit and kinds[debit] == "number":
        return _settle_signs(table, debit, mapping)
    if not credits or "credit" in explicit or plain_heading(debit) not in _DEBITS:
        return dict(mapping), []
    settled = {**mapping, "credit": credits[0]}
    if "type" in mapping:
        return settled, _ask_for_sides(table, debit, credits[0], mapping["type"])
    texts = [column for column, kind in kinds.items() if kind == "text" and column not in mapping.values()]
    for column in texts if "type" not in explicit else ():
        if asked := _ask_for_sides(table, debit, credits[0], column, f"type={column}"):
            return {**settled, "type": column}, asked
    text = (
        f"columns {debit!r} and {credits[0]!r} look like the two sides of a ledger. If the credits are "
        f"refunds, use --mapping {flag('credit', credits[0])}; if they are payments, use --mapping credit=."
    )
    paid = are_payments(table, [column for column, kind in kinds.items() if kind == "text"], credits[0])
    answers = ("credit=", f"credit={credits[0]}")[:: 1 if paid else -1]
    for column in texts if "type" not in explicit else ():
        if {"counts", "refund"} <= set(_read_kinds(table, column)):
            both = f"--mapping {flag('credit', credits[0])} --mapping {flag('type', column)}"
            text += f" If {column!r} says which are which, use {both}."
            answers = (f"credit={credits[0]},type={column}", *answers)
    return settled, [Question(text, answers)]


def _read_kinds(table: Relation, column: str) -> list[str | None]:
    """Return the readings of a column's few values as kinds of lines; none if it has many."""
    text = f"coalesce(trim(cast({quote(column)} as varchar)), '')"
    rows = table.rows(f"select distinct {text} from {table} order by 1 limit {MOST_LEVELS + 1}")
    return read_levels("type", [str(level) for (level,) in rows]) if len(rows) <= MOST_LEVELS else []


def _ask_for_sides(table: Relation, debit: str, credit: str, kind: str, also: str = "") -> list[Question]:
    """Ask whether the sides of a ledger are exchanged, where its sales are credits and its refunds are debits.

    Parameters
    ----------
    also
        A further answer, that the column `kind` says what a line is.
    """
    number = Columns(table, Rules(), ask=False).number
    level = f"coalesce(trim(cast({quote(kind)} as varchar)), '')"
    rows = table.rows(
        f"select {level}, sum(coalesce({number(debit)}, 0) - coalesce({number(credit)}, 0)) from {table} group by 1 "
        f"order by 1 limit {MOST_LEVELS + 1}"
    )
    readings = read_levels("type", [str(level) for level, _ in rows])
    if also and (len(rows) > MOST_LEVELS or "refund" not in readings):
        return []
    sums = {
        reading: sum(money for (_, money), read in zip(rows, readings, strict=True) if read == reading)
        for reading in ("counts", "refund")
    }
    if sums["counts"] >= 0 or sums["refund"] < 0:
        return []
    kinds = f" --mapping {flag('type', kind)}" if also else ""
    text = (
        f"columns {debit!r} and {credit!r} look like the two sides of a ledger, and the sales are credits, "
        f"{-sums['counts']:,.2f} in total. Use --mapping {flag('amount', credit)} --mapping "
        f"{flag('credit', debit)}{kinds} to read the credits as sales, or --mapping {flag('credit', credit)}{kinds} to "
        "read the debits as sales."
    )
    answers = [f"amount={credit},credit={debit}", f"credit={credit}"]
    return [Question(text, tuple(",".join(filter(None, (answer, also))) for answer in answers))]


def _settle_signs(
    table: Relation, amount: str, mapping: Mapping[str, str]
) -> tuple[dict[str, str], Sequence[Question]]:
    """Return the mapping with an amount that is its own credit if most sales are below 0; ask if all lines are."""
    first = keep_first(table, 20_000)
    number = Columns(first, Rules(), ask=False).number(amount)
    lines, below, money, owed = first.row(
        f"select count(*), count(*) filter (v < 0), sum(abs(v)), -sum(v) filter (v < 0) "
        f"from (select {number} as v from {first}) where v <> 0"
    )
    if lines < _LEAST_LINES or below < _BELOW * lines or owed < _BELOW * money:
        return dict(mapping), []
    settled = {**mapping, "credit": amount}
    if below < lines:
        return settled, []
    text = (
        f"all {lines:,} amounts in column {amount!r} are below 0. If they are sales, booked as credits, use --mapping "
        f"{flag('amount', amount)} --mapping {flag('credit', amount)}; if they are refunds, use --mapping credit= and "
        "read them together with the sales."
    )
    return settled, [Question(text, (f"amount={amount},credit={amount}", "credit="))]
