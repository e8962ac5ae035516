"""Several horizons of one training: their test windows, metrics, comparisons and value curve."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.compare import compare_pair
from cltv_ml.evaluation.horizon_shares import Earlier, add_horizons, fit_several, look_earlier
from cltv_ml.evaluation.learned_total import move_levels
from cltv_ml.evaluation.levels import forecast_levels
from cltv_ml.evaluation.metrics import Targeting
from cltv_ml.evaluation.panel import prepare
from cltv_ml.evaluation.results import measure
from cltv_ml.inline import Inline
from cltv_ml.log import Log
from cltv_ml.models import Spread
from cltv_ml.tables import horizons_in
from cltv_ml.windows import Window


@dataclass(frozen=True)
class JudgedHorizon(Inline):
    """The champion's values for one horizon on its own test window: PREDICTIONS, the truth and RESULTS."""

    window: Window
    predictions: pd.DataFrame
    y_true: pd.Series
    results: pd.DataFrame

    @property
    def scores(self) -> pd.Series:
        """The metrics that could be measured, by name."""
        return self.results.set_index("metric")["value"].dropna()


@dataclass(frozen=True)
class ByHorizon:
    """The champion at every horizon: `judged` holds its test windows, `unjudged` the reasons why others have none."""

    main: int
    earlier: Earlier
    judged: Mapping[int, JudgedHorizon]
    unjudged: Mapping[int, str]

    @property
    def days(self) -> list[int]:
        """All horizons in days."""
        return sorted([*self.judged, *self.unjudged])

    def errors(self) -> Earlier:
        """Return the errors of earlier windows together with those of the test windows."""
        expected, y_true = dict(self.earlier.expected), dict(self.earlier.y_true)
        for day, result in self.judged.items():
            if day != self.main:
                judged = (
                    {result.window.cutoff: result.predictions["expected_value"]},
                    {result.window.cutoff: result.y_true},
                )
                expected_here, came = (pd.concat(rows, names=["cutoff"]) for rows in judged)
                expected[day] = (
                    pd.concat([expected[day], expected_here]) if day in expected else expected_here
                )
                y_true[day] = pd.concat([y_true[day], came]) if day in y_true else came
        return replace(self.earlier, expected=expected, y_true=y_true)


def judge_horizons(
    log: Log,
    result: WindowResult,
    champion: str,
    earlier: Earlier,
    *,
    cutoff: str = "",
    max_origins: int = 6,
    targeting: Targeting | None = None,
) -> ByHorizon:
    """Return the errors of the champion's values for each horizon on that horizon's own test window.

    Each horizon's window is the latest of the log, or the one from `cutoff`. The champion is fitted again on what lay
    before it; its shares are those that did best on windows before the main test window, `look_earlier`.
    """
    main = result.window.horizon
    judged, unjudged = {}, {}
    for day in earlier.days:
        if day == main:
            rows = result.results[result.results["model"] == champion]
            judged[day] = JudgedHorizon(result.window, result.predictions[champion], result.y_true, rows)
            continue
        try:
            window = Window(cutoff, day) if cutoff else Window.latest(log.last, day)
            window.check(*log.span)
            training = prepare(log, Window(window.cutoff, main), earlier.features, max_origins=max_origins)
            model = fit_several(log, result, champion, training, window.cutoff, earlier)
        except InputError as error:
            unjudged[day] = str(error)
            continue
        table = of_horizon(model.predict_table(training.X_now), day)
        y_true = log.target(window, table.index)
        results = measure(window, y_true, {champion: table}, {champion: np.nan}, targeting=targeting)
        judged[day] = JudgedHorizon(window, table, y_true, results)
    return ByHorizon(main, earlier, judged, unjudged)


def measure_others(
    log: Log,
    result: WindowResult,
    days: Sequence[int],
    features: Sequence[str],
    targeting: Targeting | None = None,
) -> list[pd.DataFrame]:
    """Return RESULTS of every model at the horizons other than the window's, from the same cutoff on.

    A horizon whose window from that cutoff the log does not hold is left out. Nothing is fitted again but the shares.
    """
    cutoff = result.window.cutoff
    windows = {day: Window(cutoff, day) for day in days if day != result.window.horizon}
    ends = log.end
    windows = {day: window for day, window in windows.items() if window.end <= ends}
    levels = move_levels(forecast_levels(log, cutoff, days), result.level, result.window.horizon)
    tables = {}
    for name, model in result.models.items():
        earlier = look_earlier(log, result, name, days, features)
        own = copy.copy(model)
        add_horizons(log, own, result.training, cutoff, earlier, levels)
        tables[name] = own.predict_table(result.training.X_now)
    seconds = result.results.groupby("model")["seconds"].first()
    return [
        measure(
            window,
            log.target(window, result.y_true.index),
            {name: of_horizon(table, day) for name, table in tables.items()},
            seconds,
            targeting=targeting,
        )
        for day, window in windows.items()
    ]


def compute_curve(
    predictions: pd.DataFrame, spreads: Mapping[int, Spread] | None = None, customer: str = ""
) -> pd.DataFrame:
    """Return the expected value by horizon from day 0 on: columns `day, value, lower, upper`, none of which falls.

    Of all customers the ends are those of the total, by its `spreads`, NaN without any: ends of customers do not add
    up. Of one customer they are the bounds of the predictions.

    Raises
    ------
    InputError
        The predictions are for one horizon only, or there is no such customer.
    """
    days = horizons_in(predictions)
    if not days:
        raise InputError(
            "the newest training has one horizon; train with several, such as --horizon 30d,91d,1y."
        )
    if customer and customer not in predictions.index:
        raise InputError(f"there is no customer {customer!r}; give a customer_id of the log with --customer.")
    rows = predictions.loc[[customer]] if customer else predictions
    curve = pd.DataFrame({"day": days, "value": [rows[f"expected_value_{day}d"].sum() for day in days]})
    for end, place in (("lower", 0), ("upper", 1)):
        if customer:
            curve[end] = [
                rows[name].sum() if (name := f"value_{end}_{day}d") in rows else np.nan for day in days
            ]
        else:
            curve[end] = [
                spreads[day].interval(total)[place] if spreads and day in spreads else np.nan
                for day, total in zip(days, curve["value"], strict=True)
            ]
    start = pd.DataFrame({"day": [0], "value": [0.0], "lower": [0.0], "upper": [0.0]})
    curve = pd.concat([start, curve], ignore_index=True).astype({"lower": float, "upper": float})
    curve["lower"] = np.minimum(curve["lower"].cummax(), curve["value"])
    return curve.assign(upper=np.maximum(curve["upper"].cummax(), curve["value"]))


def compare_horizons(
    log: Log, window: Window, champion: pd.DataFrame, challenger: pd.DataFrame
) -> pd.DataFrame:
    """Return the Gini of two tables of predictions at each other horizon of both, as far as the log reaches.

    The windows begin where `window` does. Columns of `compare.compare_pair`, indexed by `horizon`.
    """
    end = log.end
    shared = set(horizons_in(champion)) & set(horizons_in(challenger)) - {window.horizon}
    rows = {}
    for day in sorted(day for day in shared if Window(window.cutoff, day).end <= end):
        values = [table.loc[champion.index, f"expected_value_{day}d"] for table in (champion, challenger)]
        y_true = log.target(Window(window.cutoff, day), champion.index)
        rows[day] = compare_pair(y_true, *values).loc["gini"]
    return pd.DataFrame(rows).T.rename_axis("horizon")


def of_horizon(table: pd.DataFrame, day: int) -> pd.DataFrame:
    """Return PREDICTIONS of one horizon, from a table of several."""
    names = {f"{name}_{day}d": name for name in ("expected_value", "value_lower", "value_upper")}
    return table[[name for name in names if name in table]].rename(columns=names)
