"""Rules of the platforms that take exported files: each returns the sentence if a table breaks it, else ""."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from cltv_ml.actions.identities import is_calling_code
from cltv_ml.money import CURRENCIES
from cltv_ml.tables import ids_among

#: Largest file that Klaviyo imports, in bytes.
_KLAVIYO_BYTES = 50_000_000

#: Most rows of a file that HubSpot imports.
_HUBSPOT_ROWS = 1_048_576


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
    #: One row per order for the formats of orders: `order_id`, `customer_id`, `timestamp` and, where it is known,
    #: `first_order` and `previous_order`.
    orders: pd.DataFrame | None = None
    #: First moment of the orders to write; all by default.
    since: pd.Timestamp | None = None
    #: When the files are written; values are adjusted at this moment, for Google takes none from before.
    now: pd.Timestamp = field(default_factory=lambda: pd.Timestamp.now("UTC"))
    #: Column of the customers whose value is written, such as `lifetime_profit`.
    value: str = "expected_value"
    #: The customers' phone numbers in E.164, "" for none, if they are complete already.
    phones: pd.Series | None = None


RowCheck = Callable[[pd.DataFrame, ExportOrder], str]


def names_currency(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if the currency is no ISO code."""
    if order.currency in CURRENCIES:
        return ""
    return f"the currency must be an ISO code such as EUR, not {order.currency!r}; set it with --currency."


def names_country(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if a calling code is stated that is none."""
    if not order.country_code or is_calling_code(order.country_code):
        return ""
    return f"the calling code must be a number such as 44, not {order.country_code!r}; set it with --country-code."


def names_conversion(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if the conversion has no name."""
    sentence = "the name of the conversion in the ad account is missing; set it with --conversion."
    return "" if order.conversion else sentence


def has_happened(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if orders lie in the future."""
    # A log's clock may be ahead of UTC, by 14 hours at most.
    latest = order.now.tz_localize(None) + pd.Timedelta(hours=14)
    ahead = 0 if order.orders is None else int((order.orders["timestamp"] > latest).sum())
    return (
        f"{ahead:,} orders lie in the future, but a conversion must have happened before its value is sent; "
        "remove them."
        if ahead
        else ""
    )


def can_be_adjusted(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if orders are too old for Google, which adjusts none from more than 54 days ago."""
    first = (order.now.tz_localize(None) - pd.Timedelta(days=54)).normalize() + pd.Timedelta(days=1)
    if order.orders is None:
        return ""
    rows = order.orders[ids_among(order.orders["order_id"], table["Order ID"])]
    old = int((rows["timestamp"] < first).sum())
    return (
        f"{old:,} orders are older than 54 days, and Google adjusts none of them; leave them out with --since "
        f"{first:%Y-%m-%d}."
        if old
        else ""
    )


def passed_its_test(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if the model may not guide bids."""
    if not order.model_passed:
        return "in its test, the model was outside its bounds, and its values would mislead the bidding."
    if not order.model_ranks:
        return (
            "the test does not show that the model ranks customers better than chance, so its values would "
            "mislead the bidding."
        )
    return ""


def is_recent(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if conversions are older than the 7 days that Meta takes."""
    old = int((order.now.timestamp() - table["event_time"] > 7 * 86400).sum())
    return f"{old:,} conversions are older than 7 days; leave them out with --since." if old else ""


def one_address_each(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if an address stands in several rows."""
    twice = int(table.iloc[:, 0].duplicated().sum())
    return f"{twice:,} addresses appear twice; keep one customer per address in --customers." if twice else ""


def fits_klaviyo(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if the file is too large for Klaviyo."""
    size = len(table.to_csv(index=False).encode())
    return (
        f"the file would have {size / 1e6:,.0f} MB, but Klaviyo imports at most {_KLAVIYO_BYTES / 1e6:.0f} MB; "
        "export the customers in several parts."
        if size > _KLAVIYO_BYTES
        else ""
    )


def fits_hubspot(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if the file has too many rows for HubSpot."""
    return (
        f"the file would have {len(table):,} rows, but HubSpot imports at most {_HUBSPOT_ROWS:,}; export the customers "
        "in several parts."
        if len(table) > _HUBSPOT_ROWS
        else ""
    )


def is_spread_out(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if the predicted values differ less than Meta demands."""
    positive = table.loc[table["predicted_value"] > 0, "predicted_value"]
    if positive.nunique() < 5:
        return f"at least 5 distinct positive values are needed, but the file has {positive.nunique()}."
    if positive.max() < 3 * positive.min():
        return "the largest value must be at least 3 times the smallest positive one."
    return ""


def hundred_a_week(table: pd.DataFrame, order: ExportOrder) -> str:
    """Return a sentence if there are fewer events than Meta demands."""
    return (
        "" if len(table) >= 100 else f"at least 100 events a week are needed, but the file has {len(table)}."
    )


def beyond_ascii(table: pd.DataFrame) -> pd.Series[bool]:
    """Return whether an address has letters beyond ASCII before the @."""
    return ~table["Email Address"].str.split("@").str[0].map(str.isascii)


def count_stated_before(table: pd.DataFrame, order: ExportOrder, horizon: int) -> int:
    """Return how many orders of a file are of customers who also ordered within the horizon before its first moment.

    Their value covers the same days as that of the earlier order, which an earlier file may have stated.
    """
    if order.orders is None:
        return 0
    when = order.orders["timestamp"]
    since = when.min().normalize() if order.since is None else order.since
    own = order.orders[ids_among(order.orders["order_id"], table["Order ID"]) & (when >= since)]
    own = own.sort_values("timestamp", kind="stable").drop_duplicates("customer_id")
    if "previous_order" in own:
        before = own["previous_order"]
        return int(((before < since) & (before >= since - pd.Timedelta(days=horizon))).sum())
    earlier = order.orders[(when < since) & (when >= since - pd.Timedelta(days=horizon))]
    return int(ids_among(own["customer_id"], earlier["customer_id"]).sum())
