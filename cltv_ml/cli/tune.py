"""Parameters chosen before the test window: `cltv tune`."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.markup import escape

from cltv_ml.addresses import is_url, without_secrets
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
    console.print(f"Train     {escape(train_command(settings, tuned.path))}", soft_wrap=True)
    console.print(f"Figures   [bold]{tuned.path.with_suffix('.html')}[/bold]")


def train_command(settings: Tune, params: Path) -> str:
    """Return the command that trains with the tuned parameters, on the same data and horizon.

    >>> train_command(Tune(model="tweedie", data="my orders.csv", mapping={"amount": "Total"}), Path("tweedie.toml"))
    "cltv train --data 'my orders.csv' --mapping amount=Total --horizon 13w --params tweedie.toml"
    """
    data = str(settings.data)
    words = ["cltv", "train", "--data", without_secrets(data) if is_url(data) else data]
    for name, column in settings.mapping.items():
        words += ["--mapping", f"{name}={column}"]
    return shlex.join([*words, "--horizon", settings.horizon, "--params", str(params)])
