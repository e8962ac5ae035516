"""What the documentation says is so: commands that exist, bounds that hold, formulas that are read."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest
import typer

from cltv_ml.cli import app
from cltv_ml.evaluation.bounds import BIAS_BOUND, DECILE_BOUND
from cltv_ml.reporting import plots

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = typer.main.get_command(app)


def lines(page):
    """Return the lines of a page's shell blocks that call cltv, continued lines joined, comments off."""
    blocks = re.findall(r"```(?:sh|bash)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    text = "\n".join(blocks).replace("\\\n", " ")
    return [line.split(" | ")[0].split(" > ")[0] for line in text.splitlines() if line.startswith("cltv ")]


@pytest.mark.parametrize("page", [page for page in PAGES if lines(page)], ids=lambda page: page.name)
def test_commands_in_the_text_are_understood(page):
    for line in lines(page):
        words, command = shlex.split(line, comments=True)[1:], COMMANDS
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        try:
            with command.make_context("cltv", words):
                pass
        except click.exceptions.UsageError as error:
            pytest.fail(f"{line}: {error.format_message()}")


def test_champion_page_names_the_bounds_of_the_rule():
    text = (ROOT / "docs" / "concepts" / "champion.md").read_text()
    assert (
        f"the bias is at most {BIAS_BOUND:.0%} and the decile error at most {DECILE_BOUND:.0%}"
        in " ".join(text.split())
    )


def test_pages_fetch_nothing_from_elsewhere():
    for page in PAGES[1:]:
        assert not re.search(r"!\[[^]]*\]\(https?://|<script|<iframe", page.read_text(encoding="utf-8")), (
            page.name
        )


NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_page_of_a_notebook_shows_its_cells(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    page = notebook.with_suffix(".md").read_text(encoding="utf-8")
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert [cell for cell in code if cell not in page] == []
    assert [cell for cell in cells if cell.get("outputs")] == []  # outputs stand in the page


def test_the_gallery_draws_figures_of_the_catalogue_only():
    drawn = json.loads((ROOT / "docs" / "gallery.json").read_text(encoding="utf-8"))
    assert set(drawn) <= set(plots.CATALOGUE)
    shown = re.findall(r"<!-- figure (\w+) -->", (ROOT / "docs" / "index.md").read_text(encoding="utf-8"))
    assert len(shown) == 3
    assert set(shown) <= set(drawn)
