"""Notes on a training that the reader must know."""

import pandas as pd

from cltv_ml.models import Level
from cltv_ml.pipelines.train_notes import disagreement


def level(*totals: float) -> Level:
    names, weights = ["bottom-up", "top-down", "going on"], [0.6, 0.35, 0.05]
    table = pd.DataFrame({"candidate": names, "total": totals, "weight": weights})
    return Level(totals[0], 0.1, 3.0, table, pd.DataFrame(), True)


def test_forecasts_of_the_total_that_disagree_are_named():
    (said,) = disagreement(level(100.0, 180.0, 900.0), "EUR")
    assert "bottom-up predicts 100.00 EUR, top-down 180.00 EUR" in said


def test_a_forecast_that_hardly_counts_is_no_disagreement():
    assert disagreement(level(100.0, 120.0, 900.0)) == []
