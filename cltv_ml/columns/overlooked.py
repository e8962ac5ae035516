"""Unmapped columns that could change revenue: each leads to a question or a note."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cltv_ml.columns.copies import ask_about_repeats, ask_about_reversals, count_reversals
from cltv_ml.columns.denials import NEGATED, says_no
from cltv_ml.columns.discounts import ask_about_net, tell_of_order_discounts, tell_of_shares
from cltv_ml.columns.glance import Glance
from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.hints import hint
from cltv_ml.columns.levels import (
    BLANK,
    LEVEL_NAMES,
    MOST_LEVELS,
    NO,
    YES,
    beside_payment,
    plain_level,
    read_level,
    read_levels,
)
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.net_of_refunds import look_at_net
from cltv_ml.columns.overlooked_levels import look_at_few_values
from cltv_ml.columns.overlooked_numbers import (
    HEADED,
    Overlooked,
    Unmapped,
    is_money,
    look_at_counts,
    look_at_numbers,
    look_at_prices,
    look_at_quantities,
    look_at_returned,
    look_at_unpaid,
    part_refunds,
    speaks_of_return,
    tell_of_other_money,
)
from cltv_ml.columns.paid import ask_about_fees, ask_about_opposites, ask_about_shares, ask_what_is_left
from cltv_ml.columns.questions import Question
from cltv_ml.columns.refund_currency import pair_refund
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.unexplained import describes, tell_of_unexplained
from cltv_ml.columns.unnumbered import find_unnumbered
from cltv_ml.engine import Relation, literal
from cltv_ml.money import CURRENCIES
from cltv_ml.sources.measures import tell_of_units

#: If a column marks more than this share of the lines, it likely does not mark those that are no sales.
_MOST_UNDONE = 0.5

#: The most columns whose numbers show each other's decimal sign.
_READ_TOGETHER = 40

#: Columns with more distinct values than this do not contain levels.
_FEW_VALUES = 20


def look_over(
    table: Relation,
    kinds: Mapping[str, str],
    mapping: Mapping[str, str],
    explicit: Mapping[str, str | None],
) -> Overlooked:
    """Return the possible effects of the unmapped columns on revenue.

    A name that the user gave or declined (`status=`) settles the questions about it.
    """
    findings = Overlooked()
    unmapped = {
        column: kind for column, kind in kinds.items() if column not in mapping.values() and kind != "empty"
    }
    glance = Glance(table, list(kinds))
    money = [column for column, kind in kinds.items() if kind == "number"]
    findings.mapping, findings.notes = part_refunds(glance, unmapped, mapping, explicit)
    pair_refund(glance, unmapped, mapping, explicit, findings)
    mapping = {**mapping, **findings.mapping}
    unmapped = _without(unmapped, mapping)
    findings.settled = _undone_already(glance, mapping)
    levels_of = glance.levels(list(unmapped), _FEW_VALUES)
    for column in sorted(unmapped, key=lambda name: not HEADED["dispute_states"].search(plain_heading(name))):
        decided = {**mapping, **findings.mapping, **explicit}
        _look_at_column(Unmapped(column, unmapped[column], glance, decided, findings), levels_of.get(column))
    _settle_dates_of_refunds(glance, findings)
    unmapped = _without(unmapped, findings.mapping)
    findings.notes += hint(glance, unmapped, mapping, {**mapping, **findings.mapping, **explicit})
    look_at_net(glance, [column for column in money if column in unmapped], mapping, explicit, findings)
    returned = mapping.get("returned_quantity")
    if returned and table.holds(f"{glance.number(returned)} <> 0"):
        look_at_returned(mapping, explicit, findings)
    numbers = [column for column, kind in unmapped.items() if kind in ("number", "rate")]
    if "amount" in mapping or {"quantity", "unit_price"} <= set(mapping):
        questions = (
            ask(glance, numbers, mapping, explicit)
            for ask in (ask_what_is_left, ask_about_shares, ask_about_fees, ask_about_opposites)
        )
        findings.questions += next(filter(None, questions), [])
    findings.notes += tell_of_other_money(glance, numbers, mapping)
    findings.questions += ask_about_net(glance, numbers, mapping, explicit)
    findings.notes += tell_of_order_discounts(glance, numbers, mapping)
    if "unit_price" in mapping and "amount" not in mapping:
        _look_at_price(glance, kinds, numbers, mapping, explicit, findings)
        findings.notes += tell_of_units(mapping.get("quantity", ""), levels_of)
    decided = {**mapping, **findings.mapping, **explicit}
    asked = [answer for question in findings.questions for answer in question.answers]
    findings.questions += ask_about_repeats(table, mapping, levels_of, decided, asked)
    _look_at_unnumbered(glance, levels_of, decided, findings)
    mentioned = "\n".join([*findings.notes, *(question.text for question in findings.questions)])
    used = {name: column for name, column in decided.items() if column}
    idle = used.get("unit_price") if "amount" in used and "quantity" not in used else None  # no other use
    left = {**_without(unmapped, used), **({idle: "number"} if idle else {})}
    unused = {column: kind for column, kind in left.items() if repr(column) not in mentioned}
    if unused:
        glance.read_together(money[:_READ_TOGETHER])
    findings.notes += tell_of_unexplained(glance, unused, used, _undone_already(glance, used))
    return findings


def _settle_dates_of_refunds(glance: Glance, findings: Overlooked) -> None:
    """Note instead of asking about a date that is filled only where a column of money says how much was refunded.

    The date of a partial refund would undo the whole order.
    """
    answers = [answer.split("=", 1) for question in findings.questions for answer in question.answers]
    refunds = [column for name, column in answers if name == "refunded" and column]
    refunds += [column for name, column in findings.mapping.items() if name == "refunded"]
    dates = [column for name, column in answers if name == "cancelled_at" and column]
    money = " or ".join(f"coalesce({glance.number(column)}, 0) <> 0" for column in refunds)
    for column in dates if money else ():
        if glance.only_where(column, NO, f"({findings.settled}) or {money}"):
            findings.questions = [
                question
                for question in findings.questions
                if f"cancelled_at={column}" not in question.answers
            ]
            findings.notes.append(
                f"Column {column!r} is not used, because {refunds[0]!r} has the money wherever it is filled, or the "
                "line is left out."
            )


def _look_at_unnumbered(
    glance: Glance,
    levels_of: Mapping[str, Mapping[str, int]],
    decided: Mapping[str, str | None],
    findings: Overlooked,
) -> None:
    """Ask about a column that may say what is no order, because its lines have money but no order number."""
    order, amount = decided.get("order_id"), decided.get("amount")
    if not order or not amount or "type" in decided or findings.questions:
        return
    texts = {
        column: f"coalesce(trim(cast({quote(column)} as varchar)), '')"
        for column, levels in levels_of.items()
        if column not in decided.values() and len(levels) > 1 and not describes(column)
    }
    whose = [quote(column) for name in ("customer_id", "timestamp") if (column := decided.get(name))]
    filled = [f"trim(cast({column} as varchar)) <> ''" for column in whose]  # sums at the end have neither
    where = " and ".join([f"not ({findings.settled})", *filled])
    found = find_unnumbered(glance.lines, quote(order), glance.number(amount), texts, where)
    if found:
        rules = [f"type={value}:ignore" for value in found.without if value]
        rules += [f"type={value}:counts" for value in found.numbered if value]
        flags = " ".join(f"--rule {flag('type', rule.removeprefix('type='))}" for rule in rules)
        text = (
            f"{found.lines:,} lines with a total of {found.money:,.2f} have money but no {order!r}, and column "
            f"{found.column!r} tells them from the others: {', '.join(map(repr, found.without))}. If they are no "
            f"sales, use --mapping {flag('type', found.column)} {flags}; if they are, use --mapping type=."
        )
        findings.questions.append(Question(text, (",".join([f"type={found.column}", *rules]), "type=")))


def _without(unmapped: Mapping[str, str], mapping: Mapping[str, str]) -> dict[str, str]:
    return {column: kind for column, kind in unmapped.items() if column not in mapping.values()}


def _look_at_column(column: Unmapped, levels: Mapping[str, int] | None) -> None:
    """Map, ask about or note a column, by its heading and its levels (None if it has many)."""
    settled, refunded = column.account.settled, column.decided.get("refunded")
    if told_elsewhere := _dispute_elsewhere(column):
        column.note(f"is not used, because {told_elsewhere!r} says what became of each dispute.")
        return
    if refunded and (
        column.kind in ("timestamp", "text") or {level.lower() for level in levels or "-"} <= NO | YES
    ):
        settled = f"({settled} or {column.glance.number(refunded)} <> 0)"
    if speaks_of_return(column.heading) and column.glance.only_where(column.name, NO, settled):
        column.note("is not used, because all lines that it marks are already left out or reversed.")
        return
    look_at_unpaid(column)
    if look_at_counts(column):
        return
    if levels is None:
        look_at_numbers(column)
        return
    if _look_at_flag(column, levels):
        return
    # A few refunds are money just like many; one-digit codes are not money.
    if (column.kind == "rate" or any(is_money(level) for level in levels)) and look_at_numbers(column):
        return
    look_at_few_values(column, levels)


def _look_at_price(
    glance: Glance,
    kinds: Mapping[str, str],
    numbers: list[str],
    mapping: Mapping[str, str],
    explicit: Mapping[str, str | None],
    findings: Overlooked,
) -> None:
    """Look for a discount, another quantity and another price if the amount is computed from a price."""
    if not {"discount", "discount_rate"} & {*mapping, *explicit}:
        discounts = [
            column
            for column in numbers
            if HEADED["discount"].search(plain_heading(column))
            and not HEADED["price"].search(plain_heading(column))
            and glance.any_number(column)
        ]
        if discounts:
            share = kinds[discounts[0]] == "rate" or "%" in discounts[0]
            findings.mapping["discount_rate" if share else "discount"] = discounts[0]
        else:
            findings.notes += tell_of_shares(glance, numbers)
    if "quantity" in mapping and "quantity" not in explicit:
        look_at_quantities(glance, mapping["quantity"], numbers, findings)
    if "unit_price" not in explicit:
        look_at_prices(glance, mapping, numbers, findings)


def _undone_already(glance: Glance, mapping: Mapping[str, str]) -> str:
    """Return SQL for the lines that other columns already mark as not a sale: by a level or a negative amount."""
    tests = [f"{glance.number(mapping['amount'])} < 0"] if "amount" in mapping else []
    names = {mapping[name]: name for name in LEVEL_NAMES if name in mapping}
    for column, levels in (glance.levels(list(names), MOST_LEVELS) if names else {}).items():
        readings = read_levels(
            names[column], list(levels), paid_elsewhere=beside_payment(names[column], mapping)
        )
        undone = [
            level for level, reading in zip(levels, readings, strict=True) if reading in ("ignore", "refund")
        ]
        if undone:
            text = f"coalesce(trim(cast({quote(column)} as varchar)), '')"
            tests.append(f"{text} in ({', '.join(map(literal, undone))})")
    return " or ".join(f"coalesce({test}, false)" for test in tests) or "false"


def _adds(flag: Unmapped) -> bool:
    """Whether a refund flag is set on lines without refunded money."""
    refunded, glance = flag.decided.get("refunded"), flag.glance
    return bool(refunded and glance.any_number(refunded) and glance.flagged(flag.name, refunded, NO)[0])


def _look_at_flag(column: Unmapped, levels: Mapping[str, int]) -> bool:
    """Map or ask about a column with a yes or no per sale; return whether the column is one."""
    values = {level.lower() for level in levels}
    rows, is_flag = sum(levels.values()), values <= NO | YES
    if (
        is_flag
        and values & YES
        and HEADED["credit_notes"].search(column.heading)
        and "type" not in column.decided
    ):
        column.account.mapping["type"] = column.name
        column.account.levels["type"] = {
            level: "refund" if level.lower() in YES else "counts" for level in levels
        }
        return True
    if HEADED["positive"].match(column.heading) and is_flag and values & (NO - BLANK) and values & YES:
        no = sum(count for level, count in levels.items() if says_no(level, NO))
        meaning = "lines with a no are not completed sales"
        column.ask(
            "captured", f"says no on {no:,} of {rows:,} lines", meaning, likely=no <= _MOST_UNDONE * rows
        )
        return True
    if not speaks_of_return(column.heading) or (column.kind in ("number", "rate") and not is_flag):
        return False
    filled = sum(count for level, count in levels.items() if not says_no(level, NO))
    if {level.upper() for level in levels if level} <= CURRENCIES:
        return False
    if filled == rows and not is_flag and len(levels) > 1:
        return False  # every line has a text, which may also be a negation
    if 0 < filled < rows:
        name = "refunded" if is_flag and not _adds(column) else "cancelled_at"
        if name not in column.decided and all(
            _says_undone(level, column.heading) for level in levels if not says_no(level, NO)
        ):
            column.account.mapping[name] = column.name
            return True
        twins = count_reversals(column.glance.lines, column.decided, column.name)
        if any(twins) and not {"type", name} & set(column.decided):
            column.account.questions.append(ask_about_reversals(column.name, twins, list(levels), name))
            return True
        evidence = f"has an entry or a yes on {filled:,} of {rows:,} lines"
        meaning = "those lines were not completed or were refunded"
        column.ask(name, evidence, meaning, likely=filled <= _MOST_UNDONE * rows)
    return True


def _dispute_elsewhere(column: Unmapped) -> str:
    """Return the column of the states of disputes that another column about disputes stands next to; empty without."""
    state = column.decided.get("cancelled_at") or ""
    about, of_state = HEADED["disputes"].search(column.heading), plain_heading(state)
    return state if about and HEADED["dispute_states"].search(of_state) else ""


def _says_undone(level: str, heading: str = "") -> bool:
    """Whether a text means that goods or money came back, rather than that somebody asked for it.

    >>> _says_undone("Refund approved"), _says_undone("Return requested"), _says_undone("RMA-7")
    (True, False, False)
    >>> _says_undone("lost", "disputestatus"), _says_undone("lost", "cancelreason")
    (True, False)
    """
    if HEADED["dispute_states"].search(heading) and HEADED["disputes_lost"].match(plain_level(level)):
        return True
    requested = re.search("request|pend|open|reject|declin|progress|disput|dismiss", plain_level(level))
    return (
        read_level("status", level) == "refund" and not requested and not NEGATED.search(plain_level(level))
    )
