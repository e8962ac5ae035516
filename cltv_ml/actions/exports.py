"""Export formats: files that ad platforms and mailing tools take, declared one by one with their rules.

A format is a function from customers to a table, and checks of that table. A table that breaks a rule is not written,
and the error names the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from cltv_ml.actions import export_rules as rules
from cltv_ml.actions.customer_columns import IDENTITIES, columns_read
from cltv_ml.actions.export_rules import ExportOrder, RowCheck
from cltv_ml.actions.identities import calling_code, hashed_emails, normalise_email, normalise_phones, sha256
from cltv_ml.actions.terms import enumerated
from cltv_ml.customers.control_group import in_control
from cltv_ml.customers.permissions import refusals
from cltv_ml.errors import InputError, unknown_name
from cltv_ml.money import round_money
from cltv_ml.tables import for_spreadsheet, ids_among

MakeRows = Callable[[pd.DataFrame, ExportOrder], pd.DataFrame]
RowMask = Callable[[pd.DataFrame], "pd.Series[bool]"]


@dataclass(frozen=True)
class ExportFormat:
    """One file format: its title, the columns it cannot do without, its rows, and its rules.

    `unusable` are rows that the platform does not take, by the reason for leaving them out. A format `of_orders` has
    the first order of each customer, whose value it states; one that is `once` only the order that won the customer.
    Those `of_phones` hold phone numbers.
    """

    title: str
    rows: MakeRows
    needs: Sequence[str] = ()
    rules: Sequence[RowCheck] = field(default_factory=tuple)
    unusable: Mapping[str, RowMask] = field(default_factory=dict)
    of_orders: bool = False
    once: bool = False
    of_phones: bool = False

    @property
    def counted(self) -> str:
        """What a row of the file is, and what is counted where it is left out."""
        return "orders" if self.of_orders else "customers"


def build_export(
    name: str, customers: pd.DataFrame, order: ExportOrder
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the table of a format, and how many customers or orders were left out for which reason.

    Parameters
    ----------
    name
        One of `FORMATS`.
    customers
        By `customer_id`: the value that `order` names, what `cltv act` knows (tier, `control`), and identities such as
        `email`. Columns that say who may be addressed leave out the others (`refusals`); customers of a control group
        are left out, and so is every customer with the address or number of somebody left out.

    Raises
    ------
    InputError
        The format is unknown, a column it needs is missing, or the file would break one of its rules.
    """
    if name not in FORMATS:
        raise unknown_name("export format", name, FORMATS)
    chosen = FORMATS[name]
    named = customers.rename(columns=columns_read(customers))
    _check_columns(chosen, named, order)
    reasons = _without_shared_addresses(chosen, named, _reasons(named, order.value), order)
    if chosen.of_orders:
        kept, reasons = _kept_orders(named, reasons, order, once=chosen.once)
    else:
        kept = named[reasons == ""]
    left_out = {str(reason): int(count) for reason, count in reasons.value_counts().items() if reason}
    table = chosen.rows(kept, order)
    for reason, is_unusable in {_NAMELESS: _without_identity, **chosen.unusable}.items():
        unusable = is_unusable(table)
        if unusable.any():
            left_out[reason] = int(unusable.sum())
            table = table[~unusable]
    _check_rules(chosen, table, order, left_out)
    return table.reset_index(drop=True), left_out


def phone_numbers(customers: pd.DataFrame, order: ExportOrder) -> pd.Series:
    """Return each customer's phone number in E.164, "" where there is none or it cannot be completed."""
    if order.phones is not None:
        return order.phones.reindex(customers.index)
    named = customers.rename(columns=columns_read(customers))
    codes = _text_column(named, "country").map(calling_code).replace("", order.country_code)
    return normalise_phones(_text_column(named, "phone"), codes)


def count_lost_phones(name: str, customers: pd.DataFrame, order: ExportOrder) -> int:
    """Return how many phone numbers of these customers a format does not hold because they cannot be completed."""
    if not FORMATS[name].of_phones:
        return 0
    written = _text_column(customers.rename(columns=columns_read(customers)), "phone").str.contains(r"\d")
    return int((written & (phone_numbers(customers, order) == "")).sum())


def _check_columns(chosen: ExportFormat, customers: pd.DataFrame, order: ExportOrder) -> None:
    missing = [column for column in chosen.needs if column not in customers]
    if missing:
        raise InputError(
            f"{chosen.title}: the columns {enumerated(missing)} are missing; give a table that has them with "
            "--customers."
            if len(missing) > 1
            else f"{chosen.title}: the column {missing[0]} is missing; give a table that has it with --customers."
        )
    if chosen.of_phones and not {"email", "phone"} & set(customers):
        raise InputError(
            f"{chosen.title}: there is neither a column email nor phone; give a table that has one of them with "
            "--customers."
        )
    if chosen.of_orders and order.orders is None:
        raise InputError(f"{chosen.title} needs orders; give their table with --orders.")


def _check_rules(
    chosen: ExportFormat, table: pd.DataFrame, order: ExportOrder, left_out: Mapping[str, int]
) -> None:
    if not len(table):
        counts = ", ".join(f"{reason} {count:,}" for reason, count in left_out.items())
        what = "order" if chosen.of_orders else "customer"
        since = chosen.of_orders and order.since is not None
        none = f"there are none since {order.since:%Y-%m-%d}" if since else f"there are no {what}s"
        whole = sum(left_out.values())
        why = f" of {whole:,} {what}s; left out: {counts}" if counts else f", because {none}"
        raise InputError(f"{chosen.title}, not written: no {what} is left{why}.")
    for rule in chosen.rules:
        broken = rule(table, order)
        if broken:
            raise InputError(f"{chosen.title}, not written: {broken}")


#: Columns of a file by which a tool finds the customer.
_IDENTIFYING = ("Email", "Email Address", "Phone", "email", "phone")

_NAMELESS = "no usable e-mail address or phone number"

#: The one reason that concerns the scores, not whom a file may name.
_VALUELESS = "no expected value"


def _without_identity(table: pd.DataFrame) -> pd.Series[bool]:
    """Return whether a row names nobody; never where the format has no identities."""
    identifying = [column for column in _IDENTIFYING if column in table]
    return (table[identifying] == "").all(axis=1) & bool(identifying)


def _reasons(customers: pd.DataFrame, value: str) -> pd.Series:
    """Return why each customer is left out; "" for those who may be addressed and have a value."""
    reasons = pd.Series("", index=customers.index)
    for column in customers:
        marks = _text_column(customers, column)
        if withheld := in_control(str(column), marks.unique()):
            reasons[marks.isin(withheld)] = "control group"
        why = refusals(str(column), marks.unique())
        if why:
            reasons = reasons.where(reasons != "", marks.map(lambda mark, why=why: why.get(mark, "")))
    reasons[customers[value].isna() & (reasons == "")] = _VALUELESS
    return reasons


def _without_shared_addresses(
    chosen: ExportFormat, customers: pd.DataFrame, reasons: pd.Series, order: ExportOrder
) -> pd.Series:
    """Return the reasons, with one for each other customer who has the address or number of somebody left out."""
    refused = ~reasons.isin(["", _VALUELESS])
    if not refused.any():
        return reasons
    addresses = [_text_column(customers, "email").map(lambda text: normalise_email(text, mailbox=True))]
    if chosen.of_phones:
        addresses.append(phone_numbers(customers, order))
    shared = pd.Series(False, index=customers.index)
    for column in addresses:
        shared |= ids_among(column, column[refused & (column != "")])
    return reasons.mask(shared & ~refused, "e-mail address or phone number of a customer left out")


def _kept_orders(
    customers: pd.DataFrame, reasons: pd.Series, order: ExportOrder, *, once: bool
) -> tuple[pd.DataFrame, pd.Series]:
    """Return one order of each customer who is kept, with their columns, and why each other order is left out."""
    assert order.orders is not None, "checked by build_export"  # noqa: S101
    orders = order.orders.sort_values("timestamp", kind="stable")
    why = orders["customer_id"].map(reasons).fillna("customers without a score")
    why[orders["order_id"].isna() & (why == "")] = "lines without an order id"
    if once:
        first = ~orders["customer_id"].duplicated()
        if "first_order" in orders:
            first &= orders["first_order"].fillna(True).astype(bool)
        why[~first & (why == "")] = "not the customer's first order: a customer is won once"
    several = orders.groupby("order_id")["customer_id"].transform("nunique") > 1
    why[several & (why == "")] = "order ids that several customers share"
    if order.since is not None:
        recent = orders["timestamp"] >= order.since
        orders, why = orders[recent], why[recent]
    further = orders["customer_id"].where(why == "").duplicated()
    why[further & (why == "")] = "further orders of a customer, whose value would count again"
    kept = orders[why == ""].drop(columns=["first_order", "previous_order"], errors="ignore")
    return kept.join(customers, on="customer_id", how="inner"), why


def _text_column(customers: pd.DataFrame, column: str) -> pd.Series:
    if column not in customers:
        return pd.Series("", index=customers.index)
    return customers[column].astype(object).where(customers[column].notna(), "").astype("str").str.strip()


def _google_customer_match(customers: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Email": hashed_emails(_text_column(customers, "email"), mailbox=True),
            "Phone": phone_numbers(customers, order).map(sha256),
        }
    )


def _google_adjustments(rows: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Order ID": rows["order_id"],
            "Conversion Name": order.conversion,
            "Adjustment Time": f"{order.now:%Y-%m-%d %H:%M:%S}+00:00",
            "Adjustment Type": "RESTATEMENT",
            "Adjusted Value": round_money(rows[order.value], order.currency),
            "Adjusted Value Currency": order.currency,
        }
    )


def _meta_audience(customers: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "email": hashed_emails(_text_column(customers, "email")),
            "phone": phone_numbers(customers, order).str.removeprefix("+").map(sha256),
            "value": round_money(customers[order.value], order.currency),
        }
    )


def _meta_events(rows: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_name": "Purchase",
            "event_time": (rows["timestamp"] - pd.Timestamp(0)) // pd.Timedelta(seconds=1),
            "order_id": rows["order_id"],
            "email": hashed_emails(_text_column(rows, "email")),
            "currency": order.currency,
            "predicted_value": round_money(rows[order.value], order.currency),
        }
    )


def _profiles(email: str, prefix: str) -> MakeRows:
    """Return the rows of a mailing tool's import: the plain address and what is known of its owner."""

    def rows(customers: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
        """Return the addresses with what is known of each customer."""
        table = pd.DataFrame({email: _text_column(customers, "email").map(normalise_email)})
        for name in (order.value, "tier", "segment", "lifecycle", "p_alive", "offer", "products"):
            if name in customers:
                if name == order.value:
                    column = round_money(customers[name], order.currency)
                else:
                    numeric = pd.api.types.is_numeric_dtype(customers[name])
                    column = customers[name].round(2) if numeric else _text_column(customers, name)
                table[f"{prefix}{name}"] = column
        return table

    return rows


def _warehouse(customers: pd.DataFrame, order: ExportOrder) -> pd.DataFrame:
    table = customers.drop(columns=[name for name in IDENTITIES if name in customers])
    return for_spreadsheet(table.rename_axis("customer_id").reset_index()).assign(currency=order.currency)


def _mailing(
    title: str, email: str, prefix: str, *more: RowCheck, unusable: Mapping[str, RowMask] | None = None
) -> ExportFormat:
    checks = (rules.one_address_each, *more)
    return ExportFormat(title, _profiles(email, prefix), ("email",), checks, unusable or {})


def _worthless(value: str) -> RowMask:
    """Return the test of whether the value in this column is zero or less."""
    return lambda rows: rows[value] <= 0


#: The formats by name. Another one is an entry here and a fixture in `tests/actions/test_actions_exports.py`.
FORMATS: Mapping[str, ExportFormat] = {
    "google_customer_match": ExportFormat(
        "Google Customer Match", _google_customer_match, rules=(rules.names_country,), of_phones=True
    ),
    "google_conversion_adjustments": ExportFormat(
        "Google conversion value adjustments",
        _google_adjustments,
        rules=(
            rules.names_conversion,
            rules.names_currency,
            rules.has_happened,
            rules.can_be_adjusted,
        ),
        unusable={"orders worth nothing, whose conversion Google would remove": _worthless("Adjusted Value")},
        of_orders=True,
    ),
    "meta_value_audience": ExportFormat(
        "Meta value-based audience",
        _meta_audience,
        rules=(rules.names_country,),
        unusable={"values below 0, which Meta does not accept": lambda rows: rows["value"] < 0},
        of_phones=True,
    ),
    "meta_predicted_value": ExportFormat(
        "Meta predicted-value events",
        _meta_events,
        needs=("email",),
        rules=(
            rules.names_currency,
            rules.passed_its_test,
            rules.is_spread_out,
            rules.hundred_a_week,
            rules.is_recent,
            rules.has_happened,
        ),
        unusable={"orders worth nothing: Meta accepts only positive values": _worthless("predicted_value")},
        of_orders=True,
        once=True,
    ),
    "klaviyo": _mailing("Klaviyo profile import", "Email Address", "", rules.fits_klaviyo),
    "hubspot": _mailing("HubSpot contact import", "Email", "cltv_", rules.fits_hubspot),
    "mailchimp": _mailing(
        "Mailchimp audience import",
        "Email Address",
        "CLTV_",
        unusable={"accents before the @, which Mailchimp does not accept": rules.beyond_ascii},
    ),
    "warehouse": ExportFormat("Table for the warehouse", _warehouse),
}
