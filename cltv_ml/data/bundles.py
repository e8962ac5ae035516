"""Bundles listed together with their priced parts: their money counts once."""

from __future__ import annotations

import re

from cltv_ml.columns.headings import plain_heading, plain_text
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import id_text
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import MONEY_SCALE, Relation, keep, literals
from cltv_ml.money import log_amount
from cltv_ml.sources.frames import MARK

#: Headings of a column that names a line's parent.
_PARENT = re.compile(
    "parent|bundle|componentof|partof|belongsto|kitof|composite|package|combo|(^|in|of)(kit|set)(id|no|name|sku)?$"
    "|mutterartikel|ubergeordnet|oberartikel|stuckliste|padre|pai$|conjunto|composto|compose|pakiet|zestaw|pakket"
    "|samenstelling|paket|bundel|セット|親商品|套餐|组合|組合"
)

#: Headings of a column with the kind of line, and its words for bundles and for their parts.
_TYPE_HEADING = re.compile("type|kind|typ$|^art$|role|class|level")
_PART_LEVEL = re.compile(
    r"\b(component|child|part|member|element|komponente|bestandteil|composant)s?\b"
    "|(bundle|kit|set|pack)[ -]?(item|line|part|content)"
)
_WHOLE_LEVEL = re.compile(r"\b(bundle|kit|set|pack|parent|assembly|composite|combo|lot|stuckliste)\b")

#: Words for a product with variants, and for the variant bought, which may be listed once more with the same code.
_VARIANTS = ("configurable variable grouped", "simple variation")

#: Number of other columns whose values are compared with those of a parent.
_COMPARED = 12

#: If at least this share of the bundles equal the sum of their parts, the parts are the same money again.
_SURELY = 0.9


def take_bundles_once(raw: Raw, lines: Lines, aside: Aside, rules: Rules) -> list[str]:
    """Quarantine the parts of bundles whose amounts sum to the bundle's own line; return a note.

    Other parts, such as accessories bought with a machine, count as sales; a note says so.
    """
    if "order_id" not in lines.columns or rules.amount_per == "line":
        return []
    parents = [
        (column, _parent_key(raw, column)) for column in raw.unused if _PARENT.search(plain_heading(column))
    ]
    pairs = [(column, id_text(column), id_text(key)) for column, key in parents if key]
    for column, part_of, own in [*pairs, *_told_by_type(raw), *_told_by_variants(raw)]:
        parts = _priced_parts(lines, aside, part_of, own)
        both, same = parts.row(
            f"select count(distinct whole), count(distinct whole) filter (same) from {parts}"
        )
        if both:
            return _tell(parts, aside, column, surely=same >= _SURELY * both)
    return []


def _tell(parts: Relation, aside: Aside, column: str, *, surely: bool) -> list[str]:
    """Quarantine the parts that sum to their bundle if this is how the export lists bundles; return a note."""
    where = "where same" if surely else ""
    number, money = parts.row(f"select count(*), coalesce(sum(money), 0) from {parts} {where}")
    summary = (
        f"{number:,} lines with a total of {log_amount(money / MONEY_SCALE)} are parts of another line in their "
        "order"
    )
    if not surely:
        return [f"{summary} (column {column!r}). Both the parts and that line have amounts, and both count."]
    aside.add("repeated_total", f"select source_row from {parts} {where}")
    return [
        f"{summary} (column {column!r}) and add up to it, so only that line counts (--rule "
        "amount_per=line keeps both)."
    ]


def _parent_key(raw: Raw, column: str) -> str:
    """Return the column that a parent column refers to: the one with the same heading, else with the same values."""
    rest = re.sub("parent|bundle", "", plain_heading(column))
    names = [name.removeprefix(MARK) for name in raw.table.kinds if name.startswith(MARK)]
    names = [name for name in names if name not in (column, raw.mapping.get("order_id"))]
    alike = [name for name in names if rest and plain_heading(name) == rest]
    others = [*filter(None, [raw.mapping.get("product_id")]), *names]
    return next((name for name in alike or others[:_COMPARED] if _contains(raw, name, column)), "")


def _contains(raw: Raw, column: str, parent: str) -> bool:
    """Whether each parent is a value of a column; of the first lines, so that a last order may be cut off."""
    first = f"(from {raw.table} limit 20000)"
    filled, contained = raw.table.row(
        f"select count(*), count(*) filter (p in (select {id_text(column)} from {first})) "
        f"from (select distinct {id_text(parent)} as p from {first}) where p is not null"
    )
    return bool(filled and contained >= 0.9 * filled)


def _told_by_type(raw: Raw) -> list[tuple[str, str, str]]:
    """Return a column whose levels distinguish bundles from parts, with SQL for a part's bundle and for a bundle."""
    distinguishing = []
    for column in (name for name in raw.unused if _TYPE_HEADING.search(plain_heading(name))):
        rows = raw.table.rows(f"select distinct {id_text(column)} from {raw.table} limit 21")
        levels = [str(level) for (level,) in rows if level is not None]
        parts = [level for level in levels if _PART_LEVEL.search(plain_text(level, " "))]
        wholes = [
            level for level in levels if level not in parts and _WHOLE_LEVEL.search(plain_text(level, " "))
        ]
        if len(rows) <= 20 and parts and wholes:
            sql = [
                f"if({id_text(column)} in ({literals(members)}), 'bundle', null)"
                for members in (parts, wholes)
            ]
            distinguishing.append((column, sql[0], sql[1]))
    return distinguishing


def _told_by_variants(raw: Raw) -> list[tuple[str, str, str]]:
    """Return a column that tells products with variants from the variants, with SQL for the product of each."""
    product = raw.mapping.get("product_id")
    if not product:
        return []
    distinguishing = []
    for column in (name for name in raw.unused if _TYPE_HEADING.search(plain_heading(name))):
        levels = f"lower({id_text(column)})"
        whole, part = (
            f"if({levels} in ({literals(words.split())}), {id_text(product)}, null)" for words in _VARIANTS
        )
        if raw.table.holds(f"{part} is not null") and raw.table.holds(f"{whole} is not null"):
            distinguishing.append((column, part, whole))
    return distinguishing


def _priced_parts(lines: Lines, aside: Aside, part_sql: str, own_sql: str) -> Relation:
    """Return the priced parts of priced lines: `source_row`, `whole`, `money`, and whether the parts sum to the whole.

    Parameters
    ----------
    part, own_sql
        SQL for the bundle that a line belongs to, and for a bundle's own name.
    """
    priced = keep(
        lines.marks.con,
        "perhaps_bundled",
        f"select source_row, by_order, {part_sql} as part_of, {own_sql} as own, money from {lines.source} "
        f"join {lines.marks} using (source_row) anti join {aside} using (source_row) "
        "where not is_return and money > 0 and by_order is not null",
    )
    return keep(
        lines.marks.con,
        "bundled",
        "with summed as (select by_order, part_of, sum(money) as money from "
        f"    {priced} where part_of is not null and part_of is distinct from own group by all"
        f"), whole as (select by_order, own, sum(money) as money from {priced} where part_of is null group by all) "
        "select source_row, hash(by_order, part_of) as whole, line.money, "
        "    abs(summed.money - whole.money) <= 0.01 * whole.money as same "
        f"from {priced} as line join summed using (by_order, part_of) "
        "join whole on whole.by_order = line.by_order and whole.own = line.part_of",
    )
