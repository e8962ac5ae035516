"""Unmapped columns that could change revenue: each leads to a question or a note."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cltv_ml.data.candidates import KINDS_OF_LINES
from cltv_ml.data.discounts import tell_of_order_discounts
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
    look_at_counts,
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
from cltv_ml.data.sides import look_at_changes, look_at_payments, look_at_sides
from cltv_ml.data.source_columns import quote
from cltv_ml.engine import Relation, literal

#: Levels that mean, under any heading, that a sale was reversed or never took place; and negations.
_UNDONE = re.compile(rf"(?!.*\breturning)({UNDONE})")
_DENIED = re.compile(r"\b(no|not|non|never|without|dont|nicht|kein\w*|sans|sin|senza|не)\b (?!paid)")

#: Columns with more distinct values than this do not contain levels.
_LEVELS = 20


def look_over(
    table: Relation,
    kinds: Mapping[str, str],
    mapping: Mapping[str, str],
    explicit: Mapping[str, str | None],
) -> Overlooked:
    """Return what the unmapped columns may mean for revenue.

    A name that the user gave or declined (`status=`) settles the questions about it.
    """
    findings = Overlooked()
    unmapped = [
        column for column, kind in kinds.items() if column not in mapping.values() and kind != "empty"
    ]
    glance = Glance(table, list(kinds))
    findings.mapping, findings.notes = part_refunds(glance, unmapped, kinds, mapping, explicit)
    unmapped = [column for column in unmapped if column not in findings.mapping.values()]
    findings.settled = _undone_already(glance, mapping)
    levels_of = glance.levels(unmapped, _LEVELS)
    for column in unmapped:
        decided = {**mapping, **findings.mapping, **explicit}
        _look_at_column(Unmapped(column, kinds[column], glance, decided, findings), levels_of.get(column))
    unmapped = [column for column in unmapped if column not in findings.mapping.values()]
    findings.notes += hint(glance, unmapped, kinds, mapping, {**mapping, **findings.mapping, **explicit})
    money = [column for column in unmapped if kinds[column] == "number"]
    look_at_net(glance, money, mapping, explicit, findings)
    returned = mapping.get("returned_quantity")
    if returned and table.holds(f"{glance.number(returned)} <> 0"):
        look_at_returned(mapping, explicit, findings)
    numbers = [column for column in unmapped if kinds[column] in ("number", "rate")]
    if "amount" in mapping or {"quantity", "unit_price"} <= set(mapping):
        questions = (
            ask(glance, numbers, mapping, explicit)
            for ask in (ask_what_is_left, ask_about_shares, ask_about_fees)
        )
        findings.questions += next(filter(None, questions), [])
    findings.notes += tell_of_other_money(glance, numbers, mapping)
    findings.notes += tell_of_order_discounts(glance, numbers, mapping)
    if "unit_price" in mapping and "amount" not in mapping:
        _look_at_price(glance, kinds, numbers, mapping, explicit, findings)
    return findings


def _look_at_column(column: Unmapped, levels: Mapping[str, int] | None) -> None:
    """Map, ask about or note a column, by its heading and its levels (None if it has many)."""
    settled, refunded = column.account.settled, column.decided.get("refunded")
    if refunded and column.kind == "timestamp":
        settled = f"({settled} or {column.glance.number(refunded)} <> 0)"
    if speaks_of_return(column.heading) and column.glance.only_where(column.name, NO, settled):
        column.note("is not used, because all lines that it marks are already left out or reversed.")
        return
    _look_at_unpaid(column)
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
    _look_at_levels(column, levels)


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
    if "quantity" in mapping and "quantity" not in explicit:
        look_at_quantities(glance, mapping["quantity"], numbers, findings)
    if "unit_price" not in explicit:
        look_at_prices(glance, mapping["unit_price"], numbers, findings)


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


def _look_at_unpaid(column: Unmapped) -> None:
    """Note unpaid money, and sales that were not completed."""
    glance = column.glance
    if column.kind == "number" and HEADED["unpaid"].search(column.heading) and glance.any_number(column.name):
        column.note("contains money that is not paid yet; such lines count in full.")
    blank = glance.rows - glance.filled(column.name) if HEADED["reached"].match(column.heading) else 0
    if column.kind == "timestamp" and blank:
        column.note(
            f"is blank on {blank:,} of {glance.rows:,} lines, which count anyway. If they are not sales, "
            "remove them from the export."
        )


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
        no = sum(count for level, count in levels.items() if level.lower() in NO)
        column.ask(
            "captured", f"says no on {no:,} of {rows:,} lines", "lines with a no are not completed sales"
        )
        return True
    if not speaks_of_return(column.heading) or (column.kind in ("number", "rate") and not is_flag):
        return False
    filled = sum(count for level, count in levels.items() if level.lower() not in NO)
    if filled == rows and not is_flag and len(levels) > 1:
        return False  # every line has a text, which may also be a negation
    if 0 < filled < rows:
        name = "refunded" if is_flag and not _adds(column) else "cancelled_at"
        if name not in column.decided and all(
            _says_undone(level) for level in levels if level.lower() not in NO
        ):
            column.account.mapping[name] = column.name
            return True
        evidence = f"has an entry or a yes on {filled:,} of {rows:,} lines"
        column.ask(name, evidence, "those lines were not completed or were refunded")
    return True


def _says_undone(level: str) -> bool:
    """Whether a text means that goods or money came back, rather than that somebody asked for it.

    >>> _says_undone("Refund approved"), _says_undone("Return requested"), _says_undone("RMA-7")
    (True, False, False)
    """
    requested = re.search("request|pend|open|reject|declin|progress|disput|dismiss", plain_level(level))
    return (
        read_level("status", level) == "refund" and not requested and not _DENIED.search(plain_level(level))
    )


def _look_at_levels(column: Unmapped, levels: Mapping[str, int]) -> None:
    """Map, ask about or note a column with few values, some of which mean that a sale was reversed."""
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
    if undone and any(
        status_name in decided and not decided[status_name]
        for status_name in ("status", "payment_status", "type")
    ):
        return
    state = (
        HEADED["status"].search(column.heading)
        and not HEADED["no_status"].search(column.heading)
        and not any(KINDS_OF_LINES.fullmatch(text) for text in plain.values())
    )
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
    name = next(
        (status_name for status_name in ("status", "payment_status") if status_name not in decided), None
    )
    remaining = [level for level in levels if level.strip() and level not in undone]
    readings = {read_level("status", level) for level in remaining}
    recognised = readings == {"counts"} or (state and "counts" in readings and None not in readings)
    if name and recognised and not levels.get("", 0) and all(read_level("status", level) for level in undone):
        account.mapping[name] = column.name
    elif name or not set(decided) & set(LEVEL_NAMES):
        meaning = "the orders on such lines were not completed or were refunded"
        column.ask(name or "status", f"contains {_shown(undone, levels)}", meaning)
    else:
        account.notes.append(_not_used(column.name, _shown(undone, levels)))


def _ask_about_type(column: Unmapped, levels: Mapping[str, int]) -> bool:
    """Ask about a column of types, some known not to be sales and others unknown, or some sales and some refunds."""
    readings = {level: read_level("type", level) for level in levels if level.strip()}
    not_sales = [level for level, reading in readings.items() if reading in ("ignore", "refund")]
    opposite = {"counts", "refund"} <= set(readings.values()) and not HEADED["words"].search(column.heading)
    doubtful = not_sales if opposite or column.heading in SYNONYMS["type"][0].split() else []
    if doubtful:
        column.ask("type", f"contains {_shown(doubtful, levels)}", "such lines are not sales or are refunds")
    return bool(doubtful)


def _shown(some: list[str], levels: Mapping[str, int]) -> str:
    rows = sum(levels.values())
    return ", ".join(f"{level!r} ({levels[level]:,} of {rows:,} lines)" for level in some[:3])


def _not_used(column: str, shown: str) -> str:
    return (
        f"Column {column!r} contains {shown} and is not used. If such lines are not completed sales, map "
        "the column."
    )


def _tell_of_another_status(column: str, levels: Mapping[str, int]) -> list[str]:
    """Return a note on a column whose levels are all known order states, some of which are not sales."""
    named = [level for level in levels if level.strip()]
    readings = dict(zip(named, read_levels("status", named), strict=True))
    ignored = [level for level, reading in readings.items() if reading in ("ignore", "refund")]
    if not ignored or None in readings.values() or "counts" not in readings.values():
        return []
    return [_not_used(column, _shown(ignored, levels))]


def _is_type(levels: Mapping[str, int]) -> bool:
    """Whether all levels are known kinds of lines, and some kind is not a sale."""
    readings = set(read_levels("type", filter(str.strip, levels)))
    return len(readings) > 1 and "counts" in readings and None not in readings and not levels.get("", 0)


def _look_at_codes(column: Unmapped, levels: Mapping[str, int]) -> None:
    """Note a column of a few short codes that, by its heading, may distinguish sales from refunds."""
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
        listed = ", ".join(f"{code} ({levels[code]:,} lines)" for code in codes)
        rare = min(codes, key=lambda code: levels[code])
        if column.glance.is_paired(column.name, decided.get("order_id"), decided.get("amount")):
            evidence = f"differs ({listed}) where an order has the same amount twice"
            column.ask("type", evidence, "one of these codes marks refunds")
            return
        column.note(
            f"with {listed} is not used. If one of these codes is a refund or not a sale, use --mapping "
            f"{flag('type', column.name)} and --rule {flag('type', rare + ':ignore')} (or :refund), with "
            ":counts for the other codes."
        )
