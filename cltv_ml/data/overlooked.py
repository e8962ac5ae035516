"""Unmapped columns that may change what counts as revenue: each leads to a question or a note."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cltv_ml.data.glance import Glance
from cltv_ml.data.headings import SYNONYMS, plain_heading
from cltv_ml.data.hints import hint, tell_of_levels, tell_of_lines
from cltv_ml.data.levels import (
    BLANK,
    DENIED,
    LEVEL_NAMES,
    MOST_LEVELS,
    NO,
    UNDONE,
    YES,
    are_states,
    beside_payment,
    is_mode,
    plain_level,
    read_level,
    read_levels,
)
from cltv_ml.data.mapping import flag
from cltv_ml.data.overlooked_numbers import (
    HEADED,
    Overlooked,
    Unmapped,
    is_money,
    look_at_net,
    look_at_numbers,
    look_at_prices,
    look_at_quantities,
    look_at_returned,
    part_refunds,
    speaks_of_return,
    tell_of_other_money,
)
from cltv_ml.data.paid import ask_about_fees, ask_about_shares, ask_what_is_left
from cltv_ml.data.parse import quote
from cltv_ml.data.sides import look_at_changes, look_at_payments, look_at_sides
from cltv_ml.engine import Relation, literal

#: Levels that say, under whatever heading, that a sale was undone or never took place; and those that deny it.
_UNDONE = re.compile(rf"(?!.*\breturning)({UNDONE})")
_DENIED = re.compile(r"\b(no|not|non|never|without|dont|nicht|kein\w*|sans|sin|senza|не)\b (?!paid)")

#: Columns with more different values than this hold no levels.
_LEVELS = 20


def look_over(
    table: Relation,
    kinds: Mapping[str, str],
    mapping: Mapping[str, str],
    given: Mapping[str, str | None],
) -> Overlooked:
    """Return what the columns that no name was given to may mean for revenue.

    A name that the user gave or declined (`status=`) settles the questions about it.
    """
    found = Overlooked()
    left = [column for column, kind in kinds.items() if column not in mapping.values() and kind != "empty"]
    glance = Glance(table, list(kinds))
    found.mapping, found.notes = part_refunds(glance, left, kinds, mapping, given)
    left = [column for column in left if column not in found.mapping.values()]
    found.settled = _undone_already(glance, mapping)
    levels_of = glance.levels(left, _LEVELS)
    for column in left:
        decided = {**mapping, **found.mapping, **given}
        _look_at_column(Unmapped(column, kinds[column], glance, decided, found), levels_of.get(column))
    left = [column for column in left if column not in found.mapping.values()]
    found.notes += hint(glance, left, kinds, mapping, {**mapping, **found.mapping, **given})
    look_at_net(mapping, given, found)
    returned = mapping.get("returned_quantity")
    if returned and table.holds(f"{glance.number(returned)} <> 0"):
        look_at_returned(mapping, given, found)
    numbers = [column for column in left if kinds[column] in ("number", "rate")]
    if "amount" in mapping or {"quantity", "unit_price"} <= set(mapping):
        asked = (
            ask(glance, numbers, mapping, given)
            for ask in (ask_what_is_left, ask_about_shares, ask_about_fees)
        )
        found.questions += next(filter(None, asked), [])
    found.notes += tell_of_other_money(glance, numbers, mapping)
    if "unit_price" in mapping and "amount" not in mapping:
        _look_at_price(glance, kinds, numbers, mapping, given, found)
    return found


def _look_at_column(column: Unmapped, levels: Mapping[str, int] | None) -> None:
    """Read, ask or tell of a column by its heading and its levels, None where it has many."""
    settled, refunded = column.account.settled, column.decided.get("refunded")
    if refunded and column.kind == "timestamp":
        settled = f"({settled} or {column.glance.number(refunded)} <> 0)"
    if speaks_of_return(column.heading) and column.glance.only_where(column.name, NO, settled):
        column.note("marks only lines that are left out or taken back without it, and is not used.")
        return
    _look_at_unpaid(column)
    if levels is None:
        look_at_numbers(column)
        return
    if _look_at_flag(column, levels):
        return
    # Few refunds are money as many are; codes of one digit are none.
    if (column.kind == "rate" or any(is_money(level) for level in levels)) and look_at_numbers(column):
        return
    _look_at_levels(column, levels)


def _look_at_price(
    glance: Glance,
    kinds: Mapping[str, str],
    numbers: list[str],
    mapping: Mapping[str, str],
    given: Mapping[str, str | None],
    found: Overlooked,
) -> None:
    """Look for a discount, another quantity and another price where the amount is worked out from a price."""
    if not {"discount", "discount_rate"} & {*mapping, *given}:
        discounts = [
            one
            for one in numbers
            if HEADED["discount"].search(plain_heading(one))
            and not HEADED["price"].search(plain_heading(one))
            and glance.any_number(one)
        ]
        if discounts:
            share = kinds[discounts[0]] == "rate" or "%" in discounts[0]
            found.mapping["discount_rate" if share else "discount"] = discounts[0]
    if "quantity" in mapping and "quantity" not in given:
        look_at_quantities(glance, mapping["quantity"], numbers, found)
    if "unit_price" not in given:
        look_at_prices(glance, mapping["unit_price"], numbers, found)


def _undone_already(glance: Glance, mapping: Mapping[str, str]) -> str:
    """Return SQL for the lines that other columns say to be no sale: by a level, or an amount below 0."""
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


def _look_at_unpaid(column: Unmapped) -> None:
    """Tell of money that is not paid yet, and of sales that did not reach their end."""
    glance = column.glance
    if column.kind == "number" and HEADED["unpaid"].search(column.heading) and glance.any_number(column.name):
        column.note("holds money that is not paid yet; such lines count in full.")
    blank = glance.rows - glance.filled(column.name) if HEADED["reached"].match(column.heading) else 0
    if column.kind == "timestamp" and blank:
        column.note(
            f"is blank on {blank:,} of {glance.rows:,} lines, which count all the same; take such lines out of the "
            "export where they are no sales."
        )


def _adds(flag: Unmapped) -> bool:
    """Whether a flag of what was undone is set on lines that hold no money given back."""
    refunded, glance = flag.decided.get("refunded"), flag.glance
    return bool(refunded and glance.any_number(refunded) and glance.flagged(flag.name, refunded, NO)[0])


def _look_at_flag(column: Unmapped, levels: Mapping[str, int]) -> bool:
    """Read or ask about a column whose heading and content say yes or no of each sale; return whether it is one."""
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
        no = sum(count for level, count in levels.items() if level.lower() in NO)
        column.ask("captured", f"says no on {no:,} of {rows:,} lines", "a line with a no is no sale")
        return True
    if not speaks_of_return(column.heading) or (column.kind in ("number", "rate") and not is_flag):
        return False
    filled = sum(count for level, count in levels.items() if level.lower() not in NO)
    if filled == rows and not is_flag and len(levels) > 1:
        return False  # words on each line, of which some may deny it
    if 0 < filled < rows:
        name = "refunded" if is_flag and not _adds(column) else "cancelled_at"
        if name not in column.decided and all(
            _says_undone(level) for level in levels if level.lower() not in NO
        ):
            column.account.mapping[name] = column.name
            return True
        seen = f"is filled or says yes on {filled:,} of {rows:,} lines"
        column.ask(name, seen, "those lines are no sale or were given back")
    return True


def _says_undone(level: str) -> bool:
    """Whether a text says that goods or money came back, rather than that somebody asked for it.

    >>> _says_undone("Refund approved"), _says_undone("Return requested"), _says_undone("RMA-7")
    (True, False, False)
    """
    asked = re.search("request|pend|open|reject|declin|progress|disput|dismiss", plain_level(level))
    return read_level("status", level) == "refund" and not asked and not _DENIED.search(plain_level(level))


def _look_at_levels(column: Unmapped, levels: Mapping[str, int]) -> None:
    """Read, ask or tell of a column with few different values, some of which say that a sale was undone."""
    if any(look(column, levels) for look in (look_at_sides, look_at_changes, look_at_payments)):
        return
    decided, account = column.decided, column.account
    named = HEADED["words"].search(column.heading) and "stat" not in column.heading
    worded = named and not are_states(levels)
    plain = {level: plain_level(level) for level in levels}
    undone = [
        level
        for level, text in plain.items()
        if _UNDONE.search(text) and (not _DENIED.search(text) or re.search(DENIED, text)) and len(text) < 41
    ]
    if "test" not in decided and is_mode(levels):
        account.mapping["test"] = column.name
        return
    if undone and any(one in decided and not decided[one] for one in ("status", "payment_status", "type")):
        return
    state = HEADED["status"].search(column.heading) and not HEADED["no_status"].search(column.heading)
    if "type" not in decided and not worded and not state and _is_type(levels):
        account.mapping["type"] = column.name
        return
    if not undone or worded:
        notes = (
            tell_of_levels(column.name, levels, decided)
            or tell_of_lines(column.name, levels, column.glance, decided)
            or _tell_of_another_status(column.name, levels)
        )
        account.notes += notes
        if not notes and not _ask_about_type(column, levels):
            _look_at_codes(column, levels)
        return
    name = next((one for one in ("status", "payment_status") if one not in decided), None)
    others = [level for level in levels if level.strip() and level not in undone]
    readings = {read_level("status", level) for level in others}
    known = readings == {"counts"} or (state and "counts" in readings and None not in readings)
    if name and known and not levels.get("", 0) and all(read_level("status", level) for level in undone):
        account.mapping[name] = column.name
    elif name or not set(decided) & set(LEVEL_NAMES):
        meaning = "the orders of such lines are no sale or were given back"
        column.ask(name or "status", f"holds {_shown(undone, levels)}", meaning)
    else:
        account.notes.append(_not_used(column.name, _shown(undone, levels)))


def _ask_about_type(column: Unmapped, levels: Mapping[str, int]) -> bool:
    """Ask about a column of types of which some are known to be no sale and others are not known at all."""
    known = [level for level in levels if read_level("type", level) in ("ignore", "refund")]
    some = known if column.heading in SYNONYMS["type"][0].split() else []
    if some:
        column.ask("type", f"holds {_shown(some, levels)}", "such lines are no sale or give money back")
    return bool(some)


def _shown(some: list[str], levels: Mapping[str, int]) -> str:
    rows = sum(levels.values())
    return ", ".join(f"{level!r} ({levels[level]:,} of {rows:,} lines)" for level in some[:3])


def _not_used(column: str, shown: str) -> str:
    return f"Column {column!r} holds {shown} and is not used; map it if such lines are no sale."


def _tell_of_another_status(column: str, levels: Mapping[str, int]) -> list[str]:
    """Tell of a column all of whose levels are known as states of an order, some of which are no sale."""
    named = [level for level in levels if level.strip()]
    readings = dict(zip(named, read_levels("status", named), strict=True))
    ignored = [level for level, reading in readings.items() if reading in ("ignore", "refund")]
    if not ignored or None in readings.values() or "counts" not in readings.values():
        return []
    return [_not_used(column, _shown(ignored, levels))]


def _is_type(levels: Mapping[str, int]) -> bool:
    """Whether each level is known to be a kind of line, and some kind is no sale."""
    readings = set(read_levels("type", filter(str.strip, levels)))
    return len(readings) > 1 and "counts" in readings and None not in readings and not levels.get("", 0)


def _look_at_codes(column: Unmapped, levels: Mapping[str, int]) -> None:
    """Tell of a column of a few short codes whose heading says that they may tell sales from refunds."""
    heading, decided = column.heading, column.decided
    codes = [level for level in levels if level.strip()]
    longest = 20 if HEADED["documents"].search(heading) else 6
    if "type" in decided or not 2 <= len(codes) <= 6 or max(map(len, codes)) > longest:
        return
    if any(is_money(code) and not code.isdigit() for code in codes) or max(levels.values()) < 2:
        return
    if {code.lower() for code in codes} <= NO | YES - {"1", "x"} and "-1" not in codes:
        return
    if HEADED["codes"].search(heading) and not HEADED["no_codes"].search(heading):
        shown = ", ".join(f"{code} ({levels[code]:,} lines)" for code in codes)
        rare = min(codes, key=lambda code: levels[code])
        if column.glance.is_paired(column.name, decided.get("order_id"), decided.get("amount")):
            seen = f"differs ({shown}) where an order has the same amount twice"
            column.ask("type", seen, "one of these gives money back")
            return
        column.note(
            f"with {shown} is not used; where one of these is no sale or gives money back, say --mapping "
            f"{flag('type', column.name)} and --rule {flag('type', rare + ':ignore')}, or :refund, with the others as "
            ":counts."
        )
