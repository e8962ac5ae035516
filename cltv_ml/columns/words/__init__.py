"""Words of shops' exports in many languages, as lists: headings, levels and placeholder customers."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any


def words(name: str) -> dict[str, Any]:
    """Return the lists in one of the files of this folder, by name.

    >>> "guest" in words("placeholders")["nobody"]
    True
    """
    return tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


#: A regular expression of the labels of rows with totals.
TOTAL_WORDS = "|".join(words("totals")["totals"])
