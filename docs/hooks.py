"""Hooks of the site: formulas as MathML, figures, and the generated parts of pages."""

from __future__ import annotations

import html
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from commands import commands  # noqa: E402 - scripts next to this one
from drawn import element  # noqa: E402

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_config(config: Any) -> Any:
    """Put the version that the pages describe, the newest of the changelog, at the foot of each."""
    changes = (HERE.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    version = re.findall(r"^## (.+)$", changes, re.MULTILINE)[0]
    config.copyright = (
        f"These pages describe cltv_ml {version}; those of another version are built from its source by "
        "<code>make docs</code>."
    )
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put the generated part of a page where its mark stands."""
    makers = {
        "<!-- commands -->": _commands,
        "<!-- figures -->": _figures,
        "<!-- models -->": _models,
        "<!-- glossary -->": _glossary,
    }
    for mark, make in makers.items():
        if mark in markdown:
            markdown = markdown.replace(mark, make())
    return re.sub(r"<!-- figure (\w+) -->", lambda found: _drawn(found[1]), markdown)


def on_files(files: Any, config: Any) -> Any:
    """Add what draws figures: plotly's script once, and ours with the colours of both modes."""
    from plotly.offline import get_plotlyjs

    from cltv_ml.reporting import theme

    templates = {mode: theme.template(mode).to_plotly_json() for mode in ("light", "dark")}
    ours = f"const TEMPLATES = {json.dumps(templates, default=list)};\n{(HERE / 'figures.js').read_text()}"
    files.remove(files.get_file_from_path("figures.js"))
    files.append(File.generated(config, "plotly.js", content=get_plotlyjs()))
    files.append(File.generated(config, "figures.js", content=ours))
    return files


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Let a page that holds figures load what draws them."""
    if "data-figure=" not in output:
        return output
    root = "../" * page.url.count("/")
    scripts = "".join(f'<script src="{root}{name}.js"></script>' for name in ("plotly", "figures"))
    return output.replace("</body>", f"{scripts}</body>")


def _glossary() -> str:
    """Return every term of the pages and what it means, as Markdown."""
    from cltv_ml.reporting.glossary import TERMS

    return "\n\n".join(f"{term}\n:   {meaning}" for term, meaning in TERMS.items())


def on_page_content(content: str, **_: Any) -> str:
    """Turn every formula into MathML, which browsers draw without a script."""
    return _FORMULA.sub(
        lambda found: convert(html.unescape(found[3]), display="block" if found[2] == "[" else "inline"),
        content,
    )


def _commands() -> str:
    """Return every command's help as Markdown, from the commands themselves."""
    import typer

    from cltv_ml.cli import app

    return "\n\n".join(_command(name, command) for name, command in commands(typer.main.get_command(app)))


def _command(name: str, command: Any) -> str:
    lines = [f"## {name}", re.sub(r"\n(?!\n)", " ", command.help.strip()).replace(" \n ", "\n\n")]
    lines[1] = "\n\n".join(" ".join(part.split()) for part in command.help.split("\n\n"))
    rows = [_option(param) for param in command.params if param.name != "help"]
    if rows:
        lines.append("\n".join(["| | |", "|---|---|", *rows]))
    return "\n\n".join(lines)


def _option(param: Any) -> str:
    names = param.opts if param.param_type_name == "option" else [param.name.upper()]
    meaning = (param.help or "").replace("|", "\\|")
    return f"| `{'`, `'.join(names)}` | {meaning} |"


def _figures() -> str:
    """Return every figure with what it shows and the call that draws it."""
    from cltv_ml.pipelines.plot import ELSEWHERE, RECIPES, sentence
    from cltv_ml.reporting.plots import CATALOGUE

    parts = []
    for name in CATALOGUE:
        needs = RECIPES[name].needs if name in RECIPES else ""
        more = " --before last_month.parquet" if needs == "earlier scores" else ""
        call = (
            f"`cltv plot {name} --data orders.csv{more}`"
            if needs
            else f"Part of the page of {ELSEWHERE[name]}"
        )
        source = {"data": "the data", "training": "the newest training", "earlier scores": "earlier scores"}
        origin = f"{call}, drawn from {source[needs]}." if needs else f"{call}."
        parts.append(f"## {name}\n\n{sentence(name)}\n{origin}\n\n<!-- figure {name} -->")
    return "\n\n".join(parts)


def _drawn(name: str) -> str:
    """Return a figure of the gallery; empty where it is so new that `make gallery` has not drawn it."""
    return element(_gallery()[name]) if name in _gallery() else ""


@cache
def _gallery() -> dict[str, str]:
    return dict(json.loads((HERE / "gallery.json").read_text(encoding="utf-8")))


def _models() -> str:
    """Return the place of every model's class in the reference."""
    from cltv_ml.models import CATALOGUE

    return "\n\n".join(
        f"### {name}\n\n::: {model.__module__}.{name}\n    options: {{heading_level: 4, inherited_members: false}}"
        for name, model in CATALOGUE.items()
    )
