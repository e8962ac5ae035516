"""Unmapped numbers and prices: refunds, amounts net of refunds, or the price paid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cltv_ml.data.glance import COLUMNS_COMPARED, Glance
from cltv_ml.data.headings import PRICE_PER, plain_heading, plain_pattern
from cltv_ml.data.levels import NO, YES
from cltv_ml.data.mapping import flag
from cltv_ml.data.questions import Question
from cltv_ml.data.words import words

#: Headings, by what such columns hold; see the file of words.
HEADED = {name: re.compile(plain_pattern(listed)) for name, listed in words("overlooked").items()}

#: Headings of quantities that were sent or billed.
_SENT = re.compile(
    "(qty|quantit|menge|units|pieces|stuck).*(ship|sent|deliver|invoic|billed|fulfil|geliefert|berechnet|livre|factur)"
    "|(ship|sent|deliver|invoic|billed|fulfil|liefer|fakt).*(qty|quantit|menge|units|pieces|stuck)"
)


@dataclass
class Overlooked:
    """Findings on the unmapped columns: names, notes and questions.

    Parameters
    ----------
    mapping
        Names that columns surely have; the reading of their levels is shown by `read_sales`.
    settled
        SQL for a line whose own status or negative amount says already that it is no sale.
    levels
        Of such names, what their levels mean, where no vocabulary knows it: see `Rules.levels`.
    questions, notes
        What must be asked, and what is told.
    """

    mapping: dict[str, str] = field(default_factory=dict)
    settled: str = "false"
    levels: dict[str, dict[str, str]] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Unmapped:
    """An unmapped column that may change what counts as revenue.

    Attributes
    ----------
    kind
        "number", "rate", "timestamp" or "text".
    decided
        The columns by name, of names that are mapped, proposed or declined.
    account
        The findings, to which each step adds its own.
    """

    name: str
    kind: str
    glance: Glance
    decided: Mapping[str, str | None]
    account: Overlooked

    @property
    def heading(self) -> str:
        """The column's name as headings are compared."""
        return plain_heading(self.name)

    def note(self, text: str) -> None:
        """Tell of the column: `text` is what follows its name."""
        self.account.notes.append(f"Column {self.name!r} {text}")

    def ask(self, name: str, seen: str, meaning: str) -> None:
        """Ask whether the column is the one called `name`; tell of it where another column has that name."""
        if name in self.decided:
            if self.decided[name]:
                self.note(f"{seen} and is not used, because {self.decided[name]!r} is the {name}.")
            return
        text = (
            f"column {self.name!r} {seen} and has no meaning yet; if {meaning}, say --mapping "
            f"{flag(name, self.name)}, if not, --mapping {name}=."
        )
        self.account.questions.append(Question(text, (f"{name}={self.name}", f"{name}=")))


def speaks_of_return(heading: str) -> bool:
    """Whether a heading says that sales were undone or given back."""
    return bool(HEADED["negative"].search(heading)) and not any(
        HEADED[name].search(heading) for name in ("harmless", "words")
    )


def is_money(level: str) -> bool:
    """Whether a number is more than a code of one digit.

    >>> is_money("12.5"), is_money("2.00"), is_money("-1"), is_money("0.0"), is_money("RMA-7")
    (True, True, False, False, False)
    """
    return (
        re.fullmatch(r"-?[\d.,]+", level) is not None
        and re.fullmatch(r"-?(\d([.,]0)?|0[.,]0+)", level) is None
    )


def part_refunds(
    glance: Glance,
    left: Sequence[str],
    kinds: Mapping[str, str],
    mapping: Mapping[str, str],
    given: Mapping[str, str | None],
) -> tuple[dict[str, str], list[str]]:
    """Return what a flag of refunds and a column of refunded money next to it are, and what to tell.

    Where the money is filled on other lines than the flag is set, the flag says that all of an order was given back.
    """
    chosen, amount = mapping.get("refunded", ""), mapping.get("amount")
    if not chosen or "refunded" in given:
        return {}, []
    levels = glance.levels([chosen], 4).get(chosen, {})
    if not levels or not {level.lower() for level in levels} <= NO | YES:
        return {}, []
    for column in (one for one in left if kinds[one] == "number" and speaks_of_return(plain_heading(one))):
        if not glance.given_back(column, amount, least=0) or not glance.any_number(column):
            continue
        without, both = glance.flagged(chosen, column, NO)
        note = f"Column {column!r} was read as refunded: it holds money that is never above the amount"
        if not both and "cancelled_at" not in {*mapping, *given}:
            note += (
                f"; {chosen!r}, set where it holds none, was read as an order that was given back in full."
            )
            return {"refunded": column, "cancelled_at": chosen}, [note]
        counted = (
            f"; {chosen!r} is set on {without:,} lines without such money, which count in full."
            if without
            else "."
        )
        return {"refunded": column}, [note + counted]
    return {}, []


def look_at_numbers(column: Unmapped) -> bool:
    """Ask about a column of numbers or many values whose heading speaks of what came back; return whether it does."""
    if not speaks_of_return(column.heading):
        return False
    glance, decided = column.glance, column.decided
    net = decided.get("amount") or ""
    if column.kind == "number" and "net" in plain_heading(net) and "refunded" not in decided:
        column.note(f"is not used: {net!r}, as its name says, is what is left after it.")
        return True
    filled = glance.filled(column.name)
    any_number = column.kind in ("rate", "number") and glance.any_number(column.name)
    if column.kind == "rate" and any_number:
        column.note("holds shares of what was given back, which are not taken off; export the money instead.")
    elif (
        column.kind == "number"
        and "refunded" not in decided
        and glance.given_back(column.name, decided.get("amount"))
    ):
        column.account.mapping["refunded"] = column.name
        column.note(
            "was read as refunded: it is never above the amount, and all of it on some lines "
            "(--mapping refunded= declines it)."
        )
    elif column.kind == "number" and any_number:
        column.ask("refunded", "holds numbers other than 0", "they are money given back")
    elif column.kind in ("text", "timestamp") and 0 < filled < glance.rows:
        seen = f"is filled on {filled:,} of {glance.rows:,} lines"
        column.ask("cancelled_at", seen, "those lines are no sale or were given back")
    return True


def look_at_net(mapping: Mapping[str, str], given: Mapping[str, str | None], account: Overlooked) -> None:
    """Ask whether refunds still come off an amount that is called net."""
    amount, refunded = mapping.get("amount", ""), mapping.get("refunded", "")
    if "refunded" in given or not refunded or not re.search("net(?!to)", plain_heading(amount)):
        return
    text = (
        f"column {refunded!r} holds money given back, and {amount!r} may be what is left after it; say --mapping "
        f"{flag('refunded', refunded)} to take it off, or --mapping refunded= where the amount is without it."
    )
    account.questions.append(Question(text, (f"refunded={refunded}", "refunded=")))


def look_at_returned(
    column_of: Mapping[str, str], given: Mapping[str, str | None], account: Overlooked
) -> None:
    """Ask whether items that came back are still in the amount, where the amount is a column of its own."""
    column = column_of.get("returned_quantity")
    if column and "amount" in column_of and "returned_quantity" not in given:
        text = (
            f"column {column!r} counts items that came back, and {column_of['amount']!r} may be the amount before or "
            f"after; say --mapping {flag('returned_quantity', column)} to take them off, or --mapping "
            "returned_quantity= where the amount is without them."
        )
        account.questions.append(Question(text, (f"returned_quantity={column}", "returned_quantity=")))


def look_at_prices(glance: Glance, chosen: str, numbers: list[str], account: Overlooked) -> None:
    """Ask which of two prices was paid, where they differ."""
    others = [
        column
        for column in numbers
        if HEADED["price"].search(plain_heading(column))
        and not HEADED["no_price"].search(plain_heading(column))
        and not PRICE_PER.search(plain_heading(column))
        and glance.differ(chosen, column)
    ]
    reason = "prices, and the amount of a line is its quantity times the price that was paid"
    _ask_which(account, "unit_price", [chosen, *others], f"{reason}; say which")


def look_at_quantities(glance: Glance, chosen: str, numbers: list[str], account: Overlooked) -> None:
    """Ask which of two quantities was paid, where they differ: what was ordered, or what was sent."""
    others = [
        column
        for column in numbers
        if _SENT.search(plain_heading(column)) and glance.any_number(column) and glance.differ(chosen, column)
    ]
    reason = "quantities, and the amount of a line is its quantity times its unit price"
    _ask_which(account, "quantity", [chosen, *others], f"{reason}; say which was paid")


def _ask_which(account: Overlooked, name: str, columns: list[str], why: str) -> None:
    """Ask which of several columns a name stands for; one is no question."""
    if len(columns) > 1:
        text = f"columns {columns} hold different {why}, for example --mapping {flag(name, columns[1])}."
        account.questions.append(Question(text, tuple(f"{name}={column}" for column in columns)))


def tell_of_other_money(glance: Glance, numbers: list[str], mapping: Mapping[str, str]) -> list[str]:
    """Tell of money where the amount is blank, and of a column that is the amount times a number of items."""
    amount, told = mapping.get("amount", ""), list[str]()
    if not amount or not numbers:
        return []
    values, own = {one: glance.number(one) for one in numbers[:COLUMNS_COMPARED]}, glance.number(amount)
    for one in (one for one in values if not HEADED["other_money"].search(plain_heading(one))):
        blank, money = glance.lines.row(
            f"select count(*), sum(v) from (select {own} as a, {glance.number(one)} as v from {glance.lines}) "
            "where a is null and v <> 0"
        )
        if blank:
            told.append(
                f"Column {one!r} holds {money:,.2f} on {blank:,} lines whose {amount!r} is blank, which are set aside; "
                "put all money into one column, its currency into another."
            )
    if "quantity" in mapping:
        return told
    pairs = [(items, whole) for items in values for whole in values if items != whole]
    tests = ", ".join(
        f"count(*) filter ({values[items]} > 1), "
        f"avg(cast(abs(({own}) * ({values[items]}) - ({values[whole]})) < 0.011 as integer))"
        for items, whole in pairs
    )
    agreements = iter(
        glance.lines.row(f"select {tests} from {glance.lines} where {own} <> 0") if pairs else ()
    )
    return told + [
        f"Column {whole!r} is {amount!r} times {items!r} on nearly all lines, so that {amount!r} seems to be for one "
        f"item; --mapping {flag('amount', whole)} takes the money of the line."
        for (items, whole), several, same in zip(pairs, *[agreements] * 2, strict=False)
        if several > 1 and same is not None and same >= 0.98
    ]
