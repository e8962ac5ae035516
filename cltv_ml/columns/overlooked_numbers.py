"""Unmapped numbers, prices and times: refunds, amounts net of refunds, the price paid, what is unpaid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cltv_ml.columns.glance import COLUMNS_COMPARED, Glance
from cltv_ml.columns.headings import PRICE_PER, plain_heading, plain_pattern
from cltv_ml.columns.levels import NO, YES
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.questions import Question
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.summed import SUM_RETURNED
from cltv_ml.columns.words import words
from cltv_ml.money import log_amount

#: Headings by content of the column; see the vocabulary file.
HEADED = {name: re.compile(plain_pattern(listed)) for name, listed in words("overlooked").items()}

#: Headings of shipped or invoiced quantities, and of those left after changes of the order.
_SENT = re.compile(
    "(qty|quantit|menge|units|pieces|stuck).*(ship|sent|deliver|invoic|billed|fulfil|geliefert|berechnet|livre|factur)"
    "|(ship|sent|deliver|invoic|billed|fulfil|liefer|fakt|current|remaining|final).*(qty|quantit|menge|units|pieces|stuck)"
)

#: Headings of numbers of items.
_COUNTED = re.compile(
    "qty|quantit|cantidad|units$|menge|anzahl|pieces|stuck|aantal|antal|ilosc|ade[dt]|数量|点数|개수|수량"
)

#: SQL for whether a column may hold the money of lines without an amount: it is blank elsewhere, or alike.
_MAY_BE_MONEY = (
    "coalesce(avg(cast(abs({0}) between abs(a) / 3 and abs(a) * 3 as int)) filter ({0} <> 0) >= 0.9, true)"
)


@dataclass
class Overlooked:
    """Findings on the unmapped columns: names, notes and questions."""

    #: Certain names of columns; `read_sales` notes how their levels are read.
    mapping: dict[str, str] = field(default_factory=dict)
    #: SQL for lines already marked as not a sale by their status or negative amount.
    settled: str = "false"
    #: For such names, the meaning of levels outside the vocabulary: see `Rules.levels`.
    levels: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Questions and notes for the user.
    questions: list[Question] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Unmapped:
    """An unmapped column that may change what counts as revenue."""

    name: str
    #: "number", "rate", "timestamp" or "text".
    kind: str
    glance: Glance
    #: Column by standard name, for names that are mapped, proposed or declined.
    decided: Mapping[str, str | None]
    #: The findings, to which each step adds its own.
    account: Overlooked

    @property
    def heading(self) -> str:
        """The normalised heading."""
        return plain_heading(self.name)

    def note(self, text: str) -> None:
        """Add a note: `text` follows the column's name."""
        self.account.notes.append(f"Column {self.name!r} {text}")

    def ask(
        self, name: str, evidence: str, meaning: str, likely: bool = True, rules: Sequence[str] = ()
    ) -> None:
        """Ask whether the column has the standard name `name`; add a note if another column has it.

        Parameters
        ----------
        rules
            What values that are not known mean if it has, such as `status=B7:counts`.
        """
        if name in self.decided:
            if self.decided[name] not in (None, "", SUM_RETURNED):
                self.note(f"{evidence} and is not used, because {self.decided[name]!r} is the {name}.")
            return
        if any(f"{name}=" in question.answers for question in self.account.questions):
            self.note(f"{evidence} and is not used, because another column may be the {name}.")
            return
        flags = " ".join(f"--rule {flag(*rule.split('=', 1))}" for rule in rules)
        added = f" with {flags} (or :refund or :ignore)" if rules else ""
        text = (
            f"column {self.name!r} {evidence}. If {meaning}, use --mapping {flag(name, self.name)}{added}; otherwise "
            f"use --mapping {name}=."
        )
        answers = (",".join([f"{name}={self.name}", *rules]), f"{name}=")
        self.account.questions.append(Question(text, answers if likely else answers[::-1]))


def look_at_unpaid(column: Unmapped) -> None:
    """Note unpaid money, and sales that were not completed."""
    glance = column.glance
    if column.kind == "number" and HEADED["unpaid"].search(column.heading) and glance.any_number(column.name):
        column.note("contains money that is not paid yet; such lines count in full.")
    if column.kind != "timestamp" or not HEADED["reached"].match(column.heading):
        return
    amount = column.decided.get("amount")
    blank, money = glance.lines.row(
        f"select count(*), coalesce(sum({glance.number(amount) if amount else 0}), 0) from {glance.lines} "
        f"where coalesce(trim(cast({quote(column.name)} as varchar)), '') = '' and not ({column.account.settled})"
    )
    if blank:
        total = f", {log_amount(money)} in total," if amount else ""
        column.note(
            f"is blank on {blank:,} of {glance.rows:,} lines{total} which count anyway. If they are not sales, remove "
            f"them from the export, or set them aside with --mapping {flag('timestamp', column.name)}."
        )


def speaks_of_return(heading: str) -> bool:
    """Whether a heading mentions reversed or refunded sales."""
    return bool(HEADED["negative"].search(heading)) and not any(
        HEADED[name].search(heading) for name in ("harmless", "words")
    )


def is_money(level: str) -> bool:
    """Whether a number is more than a code of one digit; it may have the sign or code of a currency.

    >>> is_money("12.5"), is_money("2.00"), is_money("-1"), is_money("0.0"), is_money("RMA-7"), is_money("-R$ 5,00")
    (True, True, False, False, False, True)
    """
    number = re.sub(r"^-?(?:[^\W\d_]{0,3}[$€£¥₹]|[A-Z]{3}) ?|\s?(?:[€$£]|[A-Z]{3}|kr)$", "", level)
    return (
        re.fullmatch(r"-?[\d.,]+", number) is not None
        and re.fullmatch(r"-?(\d([.,]0)?|0[.,]0+)", number) is None
    )


def part_refunds(
    glance: Glance,
    unmapped: Mapping[str, str],
    mapping: Mapping[str, str],
    explicit: Mapping[str, str | None],
) -> tuple[dict[str, str], list[str]]:
    """Return the names of a refund flag and a column of refunded money next to it, and notes.

    Where the money is filled on other lines than the flag is set, the flag says that all of an order was given back.
    """
    chosen, amount = mapping.get("refunded", ""), mapping.get("amount")
    if not chosen or "refunded" in explicit:
        return {}, []
    levels = glance.levels([chosen], 4).get(chosen, {})
    if not levels or not {level.lower() for level in levels} <= NO | YES:
        return {}, []
    for column, kind in unmapped.items():
        if kind != "number" or not speaks_of_return(plain_heading(column)):
            continue
        if not glance.given_back(column, amount, least=0) or not glance.any_number(column):
            continue
        without, both = glance.flagged(chosen, column, NO)
        note = f"Column {column!r} was read as refunded, because its values never exceed the amount"
        if not both and "cancelled_at" not in {*mapping, *explicit}:
            note += f"; {chosen!r}, which is set where there is no refund, was read as a full cancellation."
            return {"refunded": column, "cancelled_at": chosen}, [note]
        ending = (
            f"; {chosen!r} is set on {without:,} lines without a refund, which count in full."
            if without
            else "."
        )
        return {"refunded": column}, [note + ending]
    return {}, []


def look_at_counts(column: Unmapped) -> bool:
    """Ask about a column that counts items of undone sales; return whether it is one."""
    if column.kind != "number" or not speaks_of_return(column.heading) or not _COUNTED.search(column.heading):
        return False
    if column.glance.any_number(column.name):
        column.ask(
            "returned_quantity", "counts items that came back or were not sent", "they were not paid for"
        )
    return True


def look_at_numbers(column: Unmapped) -> bool:
    """Ask about a column of numbers or many values headed as returns; return whether it is."""
    if not speaks_of_return(column.heading):
        return False
    glance, decided = column.glance, column.decided
    net = decided.get("amount") or ""
    if column.kind == "number" and "net" in plain_heading(net) and "refunded" not in decided:
        column.note(f"is not used, because the name of {net!r} says that refunds are already subtracted.")
        return True
    filled = glance.affirmed(column.name, NO)
    any_number = column.kind in ("rate", "number") and glance.any_number(column.name)
    if column.kind == "rate" and any_number:
        column.note("contains refunded shares, which are not subtracted. Export the refunded money instead.")
    elif (
        column.kind == "number"
        and "refunded" not in decided
        and glance.given_back(column.name, decided.get("amount"))
    ):
        column.account.mapping["refunded"] = column.name
        column.note(
            "was read as refunded, because it never exceeds the amount and equals it on some lines "
            "(--mapping refunded= turns this off)."
        )
    elif column.kind == "number" and any_number:
        column.ask("refunded", "contains numbers other than 0", "these are refunds")
    elif column.kind in ("text", "timestamp") and 0 < filled < glance.rows:
        evidence = f"has a value on {filled:,} of {glance.rows:,} lines"
        column.ask("cancelled_at", evidence, "those lines were not completed or were refunded")
    return True


def look_at_returned(
    column_of: Mapping[str, str], explicit: Mapping[str, str | None], account: Overlooked
) -> None:
    """Ask whether a mapped amount still includes returned items."""
    column = column_of.get("returned_quantity")
    if column and "amount" in column_of and "returned_quantity" not in explicit:
        text = (
            f"column {column!r} counts returned items, and {column_of['amount']!r} may or may not include "
            f"them. Use --mapping {flag('returned_quantity', column)} to subtract them, or --mapping "
            "returned_quantity= if they are already subtracted."
        )
        account.questions.append(Question(text, (f"returned_quantity={column}", "returned_quantity=")))


def look_at_prices(
    glance: Glance, mapping: Mapping[str, str], numbers: list[str], account: Overlooked
) -> None:
    """Ask which of two different prices was paid; what is one of them times the quantity is none."""
    chosen = mapping["unit_price"]
    rivals = [
        column
        for column in numbers
        if HEADED["price"].search(plain_heading(column))
        and not HEADED["no_price"].search(plain_heading(column))
        and not PRICE_PER.search(plain_heading(column))
        and glance.differ(chosen, column)
        and not _is_product(glance, column, chosen, mapping.get("quantity", ""))
    ]
    reason = "prices, and the amount of a line is quantity times the price paid"
    _ask_which(account, "unit_price", [chosen, *rivals], f"{reason}. Choose one")


def _is_product(glance: Glance, column: str, price: str, quantity: str) -> bool:
    """Whether a column is a price times the quantity on nearly all lines, those with one item left out."""
    if not quantity:
        return False
    value, one, count = map(glance.number, (column, price, quantity))
    [share] = glance.lines.row(
        f"select avg(cast(abs({value} - {one} * {count}) < 0.011 as integer)) from {glance.lines} "
        f"where {value} <> {one} or {count} <> 1"
    )
    return share is not None and share >= 0.95


def look_at_quantities(glance: Glance, chosen: str, numbers: list[str], account: Overlooked) -> None:
    """Ask which of two different quantities was paid for: ordered or shipped."""
    rivals = [
        column
        for column in numbers
        if _SENT.search(plain_heading(column)) and glance.any_number(column) and glance.differ(chosen, column)
    ]
    reason = "quantities, and the amount of a line is quantity times unit price"
    _ask_which(account, "quantity", [chosen, *rivals], f"{reason}. Choose the one that was paid for")


def _ask_which(account: Overlooked, name: str, columns: list[str], difference: str) -> None:
    """Ask which of several columns has a name, if there is more than one."""
    if len(columns) > 1:
        text = f"columns {columns} contain different {difference}, for example --mapping {flag(name, columns[1])}."
        account.questions.append(
            Question(text, tuple(f"{name}={column}" for column in (*columns[1:], columns[0])))
        )


def tell_of_other_money(glance: Glance, numbers: list[str], mapping: Mapping[str, str]) -> list[str]:
    """Note money on lines with a blank amount, and a column that equals the amount times a quantity."""
    amount, notes, counts = mapping.get("amount", ""), list[str](), list[str]()
    if not amount or not numbers:
        return []
    values = {column: glance.number(column) for column in numbers[:COLUMNS_COMPARED]}
    columns = ", ".join(f"{value} as v{place}" for place, value in enumerate(values.values()))
    facts = ", ".join(
        f"count(*) filter (a is null and v{place} <> 0), sum(v{place}) filter (a is null), "
        f"bool_and(v{place} = floor(v{place})) and max(v{place}) > 1, {_MAY_BE_MONEY.format(f'v{place}')}"
        for place in range(len(values))
    )
    used = ", ".join(glance.number(mapping[name]) for name in ("amount", "credit") if name in mapping)
    figures = glance.lines.row(
        f"select {facts} from (select coalesce({used}) as a, {columns} from {glance.lines})"
    )
    for column, blank, money, whole, like_money in zip(values, *[iter(figures)] * 4, strict=False):
        counts += [column] if whole else []
        if blank and like_money and not HEADED["other_money"].search(plain_heading(column)):
            notes.append(
                f"Column {column!r} contains {money:,.2f} on {blank:,} lines with a blank {amount!r}, which "
                "were quarantined. Put all money into one column and its currency into another."
            )
    return notes + ([] if "quantity" in mapping else _tell_of_items(glance, values, counts, amount))


def _tell_of_items(glance: Glance, values: Mapping[str, str], counts: list[str], amount: str) -> list[str]:
    """Tell of a column that is the amount times a whole number on nearly all lines: the amount is that of one item."""
    own = glance.number(amount)
    agreements = glance.lines.aggregate(
        {
            (items, whole): (
                f"count(*) filter ({values[items]} > 1)",
                f"avg(cast(abs(({own}) * ({values[items]}) - ({values[whole]})) < 0.011 as integer))",
            )
            for items in counts
            for whole in values
            if items != whole
        },
        where=f"{own} <> 0",
    )
    return [
        f"Column {whole!r} equals {amount!r} times {items!r} on nearly all lines, so {amount!r} seems to be "
        f"a unit price (--mapping {flag('amount', whole)} uses the line total)."
        for (items, whole), (several, same) in agreements.items()
        if several > 1 and same is not None and same >= 0.98
    ]
