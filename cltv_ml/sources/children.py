"""Records listed after the record to which they belong, as in bulk exports of Shopify."""

from __future__ import annotations

import re
from typing import Any

_NAMES_PARENT = "__parentId"


def nest_children(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records with those that name another as their parent in a list of it, called after their kind.

    >>> child = {"id": "gid://shop/LineItem/7", "__parentId": "gid://shop/Order/1"}
    >>> nest_children([{"id": "gid://shop/Order/1"}, child])
    [{'id': 'gid://shop/Order/1', 'lineItems': [{'id': 'gid://shop/LineItem/7'}]}]
    """
    if not any(_NAMES_PARENT in record for record in records):
        return records
    nested = [dict(record) for record in records]
    by_id = {str(record["id"]): record for record in nested if "id" in record}
    roots = []
    for record in nested:
        parent = by_id.get(str(record.pop(_NAMES_PARENT, "")))
        if parent is None:
            roots.append(record)
            continue
        kind = re.search(r"/(\w+)/[^/]+$", str(record.get("id", ""))) or ["", "children"]
        parent.setdefault(f"{kind[1][:1].lower()}{kind[1][1:]}".removesuffix("s") + "s", []).append(record)
    return roots
