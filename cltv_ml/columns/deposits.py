"""Deposits next to final invoices, which may or may not be reduced by them."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Levels without case, accents and signs of deposits, and of the documents that follow them.
_DEPOSITS = re.compile(
    r"\b(deposits?|down ?payments?|advances?|anzahlung\w*|abschlag\w*|acomptes?|arrhes|anticipos?|acconto|sinal|"
    r"adiantamento|aanbetaling\w*|zaliczk\w*|zaloh\w*|eloleg\w*|forskott\w*|forskud\w*|ennakko\w*|"
    r"on ?odeme|аванс\w*|предоплат\w*|定金|预付款)\b"
)
_FINALS = re.compile(
    r"\b(final|balance|remainder|remaining|(schluss|end|rest)rechnung|restzahlung|restbetrag|schlusszahlung|solde|"
    r"saldo|resto|eindfactuur|restbetaling|slutfaktura|slutbetalning|slutbetaling|rozliczeni\w*|koncowa|doplat\w*|vegszamla|"
    r"loppulasku|bakiye|остаток|доплата|尾款)\b"
)


def doubted_deposits(levels: Iterable[str]) -> set[str]:
    """Return the levels that are deposits if others are what remained to be paid: both or only the last may count.

    >>> doubted_deposits(["deposit", "final invoice", "invoice"]), doubted_deposits(["deposit", "sale"])
    ({'deposit'}, set())
    """
    levels = list(levels)
    final = {level for level in levels if _FINALS.search(level)}
    return {level for level in levels if _DEPOSITS.search(level)} - final if final else set()
