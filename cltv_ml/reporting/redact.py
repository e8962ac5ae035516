"""Redaction of reports for sharing: customers' ids and names become numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

#: Headings of columns whose every cell names a customer.
_CUSTOMER_HEADINGS = ("customer", "customer_id")

#: An id of fewer digits than this is replaced only where the text calls it a customer: other numbers look the same.
_LEAST_DIGITS = 5
_GAP = re.compile(r"([\s<>=|;])")
_AROUND = "'\"“”‘’«»()[]{},.:!?&#"
_TWICE = re.compile(r"(?i)\bcustomer ['\"“‘]?(customer \d+)['\"”’]?")
_SAID = re.compile(
    r"(?i)(\bcustomer:?\s+['\"“‘(]*)([^\s'\"”’),]*[^\s'\"”’),.:;!?])|(['\"“‘])([^'\"”’]+)(['\"”’])"
)


def redact(summary: Mapping[str, Any], customers: Iterable[Any]) -> dict[str, Any]:
    """Return a report in which each customer is a number, in the order of appearance.

    A number cannot be traced back to an id. Text is compared without regard to case; an id of few digits, which could
    be any number, is replaced only in columns of customers, in quotes and after the word customer.

    >>> redact({"told": "'ann@x.io' has half of it, ANN@X.IO alone; 17 of 40"}, ["ann@x.io", "17"])
    {'told': "'customer 1' has half of it, customer 1 alone; 17 of 40"}
    """
    return dict(_Redactor(customers).everywhere(summary))


class _Redactor:
    def __init__(self, customers: Iterable[Any]) -> None:
        self.known = {_form(str(one)) for one in customers if one is not None and str(one).strip()}
        self.telling = {one for one in self.known if not one.isdigit() or len(one) >= _LEAST_DIGITS}
        self.longest = min(6, max((len(_GAP.findall(one)) + 1 for one in self.telling), default=0))
        self.numbers: dict[str, int] = {}

    def everywhere(self, content: Any) -> Any:
        """Return a part of a report with every text in it redacted."""
        if isinstance(content, str):
            return self.text(content)
        if isinstance(content, Mapping):
            redacted = {name: self.everywhere(value) for name, value in content.items()}
            return self._table(content, redacted) if {"head", "rows"} <= set(content) else redacted
        if isinstance(content, list | tuple):
            return [self.everywhere(value) for value in content]
        return content

    def _table(self, before: Mapping[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        for place, name in enumerate(before["head"]):
            if str(name).lower() in _CUSTOMER_HEADINGS:
                for row, redacted in zip(before["rows"], after["rows"], strict=True):
                    redacted[place] = self._number(str(row[place])) if str(row[place]) else ""
        return after

    def text(self, text: str) -> str:
        """Return a text without the ids in it."""
        if _form(text) in self.telling:
            return self._number(text)
        text = _SAID.sub(self._said, text)
        pieces = _GAP.split(text)
        place = 0
        while place < len(pieces):
            place += self._replace(pieces, place)
        return _TWICE.sub(r"\1", "".join(pieces))

    def _said(self, match: re.Match[str]) -> str:
        before, bare, opened, quoted, closed = match.groups()
        name = bare or quoted
        if _form(name) not in self.known:
            return match.group()
        number = self._number(name)
        if bare:
            return f"{before}{number.removeprefix('customer ')}"
        return f"{opened}{number}{closed}"

    def _replace(self, pieces: list[str], place: int) -> int:
        """Replace the id that begins at a piece, the longest one first; return the number of pieces to skip."""
        for words in range(self.longest, 0, -1):
            end = place + 2 * words - 1
            if end > len(pieces):
                continue
            whole = "".join(pieces[place:end])
            for name in dict.fromkeys((whole, whole.strip(_AROUND))):
                if _form(name) in self.telling:
                    pieces[place:end] = [whole.replace(name, self._number(name))]
                    return 2
        return 2

    def _number(self, name: str) -> str:
        return f"customer {self.numbers.setdefault(_form(name), len(self.numbers) + 1)}"


def _form(name: str) -> str:
    return " ".join(name.split()).casefold()
