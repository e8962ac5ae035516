"""A plotly figure as an element that a page of the site draws when it comes into view."""

from __future__ import annotations

import json
from html import escape
from typing import Any


def compact(figure: dict[str, Any]) -> str:
    """Return a figure as JSON without its colours, which are the page's own."""
    layout = {name: value for name, value in figure["layout"].items() if name != "template"}
    return json.dumps({"data": figure["data"], "layout": layout}, separators=(",", ":"))


def element(figure: str) -> str:
    """Return the element for a figure as `compact` writes it.

    >>> element('{"data":[]}')
    '<div class="figure" data-figure="{&quot;data&quot;:[]}"></div>'
    """
    return f'<div class="figure" data-figure="{escape(figure)}"></div>'
