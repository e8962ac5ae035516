"""Kinds of columns about customers: category, number, date, yes or no, or none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anyascii import anyascii

from cltv_ml.columns.headings import plain_heading, plain_pattern
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.times import is_serial
from cltv_ml.customers.column_levels import levels_of
from cltv_ml.customers.permissions import opt_outs, permission_of
from cltv_ml.customers.person_headings import identifies_person
from cltv_ml.engine import Relation
from cltv_ml.ranges import range_codes
from cltv_ml.tables import NO, YES, postcode_sql

#: Kinds that a user can name, and the first word of the column that each becomes.
KINDS = {"category": "text", "number": "number", "yes/no": "flag", "birth date": "birth", "date": "date"}

#: Most levels that enough customers share: with more, each would carry little information.
MOST_LEARNED_LEVELS = 200

#: Fewest customers of a level: rarer levels are joined.
MIN_SHARED_CUSTOMERS = 20

#: Headings of postcodes, whose first signs stand for an area.
_POSTCODES = (
    "zip|postal|post(code|leitzahl|nummer|nr)|^plz|codigopostal|kodpocztowy|postinumero|iranyitoszam|kodepos|postakodu|"
    "^pstlz|^(cap|cep|cp|psc)$|郵便番号|邮编|邮政编码|우편번호|индекс$|ταχυδρομικ|الرمزالبريدي|מיקוד"
)
_POSTCODE = re.compile(plain_pattern([_POSTCODES]))

#: Headings of numbers that are codes, not quantities.
_CODE = re.compile(
    plain_pattern(
        [
            f"{_POSTCODES}|code$|id$|^id|cluster|segment|region|store|branch|filiale|type$|class$|group$|level$|tier$|status$|"
            "(gruppe|groupe|grupo|gruppo|kategorie|categorie|categoria|kod|コード|区分|种类|код|유형)$|^(gender|sex|sexe|sexo|sesso|"
            "geschlecht|genero|geslacht|plec|sukupuoli|pohlavi|cinsiyet|性別|性别|성별)|^(kon|kjonn|пол|φυλο)$"
        ]
    )
)
#: Headings of whole numbers that number the rows.
_ROW_KEY = re.compile("(id|key|sk|pk|no|nr|num|number|index|row|rowid|serial|seq|sequence)$")
_BRITISH = "[A-Z]{1,2}[0-9][A-Z0-9]? *[0-9][A-Z]{2}"

#: Parts of a postcode that may stand for an area, the smallest area first, and how a note names them.
_BRITISH_PARTS = {"outward": "outward code is", "letters": "letters are"}
_FIRST_SIGNS = {
    f"first_{n}": f"first {n} characters are" if n > 1 else "first character is" for n in range(5, 0, -1)
}

#: Share of the values that must be British postcodes; share of customers whose area enough others must share.
_MOSTLY, _COVERED = 0.9, 0.8

#: Share of integers that have eight digits or more and end in another digit than zero, from which they are codes:
#: amounts of money so large are rounded.
_LONG_CODES = 0.75

#: Headings of dates that may be written as numbers: spreadsheet days, or seconds since 1970 and parts of them.
_DATE_HEADINGS = re.compile(
    "date|datum|time|zeit|fecha|created|creation|erstellt|sign(ed)?up|registered|registration|joined|since|seit|enrol|"
    "subscribed|opened|_?(at|on|ts|dt)$"
)
_MOMENTS = ((29_221, 73_050), (1e8, 4.2e9), (1e11, 4.2e12), (1e14, 4.2e15))

_YEAR = re.compile(
    plain_pattern(
        ["year|^yob$|jahr|annee|^an$|ano$|anno|^rok|fodselsar|fodelsear|syntymavuosi|год|年$|연도|년도"]
    )
)
_BIRTH = re.compile(
    plain_pattern(
        [
            "birth|^(dob|yob)$|^born(on|in|date)?$|geburt|jahrgang|naissance|nacimiento|nascita|nascimento|geboorte|geboren|bday|urodzenia|narozeni|"
            "narodenia|fodelse|fodsel|syntyma|szulet|dogum|nastere|rodenja|ngaysinh|namsinh|tanggallahir|生年|誕生|出生|生日|생년|생일|"
            "출생|рожден|народжен|γεννησ|الميلاد|לידה|วันเกิด"
        ]
    )
)
_ROW_HISTORY = re.compile(
    "^(dbt|dwh|etl|row|rec|record|scd[0-9]?|version)?((valid|effective|eff)(to|until|end|thru|through)|expir(y|ation|es|ed)|"
    "end|iscurrent|currentflag|currentind(icator)?|currentrow(flag|indicator)?|iscurrentrow|scdid|hash(diff|key)?|"
    "updated|inserted|load(ed)?)(date|dt|at|on|ts|time|timestamp)?$|(gueltig|gultig)bis$|^(geldigtot|validohasta)$"
)


@dataclass(frozen=True)
class Attribute:
    """One column of a table about customers."""

    #: Its heading in the source.
    column: str
    #: Its name from here on, `<kind>_<name>`; empty where it is left out.
    name: str
    #: As a reader knows it: one of `KINDS`.
    kind: str
    #: Number of different values.
    levels: int
    #: Share of rows without a value.
    missing: float
    #: The reason for leaving it out, in a sentence; empty where it is used.
    reason: str = ""
    #: Whether models and actions must not use it; their results are still reported by its levels.
    protected: bool = False
    #: The part of a postcode that is the level (`tables.POSTCODE_PARTS`); empty for the whole value.
    part: str = ""
    #: Whether its levels are ranges of a number, which models read in their order.
    in_order: bool = False


def describe(
    columns: Columns, inferred: dict[str, str], column: str, stated: str, name: str, *, learns: bool = True
) -> Attribute:
    """Return a column's kind: the one that the user states, else the one that its heading and values suggest.

    If no model will learn from the table, because one has already, columns are left out only if they identify persons.
    """
    counted = _count(columns.table, column)
    kind = stated or _kind(column, inferred[column], counted)
    in_order = kind == "category" and _has_ranges(columns.table, column, counted["levels"])
    if stated == "none":
        reason = "--attribute leaves it out."
    elif learns and not stated and _states_permission(columns.table, column, counted["levels"]):
        reason = "it states who must not be contacted; cltv export leaves these customers out."
    else:  # ranges need no level that enough customers share
        reason = _why_not(column, "in order" if in_order else kind, counted, stated, learns)
    missing = 1 - counted["there"] / max(counted["rows"], 1)
    prefix, levels, part = KINDS.get(kind, ""), counted["levels"], ""
    if learns and kind == "category" and _POSTCODE.search(plain_heading(column)):
        _note_lost_zeros(columns, column)
        part, areas = _area(columns, column, counted)
        name, levels, reason = (f"{name}_{part}", areas, "") if part else (name, levels, reason)
    attribute_name = f"{prefix}_{name}" if prefix and not reason else ""
    return Attribute(column, attribute_name, kind, levels, missing, reason, part=part, in_order=in_order)


def _states_permission(table: Relation, column: str, levels: int) -> bool:
    """Whether a column states, by its heading or a value, who must not be contacted: people opt out as they leave."""
    if permission_of(column) in ("opted out", "protected"):
        return True
    if levels > MOST_LEARNED_LEVELS:
        return False
    return bool(opt_outs([text for (text,) in table.rows(f"select trim(t) from {levels_of(table, column)}")]))


def _has_ranges(table: Relation, column: str, levels: int) -> bool:
    """Whether a column's levels are ranges of a number, such as "35-44" and "75+", and not too many."""
    if not 1 < levels <= MOST_LEARNED_LEVELS:
        return False
    rows = table.rows(f"select trim(t) from {levels_of(table, column)} where trim(t) <> ''")
    return bool(range_codes({level for (level,) in rows}))


def _area(columns: Columns, column: str, counted: dict[str, int]) -> tuple[str, int]:
    """Return the part of a postcode that identifies areas that enough customers share, and the number of areas.

    It is the largest such part: the outward code or its letters for British postcodes, some first characters for
    others. The part is empty if most customers share their whole postcode with enough others, or if no part qualifies.
    """
    least = _COVERED * counted["there"]
    if not counted["there"] or (counted["shared"] >= least and counted["common"] <= MOST_LEARNED_LEVELS):
        return "", 0
    value = f"trim(cast({quote(column)} as varchar))"
    (british,) = columns.row(
        f"select count(*) filter (regexp_full_match(upper({value}), '{_BRITISH}')) from {columns.table}"
    )
    parts = _BRITISH_PARTS if british >= _MOSTLY * counted["there"] else _FIRST_SIGNS
    for part, words in parts.items():
        levels, common, shared = columns.row(
            f"select count(*), count(*) filter (where n >= {MIN_SHARED_CUSTOMERS}), "
            f"coalesce(sum(n) filter (where n >= {MIN_SHARED_CUSTOMERS}), 0) from (select count(*) as n "
            f"from {columns.table} where {value} <> '' group by {postcode_sql(value, part)})"
        )
        if shared >= least and 1 < common <= MOST_LEARNED_LEVELS:
            columns.notes.append(
                f"Column {column!r}: its {words} used as the level ({levels:,} areas) because too few "
                "customers share a whole postcode."
            )
            return part, int(levels)
    return "", 0


def _note_lost_zeros(columns: Columns, column: str) -> None:
    """Add a note if postcodes seem to have lost a leading zero, as in a column that was once read as a number."""
    digits = rf"regexp_replace(trim(cast({quote(column)} as varchar)), '\.0+$', '')"
    lengths = columns.table.con.sql(
        f"select length({digits}) as digits, count(*), bool_or({digits} like '0%') from {columns.table} "
        f"where regexp_full_match({digits}, '\\d+') group by 1 order by 2 desc"
    ).fetchall()
    usual, _, zeros = lengths[0] if lengths else (0, 0, True)
    shorter = sum(rows for length, rows, _ in lengths if length < usual)
    if shorter and not zeros and usual == max(length for length, _, _ in lengths):
        columns.notes.append(
            f"Column {column!r}: {shorter:,} values have fewer than {usual} digits and no value of {usual} begins with "
            "zero. Leading zeros seem to be lost, which mixes up areas: export the column as text."
        )


def plain_name(column: str, place: int) -> str:
    """Return a heading in lower-case ASCII letters, digits and underscores; `column_<place>` if nothing is left.

    Other letters are transliterated: a name by place would belong to another column once the columns are reordered.

    >>> plain_name("Größe (cm)", 2), plain_name("年齢", 3), plain_name("---", 4)
    ('grosse_cm', 'nianling', 'column_4')
    """
    return re.sub("[^a-z0-9]+", "_", anyascii(column).lower()).strip("_") or f"column_{place}"


def _count(table: Relation, column: str) -> dict[str, int]:
    """Return counts of rows, values, levels, levels that enough customers share, and values of a telling form."""
    forms = {
        "emails": r"contains(v, '@') and regexp_full_match(v, '[^@\s]+@[^@\s]+\.[^@\s]+')",
        "addresses": r"regexp_full_match(v, '\d{1,3}(\.\d{1,3}){3}')",
        "phones": r"regexp_full_match(v, '\+\d[\d ()/.-]{7,}')",
        "zeros": r"regexp_full_match(v, '0\d+')",
        "years": r"regexp_full_match(v, '(18[5-9]|19\d|20\d)\d(\.0*)?')",
        "short_years": r"regexp_full_match(v, '\d\d?(\.0*)?')",
        "days": r"regexp_full_match(v, '((19|20)\d\d|9999)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\.0*)?')",
        "serials": f"{is_serial('try_cast(v as double)')}",
        "moments": " or ".join(f"try_cast(v as double) between {low} and {high}" for low, high in _MOMENTS),
        "words": "try_cast(v as double) is null",
        "yes": f"lower(v) in {YES}",
        "no": f"lower(v) in {NO}",
        "whole": r"regexp_full_match(v, '-?\d{1,18}(\.0*)?')",
        "long": r"regexp_full_match(v, '\d{7,17}[1-9](\.0*)?')",
    }
    number = "if(isfinite(try_cast(v as double)), try_cast(v as double), null)"
    trimmed = (
        f"select trim(t) as v, sum(n) as n from {levels_of(table, column)} where trim(t) <> '' group by 1"
    )
    sums = ", ".join(f"coalesce(sum(n) filter (where {test}), 0) as {name}" for name, test in forms.items())
    rows = table.con.sql(
        f"with levels as ({trimmed}) select {table.count()} as rows, coalesce(sum(n), 0) as there, "
        "count(*) as levels, count(distinct lower(v)) as spelled, "
        f"count(*) filter (where n >= {MIN_SHARED_CUSTOMERS}) as common, "
        f"coalesce(sum(n) filter (where n >= {MIN_SHARED_CUSTOMERS}), 0) as shared, "
        f"coalesce(max({number}) - min({number}), 0) as width, "
        f"{sums} from levels"
    )
    return {name: int(min(count, 1e18)) for name, count in zip(rows.columns, rows.fetchall()[0], strict=True)}


def _kind(column: str, look: str, counted: dict[str, int]) -> str:
    heading = plain_heading(column)
    yes_or_no = counted["yes"] + counted["no"]
    if counted["there"] and yes_or_no == counted["there"] and counted["spelled"] <= 2:
        return "yes/no"
    most = 0.5 * counted["there"]
    compact = counted["days"] > 0.9 * counted["there"]
    if _BIRTH.search(heading) and look in ("timestamp", "number"):
        years = counted["years"] + (counted["short_years"] if _YEAR.search(heading) else 0)
        if look == "timestamp" or compact or max(years, counted["serials"]) > most:
            return "birth date"
    counts_time = _DATE_HEADINGS.search(heading) and counted["moments"] > 0.9 * counted["there"]
    if look == "timestamp" or compact or counts_time:
        return "date"
    codes = counted["zeros"] or is_code(column)
    steps = counted["words"] and counted["levels"] <= MIN_SHARED_CUSTOMERS  # such as 4, 5+
    if look in ("number", "rate") and not codes and not steps:
        return "number"
    return "category"


def is_code(column: str) -> bool:
    """Whether a heading stands for numbers that are codes, not quantities.

    >>> is_code("PLZ"), is_code("Age")
    (True, False)
    """
    return _CODE.search(plain_heading(column)) is not None


def _why_not(column: str, kind: str, counted: dict[str, int], stated: str, learns: bool) -> str:
    """Return why a column is left out; empty if it is used."""
    heading, there, levels = plain_heading(column), counted["there"], counted["levels"]
    form = max(counted["emails"], counted["addresses"], counted["phones"])
    if (kind != "yes/no" and identifies_person(column)) or (there and form > 0.5 * there):
        return "it identifies a person, an address or a device, which no model should learn from."
    if not learns:
        return ""
    if not there:
        return "every value is missing."
    if _ROW_HISTORY.search(heading) and not stated:
        return "it shows how long a row was valid, which was unknown at that time."
    if levels == 1 and there == counted["rows"]:
        return "every customer has the same value."
    if kind == "number" and not stated and _is_key(heading, counted):
        return "its integers number the rows like a key and are not quantities."
    if kind == "category" and levels > 0.5 * there and levels > MIN_SHARED_CUSTOMERS:
        return (
            "nearly every customer has a different value, so it identifies them and there is "
            "nothing to learn."
        )
    if kind == "category" and levels > MIN_SHARED_CUSTOMERS and not counted["common"]:
        return f"none of its {levels:,} levels is shared by {MIN_SHARED_CUSTOMERS} customers; group them."
    if kind == "category" and counted["common"] > MOST_LEARNED_LEVELS:
        return (
            f"{counted['common']:,} of its levels are shared by at least {MIN_SHARED_CUSTOMERS} customers, "
            f"but models can learn at most {MOST_LEARNED_LEVELS}; group them, for example towns into regions."
        )
    return ""


def _is_key(heading: str, counted: dict[str, int]) -> bool:
    """Whether integers number the rows or are codes of persons, such as phone numbers: they differ in all rows.

    Their heading or the absence of gaps tells, or eight digits and more of which the last one is rarely zero.
    """
    there, levels = counted["there"], counted["levels"]
    if counted["long"] > _LONG_CODES * there and levels > 0.5 * there and levels > MIN_SHARED_CUSTOMERS:
        return True
    if counted["whole"] < there or levels < there or levels <= MIN_SHARED_CUSTOMERS:
        return False
    return bool(_ROW_KEY.search(heading)) or counted["width"] < 1.5 * levels
