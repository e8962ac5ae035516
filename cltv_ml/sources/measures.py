"""Units of measure next to quantities and in their headings, such as g, kg and pieces."""

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
    >>> tell_of_units("Menge", {"ME": {"kg": 3, "ST": 2}, "Ort": {"g": 1, "Ulm": 2}, "Class": {"G": 1, "L": 2}})
    []
    """
    warning = "and each was multiplied by its price. If prices are per kilogram or litre, convert the quantities first."
    named = _IN_HEADING.search(quantity.strip().lower())
    if named and _SMALL_UNITS.fullmatch(named[1]):
        return [f"The heading {quantity!r} says that quantities are in {named[1]}, {warning}"]
    for column, levels in levels_of.items():
        units = {level.strip().lower().rstrip("."): level for level in levels if level.strip()}
        small = [unit for unit in units if _SMALL_UNITS.fullmatch(unit)]
        shown = _UNIT_HEADING.search(column.lower()) or any(len(unit) > 1 for unit in small) or "kg" in units
        if small and shown and all(unit in small or _LARGE.fullmatch(unit) for unit in units):
            listed = ", ".join(f"{level} on {levels[level]:,} lines" for level in sorted(units.values()))
            return [f"Column {column!r} says that quantities are in {listed}, {warning}"]
    return []
