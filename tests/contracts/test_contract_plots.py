"""What every figure promises, for whatever stands in the catalogue."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.tables import compute_deciles, compute_gains, compute_realised
from cltv_ml.reporting import plots

rng = np.random.default_rng(2)
TRUTH = pd.Series(rng.gamma(0.5, 30, 500) * (rng.random(500) < 0.5))
FORECAST = pd.DataFrame({"bg_nbd_gamma_gamma": TRUTH * 0.5 + 3, "tweedie": rng.gamma(1, 20, 500)})

#: One table for each figure of the catalogue.
TABLES = {
    "decile_calibration": pd.concat(
        [compute_deciles(TRUTH, FORECAST[name]).assign(model=name) for name in FORECAST]
    ),
    "gains_curve": compute_gains(TRUTH, FORECAST),
    "predicted_against_realised": pd.concat(
        [compute_realised(TRUTH, FORECAST[name]).assign(model=name) for name in FORECAST]
    ),
}


def test_every_figure_has_a_table_to_be_tried_on():
    assert set(TABLES) == set(plots.CATALOGUE)


@pytest.fixture(params=plots.CATALOGUE)
def drawn(request):
    return plots.CATALOGUE[request.param](TABLES[request.param])


def test_figure_has_a_title_and_named_axes(drawn):
    assert drawn.layout.title.text
    assert drawn.layout.xaxis.title.text
    assert drawn.layout.yaxis.title.text


def test_figure_is_not_empty_and_every_trace_has_a_name(drawn):
    assert sum(len(trace.x) for trace in drawn.data) > 10
    assert all(trace.name for trace in drawn.data)


def test_figure_is_smaller_than_a_megabyte(drawn):
    assert len(drawn.to_json()) < 1_000_000
