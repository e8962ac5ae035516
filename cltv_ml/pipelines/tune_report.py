"""Files of a tuning: every trial as CSV, the settings as TOML, history, importances and slices as one HTML file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from cltv_ml.files import atomic, together, write_table
from cltv_ml.pipelines.pages import write_page
from cltv_ml.reporting import theme
from cltv_ml.reporting.report import section, summarise

#: The study's objectives in words, in their order.
_OBJECTIVES = ("1 - Gini", "decile error at the realised total")


@together()
def write_results(
    study: optuna.Study,
    table: pd.DataFrame,
    params: Mapping[str, Any],
    sentences: Sequence[str],
    model: str,
    out: Path,
) -> Path:
    """Write `<model>.csv`, `<model>.html` and `<model>.toml` into `out`; return the path of the TOML file."""
    write_table(table.reset_index(), out / f"{model}.csv")
    write_page(tuning_summary(study, table, params, sentences, model), out / f"{model}.html")
    with atomic(out / f"{model}.toml") as path:
        path.write_text(params_toml(model, params, sentences), encoding="utf-8")
    return out / f"{model}.toml"


def params_toml(model: str, params: Mapping[str, Any], sentences: Sequence[str] = ()) -> str:
    """Return settings as TOML that `cltv train --params` reads.

    >>> print(params_toml("tweedie", {"n_estimators": 80, "learning_rate": 0.05}, ["Chosen for the example."]), end="")
    # Chosen for the example.
    [params.tweedie]
    n_estimators = 80
    learning_rate = 0.05
    """
    lines = [f"# {sentence}" for sentence in sentences]
    # JSON writes numbers, text, true and false as TOML does.
    lines += [f"[params.{model}]", *(f"{name} = {json.dumps(value)}" for name, value in params.items())]
    return "\n".join(lines) + "\n"


def tuning_summary(
    study: optuna.Study,
    table: pd.DataFrame,
    params: Mapping[str, Any],
    sentences: Sequence[str],
    model: str,
) -> dict[str, Any]:
    """Return the report on a study: the chosen settings, the trials, and three kinds of figures."""
    scores = table[["state", "gini", "bias", "decile_mape", "folds", "seconds"]]
    best = scores.sort_values("gini", ascending=False).head(20).reset_index()
    chosen = pd.DataFrame({"setting": list(params), "value": [str(value) for value in params.values()]})
    parts = [
        section("Chosen settings", sentences, tables={"Settings": chosen}),
        section("Course of the search", figures=_histories(study)),
    ]
    if importances := _importances(study):
        parts.append(section("Importance of each setting", figures=importances))
    parts.append(section("Effect of each setting", figures=_slices(study)))
    parts.append(section("Trials with the best ranking", tables={"Twenty at most": best.round(4)}))
    return summarise(f"Tuning {theme.label(model)}", f"{len(table)} trials", parts)


def _histories(study: optuna.Study) -> dict[str, go.Figure]:
    drawn = {}
    for number, name in enumerate(_OBJECTIVES):
        figure = optuna.visualization.plot_optimization_history(
            study, target=_target(number), target_name=name
        )
        points = figure.data[0]
        best = np.minimum.accumulate(np.asarray(points.y, dtype=np.float64))
        figure.add_scatter(x=points.x, y=best, mode="lines", name="best so far")
        drawn[f"{name} of each trial, and the best so far"] = _titled(figure, f"History of {name}")
    return drawn


def _importances(study: optuna.Study) -> dict[str, go.Figure]:
    """Return the share of each objective's variance that each setting explains, if it can be computed."""
    drawn = {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    for number, name in enumerate(_OBJECTIVES):
        values = {trial.values[number] for trial in study.get_trials(deepcopy=False) if trial.values}
        if len(values) > 1:
            figure = optuna.visualization.plot_param_importances(
                study, evaluator=evaluator, target=_target(number), target_name=name
            )
            drawn[f"Share of the variance of {name} that each setting explains"] = _titled(
                figure, f"Importance for {name}"
            )
    return drawn


def _slices(study: optuna.Study) -> dict[str, go.Figure]:
    return {
        f"{name} against each setting, one point per trial": _titled(
            optuna.visualization.plot_slice(study, target=_target(number), target_name=name),
            f"Slices of {name}",
        )
        for number, name in enumerate(_OBJECTIVES)
    }


def _target(number: int) -> Any:
    def value(trial: FrozenTrial) -> float:
        """Return a trial's scores."""
        return float(trial.values[number])

    return value


def _titled(figure: go.Figure, title: str) -> go.Figure:
    return figure.update_layout(title={"text": title})
