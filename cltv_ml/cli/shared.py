"""What the commands share: consoles, options, progress bars, reading and checking the data."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from cltv_ml.addresses import is_url, without_secrets
from cltv_ml.config import Settings, load_settings, merge, parse_mapping, parse_rules
from cltv_ml.data import DATASETS, Cleaned, Raw, change_rules, clean, read
from cltv_ml.errors import InputError
from cltv_ml.windows import to_days

if TYPE_CHECKING:
    from cltv_ml.evaluation.metrics import Targeting

console = Console()
stderr = Console(stderr=True)

Data = Annotated[
    str, typer.Option(help="A file, folder, database URL, or the name of a data set such as cdnow.")
]
Mapping = Annotated[
    list[str] | None,
    typer.Option(help="name=column, such as customer_id=CustomerID; may be repeated; or a TOML file."),
]
Query = Annotated[
    str, typer.Option(help="Of a database its table or one SELECT, of a workbook its sheet; else not needed.")
]
Rule = Annotated[
    list[str] | None,
    typer.Option(
        "--rule",
        help="How to clean, such as day_first=true, decimal=. timezone=Europe/Paris, off=exact_duplicate, "
        "rates=USD:0.92, non_products=POST|M; may be repeated.",
    ),
]
Config = Annotated[Path | None, typer.Option(help="A TOML file with these settings; flags win over it.")]
Horizon = Annotated[
    str, typer.Option(help="Days ahead: 90, 13w, 6m or 1y (1m is 30.4375 days). Default 13w.")
]

Objective = Annotated[
    str, typer.Option(help="What the best order of customers is judged by: gini (default) or profit.")
]
Share = Annotated[
    float, typer.Option(help="With --objective profit: share of customers contacted. Default 0.1.")
]
Cost = Annotated[float, typer.Option(help="With --objective profit: cost of a contact. Default 0.")]
Margin = Annotated[float, typer.Option(help="With --objective profit: share of revenue earned. Default 1.")]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead, for machines.")]

Report = Callable[[str, float], None]


def settings_of(
    config: Path | None, mapping: list[str] | None, rule: list[str] | None, **flags: str
) -> Settings:
    """Return the settings of the TOML file, if any, with the flags over them."""
    base = load_settings(config) if config else Settings()
    rules = {**base.rules, **parse_rules(rule or [])}
    return merge(base, flags | {"mapping": parse_mapping(mapping or []), "rules": rules})


def with_campaign(settings: Settings, share: float, cost: float, margin: float) -> Settings:
    """Return the settings with the flags of a campaign, where they were given, over those of the file.

    Raises
    ------
    InputError
        The objective is unknown, or a campaign is given that decides nothing.
    """
    given = {name: value for name, value in (("share", share), ("cost", cost), ("margin", margin)) if value}
    settings = merge(settings, {"campaign": {**settings.campaign, **given}})
    if settings.objective not in ("", "gini", "profit"):
        raise InputError(f"objective must be gini or profit, got {settings.objective!r}.")
    unknown = set(settings.campaign) - {"share", "cost", "margin"}
    if unknown:
        raise InputError(f"campaign has no {sorted(unknown)}. Available: share, cost, margin.")
    if settings.campaign and settings.objective != "profit":
        raise InputError(
            f"{', '.join(sorted(settings.campaign))} of a campaign decide nothing unless the objective is profit; add "
            "--objective profit."
        )
    return settings


def targeting_of(settings: Settings) -> Targeting | None:
    """Return the campaign by whose profit the order of customers is judged, None where Gini judges it."""
    from cltv_ml.evaluation.metrics import Targeting

    return Targeting(**settings.campaign) if settings.objective == "profit" else None


def check_models(settings: Settings) -> None:
    """Raise InputError for a model or a setting that is not there, where some are named: before data are read."""
    if settings.compete or settings.models:
        from cltv_ml.models import competitors, names_of, with_params

        names = names_of(settings.compete, settings.models)
        with_params(competitors(to_days(settings.horizon), [], names), settings.models)


def load(settings: Settings, report: Report) -> Cleaned:
    """Return the clean log of the settings' data; a mapping that was proposed is shown on stderr."""
    check_given(settings)
    report("reading and cleaning the transactions", 0.0)
    return clean(read_raw(settings))


def check_given(settings: Settings) -> None:
    """Raise InputError where no data are named."""
    if not settings.data:
        raise InputError("no data given; name a file or a data set with --data, for example --data cdnow.")


def read_raw(settings: Settings, memory: str = "2GB") -> Raw:
    """Return the settings' data as they came, to be cleaned by the settings' rules."""
    raw = read(settings.data, dict(settings.mapping) or None, table=settings.query or None, memory=memory)
    if not settings.mapping and settings.data.partition(":")[0] not in DATASETS:
        pairs = ",".join(f"{name}={column}" for name, column in raw.mapping.items())
        stderr.print(f"Mapping   proposed from names and types: {escape(pairs)}", soft_wrap=True)
    zone = {"timezone": settings.timezone} if settings.timezone else {}
    return replace(raw, rules=change_rules(raw.rules, {**settings.rules, **zone}))


def read_scores(path: Path) -> pd.DataFrame:
    """Return the table that `cltv score` wrote, indexed by customer_id.

    Raises
    ------
    InputError
        There is no such file, or it is no table of scores.
    """
    if not path.is_file():
        raise InputError(f"no file {path}; name a table that `cltv score` wrote.")
    table = (
        pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"customer_id": str})
    )
    missing = [name for name in ("customer_id", "expected_value") if name not in table]
    if missing:
        raise InputError(f"{path.name}: missing columns {missing}; name a table that `cltv score` wrote.")
    return table.set_index("customer_id")


def dataset_name(data: str) -> str:
    """Return a data set's name, for a path the file's name alone: folders and passwords stay out of MLflow.

    >>> dataset_name("postgresql://me:secret@host/shop?sslmode=off"), dataset_name("exports/orders.csv")
    ('shop', 'orders.csv')
    >>> dataset_name("postgresql://me:secret@host"), dataset_name("mysql://me:what?@host/shop")
    ('host', 'mysql')
    """
    shown = without_secrets(data).removesuffix("://...") if is_url(data) else data
    return shown.rstrip("/").rsplit("/", 1)[-1]


def show_table(frame: pd.DataFrame, title: str = "") -> None:
    """Print a frame of ready-made text, the first column to the left."""
    table = Table(title=title or None, title_justify="left")
    for number, name in enumerate(frame.columns):
        numeric = number > 0 and frame[name].astype(str).str.match(r"^[-+]?[\d.,]+%?$").all()
        table.add_column(str(name), justify="right" if numeric else "left", overflow="fold")
    for row in frame.astype(str).itertuples(index=False):
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document on stdout: unrounded numbers, tables as lists of rows, what is missing as null."""
    typer.echo(json.dumps(_plain(document), indent=1, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    """Return a value in the types that JSON has.

    >>> _plain({"table": pd.DataFrame({"a": [1.5, None]}), "day": pd.Timestamp("2026-01-02"), "file": Path("out")})
    {'table': [{'a': 1.5}, {'a': None}], 'day': '2026-01-02T00:00:00', 'file': 'out'}
    """
    if isinstance(value, pd.DataFrame):
        return [_plain(row) for row in value.to_dict("records")]
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """Yield a function that moves a progress bar; on a pipe it stays silent."""
    columns = (TextColumn("{task.description:<44}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda message, done: bar.update(task, description=message, completed=done)
