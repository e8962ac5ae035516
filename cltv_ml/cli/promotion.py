"""Which version answers: `cltv promote | rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer
from rich.markup import escape

from cltv_ml.cli.shared import (
    Config,
    Cost,
    Data,
    Json,
    Mapping,
    Margin,
    Objective,
    Query,
    Rule,
    Share,
    check_given,
    console,
    load,
    print_json,
    progress,
    settings_of,
    show_table,
    targeting_of,
    with_campaign,
)

if TYPE_CHECKING:
    from cltv_ml.pipelines.promote import Decision

#: Exit status of a promotion that was refused: `cltv promote && ./deploy` deploys new champions only.
REFUSED = 3

#: What is shown of a comparison, and how its figures are written.
_SHOWN = {
    "bias": ("Bias", "{:+.1%}"),
    "decile_mape": ("Decile error", "{:.1%}"),
    "gini": ("Gini", "{:.3f}"),
    "mae": ("MAE", "{:,.2f}"),
    "profit": ("Profit", "{:,.0f}"),
}


def promote(
    data: Data = "",
    mapping: Mapping = None,
    query: Query = "",
    rule: Rule = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Move the alias whatever the comparison says.")
    ] = False,
    objective: Objective = "",
    share: Share = 0.0,
    cost: Cost = 0.0,
    margin: Margin = 0.0,
    experiment: Annotated[str, typer.Option(help="MLflow experiment that keeps the decision.")] = "cltv",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Let the challenger replace the champion, if it is better on a window that neither has seen.

    Exit status: 0 promoted, 3 refused (the reason is printed), 2 a wrong input.

    Example: `cltv promote --data orders.csv --dry-run`
    """
    settings = settings_of(config, mapping, rule, query=query, data=data, objective=objective)
    settings = with_campaign(settings, share, cost, margin)
    check_given(settings)
    with progress("promoting") as done:
        from cltv_ml.pipelines.promote import find_challenger, promote

        find_challenger()  # where there is none, say so before the data are read
        decision = promote(
            load(settings, done),
            dry_run=dry_run,
            force=force,
            experiment=experiment,
            targeting=targeting_of(settings),
            progress=done,
        )
    if as_json:
        print_json(
            {"challenger": decision.challenger, "champion": decision.champion, "promoted": decision.promoted,
             "dry_run": dry_run, "reasons": decision.reasons, "pair": decision.pair.reset_index()}
        )  # fmt: skip
    else:
        show_decision(decision, dry_run=dry_run)
    if not decision.promoted:
        raise typer.Exit(REFUSED)


def show_decision(decision: Decision, *, dry_run: bool = False) -> None:
    """Print what was measured, why, and what became of the alias."""
    if len(decision.pair):
        show_table(_written(decision.pair), "On the same customers; from, to: 95% interval of the difference")
    for reason in decision.reasons:
        console.print(f"Reason    {escape(reason)}")
    kept = f"version {decision.champion} stays champion"
    done = f"version {decision.challenger} {'would be promoted' if dry_run else 'is champion now'}"
    console.print(f"Decision  [bold]{done if decision.promoted else kept}[/bold]")


def _written(pair: pd.DataFrame) -> pd.DataFrame:
    """Return a comparison as text: each metric under its name and in its own digits."""
    known = {metric: how for metric, how in _SHOWN.items() if metric in pair.index}
    figures = ["champion", "challenger", "difference", "lower", "upper"]
    rows = [
        [title, *(style.format(pair.at[metric, name]) for name in figures), pair.at[metric, "better"]]
        for metric, (title, style) in known.items()
    ]
    columns = ["Metric", "Champion", "Challenger", "Difference", "from", "to", "Better"]
    return pd.DataFrame(rows, columns=columns)


def rollback() -> None:
    """Make the previous champion the champion again; a second call goes a step further back.

    Example: `cltv rollback`
    """
    from cltv_ml.tracking import registry, store

    store.open_store()
    before, now = registry.rollback()
    instead = f", no longer version {before}" if before else ""
    console.print(f"Champion  version {now} again{instead}; a server answers with it once it is restarted")
