"""Promotion of a challenger and its undoing: `cltv promote | rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from cltv_ml.cli.printing import console, print_json, progress, show_table
from cltv_ml.settings import Promote

if TYPE_CHECKING:
    import pandas as pd

    from cltv_ml.pipelines.promote import Decision

#: Exit status of a promotion that was refused: `cltv promote && ./deploy` deploys new champions only.
REFUSED = 3


def promote(settings: Promote) -> None:
    """Let the challenger replace the champion, if it is better on a window that neither has seen.

    Exit status: 0 promoted, 3 refused (the reason is printed), 2 a wrong input.

    Example: `cltv promote --data orders.csv --dry-run`
    """
    with progress("promoting") as advance:
        from cltv_ml import pipelines

        decision = pipelines.promote(settings, progress=advance)
    if settings.as_json:
        document = {name: getattr(decision, name) for name in ("challenger", "champion", "promoted")}
        about = {"dry_run": settings.dry_run, "reasons": decision.reasons}
        print_json(document | about | {"pair": decision.pair.reset_index()})
    else:
        show_decision(decision, dry_run=settings.dry_run)
    if not decision.promoted:
        raise typer.Exit(REFUSED)


def show_decision(decision: Decision, *, dry_run: bool = False) -> None:
    """Print the comparison, the reasons, and whether the alias moved."""
    if len(decision.pair):
        show_table(_written(decision.pair), "On the same customers; from, to: 95% interval of the difference")
    for reason in decision.reasons:
        console.print(f"Reason    {escape(reason)}")
    kept = (
        f"version {decision.champion} stays champion" if decision.champion else "there is still no champion"
    )
    promoted = f"version {decision.challenger} {'would be promoted' if dry_run else 'is champion now'}"
    console.print(f"Decision  [bold]{promoted if decision.promoted else kept}[/bold]")


def _written(pair: pd.DataFrame) -> pd.DataFrame:
    """Return a comparison as text: each metric with its title and format."""
    import pandas as pd

    from cltv_ml.reporting.sections.backtest import METRIC_FORMATS

    formats = {metric: how for metric, how in METRIC_FORMATS.items() if metric in pair.index}
    figures = ["champion", "challenger", "difference", "lower", "upper"]
    rows = [
        [title, *(style.format(pair.at[metric, name]) for name in figures), pair.at[metric, "better"]]
        for metric, (title, style) in formats.items()
    ]
    columns = ["Metric", "Champion", "Challenger", "Difference", "from", "to", "Better"]
    return pd.DataFrame(rows, columns=columns)


def rollback() -> None:
    """Make the previous champion the champion again; a second call goes one version further back.

    Example: `cltv rollback`
    """
    from cltv_ml.tracking import registry, store

    store.open_existing()
    before, now = registry.rollback()
    instead = f", no longer version {before}" if before else ""
    console.print(f"Champion  version {now} again{instead}; restart servers to use it")
