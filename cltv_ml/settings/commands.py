"""The settings of every command: one class each, its fields in the order of the help."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from cltv_ml.settings.base import (
    Currency,
    Day,
    Days,
    File,
    Names,
    Place,
    Price,
    Repeated,
    Settings,
    TableInput,
    Toml,
    setting,
)
from cltv_ml.settings.parts import (
    CHAMPIONS,
    CURRENCY,
    MARGIN,
    Chosen,
    Competing,
    Costed,
    Customers,
    Judged,
    Printed,
    Redacted,
    Source,
    Windowed,
)

_LIFETIMES_HELP = "Table of `cltv lifetime` for a --value or --basis other than the default."


class _Trained(Printed, Redacted, Judged, Competing, Customers, Source):
    """Settings that every training shares."""

    customers_share: float = setting(
        0.0,
        "Share of customers to learn from, such as 0.5; the model is judged on the others.",
        default_text="off",
    )
    out: File = setting(Path("out"), "Folder for the report and the tables.")
    experiment: str = setting("cltv", "Name of the MLflow experiment.")
    currency: Currency = setting("", CURRENCY)
    force: bool = setting(False, "Train even if the verdict of the data check is no-go.")


class Train(_Trained):
    """Settings of `cltv train`."""

    promote: bool = setting(False, "Compare the result with the champion afterwards, as `cltv promote` does.")


class Demo(Settings):
    """Settings of `cltv demo`."""

    out: File = setting(Path("out"), "Folder for the report and the tables.")


class Tune(Printed, Windowed, Customers, Source):
    """Settings of `cltv tune`."""

    model: str = setting(..., "Name of the model, such as tweedie, hurdle or hybrid.")
    trials: int = setting(50, "Number of trials, including those of an interrupted study.")
    minutes: float | None = setting(
        None, "Minutes after which no further trial starts.", default_text="no limit"
    )
    jobs: int = setting(1, "Number of trials that run at the same time.")
    seed: int = setting(0, "Seed of the search; with --jobs 1, the same seed repeats its trials.")
    out: File = setting(Path("out/tuning"), "Folder for the study and its files.")
    experiment: str = setting("cltv", "Name of the MLflow experiment.")


class Backtest(Printed, Judged, Competing, Customers, Source):
    """Settings of `cltv backtest`."""

    windows: int = setting(3, "Number of test windows, each ending where the next begins.", ge=1)
    currency: Currency = setting("", CURRENCY)
    out: File = setting(Path("out"), "Folder for backtest.csv and backtest.html.")
    experiment: str = setting("cltv", "Name of the MLflow experiment.")


class Promote(Printed, Judged, Customers, Source):
    """Settings of `cltv promote`."""

    dry_run: bool = setting(False, "Show the decision and change nothing.")
    force: bool = setting(False, "Move the alias regardless of the comparison.")
    experiment: str = setting("cltv", "Name of the MLflow experiment that stores the decision.")


class Score(Printed, Customers, Source):
    """Settings of `cltv score`."""

    needs_data: ClassVar = False

    features: File | None = setting(
        None, "Feature table in Parquet, written by `cltv features build`, instead of --data."
    )
    clean_log: File | None = setting(
        None, "Clean log in Parquet instead of --data; may be larger than memory."
    )
    as_of: Day = setting("", "First day that the model does not see.", default_text="the day after the log")
    since: Day = setting("", "Date such as 2024-01-01; customers who only bought before it are left out.")
    younger_than: Days = setting(
        "",
        "Score only new customers, younger than this age, such as 30d.",
        default_text="all ages",
    )
    top_reasons: int = setting(0, "Number of reasons for each value; makes scoring slower.", ge=0)
    covariates: TableInput = setting(
        None,
        "Table with date and a column per campaign or price: the plan from its first date on, in place of "
        "the one used in training, for the Pareto/NBD with a season.",
    )
    new_orders: int = setting(
        0,
        "Number of last days whose orders are also written, each with its customer's value, for value-based "
        "bidding.",
        ge=0,
    )
    out: Place = setting(
        "out", "A .parquet or .csv file, a folder, or a database URL such as sqlite:///shop.db."
    )
    table: str = setting("scores", "Name of the table in the database.")
    alias: str = setting("champion", "Alias of the registered version.")
    engine: Literal["local", "spark"] = setting("local", "Engine: local (this process) or spark.")
    master: str = setting(
        "", "Address of Spark: local[2], spark://host:7077, sc://host.", default_text="local[*]"
    )
    memory: str = setting("1GB", "Memory limit of the engine.")


class _Watched(Settings):
    """Settings that every monitoring shares."""

    thresholds: Toml = setting(
        None, "TOML file with a table [monitor] of bounds for watch and retrain, such as bias = [0.1, 0.2]."
    )


class Monitor(Printed, Redacted, Chosen, _Watched, Customers, Source):
    """Settings of `cltv monitor`."""

    scores: TableInput = setting(
        Path("out/scores.parquet"), "Scores of `cltv score`; without it, out/scores.csv."
    )
    lifetimes: TableInput = setting(None, _LIFETIMES_HELP, default_text="out/lifetime.parquet")
    out: File = setting(Path("out/monitor"), "Folder for monitor.html and the tables.")
    experiment: str = setting("cltv", "Name of the MLflow experiment that stores the series.")
    currency: Currency = setting("", CURRENCY, default_text=CHAMPIONS)


class _Stated(Printed, Redacted, Customers, Source):
    """Figures of the business that the user states; none is assumed."""

    margin_rate: float | None = setting(None, MARGIN)
    category_margins: TableInput = setting(
        None, "Table with category and margin_rate, for categories with a different margin."
    )
    uplift: float | None = setting(
        None, "Share of the value at risk that a treatment saves (your assumption)."
    )
    cost: float | None = setting(None, "Cost of treating one customer, including any discount.")
    budget: float | None = setting(None, "Budget of the retention list.")
    cross_sell_uplift: float | None = setting(
        None, "Share by which showing a product raises its sales (your assumption)."
    )
    upsell_share: float | None = setting(
        None, "Share of customers who buy a more expensive product when they see it (your assumption)."
    )
    exclude: Repeated = setting([], "Product or category that no list may show, such as FUEL; repeatable.")
    acquisition_cost: Price | None = setting(
        None,
        "Cost of winning one customer, for the profit and the payback month: a number, or a table with "
        "channel or month and acquisition_cost (per customer) or cost (in total).",
    )
    campaign: TableInput = setting(
        None, "Table of a past randomised campaign: customer_id, arm and, if known, propensity."
    )
    campaign_start: Day = setting("", "First day of the past campaign.")
    campaign_days: Days = setting("28", "Days over which the effect of the past campaign is measured.")
    control: str = setting("control", "Arm of the past campaign without treatment.")
    split_by: str = setting(
        "", "Column of --customers or of the data whose levels split segments, such as country."
    )
    currency: Currency = setting("", CURRENCY)


class Act(Chosen, _Stated):
    """Settings of `cltv act`."""

    lifetimes: TableInput = setting(None, _LIFETIMES_HELP, default_text="out/lifetime.parquet")
    before: TableInput = setting(
        None,
        "customers.csv of an earlier run, to show what has changed.",
        default_text="that of the previous run, in --out",
    )
    out: File = setting(Path("out/actions"), "Folder for the tables and actions.html.")
    currency: Currency = setting("", CURRENCY, default_text=CHAMPIONS)


class Weekly(_Stated, _Watched, _Trained):
    """Settings of `cltv weekly`: those of train, monitor and act."""

    #: A cost and a margin also decide about lists.
    only_with: ClassVar = {"share": ("objective", "profit")}

    cost: float = setting(
        0.0, "Cost of treating one customer, including any discount.", default_text="not stated"
    )


class Evaluate(Printed, Source):
    """Settings of `cltv act evaluate`."""

    actions: TableInput = setting(..., "Campaign list, such as retention_list.csv.")
    start: Day = setting(..., "First day of the campaign.")
    margin_rate: float = setting(..., MARGIN)
    horizon: Days = setting("13w", "Length of the campaign: 90, 13w, 6m or 1y (1m is 30.4375 days).")
    out: File = setting(Path("out/outcome.csv"), "A .csv or .parquet file, or a folder.")


class Learn(Printed):
    """Settings of `cltv act learn`."""

    campaign: TableInput = setting(..., "Table with one row per customer, .csv or .parquet.")
    features: Names = setting(
        ..., "Columns known before the campaign, separated by commas: recency,history,channel."
    )
    outcome: str = setting(..., "Column with each customer's outcome, such as visit or spend.")
    worth: float = setting(..., "Profit of one unit of the outcome; for revenue, the margin rate.")
    cost: float = setting(..., "Cost of treating one customer.")
    arm: str = setting("arm", "Column with each customer's treatment.")
    control: str = setting("control", "Arm without treatment.")
    out: File = setting(Path("out/lesson"), "Folder for the tables and lesson.html.")


def _in_out(description: str, file: str) -> Any:
    """Return the setting of a table that an earlier command wrote to the folder --out."""
    return setting(None, description, default_text=f"{file} in the folder --out")


class Report(Redacted, Chosen, Settings):
    """Settings of `cltv report`."""

    out: Place = setting("out", "Folder for report.html, report.md or report.json; - prints it.")
    format: Literal["html", "markdown", "json"] = setting("html", "Format of the report.")
    scores: TableInput = _in_out("Scores of `cltv score`.", "scores.parquet")
    before: TableInput = setting(
        None,
        "Earlier scores, to show what has changed.",
        default_text="the newest earlier scores next to --scores",
    )
    actions: TableInput = _in_out(
        "actions.json of `cltv act`, to name the lists with the highest profit.", "actions/actions.json"
    )
    forecast: TableInput = _in_out(
        "Table of `cltv forecast`, to show the expected spend of new customers.", "forecast.csv"
    )
    lifetimes: TableInput = _in_out(
        "Table of `cltv lifetime`, to show customers' lifetime value.", "lifetime.parquet"
    )
    lookup: int = setting(
        0,
        "Number of customers to look up by id: those with the highest value at risk or, without it, value.",
        ge=0,
    )
    currency: Currency = setting("", "Currency of all amounts.", default_text="that of the training")
    experiment: str = setting("cltv", "Name of the MLflow experiment.")


class Plot(Printed, Customers, Source):
    """Settings of `cltv plot`."""

    needs_data: ClassVar = False

    name: str = setting("", "Name of a figure; without one, all figures are listed.", flag="argument")
    before: TableInput = setting(
        None, "Scores of an earlier `cltv score` or `cltv act`, for figures that show changes."
    )
    customer: str = setting("", "Customer shown by `alive_history` and `value_curve`.")
    feature: str = setting("", "Feature that `dependence` varies.", default_text="the most important one")
    model: str = setting(
        "", "Probabilistic model for a diagnostic figure.", default_text="the one that ranks best"
    )
    metric: str = setting("gini", "Metric that `metric_ranges` shows.")
    out: File | None = setting(None, "A .html or .json file.", default_text="out/NAME.html")
    experiment: str = setting("cltv", "Name of the MLflow experiment of the training.")
    currency: Currency = setting("", CURRENCY, default_text=CHAMPIONS)


class Lifetime(Printed, Chosen, Costed, Customers, Source):
    """Settings of `cltv lifetime`."""

    horizons: Names = setting([], "Further horizons to report, such as 30d,91d,1y; they must increase.")
    end: Days = setting("5y", "Time over which purchases count, from the end of the log.")
    discount_rate: float = setting(
        0.0, "Effective yearly rate, such as 0.1, from the moment of each purchase."
    )
    returned_share: float = setting(
        0.0, "Share of revenue that customers return, if the log does not show it.", ge=0, lt=1
    )
    rebate_share: float = setting(
        0.0, "Share of revenue given as discounts, if the log's amounts do not show it.", ge=0, lt=1
    )
    acquisition_cost: Price = setting(
        0.0,
        "Cost of winning one customer, subtracted once: a number, or a table with channel or month and "
        "acquisition_cost (per customer) or cost (in total).",
    )
    top_reasons: int = setting(
        0, "Number of reasons for each customer's value; makes the command slower.", ge=0
    )
    out: File = setting(Path("out/lifetime.parquet"), "A .parquet or .csv file, or a folder.")
    currency: Currency = setting("", "Currency printed with the totals.", default_text=CHAMPIONS)


class Export(Chosen, Printed, Settings):
    """Settings of `cltv export`."""

    formats: Names = setting(
        ...,
        "Formats, separated by commas: google_customer_match, google_conversion_adjustments, "
        "meta_value_audience, meta_predicted_value, klaviyo, hubspot, mailchimp, warehouse.",
        flag="argument",
    )
    scores: TableInput = setting(
        Path("out/scores.parquet"), "Scores, or a list of `cltv act`, .parquet or .csv."
    )
    lifetimes: TableInput = setting(None, _LIFETIMES_HELP, default_text="out/lifetime.parquet")
    customers: TableInput = setting(
        None, "Table with customers' ids, email, phone and opt-outs, .parquet or .csv."
    )
    orders: TableInput = setting(
        None, "Orders from any source: order_id, customer_id and timestamp, for formats that need them."
    )
    since: Day = setting("", "First day of the orders to write.")
    currency: Currency = setting("", "ISO code of the values, such as EUR.", default_text=CHAMPIONS)
    country_code: str = setting("", "Calling code for phone numbers without one, such as 44.")
    conversion: str = setting("", "Name of the conversion in the ad account.")
    out: File = setting(Path("out/export"), "Folder for the files and manifest.json.")
