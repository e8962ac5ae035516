"""The notebooks run from the first cell to the last in one folder, and written as pages with what they show.

Run: python docs/run_notebooks.py [--check]. With --check the pages stay as they are; a cell that fails ends the run.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from drawn import compact, element
from nbclient import NotebookClient

FOLDER = Path(__file__).with_name("notebooks")

#: In this order: the second goes on with the model that the first registers.
NOTEBOOKS = ("compare", "campaign", "own_model")


def run(name: str, folder: Path) -> Any:
    """Return a notebook with what its cells show, run in `folder` by a kernel of its own."""
    book = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(book, kernel_name="python3", timeout=600, resources=resources).execute()
    return book


def page(name: str, book: Any) -> str:
    """Return a notebook that was run as Markdown: texts, code, tables and figures."""
    parts = [f"[This page as a notebook]({name}.ipynb)"]
    for cell in book.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source.replace(".ipynb)", ".md)"))
        else:
            parts += [f"```python\n{cell.source}\n```", *filter(None, map(_shown, cell.outputs))]
    title = parts.pop(1)
    heading, _, rest = title.partition("\n")
    return "\n\n".join([heading, parts[0], rest.strip(), *parts[1:]]) + "\n"


def _shown(output: Any) -> str:
    if output.output_type == "stream":
        return f"```text\n{output.text.strip()}\n```"
    figure = output.data.get("application/vnd.plotly.v1+json")
    if figure:
        return element(compact(figure))
    table = output.data.get("text/html", "")
    lines = [line.strip() for line in table.splitlines()]
    return f'<div class="shown">{"".join(lines)}</div>' if table else ""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        pages = {name: page(name, run(name, Path(place))) for name in NOTEBOOKS}
    for name, text in pages.items():
        if "--check" not in sys.argv:
            (FOLDER / f"{name}.md").write_text(text, encoding="utf-8")
