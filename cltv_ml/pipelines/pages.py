"""Pages, each with its tables as files next to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml.files import atomic, discard, neutral, together, write_table
from cltv_ml.reporting.report import render_html
from cltv_ml.reporting.table_files import with_files
from cltv_ml.tables import for_spreadsheet


@together()
def write_folder(
    tables: Mapping[str, pd.DataFrame], summary: Mapping[str, Any], page: Path, currency: str
) -> dict[str, Path]:
    """Write a page, and tables as CSV next to it under their names; return the tables' files."""
    files = {name: page.with_name(f"{name}.csv") for name in tables}
    for name, table in tables.items():
        write_table(for_spreadsheet(table, currency), files[name])
    write_page(summary, page)
    return files


@together()
def write_page(
    summary: Mapping[str, Any],
    path: Path,
    *,
    render: Callable[[Mapping[str, Any]], str] = render_html,
    private: bool = False,
) -> str:
    """Write a page, and its tables as CSV in the folder `<name>_tables` next to it; return the page's text.

    Files in that folder from an earlier page that this one does not contain are deleted.
    """
    folder = path.with_name(f"{path.stem}_tables")
    named, tables = with_files(summary, f"{folder.name}/")
    text = render(named)
    with atomic(path, private=private) as temporary:
        temporary.write_text(text, encoding="utf-8")
    for name, table in tables.items():
        with atomic(path.parent / name, private=private) as temporary:
            neutral(table).to_csv(temporary, index=False)
    if folder.is_dir():
        for left in {*folder.glob("*.csv")} - {path.parent / name for name in tables}:
            discard(left)
    return text
