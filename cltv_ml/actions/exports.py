"""Export formats: files that ad platforms and mailing tools take, declared one by one with their rules.

A format is a function from customers to a table, and checks of that table. A table that breaks a rule is not written,
and the error names the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from cltv_ml.actions.customer_columns import IDENTITIES, OPT_IN, OPT_OUT, columns_read
from cltv_ml.actions.identities import hashed_emails, hashed_phones, normalise_email
from cltv_ml.actions.terms import enumerated
from cltv_ml.errors import InputError, unknown_name
from cltv_ml.money import digits
from cltv_ml.tables import NO, YES

_BLANK_WORDS = ("", "nan", "none", "<na>", "nat", "null")


@dataclass(frozen=True)
class ExportOrder:
    """The terms of an export besides its customers."""

    #: ISO code, such as EUR.
    currency: str = ""
    #: Calling code of phone numbers that state none, such as "44".
    country_code: str = ""
    #: Name of the conversion whose value is adjusted.
    conversion: str = ""
    #: Whether the model was within its bounds on its test.
    model_passed: bool = True
    #: Whether its test did not deny that it ranks customers better than chance.
    model_ranks: bool = True
    #: One row per order for the formats of orders: `order_id`, `customer_id`, `timestamp`.
    orders: pd.DataFrame | None = None
    #: When the files are written; values are adjusted at this moment, for Google takes none from before.
    now: pd.Timestamp = field(default_factory=lambda: pd.Timestamp.now("UTC"))
    #: Column of the customers whose value is written, such as `lifetime_profit`.
    value: str = "expected_value"


MakeRows = Callable[[pd.DataFrame, ExportOrder], pd.DataFrame]
RowCheck = Callable[[pd.DataFrame, ExportOrder], str]


@dataclass(frozen=True)
class ExportFormat:
    """One file format: its title, the columns it cannot do without, its rows, and its rules."""

    title: str
    rows: MakeRows
    needs: Sequence[str] = ()
    rules: Sequence[RowCheck] = field(default_factory=tuple)
    of_orders: bool = False


def build_export(
    name: str, customers: pd.DataFrame, order: ExportOrder
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the table of a format, and how many customers were left out for which reason.

    Parameters
    ----------
    name
        One of `FORMATS`.
    customers
        By `customer_id`: the value that `order` names, what `cltv act` knows (tier, `control`), and identities such as
        `email`. A column of `OPT_OUT` leaves out whom it marks with anything but a no, one of `OPT_IN` everybody
        without a yes; customers of a control group are left out.

    Raises
    ------
    InputError
        The format is unknown, a column it needs is missing, or the file would break one of its rules.
    """
    if name not in FORMATS:
        raise unknown_name("export format", name, FORMATS)
    chosen = FORMATS[name]
    identified_customers = _identifying_columns(customers)
    missing = [column for column in chosen.needs if column not in identified_customers]
    if missing:
        raise InputError(
            f"{chosen.title}: the columns {enumerated(missing)} are missing; give a table that has them with "
            "--customers."
            if len(missing) > 1
            else f"{chosen.title}: the column {missing[0]} is missing; give a table that has it with --customers."
        )
    if chosen.of_orders and order.orders is None:
        raise InputError(f"{chosen.title} needs orders; give their table with --orders.")
    allowed, left_out = _allowed(identified_customers, order.value)
    if chosen.of_orders and order.orders is not None:
        strangers = ~order.orders["customer_id"].isin(identified_customers.index)
        left_out["orders of customers without a score"] = int(strangers.sum())
    table = chosen.rows(allowed, order)
    identified = [column for column in _IDENTIFYING if column in table]
    if identified:
        nameless = (table[identified] == "").all(axis=1)
        left_out["no usable e-mail address or phone number"] = int(nameless.sum())
        table = table[~nameless]
    for column, reason in _POSITIVE.items():
        if column in table:
            nothing = table[column] <= 0
            left_out[reason] = int(nothing.sum())
            table = table[~nothing]
    if not len(table):
        counts = ", ".join(f"{reason} {count:,}" for reason, count in left_out.items() if count)
        why = (
            f" of {len(customers):,} customers; left out: {counts}"
            if counts
            else ", because there are no customers"
        )
        raise InputError(f"{chosen.title}, not written: no customer is left{why}.")
    for rule in chosen.rules:
        broken = rule(table, order)
        if broken:
            raise InputError(f"{chosen.title}, not written: {broken}")
    return table.reset_index(drop=True), {reason: count for reason, count in left_out.items() if count}


#: Columns of a file by which a tool finds the customer.
_IDENTIFYING = ("Email", "Email Address", "Phone", "email", "phone")

#: Columns that hold positive values only, and why a row without one is left out.
_POSITIVE = {
    "Adjusted Value": "orders worth nothing, whose conversion Google would remove",
    "predicted_value": "orders worth nothing: Meta accepts only positive values",
}


def _identifying_columns(customers: pd.DataFrame) -> pd.DataFrame:
    """Return the customers with their identifying columns under the names used here."""
    return customers.rename(columns=columns_read(customers))


def _allowed(customers: pd.DataFrame, value: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the customers who may be addressed and have a value, and the others' counts by reason."""
    left_out: dict[str, int] = {}
    keep = pd.Series(True, index=customers.index)
    for reason, columns, wanted, marks in (
        ("control group", ("control",), False, YES),
        ("opted out", OPT_OUT, True, (*NO, *_BLANK_WORDS)),
        ("no consent", OPT_IN, True, (*YES, "subscribed", "opted_in", "opted in")),
    ):
        for column in columns:
            if column in customers:
                has_mark = _text_column(customers, column).str.lower().isin(marks)
                marked = (has_mark != wanted) & keep
                left_out[reason] = left_out.get(reason, 0) + int(marked.sum())
                keep &= ~marked
    unvalued = customers[value].isna() & keep
    left_out["no expected value"] = int(unvalued.sum())
    return customers[keep & ~unvalued], left_out


def _text_column(customers: pd.DataFrame, column: str) -> pd.Series:
    if column not in customers:
        return pd.Series("", index=customers.index)
    return customers[column].astype(object).where(customers[column].notna(), "").astype("str").str.strip()


def _google_customer_match(customers: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Email": hashed_emails(_text_column(customers, "email"), mailbox=True),
            "Phone": hashed_phones(_text_column(customers, "phone"), order.country_code),
        }
    )


def _google_adjustments(customers: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
    rows = _kept_orders(customers, order)
    return pd.DataFrame(
        {
            "Order ID": rows["order_id"],
            "Conversion Name": order.conversion,
            "Adjustment Time": f"{order.now:%Y-%m-%d %H:%M:%S}+00:00",
            "Adjustment Type": "RESTATEMENT",
            "Adjusted Value": rows[order.value].round(digits(order.currency)),
            "Adjusted Value Currency": order.currency,
        }
    )


def _meta_audience(customers: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "email": hashed_emails(_text_column(customers, "email")),
            "phone": hashed_phones(_text_column(customers, "phone"), order.country_code, plus=False),
            "value": customers[order.value].clip(lower=0).round(digits(order.currency)),
        }
    )


def _meta_events(customers: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
    # The conversion wins a customer: it happens once for each.
    rows = (
        _kept_orders(customers, order).sort_values("timestamp", kind="stable").drop_duplicates("customer_id")
    )
    return pd.DataFrame(
        {
            "event_name": "Purchase",
            "event_time": (rows["timestamp"] - pd.Timestamp(0)) // pd.Timedelta(seconds=1),
            "order_id": rows["order_id"],
            "email": hashed_emails(_text_column(rows, "email")),
            "currency": order.currency,
            "predicted_value": rows[order.value].round(digits(order.currency)),
        }
    )


def _profiles(email: str, prefix: str) -> MakeRows:
    """Return the rows of a mailing tool's import: the plain address and what is known of its owner."""

    def rows(customers: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
        """Return the addresses with what is known of each customer."""
        table = pd.DataFrame({email: _text_column(customers, "email").map(normalise_email)})
        for name in (order.value, "tier", "segment", "lifecycle", "p_alive"):
            if name in customers:
                numeric = pd.api.types.is_numeric_dtype(customers[name])
                places = digits(order.currency) if name == order.value else 2
                table[f"{prefix}{name}"] = (
                    customers[name].round(places) if numeric else customers[name].astype("str")
                )
        return table

    return rows


def _warehouse(customers: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
    table = customers.drop(columns=[name for name in IDENTITIES if name in customers])
    return table.round(4).rename_axis("customer_id").reset_index().assign(currency=order.currency)


def _kept_orders(customers: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
    """Return one row per order of the customers who are kept, with the customer's columns."""
    assert order.orders is not None, "checked by build_export"  # noqa: S101
    return order.orders.join(customers, on="customer_id", how="inner")


def _names_currency(table: pd.DataFrame, order: ExportOrder) -> str:
    if len(order.currency) == 3 and order.currency.isalpha() and order.currency.isupper():
        return ""
    return f"the currency must be an ISO code such as EUR, not {order.currency!r}; set it with --currency."


def _names_conversion(table: pd.DataFrame, order: ExportOrder) -> str:
    sentence = "the name of the conversion in the ad account is missing; set it with --conversion."
    return "" if order.conversion else sentence


def _unique_orders(table: pd.DataFrame, order: ExportOrder) -> str:
    twice = int(table["Order ID"].duplicated().sum())
    return (
        f"{twice:,} orders appear twice, but an order can be adjusted only once; remove the duplicates."
        if twice
        else ""
    )


def _has_happened(table: pd.DataFrame, order: ExportOrder) -> str:
    # A log's clock may be ahead of UTC, by 14 hours at most.
    latest = order.now.tz_localize(None) + pd.Timedelta(hours=14)
    ahead = 0 if order.orders is None else int((order.orders["timestamp"] > latest).sum())
    return (
        (
            f"{ahead:,} orders lie in the future, but a value can only be adjusted after its conversion; remove "
            "them."
        )
        if ahead
        else ""
    )


def _passed_its_test(table: pd.DataFrame, order: ExportOrder) -> str:
    if not order.model_passed:
        return "in its test, the model was outside its bounds, and its values would mislead the bidding."
    if not order.model_ranks:
        return (
            "the test does not show that the model ranks customers better than chance, so its values would "
            "mislead the bidding."
        )
    return ""


def _recent(table: pd.DataFrame, order: ExportOrder) -> str:
    old = int((order.now.timestamp() - table["event_time"] > 7 * 86400).sum())
    return f"{old:,} conversions are older than 7 days; leave them out with --since." if old else ""


def _one_address_each(table: pd.DataFrame, order: ExportOrder) -> str:
    twice = int(table.iloc[:, 0].duplicated().sum())
    return f"{twice:,} addresses appear twice; keep one customer per address in --customers." if twice else ""


def _spread_out(table: pd.DataFrame, order: ExportOrder) -> str:
    positive = table.loc[table["predicted_value"] > 0, "predicted_value"]
    if positive.nunique() < 5:
        return f"at least 5 distinct positive values are needed, but there are {positive.nunique()}."
    if positive.max() < 3 * positive.min():
        return "the largest value must be at least 3 times the smallest positive one."
    return ""


def _hundred_a_week(table: pd.DataFrame, order: ExportOrder) -> str:
    return "" if len(table) >= 100 else f"at least 100 events a week are needed, but there are {len(table)}."


def _mailing(title: str, email: str, prefix: str) -> ExportFormat:
    return ExportFormat(title, _profiles(email, prefix), needs=("email",), rules=(_one_address_each,))


#: The formats by name. Another one is an entry here and a fixture in `tests/actions/test_actions_exports.py`.
FORMATS: Mapping[str, ExportFormat] = {
    "google_customer_match": ExportFormat("Google Customer Match", _google_customer_match),
    "google_conversion_adjustments": ExportFormat(
        "Google conversion value adjustments",
        _google_adjustments,
        of_orders=True,
        rules=(_names_conversion, _names_currency, _unique_orders, _has_happened),
    ),
    "meta_value_audience": ExportFormat("Meta value-based audience", _meta_audience),
    "meta_predicted_value": ExportFormat(
        "Meta predicted-value events",
        _meta_events,
        needs=("email",),
        of_orders=True,
        rules=(_names_currency, _passed_its_test, _spread_out, _hundred_a_week, _recent),
    ),
    "klaviyo": _mailing("Klaviyo profile import", "Email Address", ""),
    "hubspot": _mailing("HubSpot contact import", "Email", "cltv_"),
    "mailchimp": _mailing("Mailchimp audience import", "Email Address", "CLTV_"),
    "warehouse": ExportFormat("Table for the warehouse", _warehouse),
}
