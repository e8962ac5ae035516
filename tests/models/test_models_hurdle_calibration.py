"""The hurdle's probability is one: of customers told 30%, three in ten buy, in a window that its fit never saw."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from cltv_ml.data import clean, read
from cltv_ml.evaluation.panel import fit, prepare
from cltv_ml.features import default_features
from cltv_ml.log import Log
from cltv_ml.models import Hurdle
from cltv_ml.windows import Window


@pytest.fixture(scope="module")
def told():
    """P(buy) and who bought in CDNOW's quarter from 1997-10-01, every fifth customer."""
    log = clean(read("cdnow")).log
    log = log[log["customer_id"].str[-1].isin(["1", "7"])].reset_index(drop=True)
    window, features = Window("1997-10-01", 91), default_features(list(log.columns))
    training = prepare(log, window, features)
    model = fit(Hurdle(91, features=features), training)
    bought = Log.of(log).target(window, training.X_now.index) > 0
    return pd.DataFrame({"p": model.p_buy(training.X_now), "bought": bought.astype(float)})


def test_odds_need_no_stretching(told):
    slope = LogisticRegression(C=np.inf).fit(logit(told[["p"]].to_numpy()), told["bought"]).coef_[0, 0]
    assert 0.85 < slope < 1.15


def test_each_tenth_of_customers_buys_about_as_often_as_told(told):
    tenth = pd.qcut(told["p"].rank(method="first"), 10, labels=False)
    means = told.groupby(tenth).mean()
    noise = 2.6 * np.sqrt(means["p"] * (1 - means["p"]) / (len(told) / 10))
    assert ((means["p"] - means["bought"]).abs() < noise + 0.02).all()
