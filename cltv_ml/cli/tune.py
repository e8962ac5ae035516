"""Parameters chosen before the test window: `cltv tune`."""

from __future__ import annotations

from cltv_ml.cli.printing import console, print_json, progress, show_table
from cltv_ml.settings import Tune

_SHOWN = ["trial", "gini", "bias", "decile_mape", "seconds"]


def tune(settings: Tune) -> None:
    """Search a model's parameters on windows before the test cutoff; continue where an earlier call was stopped.

    Example: `cltv tune --model tweedie --data orders.csv --trials 100 --minutes 10`, then
    `cltv train --data orders.csv --params out/tuning/tweedie.toml`
    """
    with progress("tuning") as done:
        from cltv_ml import pipelines

        tuned = pipelines.tune(settings, progress=done)
    if settings.as_json:
        document = {"model": settings.model, "params": tuned.params, "reason": tuned.reason}
        about = {"judged_on": tuned.judged_on, "run_id": tuned.run_id, "file": tuned.path}
        print_json(document | about | {"trials": tuned.trials.reset_index()})
        return
    best = tuned.trials.sort_values("gini", ascending=False).head(5).reset_index()[_SHOWN]
    show_table(best.round(3), f"{len(tuned.trials)} trials, the best orders of customers")
    console.print(f"Judged    {tuned.judged_on[10:]}", soft_wrap=True)
    console.print(f"Chosen    {tuned.reason}", soft_wrap=True)
    for name, value in tuned.params.items():
        console.print(f"          {name} = {f'{value:.6g}' if isinstance(value, float) else value}")
    console.print(f"Train     cltv train --params {tuned.path}", soft_wrap=True)
    console.print(f"Figures   [bold]{tuned.path.with_suffix('.html')}[/bold]")
