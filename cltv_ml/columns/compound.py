"""Compound headings such as "Kunden E-Mail" or "Total incl. VAT", and the standard names they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from cltv_ml.columns.headings import CURRENCY_WORDS, plain_heading, plain_pattern, plain_text, split_case
from cltv_ml.columns.words import words

_PART_WORDS = words("parts")
_SCRIPTS = {name: re.compile(plain_pattern(listed)) for name, listed in _PART_WORDS.pop("scripts").items()}
_PARTS = {name: frozenset(map(plain_text, " ".join(listed).split())) for name, listed in _PART_WORDS.items()}
_WORDS_KNOWN = frozenset().union(*_PARTS.values())

#: Words of a heading of money, and of a customer in three grades: each column is compared with them for many names.
_MONEY_WORDS = _PARTS["money"] | _PARTS["order"] | _PARTS["of_money"] | CURRENCY_WORDS
_PERSON_WORDS = (
    _PARTS["who"]
    | _PARTS["identity"]
    | _PARTS["identity_of_people"]
    | {"de", "du", "del", "da", "do", "d", "of", "the", "la", "le"}
)
_CUSTOMER_GRADES = (_PERSON_WORDS, _PERSON_WORDS | _PARTS["contact"], _PERSON_WORDS | _PARTS["called"])


def find_compound(name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns whose compound headings mean a standard name, only the most certain ones.

    >>> find_compound("customer_id", ["Kunden E-Mail", "Customer Group", "Klantnaam"])
    ['Kunden E-Mail']
    >>> find_compound("amount", ["Total incl. VAT", "Order Tax Total", "Total Orders"])
    ['Total incl. VAT']
    >>> find_compound("order_id", ["num_orders", "orders_id"])
    ['orders_id']
    """
    graded = [(_grade(name, column), column) for column in columns]
    best = min((grade for grade, _ in graded if grade), default=0)
    return [column for grade, column in graded if grade and grade == best]


def _grade(name: str, column: str) -> int:
    """Return how certainly a heading means a name: 1 or more, 0 if it does not."""
    if name in _SCRIPTS and _SCRIPTS[name].search(plain_heading(column)):
        return 1
    parts = _split_word(column)
    if name == "customer_id":
        return _grade_customer(parts) or _grade_customer(words_of(column))
    if name == "order_id":  # a heading that ends in "orders" counts them
        ends = plain_heading(column).endswith("orders")
        return int(
            bool(parts & _PARTS["order"]) and parts <= _PARTS["order"] | _PARTS["identity"] and not ends
        )
    if name in ("status", "payment_status"):
        allowed_words = _PARTS["state"] | _PARTS["of_state"] | _PARTS["order"] | {"code", "name"}
        pays = bool(parts & _PARTS["paying"])
        return int(
            bool(parts & _PARTS["state"])
            and parts - _PARTS["paying"] <= allowed_words
            and pays == (name != "status")
        )
    if name == "returned_quantity":
        back, pieces = parts & _PARTS["back"], parts & _PARTS["pieces"]
        return int(bool(back and pieces) and parts == back | pieces)
    if name == "refunded":
        return int(bool(parts & _PARTS["back"]) and parts <= _PARTS["back"] | _MONEY_WORDS)
    if name != "amount" or not parts & _PARTS["money"] or not parts <= _MONEY_WORDS | _PARTS["tax"]:
        return 0
    # "Total tax" is not a total including tax.
    if (parts & _PARTS["tax"] and not parts & _PARTS["with_tax"]) or "orders" in parts:
        return 0
    return 1


def _grade_customer(parts: frozenset[str]) -> int:
    if parts & {"address", "adresse"} and not parts & {"mail", "email"}:
        return 0
    if parts & _PARTS["who"]:
        return next((grade for grade, words in enumerate(_CUSTOMER_GRADES, 1) if parts <= words), 0)
    of_role = parts & _PARTS["roles"] and parts & _PARTS["identity"]
    return len(_CUSTOMER_GRADES) + 1 if of_role and parts <= _PARTS["roles"] | _PARTS["identity"] else 0


def words_of(column: str) -> frozenset[str]:
    """Return the words of a heading, including those in brackets.

    >>> sorted(words_of("Nettobetrag")), sorted(words_of("Total (excl. VAT)"))
    (['betrag', 'netto'], ['excl', 'total', 'vat'])
    """
    return _split_word(re.sub(r"[()\[\]]", " ", column))


@lru_cache(4096)
def _split_word(column: str) -> frozenset[str]:
    """Return the words of a heading, with compounds split where one part is a known word."""
    named = re.sub(r"[(\[][^)\]]*[)\]]", " ", column).strip() or column
    words: list[str] = []
    for written in re.split(r"[\s_\-./:#°º,;&+*|()\[\]'’]+", named):
        whole = plain_text(written)
        cased = plain_text(split_case(written), " ").split()
        for word in [whole] if whole in _WORDS_KNOWN else cased:
            words += [word] if word in _WORDS_KNOWN else _take_apart(word, _WORDS_KNOWN)
    return frozenset(words)


def _take_apart(word: str, vocabulary: frozenset[str]) -> list[str]:
    """Return the two words of the vocabulary that a compound consists of, else the word itself."""
    for place in range(3, len(word) - 1):
        head, tail = word[:place], word[place:]
        if len(tail) < 3 and tail not in ("nr", "no", "id"):
            continue
        if head in vocabulary and tail in vocabulary:
            return [head, tail]
        for link in ("s", "en", "n"):  # German, Dutch and Nordic compounds
            if head.endswith(link) and head.removesuffix(link) in vocabulary and tail in vocabulary:
                return [head.removesuffix(link), tail]
    return [word]
