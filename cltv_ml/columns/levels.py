"""Levels of status, type, test and captured columns, and which of them count as completed sales."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from cltv_ml.columns.denials import is_denied
from cltv_ml.columns.deposits import doubted_deposits
from cltv_ml.columns.headings import plain_heading, plain_pattern, plain_text, split_case
from cltv_ml.columns.words import words

#: Possible meanings of a level.
READINGS = {
    "counts": "the line is a completed sale",
    "refund": "the sale was reversed; for `type`, the line itself is a refund",
    "ignore": "the line is not a completed sale and is quarantined",
}

#: Mapping names whose columns hold levels.
LEVEL_NAMES = ("status", "payment_status", "type", "test", "captured")

#: A column with more distinct values than this does not contain levels.
MOST_LEVELS = 60

_LISTED = words("levels")

#: Values of a column of cancellations or refunds that mean that nothing happened, in lower case.
BLANK = frozenset(_LISTED.pop("blank"))

#: Values that mean no (including blank) and values that mean yes, in lower case.
NO, YES = BLANK | frozenset(_LISTED.pop("no")), frozenset(_LISTED.pop("yes"))

#: Levels that tell tests from real sales, and those of real sales.
_TEST_LEVELS, _REAL_LEVELS = set(_LISTED.pop("tests")), set(_LISTED.pop("real"))

#: Regular expressions on plain levels, by their meaning.
_WORDS = {name: plain_pattern(listed) for name, listed in _LISTED.items()}

#: Texts that mean, under any heading, that a sale was cancelled, or that it was reversed or never took place.
CANCELLED = _WORDS["cancelled"]
UNDONE = "|".join(_WORDS[name] for name in ("undone", "cancelled", "failed", "denied"))

#: Texts that mean, under any heading, that nothing was sold, and that describe an order rather than a separate line.
DENIED, UNDONE_STATE = _WORDS["denied"], _WORDS["undone_state"]

#: States whose meaning depends on the column's other levels.
RELATIVE_STATE = re.compile(f"{_WORDS['placed']}|{_WORDS['sent']}")

#: SQL over `lines` and its `marks`: the status of the line means that the order was cancelled.
SAYS_CANCELLED = (
    rf"marks.rule = 'not_completed' and regexp_matches(strip_accents(lines.state), '{CANCELLED}')"
)

#: Text in the last line of a report instead of a level.
_SUM = r"^(grand |sub ?)?totals?$|^summe$|^gesamt(summe)?$|^somme$|^suma$|^totaal$|^totale$"

#: Headings of an order's goods, states of payments, and what orders and goods may wait for when they are paid.
_OF_GOODS, _OF_PAYMENTS = re.compile(_WORDS["of_goods"]), re.compile(_WORDS["payment_states"])
_PAID_FOR = {
    "order": re.compile(r"^pending$|\bin progress"),
    "goods": re.compile(r"\b(pending|await|waiting|hold|in progress|scheduled|back ?order|prepar|queued)"),
}

#: Levels for the step that follows an open order.
_PLACED_BEFORE = ("placed_before_paying", "placed_before_sending")


@lru_cache(4096)
def plain_level(level: str) -> str:
    """Return a level as levels are compared: without case, accents and signs, words apart, of at most 200 letters.

    >>> plain_level("wc-Partially_Refunded"), plain_level("Rückerstattet"), plain_level("closedwon")
    ('partially refunded', 'ruckerstattet', 'closedwon')
    """
    apart = split_case(level.strip()[:200])
    return plain_text(re.sub("^wc-", "", apart), " ")


_YES, _NO = ("|".join(sorted(filter(None, map(plain_level, said)))) for said in (YES, NO))
_NOT_CAPTURED = f"^({_NO}|uncaptured|unpaid|not yet)$"


def _statuses(partly: str, undone: str, goods: str, **patterns: str) -> tuple[tuple[str, str], ...]:
    """Return the vocabulary of a status."""
    return (
        (_SUM, "ignore"),
        (rf"({partly}).*({undone})|({undone}).*({partly})", "counts"),
        (patterns["won_back"], "counts"),
        (undone, "refund"),
        (rf"\b(await|pending|waiting|ready)\w* (for )?({goods})|\bunshipped", "counts"),
        (rf"({partly}).*(paid|captur|bezahlt|pay|pag)", ""),
        ("|".join(patterns[name] for name in ("cancelled", "failed", "denied", "open")), "ignore"),
        (patterns["done"], "counts"),
    )


#: Mapping name -> (pattern, reading) in the order tried, on levels without case, accents and signs.
_VOCABULARY: dict[str, tuple[tuple[str, str], ...]] = {
    "status": _statuses(**_WORDS),
    "payment_status": ((r"\bprocessing|\bopen\b|\boffen\b|\boverdue", "ignore"), *_statuses(**_WORDS)),
    "type": (
        (_SUM, "ignore"),
        (r"(chargeback|dispute|refund|reversal)s? (reversal|reversed|won|cancel\w*|failure|failed)", ""),
        (r"\b(credit|debit) card|\bcard\b|\border (updated?|edit\w*|chang\w*|modified)\b", ""),
        (r"\brefund\w*\b.*\bfees?\b|\bfees?\b.*\brefund", "ignore"),
        (_WORDS["commission"], "ignore"),
        ("^sent for ", "ignore"),  # what becomes of it is a line of its own
        (_WORDS["takes_back"], "refund"),
        (f"{_WORDS['no_sale']}|{DENIED}", "ignore"),
        (_WORDS["sale"], "counts"),
    ),
    "test": (
        (rf"^({'|'.join((_NO, *sorted(_REAL_LEVELS)))})$", "counts"),
        (rf"^({'|'.join((_YES, *sorted(_TEST_LEVELS)))})$|\btest|\bbogus|\bsandbox", "ignore"),
    ),
    "captured": ((rf"^({_YES}|captured|paid)$", "counts"), (f"{_NOT_CAPTURED}|{CANCELLED}", "ignore")),
}

#: Mapping name -> numbers that its vocabulary contains, such as 381 for a credit note.
_LEVEL_NUMBERS = {
    name: {number for pattern, _ in patterns for number in re.findall(r"\d+", pattern)}
    for name, patterns in _VOCABULARY.items()
}
_NUMBER_LEVELS = frozenset().union(*_LEVEL_NUMBERS.values())


def may_be_worded(levels: Iterable[str]) -> bool:
    """Whether a level is blank, has a letter or consists of numbers of the vocabulary; others have no meaning.

    >>> may_be_worded(["381", "17.50"]), may_be_worded(["17.50", "24.10"])
    (True, False)
    """
    return any(
        re.search(r"[^\W\d_]", plain) or set(plain.split()) <= _NUMBER_LEVELS
        for plain in map(plain_level, levels)
    )


def read_level(name: str, level: str, defined: Mapping[str, str] | None = None) -> str | None:
    """Return the meaning of one level: counts, refund or ignore; None if the vocabulary does not contain it.

    Parameters
    ----------
    name
        The mapping name of the column, one of `LEVEL_NAMES`.
    level
        A value of the column; an empty one counts.
    defined
        Levels whose meaning a rule or a known format defines; they take precedence over the vocabulary.

    >>> [read_level("status", level) for level in ("Paid", "storniert", "Remboursé", "partially_refunded", "B7")]
    ['counts', 'ignore', 'refund', 'counts', None]
    >>> read_level("type", "Gutschrift"), read_level("status", "pending", {"Pending": "counts"})
    ('refund', 'counts')
    """
    plain, defined = plain_level(level), defined or {}
    if level.strip() in defined:  # signs distinguish levels as written
        return defined[level.strip()]
    for defined_level, reading in defined.items():
        if plain_level(defined_level) == plain:
            return reading
    numbers = _LEVEL_NUMBERS[name]  # a 7 stands for all that the vocabulary does not contain
    same = re.sub(r"\d+", lambda run: run[0] if any(number in run[0] for number in numbers) else "7", plain)
    return _read_plain(name, same)


@lru_cache(4096)
def _read_plain(name: str, plain: str) -> str | None:
    """Return the meaning of a plain level in the vocabulary."""
    if not plain:
        return "counts"
    denied = None
    for pattern, reading in _VOCABULARY[name]:
        starts = [match.start() for match in re.finditer(pattern, plain)]
        stands = reading not in ("counts", "refund") and name != "test" and not re.search(CANCELLED, plain)
        if starts and (stands or not all(is_denied(plain, start) for start in starts)):
            return reading or None
        if starts:
            denied = denied or ("ignore" if reading == "counts" and not _OF_GOODS.search(plain) else "counts")
    return denied


def beside_payment(name: str, mapping: Mapping[str, str]) -> str:
    """Return the subject of a column of states next to one of payments, "goods" or "order"; empty without payments."""
    if "payment_status" not in mapping:
        return ""
    return "goods" if _OF_GOODS.search(plain_heading(mapping[name])) else "order"


def read_levels(
    name: str, levels: Iterable[str], defined: Mapping[str, str] | None = None, paid_elsewhere: str = ""
) -> list[str | None]:
    """Return the meaning of each level of one column, which can depend on the other levels.

    In a ledger, payments settle invoices and are not sales. Orders next to invoices may count twice: only the user
    knows. An open or new order is unpaid if another level says paid, and unsent if another one says sent.

    Parameters
    ----------
    paid_elsewhere
        See `beside_payment`: a new order may then be paid, and waiting goods are still to be sent.

    >>> read_levels("type", ["Payment", "Refund"]), read_levels("type", ["Invoice", "Payment", "Credit Memo", "Refund"])
    (['counts', 'refund'], ['counts', 'ignore', 'refund', 'ignore'])
    """
    levels = list(levels)
    plain = list(map(plain_level, levels))
    of_payments = name == "status" and any(map(_OF_PAYMENTS.search, plain))
    readings = [read_level("payment_status" if of_payments else name, level, defined) for level in levels]
    if name == "status":
        if {"complete", "finished"} & set(plain):  # an order closed as well may be undone
            doubted = {"closed"} - set(map(plain_level, defined or {}))
            readings = [None if one in doubted else read for one, read in zip(plain, readings, strict=True)]
        if paid_elsewhere:
            readings = [
                "counts"
                if reading == "ignore"
                and _PAID_FOR[paid_elsewhere].search(plain_level(level))
                and not re.search(_WORDS["awaits_money"], plain_level(level))
                else reading
                for level, reading in zip(levels, readings, strict=True)
            ]
        return _read_placed(levels, readings, bool(paid_elsewhere))
    if name != "type":
        return readings
    kinds = list(map(kind_of_document, plain))
    sold = {kind for kind, reading in zip(kinds, readings, strict=True) if reading == "counts"}
    changed: dict[str, str | None] = {}
    if "billed" in sold:
        changed = {"settled": "ignore", "ordered": None}
        if any(re.search("credit|gutschrift|avoir|abono|nota", text) for text in plain):
            kinds = [
                "settled" if re.fullmatch("(cash |payment )?refunds?", text) else kind
                for text, kind in zip(plain, kinds, strict=True)
            ]
    elif "ordered" in sold or (
        "settled" in sold and any(re.fullmatch("(cash |credit )?sales?", text) for text in plain)
    ):
        changed = {"settled": None}
    if any(re.fullmatch("(cash |credit )?sales?( invoices?| register)?", text) for text in plain):
        kinds = [
            "bought" if re.fullmatch("(cash )?purchases?", text) else kind
            for text, kind in zip(plain, kinds, strict=True)
        ]
        changed["bought"] = None  # the shop itself may have bought, because sales have their own level
    agreed = agreed_levels(plain) | doubted_deposits(plain)
    kinds = ["agreed" if text in agreed else kind for text, kind in zip(plain, kinds, strict=True)]
    changed["agreed"] = None
    defined_texts = {plain_level(level) for level in defined or {}}
    return [
        changed[kind] if kind in changed and text not in defined_texts and reading != "ignore" else reading
        for text, kind, reading in zip(plain, kinds, readings, strict=True)
    ]


def agreed_levels(plain: Sequence[str]) -> set[str]:
    """Return the levels of planned payments, such as a recurring gift, if another level is the payment itself."""
    paid = {text[: pay.start()] for text in plain for pay in re.finditer(r" pay(ment)?s?\b", text)}
    return {level for level in filter(None, plain) if level in paid and not kind_of_document(level)}


def _read_placed(
    levels: Sequence[str], readings: Sequence[str | None], paid_elsewhere: bool
) -> list[str | None]:
    """Return the readings, with the meaning of open, new and sent given the column's other levels.

    "Sent" refers to an order's goods, but to an invoice if there are also drafts or overdue ones.
    """
    plain = list(map(plain_level, levels))
    unplaced = [level for level in plain if not re.fullmatch(_WORDS["placed"], level)]
    before = {
        key: any(re.search(_WORDS[key], level) for level in unplaced if level != "sent")
        for key in _PLACED_BEFORE
    }
    means = None
    if paid_elsewhere or (before["placed_before_sending"] and not before["placed_before_paying"]):
        means = "counts"
    elif before["placed_before_paying"]:
        means = "ignore"
    billed = any(re.search(_WORDS["billed_states"], level) for level in unplaced)
    goods = "counts" in readings or len(unplaced) < len(plain)
    posted = means == "counts" or (goods and not before["placed_before_paying"])
    sent = "ignore" if billed else "counts" if posted else None
    return [
        reading
        if reading is not None
        else means
        if re.fullmatch(_WORDS["placed"], level)
        else sent
        if re.fullmatch(_WORDS["sent"], level)
        else None
        for level, reading in zip(plain, readings, strict=True)
    ]


@lru_cache(4096)
def kind_of_document(plain: str) -> str:
    """Return the kind of a plain level of documents: settled, ordered or billed; empty if it is none of them."""
    return next((kind for kind in ("settled", "ordered", "billed") if re.search(_WORDS[kind], plain)), "")


def tells_sales_apart(name: str, levels: Iterable[str]) -> bool:
    """Whether a column's values are the kind of levels that its heading suggests.

    A column headed only type or state often contains something else. It distinguishes sales if some level is known; a
    type must also have a level that is a refund, or one that is not a sale next to known levels or to a sale, or
    documents of which one is an invoice: the others may be offers or delivery notes.

    >>> tells_sales_apart("type", ["Sale", "Refund"]), tells_sales_apart("type", ["Existing", "New"])
    (True, False)
    """
    levels = list(filter(plain_level, levels))
    readings = read_levels(name, levels)
    if name == "type":
        plain = list(map(plain_level, levels))
        kinds = set(map(kind_of_document, plain))
        invoices = None in readings and any(re.fullmatch(_WORDS["invoices"], level) for level in plain)
        doubted = agreed_levels(plain) or {"billed", "ordered"} <= kinds or invoices
        return "refund" in readings or (
            ("ignore" in readings or doubted) and ("counts" in readings or None not in readings)
        )
    return any(readings)


def is_partly_undone(level: str) -> bool:
    """Whether a level says that part of the order was refunded.

    >>> is_partly_undone("partially_refunded"), is_partly_undone("refunded")
    (True, False)
    """
    pattern = _VOCABULARY["status"][1][0]
    return re.search(pattern, plain_level(level)) is not None


def is_mode(levels: Iterable[str]) -> bool:
    """Whether the levels distinguish tests from real sales in words."""
    texts = {plain_level(level) for level in levels}
    return len(texts) > 1 and texts <= _TEST_LEVELS | _REAL_LEVELS and bool(texts & _TEST_LEVELS)


def is_payment(level: str) -> bool:
    """Whether a type of line is the payment of other lines.

    >>> is_payment("Payment received"), is_payment("Recurring")
    (True, False)
    """
    return re.search(_WORDS["settled"], plain_level(level)) is not None
