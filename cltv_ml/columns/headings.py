"""Headings of shops' exports, by the standard name that each stands for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from cltv_ml.columns.words import words
from cltv_ml.money import CURRENCIES, SHARED_SIGNS, code_of

#: Names that contain one of these words but mean something else.
NOT_THE_PURCHASE = re.compile(
    "ship|deliver|due|birth|updat|modif|return|refund|signup|regist|expir|valid|cancel|first|last|load|tax|vat"
    "|liefer|versand|geburt|storno|faellig|fallig|livraison|naissance|envio|entrega|nacimiento|mwst|steuer"
    "|forfall|vervaldat|scadenz|vencim|echeance|splatnost|erapaiv|измен|обновл|modific|geandert|gewijzig|zmian|zmen|andrad|endret|muokat|guncelle"
)


#: Headings that may mean an order total or a line total.
PER_ORDER = re.compile(
    "(order|invoice|grand|basket|cart|receipt|gesamt|rechnungs|bestell|bestil|bestall|commande|facture|pedido|factura"
    "|ordine|ordre|orden$|encomenda|fattura|zamowien|objednav|rendeles|tilau|siparis|comanda|comenz|narudz|pesanan"
    "|donhang|заказ|замовлен|поръчк|παραγγελ|注文|订单|訂單|주문|סהכהזמנה|הזמנה|คำสั่งซื้อ)"
)
PER_LINE = re.compile(
    "(line|item|unit|product|zeile|position|artikel|ligne|linea|linha|riga$|each|pozycj|polozk|rivi|satir|строк|позиц"
    "|明細|明细|商品|상품)"
)

#: Headings of the number of items covered by a price.
PRICE_PER = re.compile(
    "^(price|preis|prix|precio|prezzo)s?(unit|einheit|basis|base|per|qty|quantity)$|^peinh$|^kpein$|^pe$|^per$|^unitsperprice$"
)

#: Letters that Unicode does not decompose into a plain letter and an accent.
_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i"})


#: Codes of currencies in headings, except those that are common words.
CURRENCY_WORDS = frozenset(code.lower() for code in CURRENCIES - {"TRY", "ALL", "TOP"})

#: A currency or small unit after a heading in camel case.
_CAMEL_UNIT = re.compile(f"(?<=[a-z])({'|'.join(CURRENCIES - {'TRY', 'ALL', 'TOP'})}|Cents|Minor)$")

#: Endings of a heading of money: its currency, its small unit, or its tax.
_MONEY_SUFFIX = re.compile(
    rf"(?<=\w)[\W_]+(in[\W_]+)?({'|'.join(CURRENCIES - {'TRY', 'ALL', 'TOP'})}|cents?|minor"
    r"|[TkM]?(€|£|\$|EUR|USD|GBP|CHF)|[tm]kr)$"
    r"|[\W_]+(in[ck]l?|e[xk]s?(cl|kl)?|zzgl|including|excluding)\b.*(vat|tax|mwst|ust|moms|btw|iva|tva|alv|dph)\W*$"
    r"|[\W_]+(vat|tax|mwst|iva|tva)[\W_]+(in[ck]l|e[xk]cl)\w*$",
    re.IGNORECASE,
)


#: Codes of currencies that are words too, and name a currency in capitals only, or never.
_WORDS_IN_SMALL_LETTERS = frozenset(["try", "cup", "pen", "mad", "sos", "gel", "cop", "mop", "bob"])
_NO_CURRENCY = frozenset(["all", "top"])


def currency_of_heading(heading: str) -> str:
    """Return the code of the currency that a heading of money ends in, or a sign of several; empty if it names none.

    >>> [currency_of_heading(one) for one in ("Amount spent (EUR)", "cost usd", "amountCHF", "Kosten", "Price Cup")]
    ['EUR', 'USD', 'CHF', '', '']
    >>> currency_of_heading("Spend ($)"), currency_of_heading("Custo (R$)"), currency_of_heading("Kosten in T€")
    ('$', 'BRL', 'EUR')
    """
    [last] = re.findall(r"[^\W\d_]*[€£₹$¥]|[^\W\d_]+", heading)[-1:] or [""]
    small = last.lower()
    if small in _NO_CURRENCY or (small in _WORDS_IN_SMALL_LETTERS and last != last.upper()):
        return ""
    codes = [code_of(sign) for sign in (last, last[-1:], *re.findall("(?<=[a-z])[A-Z]{3}$", last)) if sign]
    return next((code for code in codes if code in CURRENCIES or code in SHARED_SIGNS), "")


def currency_of_headings(columns: Iterable[str]) -> str:
    """Return the code of the one currency that headings of money end in; empty if none does, or they differ.

    >>> currency_of_headings(["Amount EUR", "Cost"]), currency_of_headings(["Amount EUR", "Cost USD"])
    ('EUR', '')
    """
    found = set(map(currency_of_heading, columns)) & CURRENCIES
    return found.pop() if len(found) == 1 else ""


@lru_cache(maxsize=20_000)
def plain_heading(column: str) -> str:
    """Return a heading without case, signs, a trailing unit or currency, and a number that tells namesakes apart.

    >>> plain_heading("Umsatz (EUR)"), plain_heading("Prix unitaire [€]"), plain_heading("unitPriceCHF")
    ('umsatz', 'prixunitaire', 'unitprice')
    """
    named = re.sub(r"[(\[（【][^)\]）】]*[)\]）】]", "", column).strip() or column
    return plain_text(re.sub(r"_\d+$", "", _MONEY_SUFFIX.sub("", _CAMEL_UNIT.sub("", named))))


def split_case(text: str) -> str:
    """Return a text with a blank before each capital that follows a small letter.

    >>> split_case("lastOrderDate")
    'last Order Date'
    """
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", text)


@lru_cache(4096)
def plain_text(text: str, gap: str = "") -> str:
    """Return a text without case, accents and signs, its words joined by `gap`.

    >>> plain_text("wc-Remboursé", " "), plain_text("Straße"), plain_text("№ заказа")
    ('wc rembourse', 'strasse', 'noзаказа')
    """
    return gap.join(re.split(r"[\W_]+", _without_marks(text).lower().translate(_LETTERS))).strip()


def plain_pattern(listed: Iterable[str]) -> str:
    """Return one regular expression for plain texts: its letters are written as `plain_text` writes them.

    >>> plain_pattern(["ä|é"])
    'a|e'
    """
    return _without_marks("|".join(listed))


def _without_marks(text: str) -> str:
    """Return a text without accents and the vowel signs of scripts that write them as marks."""
    if text.isascii():
        return text
    letters = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize(
        "NFC", "".join(sign for sign in letters if unicodedata.category(sign)[0] != "M")
    )


#: Standard name -> headings found in shops' exports, in falling order of certainty, separated by blanks.
SYNONYMS = {
    name: tuple(" ".join(map(plain_text, step.split())) for step in steps)
    for name, steps in words("headings").items()
}
