"""How right were we."""

from cltv_ml.evaluation import metrics
from cltv_ml.evaluation.backtest import backtest
from cltv_ml.evaluation.compare import choose_champion

__all__ = ["backtest", "choose_champion", "metrics"]
