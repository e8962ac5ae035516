"""Singular nouns and verbs after a count of one."""

import re

_THINGS = (
    "amount|area|booking|byte|campaign|case|cell|channel|check|code|cohort|column|conversion|customer|cutoff|date|day|"
    "event|feature|figure|file|horizon|identifier|level|line|list|model|month|order|other|period|product|question|"
    "recipient|record|return|row|run|table|text|trial|type|value|week|window"
)

#: What messages count, in the plural and the singular; `tests/test_words.py` finds a noun that is not among them.
PLURALS = {f"{thing}s": thing for thing in _THINGS.split("|")} | {"addresses": "address", "entries": "entry"}

#: Words between a number and its noun.
WHICH = "distinct|earlier|further|hidden|monthly|new|non-ASCII|other|product|refunded|sampled|whole"

#: "X has 1 features" is scikit-learn's own sentence, which its checks compare to the letter.
_ONE_OF_MANY = re.compile(rf"(?<![\d.,])(?<!X has )(?<!\d of )1 ((?:(?:{WHICH}) )?)({'|'.join(PLURALS)})\b")

#: Verbs whose singular does not only end in s.
_CHANGED = {"are": "is", "were": "was", "have": "has", "match": "matches"}
_VERBS = "appear|begin|belong|break|contain|count|differ|equal|exceed|fill|hold|lie|look|occur|repeat"

#: One thing, and its verb at the beginning of a clause, after a label of the terminal or after "and".
_ONE_THING = rf"(?:^|[.:;] | {{2}}|, (?:and|but) )1 (?:(?:{WHICH}) )?(?:{'|'.join(PLURALS.values())})\b"
_ONE_DOES = [
    re.compile(rf"({_ONE_THING}{between}) (?<!that )({_VERBS}|{'|'.join(_CHANGED)})\b")
    for between in (r"(?: (?:worth|with|without|of|such as) (?:(?!\. )[^;:])*?)?", r"(?:(?!\. )[^;])* and")
]
_ONE_OF_DOES = re.compile(
    rf"(?<![\d.,])(1 of [\d,]+ (?:{'|'.join(PLURALS)})) ({_VERBS}|{'|'.join(_CHANGED)})\b"
)


def singular(text: str) -> str:
    """Return a sentence with singular nouns and verbs after a count of one.

    >>> singular("1 lines and 1 customers of 21 customers, 1.1 days, 1 other entries, 1 of 1 rows")
    '1 line and 1 customer of 21 customers, 1.1 days, 1 other entry, 1 of 1 rows'
    >>> singular("1 lines with a total of 5.00 equal an earlier one and were kept")
    '1 line with a total of 5.00 equals an earlier one and was kept'
    >>> singular(singular("1 lines with a total of 5.00 equal an earlier line: a receipt can contain it twice"))
    '1 line with a total of 5.00 equals an earlier line: a receipt can contain it twice'
    >>> singular("Note      1 customers were won")
    'Note      1 customer was won'
    """
    text = _ONE_OF_MANY.sub(lambda one: f"1 {one[1]}{PLURALS[one[2]]}", text)
    for does in _ONE_DOES:
        text = does.sub(_does, text)
    return text


def singular_of_many(text: str) -> str:
    """Return a sentence with a singular verb after one of many.

    >>> singular_of_many("In total, 1 of 260 customers are worth it, 21 of 22 customers are not")
    'In total, 1 of 260 customers is worth it, 21 of 22 customers are not'
    """
    return _ONE_OF_DOES.sub(_does, text)


def _does(said: re.Match[str]) -> str:
    return f"{said[1]} {_CHANGED.get(said[2], f'{said[2]}s')}"
