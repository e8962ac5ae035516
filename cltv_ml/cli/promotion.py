"""Which version answers: `cltv promote | rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cltv_ml.cli.shared import (
    Config,
    Data,
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

if TYPE_CHECKING:
    from cltv_ml.ops.promotion import Decision

#: Exit status of a promotion that was refused: `cltv promote && ./deploy` deploys new champions only.
REFUSED = 3

_SHOWN = {"bias": "bias", "decile_mape": "decile error", "gini": "Gini", "mae": "MAE"}


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
    experiment: Annotated[str, typer.Option(help="MLflow experiment that keeps the decision.")] = "cltv",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Let the challenger replace the champion, if it is better on a window that neither has seen.

    Exit status: 0 promoted, 3 refused (the reason is printed), 2 a wrong input.

    Example: `cltv promote --data orders.csv --dry-run`
    """
    with progress("promoting") as done:
        cleaned = load(settings_of(config, mapping, rule, query=query, data=data), done)
        from cltv_ml.ops.promotion import promote

        decision = promote(cleaned, dry_run=dry_run, force=force, experiment=experiment, progress=done)
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
        pair = decision.pair.loc[list(_SHOWN)].rename(index=_SHOWN, columns={"lower": "from", "upper": "to"})
        shown = pair.round(3).reset_index()
        show_table(shown, "On the same customers; from, to: 95% interval of the difference")
    for reason in decision.reasons:
        console.print(f"Reason    {escape(reason)}")
    kept = f"version {decision.champion} stays champion"
    done = f"version {decision.challenger} {'would be promoted' if dry_run else 'is champion now'}"
    console.print(f"Decision  [bold]{done if decision.promoted else kept}[/bold]")


def rollback() -> None:
    """Make the previous champion the champion again; a second call goes a step further back.

    Example: `cltv rollback`
    """
    from cltv_ml.ops import registry, tracking

    tracking.open_store()
    before, now = registry.rollback()
    console.print(f"Champion  version {now}" + (f", after version {before}" if before else ""))
