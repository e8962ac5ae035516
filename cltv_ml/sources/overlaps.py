"""Files whose periods overlap and that hold the same lines there, as when a month is exported twice."""

from __future__ import annotations

from collections.abc import Sequence

from cltv_ml.engine import Relation, keep

#: Fewest lines that two files share, and their share of the lines that each has in the days of both.
_FEWEST, _SHARE = 5, 0.95


def find_overlaps(lines: Relation, starts: Sequence[int]) -> tuple[Relation, list[tuple[str, str]]]:
    """Return the `source_row` of lines that an earlier file has too, and the first and last days of what files share.

    Two files share their lines if nearly all that either has in the days of both are equal. Equal lines within one
    file stay apart: the second of them is the same as the second in the other file.

    Parameters
    ----------
    lines
        Rows with `source_row`, `line_hash` and `day`.
    starts
        The `source_row` that each file begins with.
    """
    part = " + ".join(f"cast(source_row >= {start} as integer)" for start in starts[1:])
    numbered = keep(
        lines.con,
        "lines_of_files",
        f"select *, row_number() over (partition by part, line_hash order by source_row) as nth from "
        f"(select source_row, line_hash, day, {part} as part from {lines} where day is not null)",
    )
    shared = keep(
        lines.con,
        "shared_days",
        f"with span as (select part, min(day) as first, max(day) as last from {numbered} group by part), "
        "equal as (select a.part as one, b.part as two, count(*) as same "
        f"from {numbered} as a join {numbered} as b using (line_hash, nth) where a.part < b.part "
        f"group by all having same >= {_FEWEST}), "
        "pair as (select one, two, same, greatest(x.first, y.first) as first, least(x.last, y.last) as last "
        "from equal join span as x on x.part = one join span as y on y.part = two) "
        "select one, two, pair.first, pair.last from pair "
        f"join {numbered} as l on l.part in (one, two) and day between pair.first and pair.last "
        f"group by one, two, pair.first, pair.last, same "
        f"having {_SHARE} * greatest(count(*) filter (l.part = one), count(*) filter (l.part = two)) <= same",
    )
    copies = keep(
        lines.con,
        "copies_of_files",
        f"select distinct b.source_row from {shared} join {numbered} as a on a.part = one "
        f"join {numbered} as b on b.part = two and a.line_hash = b.line_hash and a.nth = b.nth",
    )
    days = lines.rows(
        f"select distinct cast(first as varchar), cast(last as varchar) from {shared} order by all"
    )
    return copies, [(str(first), str(last)) for first, last in days]
