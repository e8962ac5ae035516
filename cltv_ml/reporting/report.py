"""Tables and figures as one self-contained HTML file that opens without a network, as Markdown or as JSON."""

from __future__ import annotations

import base64
import functools
import gzip
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
import markupsafe
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

import cltv_ml
from cltv_ml.counts import singular
from cltv_ml.reporting import glossary, theme
from cltv_ml.tables import pandas_only


def summarise(
    title: str,
    subtitle: str,
    sections: Sequence[Mapping[str, Any]],
    facts: Mapping[str, tuple[str, str]] | None = None,
    answers: Mapping[str, Sequence[str]] | None = None,
    headlines: int = 1,
) -> dict[str, Any]:
    """Return a report as one dictionary of plain JSON values: the single source of every rendering.

    Parameters
    ----------
    facts
        Key facts, shown first: by name, the number and half a sentence on it.
    answers
        Sentences by the question they answer, shown below the headlines on the first screen.
    headlines
        Number of facts shown first and large.
    """
    return {
        "title": title,
        "subtitle": singular(subtitle),
        "version": cltv_ml.__version__,
        "facts": [
            {"name": name, "value": value, "note": singular(note), "headline": number < headlines}
            for number, (name, (value, note)) in enumerate((facts or {}).items())
        ],
        "answers": [
            {"question": question, "sentences": [*map(singular, sentences)]}
            for question, sentences in (answers or {}).items()
        ],
        "sections": [
            {**section, "warnings": [*map(singular, section.get("warnings", ()))]} for section in sections
        ],
    }


def section(
    title: str,
    sentences: Sequence[str] = (),
    *,
    tables: Mapping[str, pd.DataFrame] | None = None,
    figures: Mapping[str, go.Figure] | None = None,
    warnings: Sequence[str] = (),
    details: Sequence[Mapping[str, Any]] = (),
    links: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return one section of a summary; the functions that make interactive controls add them afterwards.

    Parameters
    ----------
    tables
        Frames by caption, with formatted cells.
    figures
        Figures by the sentence that describes them: the caption and alternative text.
    warnings
        Sentences of warning.
    details
        Additional sections, folded at first.
    links
        Files in the folder of the page, by their description.
    """
    return {
        "title": title,
        "sentences": [*map(singular, sentences)],
        "warnings": [*map(singular, warnings)],
        "tables": [{"caption": caption, **cells(frame)} for caption, frame in (tables or {}).items()],
        "figures": [embed(alt, figure) for alt, figure in (figures or {}).items()],
        "what_if": None,
        "lookup": None,
        "list_totals": None,
        "details": [dict(detail) for detail in details],
        "links": [{"text": text, "file": file} for text, file in (links or {}).items()],
    }


@pandas_only
def cells(frame: pd.DataFrame) -> dict[str, Any]:
    """Return names and cells as text, and the columns of words, which are aligned left.

    >>> cells(pd.DataFrame({"Show": ["tea", None]}))["rows"]
    [['tea'], ['']]
    """
    text = frame.astype(object).where(frame.notna(), "").astype("str")
    return {
        "head": [str(name) for name in frame.columns],
        "words": [bool(text[name].map(_reads_as_words).mean() > 0.5) for name in frame.columns],
        "rows": text.to_numpy().tolist(),
    }


def _reads_as_words(cell: str) -> bool:
    """Return whether a cell is read as words: it begins with a letter, or is long and mostly letters.

    >>> [_reads_as_words(cell) for cell in ("tea", "91 days", "22423 (REGENCY CAKESTAND 3 TIER)")]
    [True, False, True]
    """
    return cell[:1].isalpha() or (len(cell) > 20 and sum(map(str.isalpha, cell)) > len(cell) / 2)


def embed(alt: str, figure: go.Figure) -> dict[str, Any]:
    """Return a figure for the page: its title becomes a heading, its theme is the page's."""
    drawn = json.loads(figure.to_json())
    title = drawn["layout"].pop("title", {}).get("text", "")
    drawn["layout"].pop("template", None)
    drawn["layout"]["margin"] = {"l": 50, "r": 28, "t": 28, "b": 40}
    return {"title": title, "alt": alt, "figure": drawn}


def render_html(summary: Mapping[str, Any]) -> str:
    """Return the summary as one HTML text: plotly.js once, no address outside the file, all text escaped."""
    html: str = _page_template().render(
        summary,
        plotlyjs=_packed_plotlyjs(),
        script=_template("report.js"),
        style=_template("report.css"),
        themes={mode: theme.template(mode).to_plotly_json() for mode in ("light", "dark")},
        terms=glossary.used(summary),
    )
    return html


@functools.cache
def _page_template() -> jinja2.Template:
    """Return the compiled page, which takes ten times as long to compile as to fill: a training fills nine."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["unbroken"] = unbroken
    return environment.get_template("report.html.j2")


#: Days, options and codes with a digit such as TEC-10-418: lines must not break at their hyphens.
_HYPHENATED = re.compile(
    r"(?<![\w-])(?=[\w-]{4,24}(?![\w-]))(?:--[a-z]+(?:-[a-z]+)*|(?=[A-Za-z-]*\d)\w+(?:-\w+)+)"
)

#: Code between backticks, as in Markdown.
_BACKTICKS = re.compile(r"`([^`]+)`")


def unbroken(text: str) -> markupsafe.Markup:
    """Return a text escaped for a page, with its dates, options and codes in spans without line breaks.

    The characters do not change, so a reader searches and copies plain hyphens. Options and what stands between
    backticks are small print.

    >>> unbroken("<= 2024-01-31, well-known")
    Markup('&lt;= <span class="unbroken">2024-01-31</span>, well-known')
    >>> unbroken("(--attribute id=none)")
    Markup('(<code class="unbroken">--attribute</code> id=none)')
    >>> unbroken("run `cltv act`")
    Markup('run <code>cltv act</code>')
    """
    escaped = _BACKTICKS.sub(r"<code>\1</code>", str(markupsafe.escape(text)))
    return markupsafe.Markup(_HYPHENATED.sub(_in_one_piece, escaped))


def _in_one_piece(found: re.Match[str]) -> str:
    tag = "code" if found[0].startswith("--") else "span"
    return f'<{tag} class="unbroken">{found[0]}</{tag}>'


@functools.cache
def _packed_plotlyjs() -> str:
    """Return plotly.js as compressed text that a page unpacks: at two fifths of its size, a page stays below 3 MB."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 6, mtime=0)).decode()


def render_json(summary: Mapping[str, Any]) -> str:
    """Return the summary as JSON, figures included."""
    return json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False)


#: A code span of Markdown, or what begins HTML, a link or another line outside of one.
_MARKDOWN_SIGNS = re.compile(r"((?<!`)(`+)(?!`)[^\n]+?(?<!`)\2(?!`))|(<|(?<=\])\()|\s*[\r\n]+\s*")


def render_markdown(summary: Mapping[str, Any]) -> str:
    """Return the summary as Markdown, with the captions in place of the figures; no name in it is HTML or a link."""
    summary = _inert(summary)
    lines = [f"# {summary['title']}", summary["subtitle"]]
    lines += [
        f"- **{_escaped_cell(fact['name'])}: {_escaped_cell(fact['value'])}**, {fact['note']}"
        for fact in summary.get("facts", ())
    ]
    for answer in summary.get("answers", ()):
        lines += [f"## {answer['question']}", *answer["sentences"]]
    for part in summary["sections"]:
        lines += _markdown(part, "##")
    return "\n\n".join(lines).replace("\n\n- ", "\n- ") + "\n"


#: The function that writes a summary, by the format's name.
RENDERERS = {"html": render_html, "markdown": render_markdown, "json": render_json}


def _markdown(section: Mapping[str, Any], level: str) -> list[str]:
    """Return the paragraphs of one section."""
    lines = [f"{level} {section['title']}", *section["sentences"]]
    lines += [f"> {warning}" for warning in section.get("warnings", ())]
    for table in section["tables"]:
        head = [table["head"], ["---"] + ["---:"] * (len(table["head"]) - 1)]
        rows = ["| " + " | ".join(map(_escaped_cell, row)) + " |" for row in [*head, *table["rows"]]]
        lines += [f"**{table['caption']}**", "\n".join(rows)]
        lines += [f"[These numbers as CSV]({table['file']})"] if table.get("file") else []
    lines += [f"- Figure: {drawn['title']}. {drawn['alt']}" for drawn in section["figures"]]
    lines += [f"[{link['text']}]({link['file']})" for link in section.get("links", ())]
    for detail in section.get("details", ()):
        lines += _markdown(detail, level + "#")
    return lines


def _inert(content: Any) -> Any:
    r"""Return a part of a summary without its figures' drawings, and with each text in it on one line of plain text.

    >>> print(*_inert(["<b> of `a < b`", "[x](y)"]))
    \<b> of `a < b` [x]\(y)
    """
    if isinstance(content, str):
        return _MARKDOWN_SIGNS.sub(lambda found: found[1] or (f"\\{found[3]}" if found[3] else " "), content)
    if isinstance(content, Mapping):
        return {
            name: value if name == "file" else _inert(value)
            for name, value in content.items()
            if name != "figure"
        }
    return [_inert(value) for value in content] if isinstance(content, list | tuple) else content


def _escaped_cell(text: str) -> str:
    return text.replace("|", "\\|")


def _template(name: str) -> str:
    return files("cltv_ml.reporting").joinpath(name).read_text(encoding="utf-8")
