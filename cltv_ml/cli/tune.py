"""Parameters chosen before the test window: `cltv tune`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape

from cltv_ml.addresses import is_url, without_secrets
from cltv_ml.cli.printing import console, print_json, progress, show_table
from cltv_ml.settings import Train, Tune
from cltv_ml.settings.base import flag_of
from cltv_ml.settings.parts import Customers, Source, Windowed

_TRIAL_COLUMNS = ["trial", "gini", "bias", "decile_mape", "seconds"]


def tune(settings: Tune) -> None:
    """Search a model's parameters on windows before the test cutoff; the same call continues a stopped search.

    Example: `cltv tune --model tweedie --data orders.csv --trials 100 --minutes 10`, then
    `cltv train --data orders.csv --params out/tuning/tweedie.toml`
    """
    with progress("tuning") as advance:
        from cltv_ml import pipelines

        tuned = pipelines.tune(settings, progress=advance)
    if settings.as_json:
        document = {"model": settings.model, "params": tuned.params, "reason": tuned.reason}
        about = {"judged_on": tuned.judged_on, "run_id": tuned.run_id, "file": tuned.path}
        print_json(document | about | {"trials": tuned.trials.reset_index()})
        return
    best = tuned.trials.sort_values("gini", ascending=False).head(5).reset_index()[_TRIAL_COLUMNS]
    show_table(best.round(3), f"{len(tuned.trials)} trials, the best rankings of customers")
    console.print(f"Judged    {tuned.judged_on[10:]}", soft_wrap=True)
    console.print(f"Chosen    {tuned.reason}", soft_wrap=True)
    for name, value in tuned.params.items():
        console.print(f"          {name} = {f'{value:.6g}' if isinstance(value, float) else value}")
    console.print(f"Train     {escape(train_command(settings, tuned.path))}", soft_wrap=True)
    console.print(f"Figures   [bold]{tuned.path.with_suffix('.html')}[/bold]")


def train_command(settings: Tune, params: Path) -> str:
    """Return the command that trains with the tuned parameters, on the same data, customers and horizon.

    >>> settings = Tune(model="tweedie", data="my orders.csv", mapping={"amount": "Total"}, customers="crm.csv")
    >>> train_command(settings, Path("tweedie.toml"))
    "cltv train --data 'my orders.csv' --mapping amount=Total --customers crm.csv --params tweedie.toml"
    """
    words = ["cltv", "train"]
    for name in Source.model_fields | Customers.model_fields | Windowed.model_fields:
        value = getattr(settings, name)
        if name in Train.model_fields and value != Train.model_fields[name].get_default(
            call_default_factory=True
        ):
            words += _flags(flag_of(Train, name), value)
    return shlex.join([*words, "--params", str(params)])


def _flags(flag: str, value: Any) -> list[str]:
    """Return an option with its value as they are written on the command line.

    >>> _flags("--rule", {"day_first": True}), _flags("--protected", ["age"]), _flags("--shuffle", False)
    (['--rule', 'day_first=true'], ['--protected', 'age'], ['--no-shuffle'])
    """
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    if isinstance(value, Mapping):
        texts = {
            name: str(text).lower() if isinstance(text, bool) else "" if text is None else text
            for name, text in value.items()
        }
        return [word for name, text in texts.items() for word in (flag, f"{name}={text}")]
    values = value if isinstance(value, list | tuple) else [value]
    return [
        word for text in map(str, values) for word in (flag, without_secrets(text) if is_url(text) else text)
    ]
