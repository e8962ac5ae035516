"""Parts of settings that several commands share: the source, its customers, the window, the models, the evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from cltv_ml.addresses import is_url, without_secrets
from cltv_ml.errors import InputError
from cltv_ml.settings.base import (
    CleaningRules,
    ColumnMapping,
    Day,
    HorizonsText,
    ModelParams,
    Models,
    Names,
    Settings,
    TableInput,
    setting,
)

_LAST = "the last date minus the horizon"
CURRENCY = "Currency shown in figures, such as EUR."
CHAMPIONS = "that of the champion's training"
LOGS = "that of the data, else that of the champion's training"
MARGIN = "Share of revenue left after costs; 0.3 is 30%."


def name_of(source: Any) -> str:
    """Return the name of a source without folders and passwords; empty for a table in memory.

    >>> name_of("crm/customers.csv"), name_of("sqlite:///crm.db")
    ('customers.csv', 'crm.db')
    """
    if not isinstance(source, str | Path):
        return ""
    text = str(source)
    shown = without_secrets(text).removesuffix("://...") if is_url(text) else text
    return shown.rstrip("/").rsplit("/", 1)[-1]


class Source(Settings):
    """The data of a command; in Python also a frame, or what `clean` returned."""

    #: Whether the command always reads these data.
    needs_data: ClassVar[bool] = True

    data: Any = setting(
        "", "File, folder, URL of a database or of files (s3://), or name of a data set such as cdnow."
    )
    mapping: ColumnMapping = setting(
        {}, "Column of a field, name=column, such as customer_id=CustomerID (repeatable), or a TOML file."
    )
    query: str = setting(
        "",
        "Name of the database table or a SELECT statement; sheet name for workbooks; file name for folders "
        "and zip files.",
    )
    header_row: int = setting(
        0,
        "Row of the file with the column names, counted from 1; 0 searches for it, even below a title.",
    )
    rules: CleaningRules = setting(
        {},
        "Cleaning rule, such as day_first=true, decimal=. timezone=Europe/Paris, off=exact_duplicate, "
        "rates=USD:0.92, non_products=POST|M; repeatable.",
        flag="--rule",
    )
    timezone: str = setting("", "Time zone of the shop, if times have one, such as Europe/Paris.")
    observed_until: Day = setting(
        "",
        "Last day with complete data, such as 2025-06-30.",
        default_text="the day of the last sale",
    )

    @property
    def names_data(self) -> bool:
        """Whether data are given at all."""
        return not isinstance(self.data, str) or self.data != ""

    def check_given(self) -> None:
        """Raise InputError if no data are named."""
        if not self.names_data:
            raise InputError(
                "no data given; give a file or a data set with --data, for example --data cdnow."
            )

    @property
    def dataset(self) -> str:
        """A data set's name, for a path the file's name alone: folders and passwords stay out of MLflow.

        >>> Source(data="postgresql://me:secret@host/shop?sslmode=off").dataset
        'shop'
        >>> Source(data="mysql://me:what?@host/shop").dataset, Source(data="exports/orders.csv").dataset
        ('mysql', 'orders.csv')
        """
        return name_of(self.data) if isinstance(self.data, str | Path) else "transactions"


class Customers(Settings):
    """Tables about customers besides their purchases."""

    customers: Any = setting(
        "",
        "Table of customers, read like --data: their id, any attributes, and valid_from if rows are dated.",
    )
    attributes: ColumnMapping = setting(
        {},
        "Kind of a column of --customers, column=kind: customer_id, valid_from, category, number, date, "
        "'birth date', yes/no, or none to leave it out; repeatable.",
        flag="--attribute",
    )
    contacts: Any = setting(
        "", "Table of campaign contacts, read like --data: id, time, and campaign, channel, cost, response."
    )
    contact_columns: ColumnMapping = setting(
        {},
        "Kind of a column of --contacts, column=kind: customer_id, timestamp, campaign, channel, cost, "
        "response; repeatable.",
        flag="--contact",
    )
    protected: Names = setting(
        [],
        "Column of the data or of --customers that no model and no list may use, such as gender; "
        "repeatable, or separated by commas. A training that states none keeps the champion's; none lifts them.",
    )

    @property
    def names_customers(self) -> bool:
        """Whether a table of customers is given."""
        return not isinstance(self.customers, str) or self.customers != ""

    @property
    def names_contacts(self) -> bool:
        """Whether a table of contacts is given."""
        return not isinstance(self.contacts, str) or self.contacts != ""

    def toml(self, **changes: Any) -> str:
        """Return the settings as TOML, tables by their names alone: folders and passwords stay out of MLflow."""
        names = {"customers": name_of(self.customers), "contacts": name_of(self.contacts)}
        return super().toml(**{**names, **changes})


class Costed(Settings):
    """Costs of an order, and the margin that they leave."""

    margin_rate: float | None = setting(None, MARGIN)
    category_margins: TableInput = setting(
        None, "CSV file with the columns category and margin_rate, if rates differ by category."
    )
    per_order: float = setting(0.0, "Cost of serving one order: picking, shipping, support.", ge=0)
    share_of_amount: float = setting(
        0.0, "Costs in proportion to revenue, such as 0.03 for payment fees.", ge=0
    )


class Printed(Settings):
    """Whether a command prints text or JSON."""

    as_json: bool = setting(False, "Print one JSON document, for programs.", flag="--json")


class Chosen(Settings):
    """The value of a customer that tiers, lists and reports use."""

    value: Literal["horizon", "remaining", "lifetime"] = setting(
        "horizon", "Value to use: within the horizon, remaining (all future), or lifetime (past and future)."
    )
    basis: Literal["revenue", "profit"] = setting("revenue", "Measure of the value: revenue or profit.")


class Redacted(Settings):
    """Whether a page may name customers."""

    redact: bool = setting(
        False,
        "Write customer 1, customer 2 instead of ids and names, so that the page can be shared.",
    )


class Judged(Settings):
    """The measure that judges the ranking of customers."""

    only_with: ClassVar = dict.fromkeys(("share", "cost", "margin_rate"), ("objective", "profit"))

    objective: Literal["gini", "profit"] = setting(
        "gini", "Measure that judges the ranking of customers: gini, or the profit of a campaign."
    )
    share: float = setting(0.1, "Share of customers that the campaign contacts, with --objective profit.")
    cost: float = setting(0.0, "Cost of one contact, with --objective profit.")
    margin_rate: float | None = setting(
        None, "Share of revenue left after costs, with --objective profit.", default_text="1"
    )


class Windowed(Settings):
    """The test window, and the number of earlier windows that a training learns from."""

    cutoff: Day = setting("", "First day of the test window, which no model sees.", default_text=_LAST)
    horizon: HorizonsText = setting(
        "13w", "Length of the forecast: 90, 13w, 6m or 1y (1m is 30.4375 days), or several: 30d,91d,1y."
    )
    max_origins: int = setting(
        6, "Maximum number of training windows about a month apart; those of earlier years are added."
    )


class Competing(Windowed):
    """The models that are compared, and their parameters."""

    models: Models = setting(
        "",
        "Names of the models to compare, such as tweedie,ziln or mine.py:MyModel.",
        default_text="the eight usual models",
    )
    params: ModelParams = setting({}, "TOML file with parameters of models, as `cltv tune` writes it.")
    holidays: TableInput = setting(
        None,
        "Table of movable holidays such as Easter (columns holiday and date), for the forecast of the total.",
    )
    covariates: TableInput = setting(
        None,
        "Table with date and a column per campaign or price, known until the end of the forecast, for the Pareto/NBD "
        "with a season.",
    )
