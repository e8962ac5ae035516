"""The cleaning rules: the lines that each sets aside, and the settings that a shop can change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from cltv_ml.columns.levels import LEVEL_NAMES, READINGS
from cltv_ml.errors import InputError, unknown_name
from cltv_ml.windows import check_timezone, to_cutoff

#: Every rule in the order it is applied: its name and the sentence that the quarantine gives as reason.
#: A line is quarantined under the first rule it breaks.
REASONS = {
    "broken_line": "The line has a different number of fields than the header, or bytes that are not text.",
    "not_completed": "The status, the type or a quantity of 0 means that the line is not a completed sale.",
    "missing_customer": "The line has no customer.",
    "placeholder_customer": "The customer id is a placeholder such as guest, unknown or 0.",
    "bad_date": "The date is missing or unreadable.",
    "future_date": "The date is later than the time at which the data were read.",
    "implausible_date": "The date is a placeholder such as 1970-01-01, or is years away from all others.",
    "bad_amount": "The amount is missing, not a finite number, or at least a trillion.",
    "continuation": "The line has no amount, but another line of its order has.",
    "contradictory_signs": "The quantity is negative but the amount is positive.",
    "unknown_currency": "The line has no currency, although the source has several.",
    "non_product": "The product code stands for postage, fees or the like, not for a product.",
    "adjustment": "The line is a test or an accounting adjustment, not a purchase.",
    "total_row": "The line is the sum of other lines.",
    "superseded": "A later line has the current status of the order.",
    "repeated_total": "The line repeats the order total, or a part of it, which counts only once.",
    "repeated_line": "The line has the id of an earlier line of its order, which a join repeated.",
    "exact_duplicate": "The line equals an earlier one in every column.",
    "cancellation": "The purchase was fully cancelled, or the line is a return that was deducted from its order.",
    "refunded": "The status, a flag or a date shows that the order was refunded or cancelled.",
    "return_without_order": "The return matches no earlier purchase of the customer.",
    "customer_total": "The customer returned at least as much as they bought in this log.",
    "free_order": "Nothing was paid for the order.",
    "history_before_log": "The customer first bought in the opening days of the log and may have bought before.",
}

#: Rules that cannot be switched off, because the log would be invalid without them.
ALWAYS_ON = (
    *("broken_line", "missing_customer", "bad_date", "bad_amount", "continuation", "return_without_order"),
)

#: The forms of identifiers that can be named, see `Rules.id_forms`.
ID_FORMS = ("blanks", "unicode", "decimals", "email_case", "case", "zeros", "signs", "phones", "none")

#: Rules that are off unless switched on.
OFF_BY_DEFAULT = ("repeated_line", "free_order", "history_before_log")


@dataclass(frozen=True)
class Rules:
    """Settings of a cleaning; the defaults suit most shops.

    Parameters
    ----------
    off, on
        Names of rules to switch off or on; `repeated_line`, `free_order` and `history_before_log` are off by default.
        Without an order id and a time of day `exact_duplicate` sets nothing aside unless it is switched on: two equal
        purchases on one day are then as likely as a line exported twice, and the report says how many there are.
    non_products, adjustments
        Regular expressions that a whole product code (`non_product`), or a whole product code or order id
        (`adjustment`) matches; case is ignored. None by default: one shop's POST is another's product.
    timezone
        The shop's own zone, such as "Europe/London": times with a zone are converted to it.
    source_timezone
        The zone of times that carry none, when it is not the shop's own.
    day_first
        The reading of 01/02/2024 where the column is ambiguous: True for 1 February, False for 2 January.
    year_first
        Whether 05-01-25 has its year first, where the column is ambiguous.
    swapped_dates
        Whether a spreadsheet exchanged day and month in dates such as 2024-03-02, where the column is ambiguous.
    first_day
        The day, as YYYY-MM-DD, that the number 1 stands for in a column of days, or of weeks, counted from a start.
    decimal
        The decimal sign of amounts that are text, "." or ",", where the column is ambiguous.
    rates
        Currency -> value of one unit of it in the log's currency, for a source of several currencies.
    rate_table
        Path of a CSV or Parquet table of rates by day, with the columns date, currency and rate; each line takes the
        latest rate that is not after its day. Or the column of the source with the rate of each line. On the command
        line `--rule rates=rates.csv`; `rates` win over a table.
    levels
        The meaning of the levels of a mapped status, payment_status, type, test or captured column, where the
        vocabulary lacks them: "counts", "refund" or "ignore", such as `{"status": {"B7": "counts"}}`. On the command
        line `--rule status=B7:counts`, in a file a table `[rules.status]`.
    amount_per
        "line" where each line has an amount of its own, "order" where it is the order's total, repeated on its
        lines; None lets the data decide.
    fill_down
        Whether lines without a customer belong to the customer above, as in a grouped report, where the data are
        ambiguous.
    price_discounted
        Where an amount is a quantity times a unit price next to a discount: True where the price has the discount
        taken off already, False where it comes off.
    unsigned_returns
        Whether lines with a negative quantity and a positive amount are returns, where the data are ambiguous; False
        sets them aside.
    money_unit
        The value in currency of one unit of the source's amounts, such as 0.01 for cents; None takes it from the
        headings.
    observed_until
        The last day, as YYYY-MM-DD, for which the data are complete, where no sale fell on the last days.
    winsorise
        Cap amounts above the median plus this many robust standard deviations, on the log scale; None
        leaves all amounts as they are. 5 touches about one amount in a million of a log-normal shop.
    id_forms
        The ways in which identifiers are normalised: `blanks` (trimmed, invisible signs taken out), `unicode` (NFC),
        `decimals` (12345.0 is 12345) and `email_case` (addresses in small letters); "none" keeps them as they are
        written. Further forms apply only if named, with a plus to add to these (`+case`): `case` (all in small
        letters), `zeros` (00123 is 123), `signs` (without blanks, #, + and quotes) and `phones` (numbers of phones by
        their last nine digits).

    >>> Rules(off=("missing_customer",))
    Traceback (most recent call last):
    cltv_ml.errors.InputError: rule 'missing_customer' cannot be switched off, because the log would be
    invalid without it.
    """

    off: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    non_products: tuple[str, ...] = ()
    adjustments: tuple[str, ...] = ()
    timezone: str | None = None
    source_timezone: str | None = None
    day_first: bool | None = None
    year_first: bool | None = None
    swapped_dates: bool | None = None
    first_day: str | None = None
    decimal: str | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    rate_table: str | None = None
    levels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    amount_per: str | None = None
    fill_down: bool | None = None
    price_discounted: bool | None = None
    unsigned_returns: bool | None = None
    money_unit: float | None = None
    winsorise: float | None = None
    observed_until: str | None = None
    id_forms: tuple[str, ...] = ("blanks", "unicode", "decimals", "email_case")

    def __post_init__(self) -> None:
        """Raise InputError for an unknown rule, zone or sign; the message names it."""
        for name in (*self.off, *self.on):
            if name not in REASONS:
                raise unknown_name("rule", name, REASONS)
        for name in self.off:
            if name in ALWAYS_ON:
                raise InputError(
                    f"rule {name!r} cannot be switched off, because the log would be invalid without it."
                )
        for zone in (self.timezone, self.source_timezone):
            check_timezone(zone)
        if self.decimal not in (None, ".", ","):
            raise InputError(f"decimal must be '.' or ',', got {self.decimal!r}.")
        for form in self.id_forms:
            if form not in ID_FORMS:
                raise unknown_name("id_forms value", form, ID_FORMS)
        if self.amount_per not in (None, "line", "order"):
            raise InputError(f"amount_per must be 'line' or 'order', got {self.amount_per!r}.")
        for name in ("observed_until", "first_day"):
            if (day := getattr(self, name)) is not None:
                to_cutoff(day, name)
        if self.money_unit is not None and not 0 < self.money_unit < float("inf"):
            raise InputError(f"money_unit must be a positive number, got {self.money_unit!r}.")
        if self.winsorise is not None and not self.winsorise > 0:
            raise InputError(f"winsorise must be a positive number or None, got {self.winsorise!r}.")
        for currency, rate in self.rates.items():
            if not 0 < rate < float("inf"):
                raise InputError(f"rates: the rate of {currency!r} must be positive, got {rate!r}.")
        for name, readings in self.levels.items():
            for level, reading in readings.items():
                if name not in LEVEL_NAMES or reading not in READINGS:
                    raise InputError(
                        f"{name}: level {level!r} cannot be {reading!r}; use one of {list(READINGS)}, for "
                        f"example --rule {name}={level}:counts."
                    )

    def applies(self, name: str) -> bool:
        """Whether the rule `name` is switched on."""
        return name in self.on or (name not in self.off and name not in OFF_BY_DEFAULT)


def change_rules(rules: Rules, changes: Mapping[str, Any]) -> Rules:
    """Return rules with changed settings, as written on a command line or in a TOML file.

    Parameters
    ----------
    changes
        Names of `Rules`' settings; lists may be single values, numbers and truth values may be texts, and
        rates a table or texts such as "USD:0.92" or "EUR:1,USD:0.92".

    Raises
    ------
    InputError
        A setting is unknown or its value is invalid; the message names it.

    >>> rules = change_rules(Rules(), {"day_first": "true", "off": "exact_duplicate", "rates": ["USD:0.9"]})
    >>> rules.day_first, rules.off, rules.rates
    (True, ('exact_duplicate',), {'USD': 0.9})
    """
    settings = {entry.name for entry in fields(Rules)}
    changed: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in settings and name not in LEVEL_NAMES:
            raise unknown_name("rule setting", name, settings | set(LEVEL_NAMES))
        listed = [value] if isinstance(value, str) or not isinstance(value, Sequence) else list(value)
        if name in ("off", "on", "non_products", "adjustments", "id_forms"):
            named = [str(entry) for entry in listed]
            added = [entry for entry in named if name == "id_forms" and entry.startswith("+")]
            former = rules.id_forms if added else ()
            changed[name] = (*former, *(entry.removeprefix("+") if added else entry for entry in named))
        elif name in LEVEL_NAMES:
            readings = (
                value if isinstance(value, Mapping) else dict(_reading(name, entry) for entry in listed)
            )
            levels = changed.get("levels", rules.levels)
            changed["levels"] = {**levels, name: {**levels.get(name, {}), **readings}}
        elif name == "levels":
            changed["levels"] = {**rules.levels, **value}
        elif name == "rates":
            tables = [
                entry
                for entry in listed
                if isinstance(entry, str) and (":" not in entry or entry.endswith((".csv", ".parquet")))
            ]
            pairs = [entry for entry in listed if entry not in tables]
            pairs = [pair for entry in pairs for pair in re.split(",(?=[^,:]+:)", str(entry))]
            changed[name] = dict(value) if isinstance(value, Mapping) else dict(map(_read_rate, pairs))
            changed |= {"rate_table": tables[-1]} if tables else {}
        else:
            read: Callable[[str, Any], Any] = _READ.get(name, _as_is)
            changed[name] = read(name, listed[-1])
    return replace(rules, **changed)


def settle_rules(rules: Rules | Mapping[str, Any] | None, source_rules: Rules) -> Rules:
    """Return the rules, with the readings of levels and the unit of money of `source_rules` where they define none.

    Settings by name change those of the source; None leaves them as they are.

    >>> settle_rules({"off": "non_product"}, Rules(money_unit=0.01)) == Rules(off=("non_product",), money_unit=0.01)
    True
    """
    if rules is None or isinstance(rules, Mapping):
        return change_rules(source_rules, rules or {})
    return replace(
        rules,
        levels={**source_rules.levels, **rules.levels},
        money_unit=source_rules.money_unit if rules.money_unit is None else rules.money_unit,
    )


def _reading(name: str, text: Any) -> tuple[str, str]:
    level, colon, reading = str(text).rpartition(":")
    if not colon:
        raise InputError(
            f"{name}: cannot parse {text!r}. Write --rule {name}=LEVEL:counts, :refund or :ignore."
        )
    return level.strip(), reading.strip()


def _read_rate(text: str) -> tuple[str, float]:
    currency, _, rate = str(text).partition(":")
    return currency.strip(), _read_number("rates", rate)


def _read_number(name: str, text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        raise InputError(
            f"{name}: {text!r} is not a number. Write for example rates=USD:0.92 or winsorise=5."
        ) from None


def _as_is(name: str, value: Any) -> str:
    return str(value)


def _truth(name: str, value: Any) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise InputError(f"{name} must be true or false, got {value!r}.")
    return str(value).lower() == "true"


_READ: dict[str, Callable[[str, Any], Any]] = {
    "day_first": _truth,
    "year_first": _truth,
    "swapped_dates": _truth,
    "fill_down": _truth,
    "price_discounted": _truth,
    "unsigned_returns": _truth,
    "money_unit": _read_number,
    "winsorise": _read_number,
}
