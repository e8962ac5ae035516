"""Units of measure next to quantities, such as g and pieces, and units of money in headings, such as cents and TEUR."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Units of which many make the one that prices are usually per, and others.
_SMALL_UNITS = re.compile("g|gr|grm|gram(s|m|me|mes)?|mg|ml|cl|milli(litre|liter)")
_LARGE = re.compile(
    "kg|kilos?|kilogramm?|l|lt|ltr|lit(er|re)|m[23]?|t|lbs?|oz|pcs?|pce|pieces?|st|stc?k|st[uü]ck|ea|each|units?|u|box|"
    "pack|pkg|vpe|szt|ks|db|uds?|pza?|un|unid|adet"
)

#: Headings of units, which one letter alone does not show.
_UNIT_HEADING = re.compile("unit|uom|einheit|^me$|unidad|measure|jednostka|eenheid|birim|enhet")

#: Headings of the number of items in a pack.
_PACK = re.compile(
    r"(pack|case|box|carton|vpe)[ _-]?(size|qty|quantity)|(units?|items|pcs|pieces) (per|in) (a )?(pack|case|box)"
    r"|st(ü|ue)c?k (pro|je|in)|sztuk w |unidades por (caja|pack)|pi[eè]ces par|pezzi per|stuks per|入数|入り数|装箱数"
)

#: A unit at the end of a heading.
_IN_HEADING = re.compile(r"(?:^|[\s_.(\[/])([a-z]+)[)\]]?$")


def tell_of_units(quantity: str, levels_of: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a note if quantities multiplied by a price are grams or the like, as a heading or another column says.

    Parameters
    ----------
    quantity
        The heading of the quantities.
    levels_of
        The values of each column that has few, with their numbers of lines.

    >>> tell_of_units("Weight (g)", {})[0][:61]
    "The heading 'Weight (g)' says that quantities are in g, and e"
    >>> tell_of_units("Qty", {"Pack size": {"1": 40, "12": 3}})[0][:65]
    "Column 'Pack size' has the items of a pack, several on 3 lines, a"
    >>> tell_of_units("Menge", {"ME": {"kg": 3, "ST": 2}, "Ort": {"g": 1, "Ulm": 2}, "Class": {"G": 1, "L": 2}})
    []
    """
    warning = "and each was multiplied by its price. If prices are per kilogram or litre, convert the quantities first."
    named = _IN_HEADING.search(quantity.strip().lower())
    if named and _SMALL_UNITS.fullmatch(named[1]):
        return [f"The heading {quantity!r} says that quantities are in {named[1]}, {warning}"]
    for column, levels in levels_of.items():
        texts = {level.strip(): lines for level, lines in levels.items() if level.strip()}
        packs = {text: lines for text, lines in texts.items() if re.fullmatch(r"0*[1-9]\d{0,3}", text)}
        if _PACK.search(column.lower()) and len(packs) == len(texts) > 1:
            several = sum(lines for level, lines in packs.items() if int(level) > 1)
            return [
                f"Column {column!r} has the items of a pack, several on {several:,} lines, and each quantity was "
                "multiplied by its price alone. If quantities count packs and prices are per item, export the money of "
                "each line."
            ]
        units = {level.strip().lower().rstrip("."): level for level in levels if level.strip()}
        small = [unit for unit in units if _SMALL_UNITS.fullmatch(unit)]
        shown = _UNIT_HEADING.search(column.lower()) or any(len(unit) > 1 for unit in small) or "kg" in units
        if small and shown and all(unit in small or _LARGE.fullmatch(unit) for unit in units):
            listed = ", ".join(f"{level} on {levels[level]:,} lines" for level in sorted(units.values()))
            return [f"Column {column!r} says that quantities are in {listed}, {warning}"]
    return []


#: Units of money in headings, as words and in scripts without blanks, and the value of one of them in currency.
_UNITS = {
    r"cents?|pence|pennies|centimes|centimos|centesimi|centavos|kopecks|paise|minor|minor units?|rappen|groszy": 0.01,
    r"micros?": 1e-6,
    r"t(eur|usd|chf|gbp|sek|dkk|nok|czk|pln|sd|€)|thousands?|tausend|tsd|k[€$£]|[€$£]k|k ?(eur|usd|chf|gbp)|milliers|"
    r"miles|migliaia|milhares|tys|tis|t ?kr|bin (tl|try|₺)|тыс|тисяч|ribu(an)?|nghìn|ngàn|ezer ft|eft|"
    r"mii (lei|ron)": 1e3,
    r"lakhs?|lacs": 1e5,
    r"mio|mn|mln|млн|millions?|millionen|milioni|millones|milhões|milyon|juta(an)?|triệu|m[€$£]|"
    r"[€$£]m|meur|musd|mkr": 1e6,
    r"crores?": 1e7,
}
_SIGNS_OF_UNITS = {"百万": 1e6, "백만": 1e6} | dict.fromkeys("億亿억", 1e8)
_SIGNS_OF_UNITS |= dict.fromkeys("万만", 1e4) | dict.fromkeys("千천", 1e3)


def unit_of(heading: str) -> float | None:
    """Return the value in currency of one unit of the numbers below a heading, where it states that.

    >>> [unit_of(heading) for heading in ("amount_cents", "Umsatz (TEUR)", "Cost (k)", "Amount", "Percentage")]
    [0.01, 1000.0, 1000.0, None, None]
    >>> [unit_of(heading) for heading in ("Spend ($000)", "Sales USD '000", "Kosten in T€", "in k EUR", "Item 000")]
    [1000.0, 1000.0, 1000.0, 1000.0, None]
    >>> [unit_of(heading) for heading in ("销售额(万元)", "売上（百万円）", "매출(천원)", "Сумма, тыс. руб.", "千葉")]
    [10000.0, 1000000.0, 1000.0, 1000.0, None]
    """
    if re.search(r"[(\[][kK][)\]]$|[$€£'’] ?000s?\b", heading.strip()):
        return 1e3
    if found := re.search(rf"({'|'.join(_SIGNS_OF_UNITS)})(円|元|원|圓|日元|人民币)", heading):
        return _SIGNS_OF_UNITS[found[1]]
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading).lower()
    apart = " " + " ".join(re.split(r"[^\w€$£₺]+|_", apart)) + " "
    return next((worth for unit, worth in _UNITS.items() if re.search(f" ({unit}) ", apart)), None)
