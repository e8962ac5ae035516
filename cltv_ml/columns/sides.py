"""Code columns that change the meaning of lines: ledger sides, database row changes, bill payments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cltv_ml.columns.glance import COLUMNS_COMPARED
from cltv_ml.columns.headings import SYNONYMS, plain_heading
from cltv_ml.columns.levels import is_payment, plain_level
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.overlooked_numbers import HEADED, Unmapped
from cltv_ml.columns.questions import Question
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation

#: Codes of both sides in lower case; words and signs are recognised under any heading.
_SIDE_LETTERS = ("s h", "d c", "d h", "d a", "d k", "1 -1", "s r", "i c", "p r")
_SIDE_WORDS = (
    "dr cr",
    "soll haben",
    "debe haber",
    "dare avere",
    "debet kredit",
    "debit credit",
    "+ -",
    "plus minus",
)

#: Codes for database changes, by the code for an update.
_ROW_CHANGES = {
    "u": {"c", "u", "d", "r", "i"},
    "update": {"insert", "update", "delete", "create", "read", "snapshot", "upsert"},
    "updated": {"inserted", "updated", "deleted", "created"},
    "update_postimage": {"insert", "update_preimage", "update_postimage", "delete"},
    "modify": {"insert", "modify", "remove"},
}

#: Headings of change codes: single letters alone may be grades or sizes.
_OF_CHANGES = re.compile("^op$|oper|^cdc|^dml|chang|action|^event|rowkind|^iud|^meta")

#: Headings of when a change was recorded.
_CHANGE_TIMES = (
    "tsms",
    "sourcetsms",
    "committimestamp",
    "committs",
    "changedat",
    "changets",
    "dmltimestamp",
    "ts",
    "lsn",
    "committedat",
)

#: Largest share of the money on the smaller side; a larger share may be payments.
_REFUNDS = 0.25


def look_at_sides(column: Unmapped, levels: Mapping[str, int]) -> bool:
    """Map a column of ledger sides as the type: the side with more money is sales; ask if the other side also has much.

    Returns
    -------
    Whether the column is one of sides.
    """
    heading, glance, decided = column.heading, column.glance, column.decided
    codes = {level.lower(): level for level in levels if level.strip()}
    spelled = {code.strip() for code in column.name.lower().split("/")} == set(codes)
    pairs = _SIDE_WORDS + (_SIDE_LETTERS if spelled or HEADED["sides"].search(heading) else ())
    amount = decided.get("amount")
    if "type" in decided or not amount or HEADED["no_codes"].search(heading) or len(codes) != 2:
        return False
    if not any(set(pair.split()) == set(codes) for pair in pairs):
        return False
    money = glance.money_of(column.name, amount, "abs")
    refunds, sales = sorted(codes.values(), key=lambda code: money.get(code) or 0.0)
    refunded, sold = money.get(refunds) or 0.0, money.get(sales) or 0.0
    if refunded <= _REFUNDS * (refunded + sold):
        column.account.mapping["type"] = column.name
        column.account.levels["type"] = {sales: "counts", refunds: "refund"}
        return True
    flags = f"--mapping {flag('type', column.name)} --rule {flag('type', sales + ':counts')}"
    text = (
        f"column {column.name!r} shows the side of each amount: {sales!r} ({levels[sales]:,} lines, "
        f"{sold:,.2f}) and {refunds!r} ({levels[refunds]:,} lines, {refunded:,.2f}). Use {flags} with --rule "
        f"{flag('type', refunds + ':refund')} if {refunds!r} lines are refunds, or with --rule "
        f"{flag('type', refunds + ':ignore')} if they are payments of the other side, or --mapping type= if "
        "both are sales."
    )
    answer = f"type={column.name},type={sales}:counts"
    column.account.questions.append(
        Question(text, (f"{answer},type={refunds}:refund", f"{answer},type={refunds}:ignore", "type="))
    )
    return True


def look_at_changes(column: Unmapped, levels: Mapping[str, int]) -> bool:
    """Ask about a column of inserts, updates and deletes; return whether it is one."""
    glance, decided = column.glance, column.decided
    codes = {level.lower(): level for level in levels if level.strip()}
    if "status" in decided or len(codes) < 2 or levels.get("", 0):
        return False
    if "update" not in codes and not _OF_CHANGES.search(column.heading):
        return False
    if not any(
        update in codes and set(codes) <= codes_of_changes
        for update, codes_of_changes in _ROW_CHANGES.items()
    ):
        return False
    deleted = [level for code, level in codes.items() if code.startswith(("d", "remove")) or "pre" in code]
    current = [level for level in codes.values() if level not in deleted]
    answer = [f"status={column.name}", *(f"status={level}:ignore" for level in deleted)]
    answer += [f"status={level}:counts" for level in current]
    names = {
        plain_heading(column_name): column_name
        for column_name in glance.columns
        if column_name not in {*decided.values(), column.name}
    }
    key = next(
        (names[column_name] for column_name in ("id", "orderid", "pk", "key") if column_name in names), ""
    )
    time = next((names[column_name] for column_name in _CHANGE_TIMES if column_name in names), "")
    answer += [f"order_id={key}"] if key and not decided.get("order_id") else []
    answer += [f"version={time}"] if time and not decided.get("version") else []
    flags = " ".join(
        f"--{'rule' if setting.count(':') else 'mapping'} {flag(*setting.split('=', 1))}"
        for setting in answer
    )
    text = (
        f"column {column.name!r} shows how each database row changed ({', '.join(sorted(codes))}), so a sale "
        f"can have several lines. Export the current table instead, or use {flags} to keep the latest state "
        "of each order, or --mapping status= if each line is a sale."
    )
    column.account.questions.append(Question(text, (",".join(answer), "status=")))
    return True


def look_at_payments(column: Unmapped, levels: Mapping[str, int]) -> bool:
    """Ask about a type some of whose lines may pay the others: negative next to positive money, or on account."""
    glance, decided, heading = column.glance, column.decided, column.heading
    amount = decided.get("amount")
    if "type" in decided or not amount or heading not in SYNONYMS["type"][0].split():
        return False
    payments = [level for level in levels if is_payment(level)]
    if not payments:
        return False
    money = glance.money_of(column.name, amount)
    paid = [money.get(level, 0.0) for level in payments]
    on_account = all("account" in plain_level(level) for level in payments) and len(levels) > len(payments)
    if not on_account and (max(paid) >= 0 or sum(money.values()) <= sum(paid)):
        return False
    shown = ", ".join(f"{level!r} ({levels[level]:,} lines, {money[level]:,.2f})" for level in payments)
    answer = [f"type={column.name}", *(f"type={level}:ignore" for level in payments)]
    flags = " ".join(
        f"--{'rule' if setting.count(':') else 'mapping'} {flag(*setting.split('=', 1))}"
        for setting in answer
    )
    text = (
        f"column {column.name!r} contains {shown}. If these lines are payments of the other lines, use "
        f"{flags}; if not, use --mapping type=."
    )
    column.account.questions.append(Question(text, (",".join(answer), "type=")))
    return True


def are_payments(table: Relation, texts: Sequence[str], credit: str) -> bool:
    """Whether any text on lines with credits calls them payments."""
    words = (
        f"select distinct cast({quote(column)} as varchar) from {table} "
        f"where cast({quote(credit)} as varchar) <> '' limit 50"
        for column in texts[:COLUMNS_COMPARED]
    )
    return any(is_payment(str(level)) for query in words for (level,) in table.rows(query))
