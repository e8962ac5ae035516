"""Files whose periods overlap and that hold the same lines there, as when a month is exported twice."""

from __future__ import annotations

from collections.abc import Sequence

from cltv_ml.engine import Relation, keep, show

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
    con, files = lines.con, ", ".join(f"({number}, {start})" for number, start in enumerate(starts))
    parted = show(
        con,
        "lines_of_files",
        f"select lines.*, part from {lines} as lines asof join (values {files}) as files(part, start) "
        "on source_row >= start where day is not null",
    )
    pairs = keep(
        con,
        "files_of_days",
        f"with span as (select part, min(day) as first, max(day) as last from {parted} group by part) "
        "select x.part as one, y.part as two, greatest(x.first, y.first) as first, least(x.last, y.last) as last "
        "from span as x join span as y on x.part < y.part and x.first <= y.last and y.first <= x.last",
    )
    numbered = keep(
        con,
        "numbered_lines",
        f"with windows as (select one as part, first, last from {pairs} union select two, first, last from {pairs}) "
        "select *, row_number() over (partition by part, line_hash order by source_row) as nth "
        f"from {parted} as lines semi join windows on windows.part = lines.part and day between first and last",
    )
    shared = keep(
        con,
        "shared_days",
        "with equal as (select a.part as one, b.part as two, count(*) as same "
        f"from {numbered} as a join {numbered} as b using (line_hash, nth) where a.part < b.part "
        f"group by all having same >= {_FEWEST}) "
        f"select one, two, first, last from equal join {pairs} using (one, two) "
        f"join {numbered} as l on l.part in (one, two) and day between first and last "
        f"group by one, two, first, last, same "
        f"having {_SHARE} * greatest(count(*) filter (l.part = one), count(*) filter (l.part = two)) <= same",
    )
    copies = keep(
        con,
        "copies_of_files",
        f"select distinct b.source_row from {shared} join {numbered} as a on a.part = one "
        f"join {numbered} as b on b.part = two and a.line_hash = b.line_hash and a.nth = b.nth",
    )
    days = lines.rows(
        f"select distinct cast(first as varchar), cast(last as varchar) from {shared} order by all"
    )
    return copies, [(str(first), str(last)) for first, last in days]
