"""Commands as functions, called the same way from Python and from the command line.

`pipelines.train(data="orders.csv", horizon="6m")` takes the options of `cltv train` as keywords, or the settings
`cltv_ml.settings.Train`, and returns the result. Keywords take precedence over settings. A command is imported when it
is first used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import cltv_ml.tracking  # noqa: F401 - sets what MLflow reads while it is imported

if TYPE_CHECKING:
    from cltv_ml.pipelines.acquisition import acquisition
    from cltv_ml.pipelines.act import act, evaluate, learn
    from cltv_ml.pipelines.audit import audit
    from cltv_ml.pipelines.backtest import backtest
    from cltv_ml.pipelines.build import build
    from cltv_ml.pipelines.check import check
    from cltv_ml.pipelines.cohorts import cohorts
    from cltv_ml.pipelines.export import export
    from cltv_ml.pipelines.forecast import forecast
    from cltv_ml.pipelines.lifetime import lifetime
    from cltv_ml.pipelines.monitor import monitor
    from cltv_ml.pipelines.plot import plot
    from cltv_ml.pipelines.promote import promote
    from cltv_ml.pipelines.report import report
    from cltv_ml.pipelines.score import score
    from cltv_ml.pipelines.train import train
    from cltv_ml.pipelines.tune import tune
    from cltv_ml.pipelines.weekly import weekly

__all__ = [
    "acquisition",
    "act",
    "audit",
    "backtest",
    "build",
    "check",
    "cohorts",
    "evaluate",
    "export",
    "forecast",
    "learn",
    "lifetime",
    "monitor",
    "plot",
    "promote",
    "report",
    "score",
    "train",
    "tune",
    "weekly",
]


class _Commands(ModuleType):
    """The package: imports a command on first use, and returns it instead of the module of the same name."""

    def __getattr__(self, name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = "act" if name in ("evaluate", "learn") else name
        return getattr(importlib.import_module(f"{__name__}.{home}"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in __all__ and isinstance(value, ModuleType):  # Python's own, once the module is imported
            value = getattr(value, name)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Commands
