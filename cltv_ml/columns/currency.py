"""Detection of the currency column by its values, whatever its heading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from cltv_ml.columns.candidates import named
from cltv_ml.columns.compound import words_of
from cltv_ml.columns.glance import COLUMNS_COMPARED, count_values
from cltv_ml.columns.headings import CURRENCY_WORDS, plain_heading
from cltv_ml.columns.kinds import first_lines
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.numerals import codes_sql, is_currency_name, signed
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation, quoted, show
from cltv_ml.errors import InputError
from cltv_ml.money import CURRENCIES, code_of, may_be_one
from cltv_ml.sources.frames import MARK

#: Every currency column contains one of these codes; TOP, ALL and TRY are also ordinary words.
_MAJOR = {
    "EUR",
    "USD",
    "GBP",
    "JPY",
    "CHF",
    "CAD",
    "AUD",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CNY",
    "INR",
    "BRL",
    "MXN",
}

#: Headings of exchange rates.
_RATES = re.compile("rate$|^rate|kurs|cambio|^taux|tasso|koers|kuru?$|курс|レート|汇率|匯率|환율")

#: What headings call money in the currency of each line, and in that of the shop.
_FOREIGN = re.compile(
    r"(?i)\b(foreign|transaction|document|presentment|original|fremd)[ _-]?(currency|währung|waehrung)\b"
    r"|\bFCY?\b|presentment_?money"
)

_OWN = re.compile(
    r"(?i)\b(local|base|home|company|haus)[ _-]?(currency|währung|waehrung)\b"
    r"|shop_?money|\bLCY?\b|\bin [$€£](?!\w)|\bconverted\b"
)

#: What headings of money in the shop's currency begin or end with, such as "base_total".
_OWN_MONEY = re.compile(r"(?i)^(base|shop|local|home|company|accounting)[ _-]|[ _-](base|local|lcy|lc)$")

#: The rates of one currency over a few years differ by less, as a share.
_SPREAD = 0.1

#: SQL for the text of a value in capitals.
_IN_CAPITALS = "upper(trim(value))"

#: A column with more distinct texts (including the empty one) is not a currency column.
_MOST = len(CURRENCIES) + 1


def find_currency(
    first: Relation, table: Relation, kinds: Mapping[str, str], mapping: dict[str, str]
) -> list[str]:
    """Add the column of currency codes, whatever its heading, to the mapping; return notes for the user."""
    texts = [column for column, kind in kinds.items() if kind == "text" and column not in mapping.values()]
    likely = [
        column
        for column, values in count_values(first, texts, _MOST, _IN_CAPITALS).items()
        if _are_currencies(values)  # the first lines exclude most columns
    ]
    found = {
        column: sorted(filter(None, names))
        for column, names in count_values(table, likely, _MOST, _IN_CAPITALS).items()
        if _are_currencies(names)
    }
    if not found:
        return []
    chosen = max(found, key=lambda column: len(found[column]))  # the orders' rather than the shop's
    mapping["currency"] = chosen
    shown = ", ".join(found[chosen][:8])
    return [f"Column {chosen!r} contains currencies ({shown}) and was read as currency."]


def split_signs(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with the currencies that stand next to the amounts of one column in a column of their own.

    Nothing changes unless each amount has one and they differ, or if another column has amounts in one currency.
    """
    texts = [
        name.removeprefix(MARK) for name, kind in table.kinds.items() if kind == "VARCHAR" and name != MARK
    ]
    for column in (*named("amount", texts), *named("unit_price", texts)):
        test, sign = signed(quote(column))
        filled = f"trim({quote(column)}) <> ''"
        first = first_lines(table)
        if first.holds(f"{filled} and not ({test})") or not first.holds(test):
            continue
        values = dict(
            table.rows(f"select {codes_sql(sign)}, bool_and({test}) from {table} where {filled} group by 1")
        )
        if len(values) > 1 and all(values.values()) and not _has_one_currency(first, texts):
            heading = f"currency of {column}"
            view = show(
                table.con, "rows", f"select *, {codes_sql(sign)} as {quoted(MARK + heading)} from {table}"
            )
            return view, [f"{heading!r} is what stands next to the numbers in column {column!r}."]
    return table, []


def check_signs(columns: Columns, amount: str, stated: str | None) -> None:
    """Raise InputError where the sign of an amount is not that of the currency which a column states for its line, or,
    without such a column, where signs differ.
    """
    if stated is None:
        columns.check_one_currency(amount)
        return
    if columns.kinds[amount] != "VARCHAR":
        return
    test, sign = signed(quote(amount))
    code = f"trim(cast({quote(stated)} as varchar))"
    pairs = columns.table.rows(
        f"select distinct {sign}, {code} from {columns.table} where {test} and {code} <> '' order by all limit 50"
    )
    for one, other in pairs:
        if not is_currency_name(other) and not may_be_one(code_of(one), code_of(other)):
            raise InputError(
                f"column {amount!r} has amounts in {one!r} on lines for which column {stated!r} says {other!r}. "
                "Correct one of the two, or map the column that is right as currency."
            )


def _has_one_currency(first: Relation, texts: Sequence[str]) -> bool:
    """Whether all values of one of the columns are amounts with the sign of one currency."""
    for test, sign, filled in ((*signed(quote(text)), f"trim({quote(text)}) <> ''") for text in texts):
        rows, amounts, signs = first.row(
            f"select count(*), count(*) filter ({test}), count(distinct {codes_sql(sign)}) from {first} where {filled}"
        )
        if rows and rows == amounts and signs == 1:
            return True
    return False


def pair_currency(
    first: Relation, kinds: Mapping[str, str], mapping: dict[str, str], explicit: Mapping[str, str | None]
) -> tuple[list[str], str]:
    """Map the currency column that shares most words with the heading of the money, or none for converted money.

    Returns notes, and the column of the same money in the currency of each line, or "".
    """
    chosen, amount = mapping.get("currency", ""), mapping.get("amount") or mapping.get("unit_price", "")
    if not chosen or not amount or "currency" in explicit:
        return [], ""
    same_heading = [
        column
        for column, kind in kinds.items()
        if kind == "number" and _without_foreign(column) == _without_foreign(amount)
    ]
    local = _find_unconverted(first, kinds, mapping, amount)
    single = in_one_currency(first, kinds, same_heading)
    if local or single == amount:
        del mapping["currency"]
        note = (
            f"Column {amount!r} contains money in a single currency, so the currencies in {chosen!r} were "
            f"not used (--mapping {flag('currency', chosen)} applies them to {amount!r})."
        )
        return [note], local
    if "amount" not in mapping:
        return [], ""
    base = _converted(first, kinds, mapping)
    if base or (single and "amount" not in explicit):
        del mapping["currency"]
        mapping["amount"] = base or single or amount
        rate = ", by the rate of each line," * bool(base)
        note = (
            f"Column {mapping['amount']!r} is {amount!r} in one currency{rate} and was read as the amount "
            f"(--mapping {flag('amount', amount)} --mapping {flag('currency', chosen)} uses the other)."
        )
        return [note], ""
    shared = {
        column: len(words_of(column) & words_of(amount))
        for column, kind in kinds.items()
        if kind == "text" and (column == chosen or column not in mapping.values())
    }
    best = max(shared, key=lambda column: shared[column], default=chosen)
    if shared.get(chosen, 0) >= shared.get(best, 0):
        return [], ""
    if not _are_currencies(count_values(first, [best], _MOST, _IN_CAPITALS).get(best, {})):
        return [], ""
    mapping["currency"] = best
    note = f"Columns {[chosen, best]} could each be the currency; {best!r} was used because its name "
    return [f"{note}resembles {amount!r}."], ""


def _converted(first: Relation, kinds: Mapping[str, str], mapping: Mapping[str, str]) -> str:
    """Return the column that is the amount times or over a column of rates where the currencies differ; or nothing."""
    currency = quote(mapping["currency"])
    numbers = [
        column
        for column, kind in kinds.items()
        if kind in ("number", "rate") and column not in mapping.values()
    ]
    rates = [column for column in numbers if _RATES.search(plain_heading(column))]
    bases = [column for column in numbers if column not in rates][:COLUMNS_COMPARED]
    if not rates or not bases:
        return ""
    number = Columns(first, Rules(), ask=False).number
    amount, rate = number(mapping["amount"]), number(rates[0])
    tests = ", ".join(
        f"avg(cast(least(abs(({amount}) * ({rate}) - ({number(base)})), abs(({amount}) / nullif({rate}, 0) - "
        f"({number(base)}))) <= 0.011 + 0.0005 * abs({number(base)}) as integer))"
        for base in bases
    )
    several, *agreements = first.row(f"select count(distinct {currency}), {tests} from {first}")
    fitting = [
        base for base, same in zip(bases, agreements, strict=True) if same is not None and same >= 0.98
    ]
    return fitting[0] if several > 1 and fitting else ""


def in_one_currency(first: Relation, kinds: Mapping[str, str], columns: Sequence[str]) -> str | None:
    """Return the only one of equally headed columns that names a currency, or that is not called foreign.

    None if all lines have one currency.
    """
    named = [column for column in columns if words_of(column) & CURRENCY_WORDS]
    foreign = [column for column in columns if _FOREIGN.search(column)]
    own = [column for column in columns if _OWN.search(column)]
    named = own if len(own) == 1 and not named else named
    named = (
        named if len(named) == 1 or not foreign else [column for column in columns if column not in foreign]
    )
    if len(named) != 1 or len(columns) < 2 or len({_without_foreign(column) for column in columns}) > 1:
        return None
    # A ledger leaves the code of its own currency blank.
    several = (
        len(known) > 1 or (own and first.holds(f"{quote(column)} is null"))
        for column, known in currency_codes(first, kinds).items()
    )
    return named[0] if any(several) else None


def currency_codes(lines: Relation, kinds: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the currencies in each column that contains nothing else."""
    texts = [column for column, kind in kinds.items() if kind == "text"]
    return {
        column: set(values) - {""}
        for column, values in count_values(lines, texts, _MOST, _IN_CAPITALS).items()
        if _are_currencies(values)
    }


def is_exchanged(lines: Relation, amount: str, other: str, currency: str) -> bool:
    """Whether two sums of money are the same but for a rate of each currency, 1 for one of them at most.

    Parameters
    ----------
    amount, other, currency
        SQL of a line's money and currency.
    """
    spread, least, most, alike = lines.row(
        "select max(wide / mean), min(mean), max(mean), count(*) filter (abs(mean - 1) < 0.005) from (select "
        f"coalesce(stddev(r), 0) as wide, avg(r) as mean from (select {amount} / nullif({other}, 0) as r, "
        f"{currency} as c from {lines}) where r > 0 and c is not null group by c)"
    )
    return spread is not None and spread <= _SPREAD and most >= 1.01 * least and alike <= 1


def is_own_currency(column: str) -> bool:
    """Whether a heading says that money is in one currency on all lines, that of the shop or one it names.

    >>> [is_own_currency(heading) for heading in ("base_total", "Amount (LCY)", "total_eur", "Sales", "Database total")]
    [True, True, True, False, False]
    """
    named = words_of(column) & CURRENCY_WORDS
    return bool(_OWN.search(column) or _OWN_MONEY.search(column) or named)


def drop_foreign_twins(columns: Sequence[str]) -> list[str]:
    """Return the columns without those that another one has in the shop's own currency, by their headings.

    >>> drop_foreign_twins(["totalPriceSet.presentmentMoney.amount", "totalPriceSet.shopMoney.amount"])
    ['totalPriceSet.shopMoney.amount']
    """
    own = {_without_foreign(column) for column in columns if _OWN.search(column)}
    return [
        column for column in columns if not _FOREIGN.search(column) or _without_foreign(column) not in own
    ]


def _without_foreign(column: str) -> str:
    return plain_heading(_OWN.sub("", _FOREIGN.sub("", column)))


def _find_unconverted(
    first: Relation, kinds: Mapping[str, str], mapping: Mapping[str, str], amount: str
) -> str:
    """Return the column that equals money whose heading names a currency on the lines in that currency alone, or ""."""
    codes = words_of(amount) & CURRENCY_WORDS
    rivals = [column for column, kind in kinds.items() if kind == "number" and column not in mapping.values()]
    if len(codes) != 1 or not rivals:
        return ""
    number = Columns(first, Rules(), ask=False).number
    own = f"lower(trim(cast({quote(mapping['currency'])} as varchar))) = '{min(codes)}'"
    tests = ", ".join(
        f"coalesce(bool_and((abs({number(amount)} - ({number(rival)})) < 0.006) = ({own})) and bool_or({own}) "
        f"and not bool_and({own}), false)"
        for rival in rivals[:COLUMNS_COMPARED]
    )
    agreements = first.row(f"select {tests} from {first} where ({number(amount)}) <> 0")
    return next((rival for rival, fits in zip(rivals, agreements, strict=False) if fits), "")


def _are_currencies(names: Iterable[str]) -> bool:
    """Whether all texts are codes, signs or names of currencies, at least one of them not an ordinary word.

    >>> _are_currencies(["EUR", "US$"]), _are_currencies(["FR"]), _are_currencies(["ALL"])
    (True, False, False)
    """
    if all(re.fullmatch("[A-Za-z]{2}", name) for name in names if name):
        return False  # codes of countries: FR is France, also where fr. is the franc
    codes = {name if is_currency_name(name) else code_of(name) for name in names if name}
    all_known = all(code in CURRENCIES or is_currency_name(code) or code == "$" for code in codes)
    return all_known and bool(codes & {*_MAJOR, "$"} or any(map(is_currency_name, codes)))
