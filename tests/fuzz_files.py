"""The file that holds a made-up export: its delimiter, quotes, encoding and format."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd

from tests.fuzz_style import Style
from tests.fuzz_words import NUMBERS


def write_file(
    names: list[str], rows: list[list[Any]], style: Style, folder: Path
) -> tuple[Path | pd.DataFrame, str]:
    """Return the table as a source, and its text."""
    kind = style.kind
    if style.digits:
        others = str.maketrans("0123456789", style.digits)
        rows = [[str(value).translate(others) for value in row] for row in rows]
    if style.repeated:
        rows = [*rows[: len(rows) // 2], names, *rows[len(rows) // 2 :]]
    above = [["Sales report"], ["Printed by N. N."], []] if style.titled else []
    text = _delimited(names, rows, above, style)
    if style.typed:
        rows = [[None if value == "" else value for value in row] for row in rows]
    frame = pd.DataFrame(rows, columns=names)
    path = folder / f"export.{kind}"
    if kind == "frame":
        return frame, text
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        for row in [*above, names, *rows]:
            book.active.append(row)
        book.save(path)
    elif kind in ("json", "jsonl"):
        records = [dict(zip(names, row, strict=True)) for row in rows]
        lines = json.dumps(records) if kind == "json" else "\n".join(json.dumps(record) for record in records)
        path.write_text(lines, encoding="utf-8")
    else:
        _save(text, path, style)
    return path, text


def _delimited(names: list[str], rows: list[list[Any]], above: list[list[str]], style: Style) -> str:
    """Return the table as delimited text, below its title lines."""
    draw, kind = style.draw, style.kind
    sign = "," if NUMBERS[style.numbers][1] == "." and draw.random() < 0.7 else draw.choice(";\t|")
    text = io.StringIO()
    if kind == "csv" and draw.random() < 0.1:
        text.write(f"sep={sign}\r\n")
    quoting = csv.QUOTE_ALL if draw.random() < 0.3 else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=sign, quoting=quoting, lineterminator=draw.choice(("\n", "\r\n"))).writerows(
        [names, *rows]
    )
    style.kind = f"{kind} {sign!r}"
    if above and kind in ("csv", "xlsx", "zip") and not text.getvalue().startswith("sep="):
        return "\n".join(",".join(row) for row in above) + "\n" + text.getvalue()
    return text.getvalue()


def _save(text: str, path: Path, style: Style) -> None:
    """Write delimited text in some encoding, alone or in an archive."""
    codec = style.draw.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"))
    if codec == "cp1252" and re.search("[\u0370-\u1fff\u3000-\uffff]", text):
        codec = "utf-8"
    style.kind += f" {codec}"
    content = text.encode(codec, errors="ignore" if "\u202f" in text else "replace")
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("orders.csv", content)
    else:
        path.write_bytes(content)
