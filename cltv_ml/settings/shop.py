"""The settings of the commands that look at the whole shop: cohorts and the customer-base audit."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cltv_ml.settings.base import File, Table, setting
from cltv_ml.settings.commands import CURRENCY, MARGIN, Printed, Source


class Cohorts(Printed, Source):
    """Settings of `cltv cohorts`."""

    by: str = setting(
        "first_month",
        "What customers are grouped by: first_month, first_quarter, first_product, first_category, first_channel, "
        "first_discount or first_order_fifth.",
    )
    per: Literal["week", "month", "quarter", "year"] = setting("month", "Period since the first purchase.")
    margin_rate: float | None = setting(None, MARGIN)
    out: File = setting(
        Path("out/cohorts.csv"), "A .csv or .parquet file; a page with figures is written next to it."
    )
    currency: str = setting("", CURRENCY)


class Audit(Printed, Source):
    """Settings of `cltv audit`."""

    per: Literal["auto", "year", "quarter", "month"] = setting(
        "auto",
        "Length of a period; auto takes the longest of which the log holds two.",
    )
    calendar: bool = setting(
        False, "Calendar years, quarters or months instead of periods that end with the log's last day."
    )
    margin_rate: float | None = setting(None, MARGIN)
    category_margins: Table = setting(
        None, "CSV file with the columns category and margin_rate, where rates differ by category."
    )
    out: File = setting(Path("out/audit"), "Folder for audit.html and a CSV file per table.")
    currency: str = setting("", CURRENCY)
