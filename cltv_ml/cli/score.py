"""Scores of every customer by the registered champion: `cltv score`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from cltv_ml.cli.printing import console, print_json, progress
from cltv_ml.settings import Score

if TYPE_CHECKING:
    from cltv_ml.serving.batch_order import Manifest


def score(settings: Score) -> None:
    """Score every customer with the registered champion; the same call resumes after an interruption.

    Example: `cltv score --data orders.csv --as-of 2026-11-01 --out scores.csv`
    """
    with progress("scoring") as advance:
        from cltv_ml import pipelines

        manifest = pipelines.score(settings, progress=advance)
    if settings.as_json:
        print_json(asdict(manifest))
    else:
        show_manifest(manifest, settings.new_orders)


def show_manifest(manifest: Manifest, new_orders: int = 0) -> None:
    """Print how many customers were scored and where, and where the orders of the last `new_orders` days are."""
    console.print(
        f"Scores    {manifest.customers:,} customers, {manifest.valued:,} with a value, by version "
        f"{manifest.model_version}: [bold]{escape(manifest.file)}[/bold]",
        soft_wrap=True,
    )
    if manifest.before:
        console.print(f"Before    the scores of an earlier day: {escape(manifest.before)}", soft_wrap=True)
    if new_orders:
        from cltv_ml.serving.new_orders import new_orders_file

        orders = new_orders_file(Path(manifest.file))
        console.print(
            f"Orders    with their customers' value, {new_orders:,} days: {escape(str(orders))}",
            soft_wrap=True,
        )
    for reason, customers in manifest.reasons.items():
        console.print(f"No value  {customers:,} customers: {escape(reason)}", soft_wrap=True)
