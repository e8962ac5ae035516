"""What the site is built with besides Markdown: formulas as MathML, the pages of commands and of figures."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from latex2mathml.converter import convert

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


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
    return markdown


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

    return "\n\n".join(_command(name, command) for name, command in _walk(typer.main.get_command(app)))


def _walk(group: Any, words: tuple[str, ...] = ("cltv",)) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        below = getattr(command, "commands", {})
        if not below or command.invoke_without_command:
            yield " ".join((*words, name)), command
        if below:
            yield from _walk(command, (*words, name))


def _command(name: str, command: Any) -> str:
    lines = [f"## {name}", re.sub(r"\n(?!\n)", " ", command.help.strip()).replace(" \n ", "\n\n")]
    lines[1] = "\n\n".join(" ".join(part.split()) for part in command.help.split("\n\n"))
    rows = [_option(param) for param in command.params if param.name != "help"]
    if rows:
        lines.append("\n".join(["| | |", "|---|---|", *rows]))
    return "\n\n".join(lines)


def _option(param: Any) -> str:
    names = param.opts if param.param_type_name == "option" else [param.name.upper()]
    told = (param.help or "").replace("|", "\\|")
    return f"| `{'`, `'.join(names)}` | {told} |"


def _figures() -> str:
    from cltv_ml.pipelines.plot import catalogue

    rows = [f"| `{row.figure}` | {row.needs} | {row.shows} |" for row in catalogue().itertuples()]
    return "\n".join(["| figure | drawn from | shows |", "|---|---|---|", *rows])


def _models() -> str:
    """Return the place of every model's class in the reference."""
    from cltv_ml.models import CATALOGUE

    return "\n\n".join(
        f"### {name}\n\n::: {model.__module__}.{name}\n    options: {{heading_level: 4, inherited_members: false}}"
        for name, model in CATALOGUE.items()
    )
