"""BTYDplus's grocery customers, calibrated to the end of 2006: its vignette finds k = 2, and a better fit with every
model with dropout than without, best with regularity.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import BGNBD, MBGCNBD, MBGNBD, NBD, ParetoNBD

FILE = Path(os.environ.get("CLTV_DATA_DIR", "")) / "btydplus" / "groceryElog.parquet"
pytestmark = pytest.mark.skipif(
    "CLTV_DATA_DIR" not in os.environ or not FILE.exists(),
    reason="CLTV_DATA_DIR does not name a folder with btydplus/groceryElog.parquet",
)
END = pd.Timestamp("2006-12-31")


@pytest.fixture(scope="module")
def fits():
    log = pd.read_parquet(FILE).drop_duplicates(["cust", "date"]).sort_values(["cust", "date"])
    seen = log[log["date"] <= END]
    dates = seen.groupby("cust")["date"]
    weeks = dates.diff().dt.days / 7
    X = pd.DataFrame({"frequency": dates.size() - 1.0, "recency": (dates.max() - dates.min()).dt.days / 7})
    X["T"] = (END - dates.min()).dt.days / 7
    X["litt"] = np.log(weeks).groupby(seen["cust"]).sum()
    X["later"] = log[log["date"] > END].groupby("cust").size().reindex(X.index, fill_value=0)
    return {model: model("weeks").fit(X) for model in (NBD, BGNBD, ParetoNBD, MBGNBD, MBGCNBD)}, X


def test_the_published_regularity_is_found(fits):
    assert fits[0][MBGCNBD].params_["k"] == 2


def test_the_models_fit_in_the_published_order(fits):
    likelihood = {model: fit.log_likelihood_ for model, fit in fits[0].items()}
    assert min(likelihood, key=likelihood.get) is NBD
    assert likelihood[MBGCNBD] > likelihood[MBGNBD] + 100
    assert likelihood[MBGNBD] > likelihood[BGNBD]


def test_regularity_makes_the_forecast_of_the_second_year_better(fits):
    models, X = fits
    miss = {
        model: abs(fit.expected_purchases(X, 52).sum() - X["later"].sum()) for model, fit in models.items()
    }
    assert min(miss, key=miss.get) is MBGCNBD
