"""Unmapped columns with few values, some of which may mean that the line is not a sale."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cltv_ml.columns.candidates import KINDS_OF_LINES
from cltv_ml.columns.denials import NEGATED
from cltv_ml.columns.headings import SYNONYMS
from cltv_ml.columns.hints import tell_of_levels, tell_of_lines
from cltv_ml.columns.levels import (
    DENIED,
    LEVEL_NAMES,
    NO,
    RELATIVE_STATE,
    UNDONE,
    YES,
    is_mode,
    kind_of_document,
    may_be_worded,
    plain_level,
    read_level,
    read_levels,
)
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.overlooked_numbers import HEADED, Unmapped, is_money
from cltv_ml.columns.sides import look_at_changes, look_at_payments, look_at_sides

#: Levels that mean, under any heading, that a sale was reversed or never took place.
_UNDONE = re.compile(rf"(?!.*\breturning)({UNDONE})")

#: The most values whose meaning is asked about together with their column.
_MOST_UNKNOWN = 8

#: Headings of kinds of lines rather than of the state of an order.
_OF_KINDS = re.compile("kind$|type$|(?<!s)typ$|art$|^tipo|^type|soort$|rodzaj|вид$|тип$|movement$")


def look_at_few_values(column: Unmapped, levels: Mapping[str, int]) -> None:
    """Map, ask about or note a column with few values, some of which mean that a sale was reversed."""
    if any(look(column, levels) for look in (look_at_sides, look_at_changes, look_at_payments)):
        return
    decided, account = column.decided, column.account
    if not may_be_worded(levels):  # the many numbers of a wide table
        notes = tell_of_levels(column.name, levels, decided)
        account.notes += notes
        if not notes:
            _look_at_codes(column, levels)
        return
    named = HEADED["words"].search(column.heading) and "stat" not in column.heading
    worded = named and not _are_states(levels)
    plain = {level: plain_level(level) for level in levels}
    undone = [
        level
        for level, text in plain.items()
        if len(text) < 41 and _UNDONE.search(text) and (not NEGATED.search(text) or re.search(DENIED, text))
    ]
    if undone and column.glance.only_where(
        column.name, {level.lower() for level in levels if level not in undone}, account.settled
    ):
        column.note("is not used, because all lines that it marks are already left out or reversed.")
        return
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
    _settle_undone(column, levels, undone, is_state=bool(state))


def _settle_undone(column: Unmapped, levels: Mapping[str, int], undone: list[str], *, is_state: bool) -> None:
    """Map, ask about or note a column in which some levels mean that a sale was undone."""
    decided, account = column.decided, column.account
    of_lines = "type" not in decided and _OF_KINDS.search(column.heading) and not is_state
    names = ("type",) if of_lines else ("status", "payment_status")
    name = next((level_name for level_name in names if level_name not in decided), None)
    remaining = [level for level in levels if level.strip() and level not in undone]
    readings = {read_level("status", level) for level in remaining}
    recognised = readings == {"counts"} or (is_state and "counts" in readings and None not in readings)
    complete = not levels.get("", 0) and all(read_level("status", level) for level in undone)
    if name and name != "type" and recognised and complete:
        account.mapping[name] = column.name
    elif name or not set(decided) & set(LEVEL_NAMES):
        meaning = "the orders on such lines were not completed or were refunded"
        asked = name or "status"
        unknown = [level for level in remaining if read_level(asked, level) is None][:_MOST_UNKNOWN]
        column.ask(
            asked,
            f"contains {_shown(undone, levels)}",
            meaning,
            rules=[f"{asked}={level}:counts" for level in unknown],
        )
    else:
        account.notes.append(_not_used(column.name, _shown(undone, levels)))


def _are_states(levels: Iterable[str]) -> bool:
    """Whether there are at least three levels, nearly all known order states, some of which count and some do not.

    >>> _are_states(["Livré", "Remboursé", "En attente", "Annulé"]), _are_states(["Shirts", "Returned goods", "Caps"])
    (True, False)
    """
    readings = [read_level("status", level) for level in levels if level.strip()]
    clear = [reading for reading in readings if reading]
    return (
        len(readings) > 2 and len(clear) >= 0.8 * len(readings) and "counts" in clear and len(set(clear)) > 1
    )


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
    if not _may_be_known("status", named):
        return []
    readings = dict(zip(named, read_levels("status", named), strict=True))
    ignored = [level for level, reading in readings.items() if reading in ("ignore", "refund")]
    if not ignored or None in readings.values() or "counts" not in readings.values():
        return []
    return [_not_used(column, _shown(ignored, levels))]


def _is_type(levels: Mapping[str, int]) -> bool:
    """Whether all levels are known kinds of lines, and some kind is not a sale."""
    named = [level for level in levels if level.strip()]
    if not _may_be_known("type", named):
        return False
    readings = set(read_levels("type", named))
    return len(readings) > 1 and "counts" in readings and None not in readings and not levels.get("", 0)


def _may_be_known(name: str, levels: Iterable[str]) -> bool:
    """Whether each level of a status or a type has a meaning, or may have one next to the others."""
    return all(read_level(name, level) or _is_relative(name, plain_level(level)) for level in levels)


def _is_relative(name: str, plain: str) -> bool:
    return bool(kind_of_document(plain)) if name == "type" else bool(RELATIVE_STATE.fullmatch(plain))


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
