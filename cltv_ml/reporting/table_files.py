"""Files of a page's tables and sentences, with text split into numbers and units."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

# Text that begins with a nought, such as 00123, is a code.
_AMOUNT = r"([+-]?(?!0\d)\d[\d,]{0,17}(?:\.\d+)?)(%?)"
#: A number, a range, or a number with its range in brackets; then its unit.
_NUMBER_FORMS = {
    ("",): re.compile(rf"{_AMOUNT}(?: (\D{{1,8}}))?"),
    (", from", ", to"): re.compile(rf"{_AMOUNT}(?: (\D{{1,8}}))? to {_AMOUNT}(?: \D{{1,8}})?"),
    ("", ", from", ", to"): re.compile(rf"{_AMOUNT} \({_AMOUNT} to {_AMOUNT}\)(?: (better|worse))?"),
}
#: A number within a sentence, and its unit; days such as 2026-01-31 stay in the sentence.
_SENTENCE_NUMBER = re.compile(rf"(?<![\w.,-]){_AMOUNT}(?![\w-])(?: ([A-Z]{{3}})\b)?")
_DAY_TEXT = re.compile(r"\d{4}-\d\d(?:-\d\d)?")
_UNKNOWN = ("", "–", "unknown")


def with_files(
    summary: Mapping[str, Any], folder: str = ""
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return a page's summary whose tables name their files, and what is in each file.

    The headlines of the first screen are a file too, and so are the numbers of all sentences and titles. Names come
    from the captions and are the same each time.

    Parameters
    ----------
    folder
        Folder of the files, relative to the page.
    """
    files: dict[str, pd.DataFrame] = {}

    def named(content: Mapping[str, Any]) -> dict[str, Any]:
        """Return a section whose tables, and those of its details, name their files."""
        tables = []
        for table in content["tables"]:
            if table.get("file"):  # rows of a file that is there already
                tables.append(table)
                continue
            file = _free(f"{folder}{_slug(table['caption'])}", files)
            files[file] = as_numbers(table["head"], table["rows"])
            tables.append({**table, "file": file})
        details = [named(detail) for detail in content.get("details", ())]
        return {**content, "tables": tables, "details": details}

    page = {**summary, "sections": [named(content) for content in summary["sections"]]}
    if summary.get("facts"):
        page["facts_file"] = _free(f"{folder}headlines", files)
        files[page["facts_file"]] = pd.DataFrame([_headline(fact) for fact in summary["facts"]])
    if numbers := list(_sentence_numbers(summary)):
        page["sentences_file"] = _free(f"{folder}sentences", files)
        files[page["sentences_file"]] = pd.DataFrame(numbers)
    return page, files


def _headline(fact: Mapping[str, Any]) -> dict[str, Any]:
    """Return a headline with its number and its unit apart, where it is one."""
    read = _NUMBER_FORMS[("",)].fullmatch(fact["value"])
    number, unit = (read.group(1).replace(",", ""), _unit(read.groups())) if read else (None, "")
    return {
        "Headline": fact["name"],
        "Value": fact["value"],
        "Number": None if number is None else float(number),
        "Unit": unit,
        "Note": fact["note"],
    }


def _sentence_numbers(summary: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the numbers of a page's sentences, titles and captions, each with its part of the page and its sentence."""

    def sentences(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the texts of a section and of its details, with the section's title."""
        titles = [table["caption"] for table in content["tables"]]
        drawn = [figure[name] for figure in content["figures"] for name in ("title", "alt")]
        for text in (*content["sentences"], *content["warnings"], *titles, *drawn):
            yield content["title"], text
        for detail in content.get("details", ()):
            yield from sentences(detail)

    answers = [(one["question"], text) for one in summary.get("answers", ()) for text in one["sentences"]]
    head = [(summary["title"], summary[name]) for name in ("title", "subtitle")]
    texts = [*head, *answers, *(pair for part in summary["sections"] for pair in sentences(part))]
    for place, text in texts:
        for number, percent, unit in _SENTENCE_NUMBER.findall(_DAY_TEXT.sub("", text)):
            yield {
                "Part": place,
                "Sentence": text,
                "Number": float(number.replace(",", "")),
                "Unit": percent or unit,
            }


def as_numbers(head: Sequence[str], rows: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Return a table of text with numbers wherever a whole column holds them; units go into the column's name.

    >>> as_numbers(["Tier", "Value", "Band"], [["high", "1,200 EUR", "5% to 7%"], ["low", "", "1% to 2%"]])
       Tier  Value (EUR)  Band, from (%)  Band, to (%)
    0  high         1200               5             7
    1   low         <NA>               1             2
    """
    columns: dict[str, Any] = {}
    for place, name in enumerate(head):
        for column, values in _columns(name, [row[place] for row in rows]):
            columns[_free_name(column, columns)] = values
    return pd.DataFrame(columns)


def _columns(name: str, cells: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield the columns that the cells of one column hold: its numbers, else its text as it is."""
    for endings, form in _NUMBER_FORMS.items():
        read = [None if cell in _UNKNOWN else form.fullmatch(cell) for cell in cells]
        parts = [match.groups() for match in read if match]
        if not parts or len(parts) < sum(cell not in _UNKNOWN for cell in cells):
            continue
        units = {_unit(groups) for groups in parts}
        if len(units) > 1:
            continue
        unit = units.pop()
        mark = f" ({unit})" if unit and unit not in name else ""
        for number, ending in enumerate(endings):
            yield f"{name}{ending}{mark}", _values(read, number, len(endings))
        if len(endings) == 3 and any(groups[-1] for groups in parts):
            yield f"{name}, verdict", [match.groups()[-1] if match else None for match in read]
        return
    yield name, cells


def _unit(groups: tuple[str | None, ...]) -> str:
    unit = (groups[2] or "").strip() if len(groups) != 7 else ""
    return groups[1] or unit


def _values(read: list[re.Match[str] | None], number: int, of: int) -> pd.Series:
    place = 3 if of == 2 and number == 1 else 2 * number
    shown = [match.groups()[place].replace(",", "") if match else None for match in read]
    whole = not any("." in one for one in shown if one)
    return pd.Series(pd.to_numeric(pd.Series(shown, dtype=object)), dtype="Int64" if whole else "float64")


def _slug(caption: str) -> str:
    """Return the file name for a caption.

    >>> _slug("Tiers, by predicted value (EUR)")
    'tiers_by_predicted_value_eur'
    """
    words = re.sub(r"[\W_]+", "_", caption.lower()).strip("_")
    return words if len(words) <= 48 else words[:48].rpartition("_")[0] or words[:48]


def _free(stem: str, taken: Mapping[str, Any]) -> str:
    """Return a name that no other table has."""
    names = (f"{stem}{'' if number == 1 else f'_{number}'}.csv" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _free_name(name: str, taken: Mapping[str, Any]) -> str:
    names = (f"{name}{'' if number == 1 else f' ({number})'}" for number in range(1, len(taken) + 2))
    return next(one for one in names if one not in taken)
