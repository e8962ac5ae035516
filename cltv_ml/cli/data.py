"""The data before any model: `cltv data list | describe | fetch | formats | check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.markup import escape

from cltv_ml.cli.shared import (
    Config,
    Data,
    Horizon,
    Json,
    Mapping,
    Query,
    Rule,
    console,
    load,
    print_json,
    progress,
    settings_of,
    show_table,
)
from cltv_ml.data import (
    DATASETS,
    Cleaned,
    Verdict,
    compute_summary,
    doubt_products,
    fetch,
    judge,
    write_mapping,
)
from cltv_ml.data.formats import formats
from cltv_ml.errors import InputError
from cltv_ml.windows import to_days

app = typer.Typer(
    no_args_is_help=True, help="Look at data before any model: named data sets, checks, mappings."
)

Name = Annotated[str, typer.Argument(help="A data set's name, see `cltv data list`.")]


@app.command("list")
def list_datasets(as_json: Json = False) -> None:
    """List the data sets that are known by name.

    Example: `cltv data list`
    """
    rows = [
        (
            name,
            name == "synthetic" or found.find() is not None,
            found.about.split(". ")[0].rstrip(".") + ".",
        )
        for name, found in DATASETS.items()
    ]
    if as_json:
        print_json({"datasets": pd.DataFrame(rows, columns=["name", "here", "about"])})
        return
    shown = [(name, "yes" if here else "no", about) for name, here, about in rows]
    show_table(pd.DataFrame(shown, columns=["Name", "Here", "What it is"]))


@app.command()
def describe(name: Name, as_json: Json = False) -> None:
    """Say what a data set is, how its columns map, and what in it misleads.

    Example: `cltv data describe cdnow`
    """
    if name not in DATASETS:
        raise InputError(f"Unknown data set {name!r}. Available: {sorted(DATASETS)}.")
    found = DATASETS[name]
    if as_json:
        wanted = ("name", "about", "licence", "mapping", "traps")
        print_json({part: getattr(found, part) for part in wanted})
        return
    console.print(escape(found.about))
    console.print(f"Licence   {escape(found.licence)}")
    console.print(
        "Mapping   " + escape(", ".join(f"{key}={column}" for key, column in found.mapping.items()))
    )
    for trap in found.traps:
        console.print(f"Trap      {escape(trap)}")


@app.command("formats")
def list_formats(as_json: Json = False) -> None:
    """List the exports of shops and tools that are recognised by their headings.

    Example: `cltv data formats`
    """
    if as_json:
        wanted = ("name", "title", "about", "amount_is", "headings", "mapping", "levels", "traps")
        print_json(
            {"formats": [{part: getattr(known, part) for part in wanted} for known in formats().values()]}
        )
        return
    rows = [(name, known.title, known.amount_is) for name, known in formats().items()]
    show_table(pd.DataFrame(rows, columns=["Name", "Export", "An amount is the"]))


@app.command("fetch")
def fetch_dataset(name: Name) -> None:
    """Download a public data set, with its checksum verified, unless it is here already.

    Example: `cltv data fetch online_retail`
    """
    console.print(f"{name}: {escape(str(fetch(name)))}", soft_wrap=True)


@app.command()
def check(
    data: Data = "",
    mapping: Mapping = None,
    query: Query = "",
    rule: Rule = None,
    horizon: Horizon = "",
    config: Config = None,
    save_mapping: Annotated[Path | None, typer.Option(help="Write the mapping to this TOML file.")] = None,
    quarantine: Annotated[
        Path | None, typer.Option(help="Write the lines set aside, with their reasons: .csv or .parquet.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report with figures to this file.")] = None,
    currency: Annotated[str, typer.Option(help="Written in the report, such as EUR.")] = "",
    as_json: Json = False,
) -> None:
    """Clean a log and say what was understood, what was set aside and why, and whether to train on it.

    Example: `cltv data check --data orders.csv --horizon 13w --save-mapping mapping.toml --html check.html`
    """
    settings = settings_of(config, mapping, rule, query=query, data=data, horizon=horizon)
    days = to_days(settings.horizon)
    with progress("checking") as done:
        cleaned = load(settings, done)
        verdict = judge(cleaned.log, days, cleaned.report)
    account = cleaned.report
    if save_mapping:
        write_mapping(account.mapping, save_mapping)
    if quarantine:
        from cltv_ml.files import write_table

        write_table(cleaned.quarantine, quarantine)
    if html:
        _write_report(html, cleaned, verdict, currency or settings.currency)
    if as_json:
        print_json(_account(cleaned, verdict, days))
        return
    touched = account.rules[account.rules["rows"] > 0]
    shown = touched.assign(
        rows=[f"{rows:,}" for rows in touched["rows"]], money=[f"{money:,.2f}" for money in touched["money"]]
    )[["rule", "rows", "money"]]
    if len(shown):
        show_table(shown, f"{account.rows_in:,} lines read, {account.rows_kept:,} kept; set aside:")
    else:
        console.print(f"Lines     {account.rows_in:,} read, all kept")
    console.print(
        f"Money     {account.money_in:,.2f} in = {account.money_kept:,.2f} kept "
        f"+ {account.money_quarantined:,.2f} set aside + {account.money_netted:,.2f} netted "
        f"+ {account.money_capped:,.2f} capped"
    )
    if len(cleaned.log):
        facts = compute_summary(cleaned.log).iloc[0]
        console.print(
            f"Log       {facts['customers']:,} customers, {facts['orders']:,} orders, {facts['first']:%Y-%m-%d} "
            f"to {facts['last']:%Y-%m-%d}"
        )
    for note in [*account.notes, *doubt_products(cleaned.log)]:
        console.print(f"Note      {escape(note)}")
    console.print(f"Verdict   [bold]{verdict.level}[/bold] for a horizon of {days} days")
    for reason in verdict.reasons:
        console.print(f"          {escape(reason)}")
    for name, path in (("Mapping", save_mapping), ("Set aside", quarantine), ("Report", html)):
        if path:
            console.print(f"{name:<9} [bold]{path}[/bold]")


def _write_report(path: Path, cleaned: Cleaned, verdict: Verdict, currency: str) -> None:
    """Write the data report as one HTML file that opens offline."""
    from cltv_ml.files import atomic
    from cltv_ml.reporting.report import render_html, summarise
    from cltv_ml.reporting.sections.data import check_sections

    summary = summarise(
        f"Data check: {verdict.level}",
        f"{cleaned.report.rows_in:,} lines of {cleaned.report.source}",
        check_sections(cleaned, verdict, currency=currency),
    )
    with atomic(path) as temporary:
        temporary.write_text(render_html(summary), encoding="utf-8")


def _account(cleaned: Cleaned, verdict: Verdict, horizon: int) -> dict[str, Any]:
    """Return what a check found, for machines: money in currency, horizon in days."""
    account = cleaned.report
    counts = (
        "rows_in",
        "rows_kept",
        "money_in",
        "money_kept",
        "money_quarantined",
        "money_netted",
        "money_capped",
    )
    return {
        "verdict": verdict.level,
        "reasons": verdict.reasons,
        "horizon": horizon,
        **{name: getattr(account, name) for name in counts},
        "rules": account.rules[["rule", "rows", "money"]],
        "summary": compute_summary(cleaned.log) if len(cleaned.log) else [],
        "notes": [*account.notes, *doubt_products(cleaned.log)],
        "mapping": account.mapping,
    }
