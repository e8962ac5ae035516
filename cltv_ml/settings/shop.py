"""The settings of the commands that look at the whole shop: cohorts, audit, forecast, acquisition."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cltv_ml.settings.base import Currency, Days, File, Names, TableInput, setting
from cltv_ml.settings.parts import (
    CHAMPIONS,
    CURRENCY,
    LOGS,
    MARGIN,
    Costed,
    Customers,
    Printed,
    Redacted,
    Source,
)


class Cohorts(Printed, Customers, Source):
    """Settings of `cltv cohorts`."""

    by: str = setting(
        "first_month",
        "Grouping of the customers: first_month, first_quarter, first_product, first_category, first_channel, "
        "first_discount, first_order_fifth, or a column of --customers.",
    )
    per: Literal["week", "month", "quarter", "year"] = setting("month", "Period since the first purchase.")
    margin_rate: float | None = setting(None, MARGIN)
    horizons: Names = setting(
        [],
        "Horizons for which the champion's expected value is added, such as 91d,1y; needs a trained "
        "champion.",
    )
    out: File = setting(
        Path("out/cohorts.csv"),
        "A .csv or .parquet file, or a folder; a page with figures is written next to it.",
    )
    currency: Currency = setting("", CURRENCY, default_text=LOGS)


class Audit(Printed, Redacted, Source):
    """Settings of `cltv audit`."""

    per: Literal["auto", "year", "quarter", "month"] = setting(
        "auto",
        "Length of a period; auto takes the longest that fits twice into the log.",
    )
    calendar: bool = setting(
        False, "Use calendar years, quarters or months instead of periods that end with the log's last day."
    )
    margin_rate: float | None = setting(None, MARGIN)
    category_margins: TableInput = setting(
        None, "CSV file with the columns category and margin_rate, if rates differ by category."
    )
    out: File = setting(Path("out/audit"), "Folder for audit.html and a CSV file per table.")
    currency: Currency = setting("", CURRENCY, default_text=LOGS)


class Forecast(Printed, Source):
    """Settings of `cltv forecast`."""

    horizon: Days = setting("1y", "Length of the forecast: 91, 13w, 6m, 1y or longer.")
    per: Literal["auto", "week", "month"] = setting(
        "auto", "Length of a period; auto uses weeks up to half a year and months beyond."
    )
    holidays: TableInput = setting(
        None,
        "CSV file with the columns date and name: days on which unusually many or few customers are won.",
    )
    margin_rate: float | None = setting(None, MARGIN)
    share_of_amount: float = setting(
        0.0, "Costs in proportion to revenue, such as 0.03 for payment fees.", ge=0
    )
    per_order: float = setting(0.0, "Cost of serving one order: picking, shipping, support.", ge=0)
    acquisition_cost: float = setting(0.0, "Cost of winning one customer.", ge=0)
    discount_rate: float = setting(0.0, "Effective yearly rate, such as 0.1.")
    before: TableInput = setting(
        None,
        "Earlier forecast to compare with the realised revenue.",
        default_text="the one that an earlier run wrote to --out",
    )
    out: File = setting(
        Path("out/forecast.csv"),
        "A .csv or .parquet file, or a folder; a page with figures is written next to it.",
    )
    experiment: str = setting("cltv", "Name of the MLflow experiment.")
    currency: Currency = setting("", CURRENCY, default_text=CHAMPIONS)


class Acquisition(Printed, Costed, Customers, Source):
    """Settings of `cltv acquisition`."""

    costs: TableInput = setting(
        ...,
        "CSV or Parquet file with the columns month (or date) and cost; also channel, campaign and currency.",
    )
    channel: str = setting(
        "",
        "Column of --customers with the channel that won each customer.",
        default_text="a channel of --customers, else that of the first order",
    )
    age: int = setting(365, "Age in days at which value is compared with cost: 30, 60, 90, 180, 365 or 720.")
    out: File = setting(Path("out/acquisition"), "Folder for acquisition.html and a CSV file per table.")
    experiment: str = setting("cltv", "Name of the MLflow experiment.")
    currency: Currency = setting("", CURRENCY, default_text=LOGS)
