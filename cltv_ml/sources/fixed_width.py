"""Text files with columns of fixed width, as printed by reports of mainframes and ERP systems."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from cltv_ml.sources.layout import names_columns

#: Number of lines in which the header is sought; fewer lines than this show no columns.
_TITLES, _FEWEST = 30, 4

#: Share of the columns that a row must fill, and of the lines that must be rows where others name and sum up groups.
_FILLED, _ROWS = 0.6, 0.4

#: A line of a table drawn with signs, or what a database's client writes around one.
_RULED = re.compile(r"[\s\-=_+|*.]*|SQL> .*|\s*\(?\d[\d,.]* (rows?|record\(s\))( \w+)*\.?\)?\s*")

#: The dashes that database clients write below the names of columns, as wide as each.
_DASHED = re.compile(r" *[-=]+( +[-=]+){2,}\s*")


def find_fields(lines: Sequence[str]) -> tuple[int, list[int]] | None:
    """Return the number of the header line and the offsets that separate the columns; None if widths are not fixed.

    Two columns are separate if nearly all lines, including the header, have at least two blanks between them.

    >>> find_fields(["CUST    DATE        AMOUNT"] + [f"C{n}      2025-01-0{n}    {n}5.50" for n in (1, 2, 3)])
    (0, [5, 18])
    """
    if dashed := find_dashes(lines):
        return dashed
    filled = [number for number, line in enumerate(lines) if not _RULED.fullmatch(line)]
    candidates: list[tuple[int, list[int]]] = []
    for header in filled[:_TITLES]:
        above = {_form(lines[number]) for number in filled if number < header}
        below = [lines[number] for number in filled if number >= header and _form(lines[number]) not in above]
        fields = _count_fields(lines[header])
        rows = [line for line in below if _count_fields(line) > _FILLED * fields]
        # The others are headings and sums of groups.
        body = rows if len(rows) >= _ROWS * len(below) else below
        if len(body) < _FEWEST:
            break
        places = _places(body)
        cells = cut(lines[header], places)
        if len(cells) < 3 or not all(cells) or not names_columns(cells, len(cells)):
            continue
        filled_rows = [
            row for row in (cut(line, places) for line in body) if sum(map(bool, row)) > _FILLED * len(cells)
        ]
        if len(filled_rows) >= 0.8 * len(body):
            candidates.append((header, places))
    if not candidates:
        return None
    header, places = max(candidates, key=lambda candidate: len(candidate[1]))
    headers = (number for number in filled if lines[number].split() == lines[header].split())
    return next(headers), places  # the first page's, where each page repeats it


def find_dashes(lines: Sequence[str]) -> tuple[int, list[int]] | None:
    """Return the number of the header line and the offsets of the columns that dashes below it show; None without.

    >>> find_dashes(["ID  DAY        TOTAL", "--- ---------- -----", " 17 2025-01-03  9.50"])
    (0, [3, 14])
    """
    for number, line in enumerate(lines[1:_TITLES]):
        names = lines[number]
        if _DASHED.fullmatch(line) and not _RULED.fullmatch(names):
            places = [found.start() for found in re.finditer(r"(?<=[-=]) +(?=[-=])", line)]
            return (number, places) if all(cut(names, places)) and len(cut(names, places)) > 1 else None
    return None


def _count_fields(line: str) -> int:
    """Return the number of parts of a line that two blanks or more separate."""
    return len(re.split(r"\s{2,}", line.strip()))


def _form(line: str) -> str:
    """Return a line without its digits and the width of its blanks, by which the titles of pages are alike."""
    return re.sub(r"\d+", "0", " ".join(line.split()))


def cut(line: str, places: Sequence[int]) -> list[str]:
    """Return the parts of a line between the column offsets; the whole line if an offset is inside a word.

    The words of a sum are one part, whose numbers stand in their columns.

    >>> cut("C1      2025-01-01    15.50", [6, 18]), cut("Total of all 2025", [6, 10])
    (['C1', '2025-01-01', '15.50'], ['Total of all 2025'])
    >>> cut("All of Ann's           15.50", [5, 18])
    ["All of Ann's", '', '15.50']
    """
    if any(line[place - 1 : place + 1].strip() == line[place - 1 : place + 1] != "" for place in places):
        summed = re.fullmatch(r"(.*?\S)(\s{2,}[-\d.,()\s]*\d[-\d.,()\s]*)", line)
        numbers = cut(" " * len(summed[1]) + summed[2], places) if summed else []
        return [summed[1].strip(), *numbers[1:]] if summed and len(numbers) > 1 else [line.strip()]
    return [line[start:end].strip() for start, end in zip([0, *places], [*places, None], strict=True)]


def write_fields(path: Path, encoding: str, folder: Path, header: int, places: Sequence[int]) -> Path:
    """Return a tab-separated copy of a file in `folder`; the titles of each page and ruled lines become empty lines.

    A line that is not cut, such as the name of a group, is the first column's.
    """
    titles = set()
    copy = folder / f"{path.name}.fields"
    with (
        path.open(encoding=encoding, errors="replace") as file,
        copy.open("w", encoding="utf-8", newline="") as to,
    ):
        writer = csv.writer(to, delimiter="\t", lineterminator="\n")
        for number, line in enumerate(file):
            if number < header:
                titles.add(_form(line))
            if number < header or _RULED.fullmatch(line) or _form(line) in titles:
                to.write("\n")
            else:
                cells = cut(line.rstrip("\r\n"), places)
                writer.writerow([*cells, *[""] * (len(places) + 1 - len(cells))])
    return copy


def split_at_blanks(lines: Sequence[str]) -> bool:
    """Whether only blanks separate the columns: all lines have the same number of words, at least three.

    >>> split_at_blanks(["00001 19970101  1   11.77", "00002 19970112 12   77.00", "00002 19970112  5   77.00"] * 2)
    True
    >>> split_at_blanks(["Dear Jo,", "this is the export.", "Bye!", "Jo"])
    False
    """
    widths = {len(line.split()) for line in lines if line.strip()}
    return len(lines) >= _FEWEST and len(widths) == 1 and min(widths) >= 3


def write_words(path: Path, encoding: str, folder: Path) -> Path:
    """Return a tab-separated copy, in `folder`, of a file whose columns are separated by blanks."""
    copy = folder / f"{path.name}.words"
    with (
        path.open(encoding=encoding, errors="replace") as file,
        copy.open("w", encoding="utf-8", newline="") as to,
    ):
        to.writelines("\t".join(line.split()) + "\n" for line in file)
    return copy


def _places(body: Sequence[str]) -> list[int]:
    """Return the emptiest offset of each gap between columns that the header, the first line, leaves blank."""
    width = max(map(len, body))
    counts = [sum(len(line) > place and not line[place].isspace() for line in body) for place in range(width)]
    few = max(1, len(body) // 50)
    counts = [
        count + (few + 1) * (body[0][place : place + 1].strip() != "") for place, count in enumerate(counts)
    ]
    gaps: list[list[int]] = []
    for place, count in enumerate(counts):
        if count <= few:
            if gaps and gaps[-1][-1] == place - 1:
                gaps[-1].append(place)
            else:
                gaps.append([place])
    inner = [gap for gap in gaps if len(gap) > 1 and gap[0] > 0 and gap[-1] < width - 1]
    return [min(gap, key=lambda place: (counts[place], abs(2 * place - gap[0] - gap[-1]))) for gap in inner]
