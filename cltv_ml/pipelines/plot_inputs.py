"""Inputs of the figures: a log, the newest training and earlier scores, each computed on first use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from sklearn.base import clone

from cltv_ml.customers import CleanedShop
from cltv_ml.data import Cleaned
from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import WindowResult, judge
from cltv_ml.features import build_features
from cltv_ml.models import ProbabilisticValue
from cltv_ml.reporting.training_summary import best_probabilistic, predict_today
from cltv_ml.tracking import newest_training
from cltv_ml.windows import rolling_origins

#: Test windows looked at for figures over time: the newest training's and those before it that touch none.
PLOT_WINDOWS = 3


@dataclass(frozen=True)
class Wanted:
    """The choices for a figure apart from its name; the figure itself makes those left empty."""

    experiment: str = "cltv"
    currency: str = ""
    #: PREDICTIONS of an earlier `cltv score`, indexed by customer_id.
    before: pd.DataFrame | None = None
    #: Whose history, which feature's dependence, which model's diagnostics, which metric's range.
    customer: str = ""
    feature: str = ""
    model: str = ""
    metric: str = "gini"


class Material:
    """The inputs of figures; those that need the trained models are computed on first use."""

    def __init__(self, cleaned: Cleaned, wanted: Wanted) -> None:
        self.cleaned, self.wanted = CleanedShop.of(cleaned), wanted
        self.log = self.cleaned.transactions
        self.currency = wanted.currency

    @cached_property
    def _replayed(self) -> tuple[WindowResult, str]:
        return newest_training.replay(self.log, self.wanted.experiment)

    @property
    def result(self) -> WindowResult:
        """The newest training on its test window."""
        return self._replayed[0]

    @property
    def champion(self) -> str:
        """The name of the newest training's champion."""
        return self._replayed[1]

    @property
    def X(self) -> pd.DataFrame:  # noqa: N802 - scikit-learn's name
        """Customers as of the test cutoff."""
        return self.result.training.X_now

    @cached_property
    def end(self) -> pd.Timestamp:
        """The day after the log's last."""
        return self.log.end

    @cached_property
    def X_today(self) -> pd.DataFrame:  # noqa: N802
        """Customers as of the end of the log."""
        return build_features(self.log, self.end, names=list(self.X.columns))

    @cached_property
    def today(self) -> pd.DataFrame:
        """PREDICTIONS of the refitted champion for today's customers."""
        model = newest_training.refitted_champion(self.wanted.experiment)
        X = self.X_today
        if missing := [name for name in model.inputs if name not in X]:  # of horizons other than the main one
            X = X.join(build_features(self.log, self.end, names=missing)[missing])
        return predict_today(self.result, model, X)

    @property
    def before(self) -> pd.DataFrame:
        """PREDICTIONS of earlier scores; raises InputError if none are given."""
        if self.wanted.before is None:
            raise InputError("this figure compares with earlier scores; give their file with --before.")
        return self.wanted.before.dropna(subset=["expected_value"])

    @cached_property
    def fitted(self) -> ProbabilisticValue:
        """The probabilistic model whose fit is shown, by default the one that ranks customers best."""
        name = self.wanted.model or best_probabilistic(self.result)
        model = self.result.models.get(name or "")
        if not isinstance(model, ProbabilisticValue) or model.reads:
            models = self.result.models.items()
            names = [
                key
                for key, candidate in models
                if isinstance(candidate, ProbabilisticValue) and not candidate.reads
            ]
            raise InputError(
                f"{name!r} is not a probabilistic model of histories alone in the newest training; choose from {names}."
            )
        return model

    @cached_property
    def windows(self) -> list[WindowResult]:
        """The newest test window and earlier ones separate from it, each evaluated with models fitted before it."""
        last, features = self.result.window, [str(name) for name in self.X.columns]
        earlier = rolling_origins(self.log.first, last, f"{last.horizon}d", PLOT_WINDOWS - 1)
        models = [clone(model) for model in self.result.models.values()]
        return [self.result, *(judge(self.log, window, models, features) for window in earlier)]

    def stack(self, compute: Callable[[pd.Series, pd.Series], pd.DataFrame]) -> pd.DataFrame:
        """Return one table of every model's predictions and the realised values, with a column `model`."""
        parts = [
            compute(self.result.y_true, values).assign(model=name)
            for name, values in self.result.values.items()
        ]
        return pd.concat(parts, ignore_index=True)
