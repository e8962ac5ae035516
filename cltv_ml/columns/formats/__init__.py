"""Exports of known shops and tools: each is one TOML file in this folder, recognised by its headings.

A file states which headings identify the export (`headings`), which column has which standard name (`mapping`), what
the levels of its status columns mean (`levels`), which customers are placeholders (`guests`), which settings suit it
(`rules`) and which properties mislead (`traps`). To add one, write such a file and a small example in
`tests/data/exports/formats`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Format:
    """A known export."""

    #: The file's name, the export's title, and its origin.
    name: str
    title: str
    about: str
    #: The headings that identify it, all of which are required; each with its spellings.
    headings: tuple[tuple[str, ...], ...]
    #: Standard name -> the columns that may hold it, the best first; an empty list means that there is none.
    mapping: Mapping[str, tuple[str, ...]]
    #: Whether the amount is the "order total" or the "line total".
    amount_is: str
    #: Standard name -> level -> what it means; the level `otherwise` stands for all others.
    levels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: Column -> the values that stand for an unknown customer.
    guests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Settings of `Rules` that suit it.
    rules: Mapping[str, Any] = field(default_factory=dict)
    #: Whether money is counted in the smallest unit of the currency, such as cents.
    minor_units: bool = False
    #: Misleading properties, one sentence each.
    traps: tuple[str, ...] = ()

    def identify(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that identify an export as this format; empty if it is another one."""
        here = {_plain_spelling(column): column for column in columns}
        columns_of = [_first(spellings, here) for spellings in self.headings]
        return tuple(column for column in columns_of if column) if all(columns_of) else ()

    def map(self, columns: Sequence[str], taken: Sequence[str] = ()) -> dict[str, str]:
        """Return standard name -> column of this export; `""` if the format has no column for a name.

        Parameters
        ----------
        columns
            The export's columns that hold something.
        taken
            Columns that already stand for another name.
        """
        here = {_plain_spelling(column): column for column in columns if column not in taken}
        columns_of = {name: _first(spellings, here) for name, spellings in self.mapping.items()}
        return {name: column for name, column in columns_of.items() if column or not self.mapping[name]}

    def read_levels(self, name: str, levels: Sequence[str]) -> dict[str, str]:
        """Return the meaning of a column's levels, as far as the format states it."""
        readings = {
            level: reading for level, reading in self.levels.get(name, {}).items() if level != "otherwise"
        }
        listed = {_plain_spelling(level) for level in readings}
        unlisted = [
            level for level in levels if _plain_spelling(level) and _plain_spelling(level) not in listed
        ]
        if "otherwise" in self.levels.get(name, {}):
            readings |= dict.fromkeys(unlisted, self.levels[name]["otherwise"])
        return readings


@cache
def formats() -> Mapping[str, Format]:
    """Return the known exports by name."""
    texts = {file.name: file for file in files(__name__).iterdir() if file.name.endswith(".toml")}
    names = [name.removesuffix(".toml") for name in sorted(texts)]
    return {
        name: _declared(name, tomllib.loads(texts[f"{name}.toml"].read_text(encoding="utf-8")))
        for name in names
    }


def recognise(columns: Sequence[str]) -> Format | None:
    """Return the known export with these columns: of several, the one with most required headings; None if there is
    none.

    >>> recognise(["Name", "Email", "Financial Status", "Total", "Created at", "Lineitem quantity"]).title
    'Shopify orders export'
    """
    fitting = [export for export in formats().values() if export.identify(columns)]
    return max(fitting, key=lambda export: len(export.headings), default=None)


def _declared(name: str, content: dict[str, Any]) -> Format:
    """Return a format from the content of its file; a single spelling need not be in a list."""
    levels = {of: _level_readings(levels_of) for of, levels_of in content.pop("levels", {}).items()}
    mapping, guests = (
        {of: _as_tuple(entries) for of, entries in content.pop(key, {}).items()}
        for key in ("mapping", "guests")
    )
    headings = tuple(_as_tuple(spellings) for spellings in content.pop("headings"))
    traps = tuple(content.pop("traps", ()))
    return Format(
        name, headings=headings, mapping=mapping, levels=levels, guests=guests, traps=traps, **content
    )


def _level_readings(levels_of: dict[str, Any]) -> dict[str, str]:
    """Return level -> reading from reading -> levels; `otherwise` is the reading of all other levels."""
    otherwise = {"otherwise": levels_of.pop("otherwise")} if "otherwise" in levels_of else {}
    return {level: reading for reading, levels in levels_of.items() for level in levels} | otherwise


def _as_tuple(spellings: str | list[str]) -> tuple[str, ...]:
    return tuple(filter(None, [spellings] if isinstance(spellings, str) else spellings))


def _first(spellings: Sequence[str], here: Mapping[str, str]) -> str:
    return next(
        (here[_plain_spelling(spelling)] for spelling in spellings if _plain_spelling(spelling) in here), ""
    )


@lru_cache(4096)
def _plain_spelling(text: str) -> str:
    """Return a heading or level without case, blanks and signs.

    >>> _plain_spelling("*ContactName"), _plain_spelling("Created (UTC)"), _plain_spelling("wc-on-hold")
    ('contactname', 'createdutc', 'wconhold')
    """
    return re.sub(r"[\W_]+", "", text.casefold())
