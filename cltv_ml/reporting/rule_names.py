"""Names of the cleaning rules in words, for readers who do not know those of the settings."""

#: By rule (`cltv_ml.data.REASONS`): why it sets a line aside, in few words.
SHORT_REASONS = {
    "broken_line": "damaged line",
    "not_completed": "not a completed sale",
    "missing_customer": "no customer",
    "placeholder_customer": "placeholder customer",
    "bad_date": "unreadable date",
    "future_date": "date in the future",
    "implausible_date": "implausible date",
    "bad_amount": "unreadable amount",
    "continuation": "second line of an item",
    "contradictory_signs": "contradictory signs",
    "unknown_currency": "no currency",
    "non_product": "postage or fee",
    "adjustment": "test or adjustment",
    "total_row": "sum of other lines",
    "superseded": "earlier status",
    "repeated_total": "repeated order total",
    "repeated_line": "line repeated by a join",
    "exact_duplicate": "equal to an earlier line",
    "cancellation": "cancelled or returned",
    "refunded": "refunded",
    "return_without_order": "return without a purchase",
    "customer_total": "everything returned",
    "free_order": "free order",
    "history_before_log": "customer of earlier days",
}
