"""Jobs of a training: its settings with what its log determines, and the labels of its runs and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.data import DataVerdict
from cltv_ml.evaluation.metrics import Targeting
from cltv_ml.features import feature_version
from cltv_ml.models import Level, ValueModel
from cltv_ml.money import UNSTATED
from cltv_ml.serving import packaging
from cltv_ml.settings import Train
from cltv_ml.tracking import runs
from cltv_ml.windows import Window


@dataclass(frozen=True)
class Job:
    """A training's settings with what its log determines: the test window and the data check."""

    settings: Train
    window: Window
    verdict: DataVerdict
    horizons: list[int]  # all of them in days, the window's among them
    targeting: Targeting | None = None  # choose by this campaign's profit instead of Gini

    @property
    def dataset(self) -> str:
        """The name of the data, without folders and passwords."""
        return self.settings.dataset

    @property
    def page_currency(self) -> str:
        """The currency of amounts on the stored page: `UNSTATED` until it is stated."""
        return self.settings.currency or UNSTATED

    def tags(self, training_id: str, features: Sequence[str]) -> dict[str, str]:
        """Return the tags of every run of the training."""
        return {
            "training_id": training_id,
            "dataset": self.dataset,
            "cutoff": f"{self.window.cutoff:%Y-%m-%d}",
            "horizon_days": str(self.window.horizon),
            "feature_version": feature_version(features),
            "data_verdict": self.verdict.level,
            **runs.code_tags(),
        }

    def params(self) -> dict[str, Any]:
        """Return the parameters that every run of the training logs."""
        return {
            "dataset_name": self.dataset,
            "test_cutoff": f"{self.window.cutoff:%Y-%m-%d}",
            "horizon_days": self.window.horizon,
            "max_origins": self.settings.max_origins,
            **({"customers_share": self.settings.customers_share} if self.settings.customers_share else {}),
            **(
                {f"campaign_{name}": value for name, value in asdict(self.targeting).items()}
                if self.targeting
                else {}
            ),
        }

    def card(
        self,
        model: ValueModel,
        cutoff: pd.Timestamp,
        values: np.ndarray,
        levels: Mapping[int, Level | None] = MappingProxyType({}),
    ) -> packaging.Card:
        """Return the card of a logged model; `levels` are those of its totals by horizon."""
        names = model.inputs
        return packaging.Card(
            model=model.name,
            horizon=self.window.horizon,
            cutoff=f"{cutoff:%Y-%m-%d}",
            features=names,
            feature_version=feature_version(names),
            tiers=packaging.tier_cuts(values),
            customers=len(values),
            dataset=self.dataset,
            horizons=self.horizons if hasattr(model, "horizons_") else [],
            spreads={str(days): list(level.spread) for days, level in levels.items() if level is not None},
        )

    def repeatable(self, mapping: Mapping[str, str]) -> str:
        """Return settings with which the same training runs again, whatever the latest day is then."""
        cutoff = f"{self.window.cutoff:%Y-%m-%d}"
        models = self.settings.models
        models = models if isinstance(models, str) else ",".join(map(str, models))
        return self.settings.toml(data=self.dataset, mapping=dict(mapping), cutoff=cutoff, models=models)
