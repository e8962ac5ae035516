"""Data before any model: `cltv data list | describe | fetch | formats | check`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cltv_ml.cli.asking import ask_until_settled
from cltv_ml.cli.options import command, complete_dataset
from cltv_ml.cli.printing import Json, console, print_json, progress, show_table
from cltv_ml.errors import unknown_name
from cltv_ml.money import format_exactly
from cltv_ml.settings import Check

if TYPE_CHECKING:
    from cltv_ml.customers import CleanedShop, CustomerTables
    from cltv_ml.data import DataVerdict
    from cltv_ml.data.account import Report

#: The account's sums for programs, in order.
_COUNTS = (
    "rows_in",
    "rows_kept",
    "money_in",
    "money_kept",
    "money_quarantined",
    "money_netted",
    "money_capped",
    "rows_unreadable",
    "money_unreadable",
)

#: Number of unused columns that the terminal names.
_SHOWN_UNUSED = 60

app = typer.Typer(
    no_args_is_help=True, help="Inspect data before training: named data sets, checks, mappings."
)

Name = Annotated[
    str, typer.Argument(help="A data set's name, see `cltv data list`.", autocompletion=complete_dataset)
]


@app.command("list")
def list_datasets(as_json: Json = False) -> None:
    """List the data sets that --data accepts by name.

    Example: `cltv data list`
    """
    import pandas as pd

    from cltv_ml.data import DATASETS

    rows = [
        (
            name,
            name == "synthetic" or dataset.find() is not None,
            dataset.about.split(". ")[0].rstrip(".") + ".",
        )
        for name, dataset in DATASETS.items()
    ]
    if as_json:
        print_json({"datasets": pd.DataFrame(rows, columns=["name", "here", "about"])})
        return
    shown = [(name, "yes" if here else "no", about) for name, here, about in rows]
    show_table(pd.DataFrame(shown, columns=["Name", "Here", "Description"]))


@app.command()
def describe(name: Name, as_json: Json = False) -> None:
    """Show a data set's origin, the mapping of its columns, and its pitfalls.

    Example: `cltv data describe cdnow`
    """
    from cltv_ml.data import DATASETS

    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    dataset = DATASETS[name]
    if as_json:
        wanted = ("name", "about", "licence", "mapping", "traps")
        print_json({part: getattr(dataset, part) for part in wanted})
        return
    console.print(escape(dataset.about))
    console.print(f"Licence   {escape(dataset.licence)}")
    console.print(
        "Mapping   " + escape(", ".join(f"{key}={column}" for key, column in dataset.mapping.items()))
    )
    for trap in dataset.traps:
        console.print(f"Trap      {escape(trap)}")


@app.command("formats")
def list_formats(as_json: Json = False) -> None:
    """List the exports of shops and tools that are recognised by their headings.

    Example: `cltv data formats`
    """
    import pandas as pd

    from cltv_ml.columns.formats import formats

    if as_json:
        wanted = ("name", "title", "about", "amount_is", "headings", "mapping", "levels", "traps")
        print_json(
            {"formats": [{part: getattr(export, part) for part in wanted} for export in formats().values()]}
        )
        return
    rows = [(name, export.title, export.amount_is) for name, export in formats().items()]
    show_table(pd.DataFrame(rows, columns=["Name", "Export", "The amount is the"]))


@app.command("fetch")
def fetch_dataset(name: Name) -> None:
    """Download a public data set and verify its checksum, unless it is stored already.

    Example: `cltv data fetch online_retail`
    """
    from cltv_ml.data import fetch

    console.print(f"{name}: {escape(str(fetch(name)))}", soft_wrap=True)


@command(app.command, Check)
def check(settings: Check) -> None:
    """Clean a log and show how it was read, what was set aside and why, and whether to train on it.

    Example: `cltv data check --data orders.csv --horizon 13w --save-mapping mapping.toml --html check.html`
    """
    from cltv_ml import pipelines
    from cltv_ml.pipelines.inputs import chosen_horizon

    def run(settings: Check) -> tuple[CleanedShop, DataVerdict]:
        """Check the data behind a progress bar."""
        with progress("checking") as advance:
            return pipelines.check(settings, progress=advance)

    if settings.interactive:
        (cleaned, verdict), settings = ask_until_settled(settings, run)
    else:
        cleaned, verdict = run(settings)
    days = chosen_horizon(settings.horizon, cleaned.transactions.span)
    if settings.as_json:
        print_json(_account_as_json(cleaned, verdict, days))
        return
    _show_account(cleaned, settings.currency or cleaned.report.currency)
    console.print(f"Verdict   [bold]{verdict.level}[/bold] for a horizon of {days} days")
    for reason in verdict.reasons:
        console.print(f"          {escape(reason)}")
    files = {"Mapping": settings.save_mapping, "Set aside": settings.quarantine, "Report": settings.html}
    for name, path in files.items():
        if path:
            console.print(f"{name:<9} [bold]{path}[/bold]")


def _show_account(cleaned: CleanedShop, currency: str) -> None:
    """Print what became of the lines and of the money, and what is doubtful."""
    from cltv_ml.data import compute_summary, doubt_products

    exactly = partial(format_exactly, currency=currency, unit=False)
    account = cleaned.report
    _show_sums(account, exactly)
    if len(cleaned.log):
        facts = compute_summary(cleaned.log).iloc[0]
        console.print(
            f"Log       {facts['customers']:,} customers, {facts['orders']:,} orders, {facts['first']:%Y-%m-%d} "
            f"to {facts['last']:%Y-%m-%d}"
        )
    if account.rows_unreadable:
        console.print(
            f"Unread    {account.rows_unreadable:,} lines that are broken or have an unreadable amount, about "
            f"{exactly(account.money_unreadable)}, are in none of these sums"
        )
    if account.unused:
        more = len(account.unused) - _SHOWN_UNUSED
        others = f" and {more:,} more, listed with --json" if more > 0 else ""
        console.print(f"Unused    {escape(', '.join(map(repr, account.unused[:_SHOWN_UNUSED])))}{others}")
    for note in [*account.notes, *doubt_products(cleaned.log)]:
        console.print(f"Note      {escape(note)}")
    _show_attributes(cleaned.customers)


def _show_attributes(customers: CustomerTables) -> None:
    """Print what each column about customers is used for."""
    if customers.attributes is None:
        return
    table = customers.attributes.account_table()
    table["missing"] = [f"{share:.0%}" for share in table["missing"]]
    show_table(table, f"{customers.attributes.rows:,} rows about customers; by column:")


def _show_sums(account: Report, exactly: Callable[[float], str]) -> None:
    """Print what became of the lines and of the money."""
    touched = account.rules[account.rules["rows"] > 0]
    table = touched.assign(
        rows=[f"{rows:,}" for rows in touched["rows"]], money=[exactly(money) for money in touched["money"]]
    )[["rule", "rows", "money"]]
    if len(table):
        show_table(table, f"{account.rows_in:,} lines read, {account.rows_kept:,} kept; set aside:")
    else:
        console.print(f"Lines     {account.rows_in:,} read, all kept")
    console.print(
        f"Money     {exactly(account.money_in)} in = {exactly(account.money_kept)} kept "
        f"+ {exactly(account.money_quarantined)} set aside + {exactly(account.money_netted)} netted "
        f"+ {exactly(account.money_capped)} capped"
    )


def _account_as_json(cleaned: CleanedShop, verdict: DataVerdict, horizon: int) -> dict[str, Any]:
    """Return the check's account for programs: money in currency, horizon in days."""
    from cltv_ml.data import compute_summary, doubt_products

    account = cleaned.report
    return {
        "verdict": verdict.level,
        "reasons": verdict.reasons,
        "horizon": horizon,
        **{name: getattr(account, name) for name in _COUNTS},
        "rules": account.rules[["rule", "rows", "money"]],
        "summary": compute_summary(cleaned.log) if len(cleaned.log) else [],
        "notes": [*account.notes, *doubt_products(cleaned.log)],
        "mapping": account.mapping,
        "levels": account.levels,
        "unused": account.unused,
        **_attributes(cleaned.customers),
    }


def _attributes(customers: CustomerTables) -> dict[str, Any]:
    """Return the account of the tables about customers; empty if there is none."""
    account: dict[str, Any] = {}
    if customers.attributes is not None and customers.coverage is not None:
        account["attributes"] = customers.attributes.account_table()
        account["attribute_coverage"] = asdict(customers.coverage)
    if customers.contacts is not None and customers.contact_coverage is not None:
        account["contacts"] = {"rows": customers.contacts.rows, "mapping": dict(customers.contacts.mapping)}
        account["contact_coverage"] = asdict(customers.contact_coverage)
    return account
