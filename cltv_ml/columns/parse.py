"""SQL expressions that turn a source column of any type into an identifier, a number or a business time."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from cltv_ml.columns import numerals, times, zones
from cltv_ml.columns.calendars import as_iso, from_digits
from cltv_ml.columns.clocks import day_before_clock
from cltv_ml.columns.compact import with_signs
from cltv_ml.columns.day_numbers import counted, read_last_serial, tell_of_early_seconds, tell_of_shortened
from cltv_ml.columns.decimals import decimal_of
from cltv_ml.columns.exchanged import days_in_place
from cltv_ml.columns.identifiers import FORMS, ON_DEMAND, count_forms, unify
from cltv_ml.columns.order import order_of
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.shown_numbers import read_shown
from cltv_ml.columns.source_columns import SourceColumns, quote
from cltv_ml.columns.text_bytes import Signs, signs_of
from cltv_ml.columns.texts import (
    cast_number,
    keep_texts,
    read_finite,
    read_plainly,
    read_sides,
    read_written,
    turns_sides,
)
from cltv_ml.engine import Relation
from cltv_ml.errors import InputError
from cltv_ml.money import CURRENCIES, code_of

_NUMBERS = re.compile("(U?(HUGE|BIG|SMALL|TINY)|U)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL.*|BIGNUM")
_FLOATS = ("DOUBLE", "FLOAT")
_OF_NUMBERS = Signs(b"-0123456789", b"0123456789", b"-.0123456789", longest=50)
_NOTHING = (
    r"('', 'null', 'nan', 'none', 'n/a', 'na', '<na>', 'nat', '#n/a', '#n/v', '\n', '(null)', '<null>', '[null]', "
    "'nil', '#null!', '#ref!', '#value!', '#name?')"
)


def is_number(kind: str) -> bool:
    """Whether a DuckDB type is a number."""
    return _NUMBERS.fullmatch(kind) is not None


def is_zoned_time(kind: str) -> bool:
    """Whether a DuckDB type is a time stamp with a zone, of microseconds or nanoseconds."""
    return kind.startswith(("TIMESTAMP WITH ", "TIMESTAMPTZ"))


def is_time(kind: str) -> bool:
    """Whether a DuckDB type is a date or a time stamp."""
    return kind == "DATE" or kind.startswith("TIMESTAMP")


class Columns(SourceColumns):
    """The columns of a source, with the SQL that reads each as what it stands for.

    The whole column decides how values are read: which of two numbers is the day, which sign separates decimals.
    """

    def __init__(self, table: Relation, rules: Rules, ask: bool = True, *, groups: bool = False) -> None:
        super().__init__(table, rules, ask, groups=groups)
        self._without_zones: set[str] = set()
        self._in_utc: set[str] = set()
        self.currency_of_signs = ""  # the code where every amount has the sign of one currency

    def identifier(self, column: str) -> str:
        """Return SQL for a normalised identifier (see `Rules.id_forms`); empty ones are null."""
        kind, name = self.kinds[column], quote(column)
        if kind in _FLOATS:
            whole = f"{name} = floor({name}) and abs({name}) < 1e38"
            text = f"if({whole}, cast(cast({name} as hugeint) as varchar), cast({name} as varchar))"
            self._warn_of_floats(column)
            return f"if(isfinite({name}), {text}, null)"
        if is_number(kind):
            text = f"cast({name} as varchar)"
            self.signs[column] = _OF_NUMBERS
            return rf"regexp_replace({text}, '\.0+$', '')" if kind.startswith("DECIMAL") else text
        text = name if kind == "VARCHAR" else f"cast({name} as varchar)"
        signs = signs_of(text, self.table)
        forms = count_forms(text, self.table, _NOTHING, signs)
        wanted = [form for form in FORMS if form in self.rules.id_forms and forms[form]]
        self._note_forms(column, forms, wanted)
        wanted += [form for form in ON_DEMAND if form in self.rules.id_forms]
        if not wanted:
            self.signs[column] = signs
        text = unify(text, wanted)
        return f"if(lower({text}) in {_NOTHING}, null, {text})" if forms["nothing"] or wanted else text

    def currency(self, column: str) -> str:
        """Return SQL for a currency's code, whether written as a code of any case or as a sign."""
        return numerals.codes_sql(self.identifier(column))

    def number(self, column: str) -> str:
        """Return SQL for a finite double, null if the value is not a number; a note counts these values."""
        cache, key = self.table.found, (column, self.rules.decimal, self.ask, self.groups)
        before = len(self.notes)
        value, notes = cache.get(key) or (self._number(column), self.notes[before:])
        cache[key], self.notes[before:] = (value, notes), notes
        return str(value)

    def learn_numbers(self, columns: list[str], again: bool = False) -> None:
        """Infer how `number` reads many columns without questions, in two queries instead of two for each."""
        keys = {column: (column, self.rules.decimal, self.ask, self.groups) for column in columns}
        texts = {
            column: quote(column) if self.kinds[column] == "VARCHAR" else f"cast({quote(column)} as varchar)"
            for column, key in keys.items()
            if (again or key not in self.table.found) and not is_number(self.kinds[column])
        }
        for column, value in read_shown(self.table, texts, self.rules.decimal).items():
            self.table.found[keys[column]] = (value, [])

    def _number(self, column: str) -> str:
        """Return the SQL that `number` returns, inferred from the values."""
        kind, name = self.kinds[column], quote(column)
        if is_number(kind):
            value = f"cast({name} as double)"
            if kind not in _FLOATS:
                return value
            value = f"if(isfinite({name}), {value}, null)"
            self._note_unread(column, name, value)
            return value
        text = name if kind == "VARCHAR" else f"cast({name} as varchar)"
        if not self.ask:
            return read_shown(self.table, {column: text}, self.rules.decimal)[column]
        texts = keep_texts(self.table, text)  # equal values are inspected once
        read = self._reader(column, texts)
        if read is cast_number:
            return read(text)
        self._note_unread(column, "t", read("t"), texts)
        return read_plainly(texts, read, text)

    def _reader(self, column: str, texts: Relation) -> Callable[[str], str]:
        """Return a function from a text's SQL to its number's SQL, for texts `t` that occur `n` times each."""
        unread, infinite, dotted, open_ = self.row(
            "select count(*) filter (where try_cast(t as double) is null), "
            "count(*) filter (where not isfinite(try_cast(t as double))), "
            "coalesce(sum(n) filter (where contains(t, '.')), 0), "
            f"coalesce(sum(n) filter (where {numerals.is_open('trim(t)', '.')}), 0) from {texts} where t is not null"
        )
        if not unread and (not dotted or (dotted > open_ and self.rules.decimal != ",")):
            return read_finite if infinite else cast_number
        read = partial(read_written, decimal=decimal_of(self, column, texts))
        return partial(read_sides, read) if turns_sides(self, column, texts) else read

    def share(self, column: str) -> str:
        """Return SQL for a share between 0 and 1; if any value exceeds 1, the column contains percentages."""
        number = self.number(column)
        percent = self.table.holds(f"{number} > 1")
        return f"(({number}) / {100 if percent else 1})"

    def check_one_currency(self, column: str) -> None:
        """Raise InputError when the amounts of a text column carry different currency signs."""
        if self.kinds[column] != "VARCHAR":
            return
        signed, sign = numerals.signed(quote(column))
        has_sign = rf"regexp_matches({quote(column)}, '[^\d.,\s+-]')"
        if not self.table.holds(has_sign):
            return
        signs = self.table.rows(
            f"select distinct {sign} from {self.table} where {has_sign} and {signed} order by 1 limit 50"
        )
        codes = {code_of(str(sign)): str(sign) for (sign,) in reversed(signs)}
        if len(codes) > 1:
            raise InputError(
                f"column {column!r} contains several currencies, {sorted(codes.values())}. Put the currency "
                "into a column of its own, map it as currency and give exchange rates."
            )
        if CURRENCIES.intersection(codes) and not self.table.holds(
            f"trim({quote(column)}) <> '' and not {signed}"
        ):
            (self.currency_of_signs,) = codes

    def timestamp(self, column: str) -> str:
        """Return SQL for a naive business time, null if the value is not a date.

        Raises
        ------
        InputError
            Day, month and year cannot be told apart; the message shows the readings.
        """
        kind, name = self.kinds[column], quote(column)
        if is_zoned_time(kind):
            name = f"cast({name} as timestamptz)"
            return self._local(f"if(isfinite({name}), make_timestamp(epoch_us({name})), null)")
        if is_time(kind):
            return self._from_zone(column, f"if(isfinite({name}), try_cast({name} as timestamp), null)")
        if is_number(kind):
            number = self.number(column)
            if self.rules.first_day:
                return counted(number, self.rules.first_day, column)
            digits = f"cast(try_cast({number} as bigint) as varchar)"
            if (text := from_digits(self, column, digits)) != digits:
                return f"try_cast({as_iso(self, column, text)} as timestamp)"
            if (text := with_signs(self, column, digits)) != digits:
                return self._from_zone(column, f"try_cast({text} as timestamp)")
            return self._from_zone(column, times.number_as_time(number, self._serials(column, number)))
        written = f"trim({name if kind == 'VARCHAR' else f'cast({name} as varchar)'})"
        if not (named := zones.find_named_zones(self.table, written)):
            return self._written_time(column, written)
        bare = zones.without_zone_name(written, named)
        named |= {"UTC": "UTC"} if self.table.holds(times.is_zoned(bare)) else {}  # as offsets are read
        self.notes.append(zones.tell_of_named_zones(column, named, self.rules.timezone))
        time = self._written_time(column, bare)
        self._without_zones.add(column)  # the note tells of them
        return zones.read_named(written, time, named, self.rules.timezone)

    def _written_time(self, column: str, written: str) -> str:
        """Return SQL for a naive business time that is written as text."""
        if self.rules.first_day and not self.table.holds(
            f"not regexp_full_match({written}, '\\d{{0,5}}([.]0+)?')"
        ):
            return counted(f"try_cast({written} as double)", self.rules.first_day, column)
        if not self.table.holds(f"{written} <> '' and not ({times.is_usual(written)})"):
            self._without_zones.add(column)
            return self._from_zone(column, f"try_cast({written} as timestamp)")
        written = day_before_clock(self.table, written)
        text = days_in_place(self, column, as_iso(self, column, from_digits(self, column, written)))
        irregular, zoned, short, numbers, words = self.row(
            f"select count(*), count(*) filter (where {times.is_zoned(text)}), "
            f"count(*) filter (where {times.is_short(text)}), count(*) filter (where {times.is_digits(text)}), "
            f"count(*) filter (where {times.has_words(text)}) "
            f"from {self.table} where not regexp_full_match({text}, '{times.PLAIN}')"
        )
        if not irregular:
            self._without_zones |= {column} if text == written else set()
            return self._from_zone(column, f"try_cast({text} as timestamp)")
        orders = self._orders(column, text) if short else [("true", "dmy")]
        if numbers and self.ask:
            self.notes += tell_of_shortened(self.table, column, text)
        text = with_signs(self, column, text) if numbers else text
        serials = bool(numbers) and self._serials(column, f"try_cast({text} as double)")
        at = times.from_text(text, orders, self.last_year, serials, bool(words), bool(zoned))
        if not zoned:
            return self._from_zone(column, at)
        local, plain = self._local(at), self._from_zone(column, at)
        return f"case when {times.is_zoned(text)} then {local} else {plain} end"

    def has_zones(self, column: str) -> bool:
        """Whether any time of a column carries a zone, or its heading names one."""
        kind = self.kinds[column]
        if column in self._in_utc or is_number(kind) or is_time(kind):
            return column in self._in_utc or is_zoned_time(kind)
        if column in self._without_zones:
            return False
        text = f"trim(cast({quote(column)} as varchar))"
        return self.table.holds(times.is_zoned(text))

    def _orders(self, column: str, text: str) -> list[tuple[str, str]]:
        """Return the order of day, month and year in short dates: those with points, and all others."""
        if not self.ask:
            return [
                (f"{times.is_date('f', order, self.last_year)}", order) for order in ("dmy", "mdy", "ymd")
            ]
        orders = []
        for which, points in (("f.sign = '.'", True), ("true", False)):
            order = order_of(self.table, text, column, self.rules, self.last_year, points)
            orders += [(which, order)] if order else []
        return orders

    def _serials(self, column: str, number: str) -> bool:
        """Whether the numbers of a column are spreadsheet serial dates: all are in that range."""
        low, high, some, julian = self.row(
            f"select bool_and(coalesce({times.is_serial('n')}, true)), max(n), count(n), "
            f"count(*) filter (where {times.is_julian('n')}) from (select {number} as n from {self.table})"
        )
        if julian:
            self.notes.append(
                f"Column {column!r} contains {julian:,} Julian days, such as {high}, counted from noon."
            )
        if not some or not low:
            self.notes += tell_of_early_seconds(column, high) if some else []
            return False
        if self.ask:
            self.notes.append(
                f"Column {column!r} contains spreadsheet serial dates: {int(high)} was read as "
                f"{read_last_serial(column, high)} (counted from 1900, as in Excel)."
            )
        return True

    def _from_zone(self, column: str, naive: str) -> str:
        """Return SQL for the business time of a time without a zone; its heading may say that it is in UTC."""
        naive, source = self.with_clock(column, naive), self.rules.source_timezone
        headings = f"{column} {self.clocks.get(column, '')}"
        if (
            source is None
            and zones.says_utc(headings)
            and self.table.holds(f"{naive} <> date_trunc('day', {naive})")
        ):
            self._in_utc.add(column)
            source = "UTC"
        if source is None:
            return naive
        utc = naive if source == "UTC" else zones.shift(naive, source, to_utc=True)
        return self._local(utc)

    def _local(self, utc: str) -> str:
        zone = self.rules.timezone or "UTC"
        return utc if zone == "UTC" else zones.shift(utc, zone, to_utc=False)

    def _note_unread(self, column: str, text: str, value: str, texts: Relation | None = None) -> None:
        """Add a note with the number of non-empty values that are not finite numbers; these count as missing."""
        if not self.ask:
            return
        there = f"{text} is not null and {value} is null"
        if self.kinds[column] not in _FLOATS:
            there += f" and lower(trim({text})) not in {_NOTHING}"
        count = "coalesce(sum(n), 0)" if texts else "count(*)"
        number, example = self.row(
            f"select {count}, min(cast({text} as varchar)) from {texts or self.table} where {there}"
        )
        if number:
            self.notes.append(
                f"Column {column!r}: {number:,} values are not finite numbers, such as "
                f"{str(example)[:40]!r}, and count as missing."
            )

    def _note_forms(self, column: str, forms: dict[str, int], wanted: list[str]) -> None:
        """Add notes with the number of normalised identifiers and of those that may be damaged."""
        for form in wanted:
            self.notes.append(
                f"Column {column!r}: {forms[form]:,} identifiers {FORMS[form]} (--rule id_forms=none keeps "
                "the original spelling)."
            )
        if forms["exponent"]:
            self.notes.append(
                f"Column {column!r}: a spreadsheet shortened {forms['exponent']:,} identifiers to forms such "
                "as 1.2E+11, so different ones may now look alike. Export the column as text."
            )
        if forms["long"] >= 5 and forms["long"] == forms["rounded"]:
            self.notes.append(
                f"Column {column!r}: all {forms['long']:,} identifiers with more than 15 digits end in 0, "
                "which suggests that a spreadsheet rounded them. Export the column as text."
            )

    def _warn_of_floats(self, column: str) -> None:
        exact = 2**53 if self.kinds[column] == "DOUBLE" else 2**24
        [large] = self.row(
            f"select count(*) from {self.table} where isfinite({quote(column)}) and abs({quote(column)}) > {exact}"
        )
        if large:
            self.notes.append(
                f"Column {column!r}: {large:,} identifiers are floating-point numbers above {exact:,}, where "
                "adjacent integers are indistinguishable. Export the column as text or as integers."
            )
