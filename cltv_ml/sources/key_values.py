"""Text files whose lines name each of their values, such as `time=2025-01-31 order=7 total=9.50`."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

#: A name and its value, which may be quoted, and else reaches to the next name.
_PAIR = re.compile(r'(?<!\S)([A-Za-z_][\w.]*)=("(?:[^"\\]|\\.)*"(?!\S)|.*?)(?=\s+[A-Za-z_][\w.]*=|\s*$)')

_QUOTED = re.compile('"(.*)"', re.S)

#: The fewest lines and pairs of a line that show the form.
_FEWEST_LINES, _FEWEST_PAIRS = 3, 3

#: Heading of what stands before the first name of a line.
_START = "start of line"


def has_pairs(lines: Sequence[str]) -> bool:
    """Return whether nearly all lines share the names of at least three values.

    >>> has_pairs(["t=1 id=7 sum=9.50", 't=2 id=8 sum=1 note="a b"', "t=3 id=7 sum=5"]), has_pairs(["a=1", "a=2"] * 2)
    (True, False)
    """
    filled = [_split(line) for line in lines if line.strip()]
    names = {name for pairs in filled for name in pairs}
    shared = [name for name in names if sum(name in pairs for pairs in filled) >= 0.9 * len(filled)]
    return len(filled) >= _FEWEST_LINES and len(shared) >= _FEWEST_PAIRS


def write_pairs(path: Path, encoding: str, folder: Path) -> Path:
    """Return a tab-separated copy, in `folder`, of a file whose lines name their values.

    Its columns are the names of the whole file, in the order of their appearance.
    """
    copy = folder / f"{path.name}.pairs"
    with path.open(encoding=encoding, errors="replace") as file:
        names = dict.fromkeys(name for line in file for name in _split(line))
    with (
        path.open(encoding=encoding, errors="replace") as file,
        copy.open("w", encoding="utf-8", newline="") as to,
    ):
        writer = csv.DictWriter(to, list(names), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(_split, file))
    return copy


def _split(line: str) -> dict[str, str]:
    """Return the values of a line by name.

    >>> _split('10:31 id=7 name=Ann Lee note="a b"')
    {'start of line': '10:31', 'id': '7', 'name': 'Ann Lee', 'note': 'a b'}
    """
    pairs = list(_PAIR.finditer(line.rstrip()))
    start = line[: pairs[0].start()].strip() if pairs else line.strip()
    values = {pair[1]: quoted[1] if (quoted := _QUOTED.fullmatch(pair[2])) else pair[2] for pair in pairs}
    return {_START: start, **values} if start else values
