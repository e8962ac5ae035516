"""Evaluation: splits, metrics, comparison and the choice of a champion."""

from cltv_ml.evaluation import metrics
from cltv_ml.evaluation.backtest import backtest
from cltv_ml.evaluation.calibration import calibrate
from cltv_ml.evaluation.compare import compare_models, compare_pair, decide_challenge

__all__ = [
    "backtest",
    "calibrate",
    "compare_models",
    "compare_pair",
    "decide_challenge",
    "metrics",
]
