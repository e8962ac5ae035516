"""SQL that normalises the spellings of identifiers."""

from __future__ import annotations

from collections.abc import Sequence

from cltv_ml.columns.text_bytes import Signs
from cltv_ml.columns.times import letters
from cltv_ml.engine import Relation, keep

#: Spellings that are normalised by default, each value by itself, so that exports agree: name and what was done.
FORMS = {
    "blanks": "lost spaces or invisible characters",
    "unicode": "were written with different code points for the same letters (NFC)",
    "decimals": "such as 12345.0 were read as 12345",
    "email_case": "are e-mail addresses and were converted to lower case",
}

#: Normalisations that only the user can choose: SQL, which texts it changes, and the difference it removes.
ON_DEMAND = {
    "signs": (
        r"regexp_replace({}, '[\s#''\x22+{{}}]', '', 'g')",
        r"regexp_matches({}, '[\s#''\x22+{{}}]')",
        "in spaces or signs",
    ),
    "case": ("lower({})", "lower({0}) <> {0}", "in upper and lower case"),
    "phones": (
        r"if(regexp_full_match({0}, '[+(0][\d ()/.-]{{8,20}}|\d{{9,15}}'), "
        r"right(regexp_replace({0}, '\D', '', 'g'), 9), {0})",
        r"regexp_full_match({0}, '[+(0][\d ()/.-]{{8,20}}')",
        "in the format of a phone number",
    ),
    "zeros": (r"regexp_replace({}, '^0+(\d)', '\1')", r"regexp_matches({}, '^0+\d')", "in leading zeros"),
}

#: First characters of the words for a missing value; comparing them is far cheaper than a look-up.
_MAY_BE_NOTHING = " or ".join(
    ["v < '1'", *(f"v >= '{first}' and v < '{chr(ord(first) + 1)}'" for first in r"<[\Nn")]
)

#: The same characters as bytes; the bytes of a leading or trailing blank or control; trailing blanks.
_BEGINS_NOTHING = {*range(ord("1")), *rb"<[\Nn"}
_UP_TO_BLANK = {*range(ord("!"))}
_BLANKS = b" \t\r\n"

_EDGE = r"[\p{Z}\p{Cc}\p{Cf}]+"
_INVISIBLE = r"[\p{Cf}\x{a0}\x{2000}-\x{200a}\x{202f}\x{3000}]"
#: The first bytes of letters beyond ASCII in UTF-8, read as western letters; another sign follows.
_TWICE_DECODED = r"regexp_matches(v, '[\x{c2}-\x{c5}\x{ce}-\x{d1}\x{d7}-\x{ec}][^\x{00}-\x{7f}]')"

#: A masked part of an id: the digits of a card, the letters of a name or of an address. Ids of signs are placeholders.
_IS_MASKED = letters(r"regexp_matches(v, '[*•●]{2}|x{4}|X{4}|#{3}') and regexp_matches(v, '\p{L}|\d')")
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"


def unify(text: str, forms: Sequence[str]) -> str:
    """Return SQL for a text in its normal form, as far as `forms` say."""
    if "blanks" in forms:
        text = rf"regexp_replace(regexp_replace({text}, '^{_EDGE}|{_EDGE}$|\p{{Cf}}', '', 'g'), '\p{{Zs}}', ' ', 'g')"
    if "unicode" in forms:
        text = f"nfc_normalize({text})"
    if "decimals" in forms:
        text = rf"regexp_replace({text}, '^(-?\d+)\.0+$', '\1')"
    if "email_case" in forms:
        text = f"if(contains({text}, '@') and regexp_full_match({text}, '{_EMAIL}'), lower({text}), {text})"
    for form in (form for form in ON_DEMAND if form in forms):
        text = ON_DEMAND[form][0].format(text)
    return text


def doubt_spellings(lines: Relation, rows: int, signs: Signs) -> list[str]:
    """Return a note per kind of spelling in which different customer ids seem to be the same customer.

    At most 20,000 lines are sampled. None are read if the bytes of the ids (`signs`) rule out other spellings.
    """
    if not _may_be_apart(signs):
        return []
    blocks = [number * max(rows - 2000, 0) // 9 for number in range(10)] if rows > 20_000 else [0]
    size = 2000 if rows > 20_000 else 20_000
    where = " or ".join(f"source_row between {start} and {start + size - 1}" for start in blocks)
    spelled = keep(
        lines.con,
        "spelled",
        f"select distinct customer_id as v from {lines} where customer_id is not null and ({where})",
    )
    notes = [
        *_doubt_names(spelled),
        *_doubt_entities(spelled),
        *_doubt_masked(spelled),
        *_doubt_codes(spelled),
        *_doubt_letters(spelled),
    ]
    flags = ", ".join(f"coalesce(bool_or({test.format('v')}), false)" for _, test, _ in ON_DEMAND.values())
    customers, *changes = spelled.row(f"select count(*), {flags} from {spelled}")
    forms = [form for form, changed in zip(ON_DEMAND, changes, strict=True) if changed]
    if not forms:
        return notes
    normalised = "v"
    for form in ON_DEMAND if "signs" in forms else forms:  # a sign may precede zeros
        normalised = ON_DEMAND[form][0].format(normalised)
    counts = ", ".join(f"count(distinct {ON_DEMAND[form][0].format('v')})" for form in forms)
    *merged, together = spelled.row(f"select {counts}, count(distinct {normalised}) from {spelled}")
    least = max(1, 0.01 * customers)
    merging = [form for form, left in zip(forms, merged, strict=True) if customers - left >= least]
    if not merging and customers - together >= least:
        merging = list(ON_DEMAND)
    if not merging:
        return notes
    ways = " and ".join(ON_DEMAND[form][2] for form in merging)
    named = " ".join(f"--rule id_forms=+{form}" for form in merging)
    return [
        *notes,
        f"{customers - together:,} of {customers:,} sampled customers differ from another one only {ways} "
        f"and may be the same. To merge them, use {named}.",
    ]


def _may_be_apart(signs: Signs) -> bool:
    """Whether ids of these bytes may contain capitals, leading zeros or any sign that has several spellings."""
    plain = signs.inside.isascii() and not set(signs.inside) & {*_UP_TO_BLANK, *b"#'\"+,&*x"}
    return not plain or signs.inside.lower() != signs.inside or bool({*signs.first} & {*b"0("})


def _doubt_names(spelled: Relation) -> list[str]:
    """Return a note on names in both orders, such as "Lee, Ann" and "Ann Lee"."""
    if not spelled.holds(letters(r"regexp_full_match(v, '\p{L}+, *\p{L}(?:\p{L}| )*')")):
        return []
    words = "list_sort(string_split(regexp_replace(lower(v), '[ ,]+', ' ', 'g'), ' '))"
    names, apart = spelled.row(
        f"select count(*), count(distinct {words}) from {spelled} where contains(v, ' ')"
    )
    if names - apart < max(2, 0.01 * names):
        return []
    return [
        f"{names - apart:,} of {names:,} sampled customers differ from another one only in the order of "
        "their names, such as 'Lee, Ann' and 'Ann Lee', and may be the same. Export a number or an address "
        "that identifies customers."
    ]


def _doubt_entities(spelled: Relation) -> list[str]:
    """Return a note on names with HTML entities, such as M&uuml;ller."""
    written = r"contains(v, '&') and regexp_matches(v, '&(#x?[0-9a-fA-F]+|[a-zA-Z]+);')"
    names, example = spelled.row(f"select count(*), min(v) from {spelled} where {written}")
    if not names:
        return []
    return [
        f"{names:,} sampled customers contain HTML entities, such as {str(example)[:40]!r}; the same name in "
        "plain letters counts as another customer."
    ]


def _doubt_masked(spelled: Relation) -> list[str]:
    """Return a note on ids of which an export shows only a part, such as ****1234 and j***@example.com."""
    names, masked, example = spelled.row(
        f"select count(*), count(*) filter (where {_IS_MASKED}), min(v) filter (where {_IS_MASKED}) from {spelled}"
    )
    if not masked:
        return []
    return [
        f"{masked:,} of {names:,} sampled customers have masked ids, such as {str(example)[:40]!r}, under which "
        "several customers may count as one. Export an id that is complete."
    ]


def _doubt_codes(spelled: Relation) -> list[str]:
    """Return a note on ids that begin with a number of the customer and go on with a name that differs."""
    names, coded, codes, example = spelled.row(
        "select count(*), count(nullif(code, '')), count(distinct nullif(code, '')), "
        "arg_max(code, n) filter (where n > 1) from (select code, count(*) over (partition by code) as n from (select "
        rf"regexp_extract(v, '^([^\s,;]*\d[^\s,;]*)[\s,;:/|(-]+.*[^\W\d_]{{2}}', 1) as code from {spelled}))"
    )
    if coded < 0.8 * names or coded - codes < max(2, 0.01 * names):
        return []
    return [
        f"{coded - codes:,} of {names:,} sampled customers begin with the same number as another one, such as "
        f"{str(example)[:30]!r}, and differ only after it. Export the number in a column of its own."
    ]


def _doubt_letters(spelled: Relation) -> list[str]:
    """Return a note on ids whose letters were read in a wrong encoding before the export, such as JÃ¼rgen."""
    suspects = spelled.rows(f"select v from {spelled} where {_TWICE_DECODED} order by v")
    damaged = [(name, repaired) for (name,) in suspects if (repaired := _decode_again(str(name)))]
    if not damaged:
        return []
    name, repaired = damaged[0]
    return [
        f"{len(damaged):,} sampled customers contain letters that were decoded wrongly before, such as {name[:40]!r} "
        f"for {repaired[:40]!r}; the same name in its own letters counts as another customer. Export as UTF-8."
    ]


def _decode_again(name: str) -> str:
    """Return a name whose bytes of UTF-8 were read as a western encoding, as it was; empty if they were not.

    >>> _decode_again("JÃ¼rgen"), _decode_again("Jürgen")
    ('Jürgen', '')
    """
    for encoding in ("cp1252", "latin-1"):
        try:
            return name.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return ""


def count_forms(text: str, table: Relation, nothing: str, signs: Signs) -> dict[str, int]:
    """Return how many texts are in each form, stand for nothing (one of the words in `nothing`) or show damage.

    Only forms that the bytes of all texts (`signs`) allow are counted. Quick tests first exclude the texts that are in
    none of them; each distinct text that is left is tested once.
    """
    wide = "strlen(v) <> length(v)"
    blank_ends = " or ".join(f"suffix(v, chr({blank}))" for blank in _BLANKS)
    decimal_ends = "(suffix(v, '.0') or suffix(v, '.00'))"
    is_nothing = f"({_MAY_BE_NOTHING}) and strlen(v) < 9 and lower(v) in {nothing}"
    # Numbers written by a spreadsheet begin with a digit or a minus, which sort before the colon.
    quick = {
        "blanks": f"v < '!' or {blank_ends} or {wide}",
        "unicode": wide,
        "decimals": f"v < ':' and {decimal_ends}",
        "email_case": "contains(v, '@')",
        "nothing": is_nothing,
        "exponent": "v < ':' and contains(v, 'E+')",
        "long": "strlen(v) > 15",
        "rounded": "strlen(v) > 15",
    }
    tests = {
        "blanks": f"v < '!' and v <> '' or {blank_ends} or {wide} and regexp_matches(v, '{_INVISIBLE}')",
        "unicode": f"{wide} and nfc_normalize(v) <> v",
        "decimals": rf"{decimal_ends} and regexp_full_match(v, '-?\d+\.0+')",
        "email_case": f"contains(v, '@') and lower(v) <> v and regexp_full_match(v, '{_EMAIL}')",
        "nothing": is_nothing,
        **damage("v"),
    }
    possible = _possible_forms(signs)
    counts = dict.fromkeys(tests, 0)
    if not possible:
        return counts
    summed = ", ".join(f"coalesce(sum(n) filter (where {tests[form]}), 0)" for form in possible)
    some = " or ".join(dict.fromkeys(quick[form] for form in possible))
    texts = f"select v, count(*) as n from (select {text} as v from {table}) where {some} group by v"
    return counts | dict(zip(possible, table.row(f"select {summed} from ({texts})"), strict=True))


def _possible_forms(signs: Signs) -> list[str]:
    """Return the forms in which texts of these bytes may be."""
    begin, end, within = set(signs.first), set(signs.last), set(signs.inside)
    may_have = {
        "blanks": signs.wide or signs.empty or begin & _UP_TO_BLANK or end & {*_BLANKS},
        "unicode": signs.wide,
        "decimals": within & {*b"."} and end & {*b"0"},
        "email_case": within & {*b"@"},
        "nothing": signs.empty or begin & _BEGINS_NOTHING,
        "exponent": within & {*b"+"},
        "long": signs.longest > 15,
        "rounded": signs.longest > 15,
    }
    return [form for form, may in may_have.items() if may]


def damage(text: str) -> dict[str, str]:
    """Return, by name, SQL for signs that a spreadsheet has damaged identifiers."""
    return {
        "exponent": rf"contains({text}, 'E+') and regexp_full_match({text}, '\d(?:[.,]\d+)?E\+\d+')",
        "long": rf"strlen({text}) > 15 and regexp_full_match({text}, '\d{{16,}}')",
        "rounded": rf"strlen({text}) > 15 and regexp_full_match({text}, '\d{{15}}0+')",
    }
