"""A simulated shop with all columns, and what every part of `cltv act` works out for it."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cltv_ml import decisions
from cltv_ml.actions.shop import Shop
from cltv_ml.actions.terms import Actions, PastCampaign, Terms
from cltv_ml.data import simulate
from cltv_ml.features import build_features, default_features
from cltv_ml.log import Log
from cltv_ml.models import MBGNBD, ProbabilisticValue
from cltv_ml.pipelines.act import PARTS
from cltv_ml.windows import Window

WINDOW = Window("2023-05-16", 91)
TERMS = Terms(uplift=0.1, cross_sell_uplift=0.5, upsell_share=0.2, cost=0.1, budget=200, acquisition_cost=8.0)


@pytest.fixture(scope="session")
def shop():
    """One past mailing to half of the customers, who then buy once more with 30% chance."""
    log = simulate(900, days=500, seed=3).log
    ids = pd.Series(sorted(log["customer_id"].unique()))
    rng = np.random.default_rng(0)
    arm = pd.Series(np.where(rng.random(len(ids)) < 0.5, "mail", "control"))
    start = pd.Timestamp("2023-03-01")
    moved = ids[(arm == "mail") & (rng.random(len(ids)) < 0.3)]
    extra = log.drop_duplicates("customer_id").set_index("customer_id").loc[moved].reset_index()
    extra = extra.assign(timestamp=start + pd.Timedelta(days=3), order_id="mail-" + extra["customer_id"])
    log = pd.concat([log, extra[log.columns]]).sort_values("timestamp", ignore_index=True)
    X = build_features(log, WINDOW.cutoff, names=default_features(list(log.columns)))
    predictions = ProbabilisticValue(MBGNBD(), horizon=91).fit(X).predict_table(X)
    cuts = decisions.fit_tiers(predictions["expected_value"])
    sent = pd.DataFrame({"customer_id": ids, "arm": arm})
    return Shop(
        log=Log(log),
        window=WINDOW,
        X=X,
        predictions=predictions,
        tiers=decisions.apply_tiers(predictions["expected_value"], cuts).rename("tier"),
        lifecycle=decisions.apply_lifecycle(X, decisions.fit_lifecycle(X), predictions["p_alive"]),
        terms=dataclasses.replace(TERMS, campaign=PastCampaign(sent, Window(start, 7))),
        groups=log.groupby("customer_id")["channel"].agg(lambda values: values.mode()[0]).to_frame(),
        version=3,
    )


@pytest.fixture(scope="session")
def done(shop):
    found = Actions(rules={"tiers": {}})
    for part in PARTS.values():
        part(shop, found)
    return found
