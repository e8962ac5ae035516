"""SQL that reads times written as text or numbers: field order, month names, time zones."""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Sequence

from cltv_ml.columns.zones import once

#: Possible orders of dates with three numbers; `a`, `b` and `c` are the fields from left to right.
ORDERS = {"dmy": ("c", "b", "a"), "mdy": ("c", "a", "b"), "ymd": ("a", "b", "c")}

_TAIL = r"(?:$|[ T,]+(.*)$)"

#: Pure ISO 8601, which the engine reads natively.
PLAIN = r"\d{4}-\d\d?-\d\d?(?:[ T]\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)?"

_USUAL_DATE = PLAIN.replace(r"-\d\d?", "-(?:0?[1-9]|1[0-2])", 1)

#: Dates with the year first and last, used to see which numbers can be days.
YEAR_AHEAD = r"^(\d{4})([/\-.])(\d{1,2})[/\-.](\d{1,2})"
YEAR_BEHIND = r"^(\d{1,2})[/\-.] ?(\d{1,2})[/\-.] ?(?:\d{4}|\d{2})\b"

#: The letters of every script in use, with the marks and digits that stand among them.
_LETTER = (
    r"[A-Za-z\x{aa}\x{b5}\x{ba}\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{37d}\x{386}-\x{481}\x{48a}-\x{588}\x{5d0}-\x{5f2}"
    r"\x{620}-\x{65f}\x{66e}-\x{6d3}\x{6fa}-\x{1fff}\x{2c00}-\x{2dff}\x{3005}\x{3041}-\x{318f}\x{3400}-\x{d7a3}"
    r"\x{f900}-\x{fdff}\x{fe70}-\x{fefc}\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}\x{ff66}-\x{ffdc}]"
)


def letters(pattern: str) -> str:
    r"""Return a pattern with `\p{L}` outside brackets as a few ranges: its own 648 take 5 ms to compile each time.

    >>> import duckdb
    >>> word = letters(r"\p{L}+|\d\p{L}")
    >>> rows = "select w from (values ('März'), ('июня'), ('3月'), ('10%'), ('5 €'), ('a-b')) words(w)"
    >>> duckdb.sql(f"{rows} where regexp_full_match(w, '{word}')").fetchall()
    [('März',), ('июня',), ('3月',)]
    """
    return pattern.replace(r"\p{L}", _LETTER)


#: Other formats.
_SHORT = letters(r"^(?:\p{L}+[.,]* )?(\d{1,2})([/\-.]) ?(\d{1,2})[/\-.] ?(\d{4}|\d{2})\.?") + _TAIL
_YEAR_FIRST = r"^(\d{4})(?:[/\-.] ?|[年년] ?)(\d{1,2})(?:[/\-.] ?|[月월] ?)(\d{1,2})[.日일]?" + _TAIL
_WEEKDAY = r"^(?:\p{L}+[.,]*[ ]+)?"
_DAY_WORD = (
    _WEEKDAY
    + r"(?:the )?(\d{1,2})(?:st|nd|rd|th|er|\.|º|ª)?[ \-/.]*(?:de |of )?(\p{L}{3,})[ \-/.,']*(?:de |del )?(\d{4}|\d{2})"
).replace("'", "''") + _TAIL
_WORD_DAY = _WEEKDAY + r"(\p{L}{3,})[. \-]+(\d{1,2})(?:st|nd|rd|th)?[, \-]+(\d{4}|\d{2})" + _TAIL
_YEAR_WORD = r"^(\d{4})[ \-/.]*(\p{L}{3,})[ \-/.]*(\d{1,2})\.?" + _TAIL
_COMPACT = r"^(\d{4})(\d{2})(\d{2})[ T]+(\d\d?:.*)$"
#: As DB2 writes times, and SAS with the name of a month.
_ALL_DOTTED = r"^(\d{4})-(\d\d)-(\d\d)-(\d\d\.\d\d\.\d\d.*)$"
_IN_ONE_WORD = r"^(\d\d?)(\p{L}{3})(\d{4}|\d\d):(\d\d:\d\d.*)$"
_CTIME = r"^\p{L}+ +(\p{L}{3,}) +(\d{1,2}) +(\d\d?:\d\d:\d\d) +(\d{4})$"
#: With the name of a month, and in which groups year, month, day and time stand.
_WORD_ORDERS = {
    letters(_DAY_WORD): "3214",
    letters(_WORD_DAY): "3124",
    letters(_YEAR_WORD): "1234",
    letters(_CTIME): "4123",
    letters(_IN_ONE_WORD): "3214",
}
#: Months without a day, read as the first of the month; `d` is that day and `t` an empty time.
_MONTHLY = {
    r"^(\d{4})[\-/.](\d{1,2})$": "12dt",
    r"^(\d{1,2})[\-/.](\d{4})$": "21dt",
    letters(r"^(\p{L}{3,})[. \-/]*(\d{4}|\d{2})$"): "21dt",
}

#: Months of the languages that headings are read in, as the engine writes them without accents, and how they are
#: shortened.
_MONTHS = (
    "jan january januar janner jaenner janvier janv enero ene gennaio gen janeiro januari stycznia styczen sty ocak "
    "oca января янв leden ledna يناير ינואר בינואר ιανουαριος ιανουαριου ιαν tammikuu tammikuuta ianuarie ian січня "
    "січень gener януари январь มกราคม ژانویه січ",
    "feb february februar feber fevrier fevr fev febrero febbraio fevereiro februari lutego luty lut subat sub "
    "февраля фев unora unor فبراير פברואר בפברואר φεβρουαριος φεβρουαριου φεβ helmikuu helmikuuta februarie лютого "
    "лютий febrer февруари февраль กมภาพนธ فوریه февр лют",
    "mar march marz maerz mars marzo marco maart mrt mrz marca marzec mart марта мар brezna brezen maret marts "
    "marcius مارس מרץ במרץ μαρτιος μαρτιου μαρ maaliskuu maaliskuuta martie березня березень mac март มนาคม бер marc",
    "apr april avril avr abril abr aprile kwietnia kwiecien kwi nisan nis апреля апр dubna duben aprilis ابريل אפריל "
    "באפריל απριλιος απριλιου απρ huhtikuu huhtikuuta aprilie квітня квітень апрель เมษายน اوریل април квіт",
    "may mai mayo maggio mag maio mei maj maja mayıs mayis мая kvetna kveten majus مايو מאי במאי μαιος μαιου μαι "
    "toukokuu toukokuuta травня травень maig маи พฤษภาคม май трав",
    "jun june juni juin junio giugno giu junho juni czerwca czerwiec cze haziran haz июня июн cervna cerven junius "
    "يونيو יוני ביוני ιουνιος ιουνιου ιουν kesakuu kesakuuta iunie iun червня червень juny юни июнь มถนายน ژوين черв",
    "jul july juli juillet juil julio luglio lug julho juli lipca lipiec lip temmuz tem июля июл cervence cervenec "
    "julius يوليو יולי ביולי ιουλιος ιουλιου ιουλ heinakuu heinakuuta iulie iul липня липень juliol julai юли июль "
    "กรกฎาคม ژويیه лип",
    "aug august avgust aout agosto agost ago agt agustus ogos augustus augusti sierpnia sierpien sie agustos agu "
    "августа август авг srpna srpen augusztus اغسطس אוגוסט באוגוסט αυγουστος αυγουστου αυγ elokuu elokuuta серпня "
    "серпень สงหาคม اوت серп",
    "sep sept september septembre septiembre settembre set setembro wrzesnia wrzesien wrz eylul eyl сентября сен zari "
    "szeptember سبتمبر ספטמבר בספטמבר σεπτεμβριος σεπτεμβριου σεπ syyskuu syyskuuta septembrie вересня вересень "
    "setembre септември сентябрь กนยายน سپتامبر сент септ вер",
    "oct october oktober okt octobre octubre ottobre ott outubro out pazdziernika pazdziernik paz ekim eki октября "
    "окт rijna rijen اكتوبر אוקטובר באוקטובר οκτωβριος οκτωβριου οκτ lokakuu lokakuuta octombrie жовтня жовтень "
    "октомври октябрь ตลาคม اکتبر жовт",
    "nov november novembre noviembre novembro listopada listopad lis kasım kasim kas ноября ноя listopadu nopember "
    "نوفمبر נובמבר בנובמבר νοεμβριος νοεμβριου νοε marraskuu marraskuuta noiembrie листопада листопад ноември ноябрь "
    "พฤศจกายน نوامبر нояб",
    "dec december disember des dezember dez decembre diciembre dic dicembre dezembro grudnia grudzien gru aralık "
    "aralik ara декабря дек prosince prosinec desember ديسمبر דצמבר בדצמבר δεκεμβριος δεκεμβριου δεκ joulukuu "
    "joulukuuta decembrie грудня грудень desembre декември декабрь ธนวาคม دسامبر груд",
)

_MONTH_NAMES = frozenset(name for names in _MONTHS for name in names.split())

#: A time zone after a time; a name in brackets may follow, as in browsers.
_ZONE = (
    r" ?(?:(?:GMT|UTC)([+-]\d\d?(?::?\d\d)?)|(Z|UTC|GMT|UT|[ECMP][SD]T|CES?T|EES?T|WES?T)|([+-]\d\d(?::?\d\d)?))"
    r"(?: *[(\[].*[)\]])?$"
)
_NAMED = {
    "+00": "Z UTC GMT UT WET",
    "+01": "CET WEST",
    "+02": "CEST EET",
    "+03": "EEST",
    "-04": "EDT",
    "-05": "EST CDT",
    "-06": "CST MDT",
    "-07": "MST PDT",
    "-08": "PST",
}
_TWELVE_HOURS = ["%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p", "%Y-%m-%d %I %p"]

#: Spreadsheet serial dates: 1 is 1900-01-01, and 1900 has a 29 February in spreadsheets.
SERIAL_START = datetime.date(1899, 12, 30)
_JULIAN_START, _JULIAN_DAYS = datetime.date(1970, 1, 1), (2433282.5, 2488069.5)
_TICKS_TO_1970 = 62_135_596_800_000_000  # in microseconds, from the year 1
_SERIALS = (18264, 73415)  # 1950 to 2100


def is_usual(text: str) -> str:
    """Return SQL for whether a text is an ISO 8601 date of the 20th or 21st century, with the month before the day."""
    return f"{text} >= '19' and {text} < '21' and regexp_full_match({text}, '{_USUAL_DATE}')"


def is_zoned(text: str) -> str:
    """Return SQL for whether a time has a time zone."""
    return f"regexp_matches({text}, ':\\d\\d(?:[.,]\\d+)?(?: ?[AP]M)?{_ZONE}|:\\d\\d {_ZONE[:-1]} \\d{{4}}$')"


def is_short(text: str) -> str:
    """Return SQL for whether a text begins with three short numbers, one of which is the year."""
    return f"regexp_matches({text}, '{_SHORT}')"


def is_digits(text: str) -> str:
    """Return SQL for whether a text is a bare number."""
    return f"regexp_full_match({text}, '\\d+(?:\\.\\d*)?(?:[eE]\\+?\\d+)?')"


def has_words(text: str) -> str:
    """Return SQL for whether a text may contain the name of a month."""
    return f"regexp_matches({text}, '{_LETTER}{{3}}')"


def is_date(fields: str, order: str, last: int) -> str:
    """Return SQL for whether short fields are a date if read in this order."""
    return f"try_cast({short_date(fields, order, last)} as date) is not null"


def short_fields(text: str) -> str:
    """Return SQL for the fields of a short date: a, sign, b, c and time."""
    return f"regexp_extract({text}, '{_SHORT}', ['a', 'sign', 'b', 'c', 'time'])"


def short_date(fields: str, order: str, last: int) -> str:
    """Return SQL for the ISO date of three fields; a year of two digits is at most `last`."""
    year, month, day = (f"{fields}.{field}" for field in ORDERS[order])
    return f"({full_year(year, last)} || '-' || {month} || '-' || {day})"


def from_text(
    text: str, orders: Sequence[tuple[str, str]], last: int, serials: bool, words: bool, zoned: bool
) -> str:
    """Return SQL for the time in a text: in UTC if it has a time zone, else as written.

    Parameters
    ----------
    text
        SQL of the trimmed text.
    orders
        For dates of three short numbers: SQL for which of them, and their order.
    last
        The last year that two digits may stand for.
    serials
        Whether five-digit numbers are spreadsheet serial dates.
    words, zoned
        Whether some times contain month names or time zones; only then the SQL handles them.
    """
    short = " ".join(
        f"when {condition} then {' || chr(10) || '.join('f.' + field for field in ORDERS[order])}"
        for condition, order in orders
    )
    fields = once(short_fields("t"), "f", f"(case {short} end) || chr(10) || f.time")
    patterns = {
        _YEAR_FIRST: "1234",
        _COMPACT: "1234",
        _ALL_DOTTED: "1234",
        **(_WORD_ORDERS if words else {}),
        **_MONTHLY,
    }
    other_forms = " ".join(
        f"when regexp_matches(t, '{pattern}') then regexp_replace(t, '{pattern}', '{_replacement(places)}')"
        for pattern, places in patterns.items()
    )
    split = f"string_split(case when {is_short('t')} then {fields} {other_forms} end, chr(10))"
    number = number_as_time("try_cast(t as double)", serials)
    return once(
        text,
        "t",
        f"case when regexp_full_match(t, '{PLAIN}') then try_cast(t as timestamp) "
        f"when {is_digits('t')} then {number} "
        f"when regexp_matches(t, '\\d') then {once(split, 's', _joined(last, words, zoned))} end",
    )


def _replacement(places: str) -> str:
    return "\n".join({"d": "01", "t": ""}.get(place, rf"\{place}") for place in places)


def number_as_time(number: str, serials: bool) -> str:
    """Return SQL for a time written as a number, identified by its size.

    20240131, 202401311504 and 20240131150400; seconds, milliseconds, microseconds and nanoseconds since 1970;
    ticks of .NET, which would be nanoseconds of 1990; Julian days, as databases write them; days of a spreadsheet.
    """
    digits = f"cast(cast({number} as bigint) as varchar)"
    compact = [("%Y%m%d", 19000101, 21001231), ("%Y%m%d%H%M", 190001010000, 210012312359)]
    compact.append(("%Y%m%d%H%M%S", 19000101000000, 21001231235959))
    ways = [
        f"case when {number} between {low} and {high} then try_strptime({digits}, '{form}') end"
        for form, low, high in compact
    ]
    ticks = f"make_timestamp(cast({number} / 10 as bigint) - {_TICKS_TO_1970})"
    ways.append(f"case when {number} between 6.2e17 and 6.6e17 then {ticks} end")
    for unit, low, high in (
        (1e6, 1e8, 4.2e9),
        (1e3, 1e11, 4.2e12),
        (1.0, 1e14, 4.2e15),
        (1e-3, 1e17, 4.2e18),
    ):
        ways.append(
            f"case when {number} between {low} and {high} "
            f"then make_timestamp(cast({number} * {unit} as bigint)) end"
        )
    julian = f"timestamp '{_JULIAN_START}' + to_seconds(round(({number} - 2440587.5) * 86400))"
    ways.append(f"case when {is_julian(number)} then {julian} end")
    if serials:
        day = f"timestamp '{SERIAL_START}' + to_seconds(round({number} * 86400))"
        ways.append(f"case when {is_serial(number)} then {day} end")
    return f"coalesce({', '.join(ways)})"


def is_julian(number: str) -> str:
    """Return SQL for whether a number may be a Julian day, from 1950 to 2100; ordinal dates are smaller."""
    low, high = _JULIAN_DAYS
    return f"{number} between {low} and {high}"


def is_serial(number: str) -> str:
    """Return SQL for whether a number may be a spreadsheet serial date, from 1950 to 2100."""
    low, high = _SERIALS
    return f"{number} between {low} and {high}"


def full_year(year: str, last: int) -> str:
    """Return SQL for a year of two or four digits as four digits; a two-digit year is at most `last`."""
    short = f"cast({last} - ({last} - try_cast({year} as integer)) % 100 as varchar)"
    return f"case length({year}) when 4 then {year} when 2 then {short} end"


def month_number(text: str) -> str:
    """Return SQL for the number of a month, written as a number or as a name."""
    width = max(map(len, _MONTHS)) + 2
    names = "".join(f" {names} ".ljust(width) for names in _MONTHS)
    place = f"nullif(strpos('{names}', ' ' || strip_accents(lower({text})) || ' '), 0)"
    return f"coalesce(try_cast({text} as integer), ({place} - 1) // {width} + 1)"


def is_month_name(text: str) -> bool:
    """Whether a word, in small letters and without accents, is a month's name or its short form.

    >>> is_month_name("marz"), is_month_name("dez"), is_month_name("total")
    (True, True, False)
    """
    return text in _MONTH_NAMES


def month_of_name(word: str) -> int | None:
    """Return the number of the month that a word names in one of the languages, None if it names none.

    >>> month_of_name("März"), month_of_name("orders")
    (3, None)
    """
    plain = unicodedata.normalize("NFKD", word.lower())
    name = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return next((month for month, names in enumerate(_MONTHS, 1) if name in names.split()), None)


def _joined(last: int, words: bool, zoned: bool) -> str:
    """Return SQL for the time of `s`: year, month, day and a clock time, perhaps with a zone."""
    month = month_number("s[2]") if words else "s[2]"
    date = f"{full_year('s[1]', last)} || '-' || {month} || '-' || s[3]"
    prefix = "'^(?:г[.]?|года)?,? *(?:[-–|@] )?(?:(?:at|um|à|a las|alle|klo|om|kl[.]?|о|в) )?'"
    tail = f"regexp_replace(trim(s[4]), {prefix}, '')"
    dotted = (
        r"regexp_replace(regexp_replace(c, '^(\d\d?)[.H](\d\d)', '\1:\2'), '^(\d\d?:\d\d)[.](\d\d)', '\1:\2')"
    )
    half = r"[.\s\x{a0}\x{202f}]*"
    noon = rf"regexp_replace({dotted}, '(?:[.]\d+)?{half}([AP]){half}M[.]?$', ' \1M')"
    at = (
        f"case when c = '' then try_cast(d as timestamp) "
        f"when regexp_matches(c, '[AP]{half}M[.]?$') then try_strptime(d || ' ' || {noon}, {_TWELVE_HOURS}) "
        f"when regexp_full_match({dotted}, '\\d\\d?:\\d\\d(?::\\d\\d(?:[.,]\\d+)?)?') "
        f"then try_cast(d || ' ' || replace({dotted}, ',', '.') as timestamp) end"
    )
    clock = f"regexp_replace(k, '{_ZONE}', '')" if zoned else "k"
    moment = once(
        date, "d", once(f"regexp_replace(upper(trim({clock})), ' ?(UHR|HRS?|HS)[.]?$', '')", "c", at)
    )
    return once(tail, "k", f"{moment} - {_offset()}" if zoned else moment)


def _offset() -> str:
    """Return SQL for the offset of the time zone at the end of `k`, null if there is none."""
    names = " ".join(
        f"when z.name in ({', '.join(repr(name) for name in names.split())}) then '{offset}'"
        for offset, names in _NAMED.items()
    )
    offset = f"case {names} when z.gmt <> '' then z.gmt else z.off end"
    seconds = once(
        f"regexp_extract({offset}, '^([+-])(\\d\\d?):?(\\d\\d)?$', ['sign', 'h', 'm'])",
        "o",
        "to_seconds(if(o.sign = '-', -1, 1) * (coalesce(try_cast(o.h as integer), 0) * 3600 "
        "+ coalesce(try_cast(o.m as integer), 0) * 60))",
    )
    return once(f"regexp_extract(k, '{_ZONE}', ['gmt', 'name', 'off'])", "z", seconds)
