"""Text files whose lines name each of their values, such as `time=2025-01-31 order=7 total=9.50`."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

#: A name and its value, which may be quoted.
_PAIR = re.compile(r'(?<!\S)([A-Za-z_][\w.]*)=("(?:[^"\\]|\\.)*"|\S*)')

#: The fewest lines and pairs of a line that show the form.
_FEWEST_LINES, _FEWEST_PAIRS = 3, 3


def find_names(lines: Sequence[str]) -> list[str]:
    """Return the names of the values in the order of their appearance, if nearly all lines share at least three.

    >>> find_names(["t=1 id=7 sum=9.50", 't=2 id=8 sum=1 note="a b"', "t=3 id=7 sum=5"]), find_names(["a=1", "a=2"] * 2)
    (['t', 'id', 'sum', 'note'], [])
    """
    filled = [_PAIR.findall(line) for line in lines if line.strip()]
    names = list(dict.fromkeys(name for pairs in filled for name, _ in pairs))
    shared = [name for name in names if sum(name in dict(pairs) for pairs in filled) >= 0.9 * len(filled)]
    return names if len(filled) >= _FEWEST_LINES and len(shared) >= _FEWEST_PAIRS else []


def write_pairs(path: Path, encoding: str, folder: Path, names: Sequence[str]) -> Path:
    """Return a tab-separated copy, in `folder`, of a file whose lines name their values; other names are left out."""
    copy = folder / f"{path.name}.pairs"
    with (
        path.open(encoding=encoding, errors="replace") as file,
        copy.open("w", encoding="utf-8", newline="") as to,
    ):
        writer = csv.DictWriter(to, names, delimiter="\t", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for line in file:
            writer.writerow({name: value.strip('"') for name, value in _PAIR.findall(line)})
    return copy
