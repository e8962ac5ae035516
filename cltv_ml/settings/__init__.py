"""The typed description of every command: flags, `--config`, help and what MLflow keeps come from it."""

from cltv_ml.settings.base import Settings
from cltv_ml.settings.commands import (
    Act,
    Backtest,
    Demo,
    Evaluate,
    Export,
    Learn,
    Lifetime,
    Monitor,
    Plot,
    Promote,
    Report,
    Score,
    Train,
    Tune,
    Weekly,
)
from cltv_ml.settings.data import Build, Check
from cltv_ml.settings.parts import Competing, Customers, Judged, Source, Windowed
from cltv_ml.settings.shop import Acquisition, Audit, Cohorts, Forecast

__all__ = [
    "Acquisition",
    "Act",
    "Audit",
    "Backtest",
    "Build",
    "Check",
    "Cohorts",
    "Competing",
    "Customers",
    "Demo",
    "Evaluate",
    "Export",
    "Forecast",
    "Judged",
    "Learn",
    "Lifetime",
    "Monitor",
    "Plot",
    "Promote",
    "Report",
    "Score",
    "Settings",
    "Source",
    "Train",
    "Tune",
    "Weekly",
    "Windowed",
]
