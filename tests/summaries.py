"""Summaries of made-up customers, which tests of several rooms share."""

import numpy as np
import pandas as pd


def summaries(seed, count, ages, purchases, until):
    """Return frequency, recency, T and monetary_value of `count` customers.

    `ages` are the bounds of T, `purchases` shape and scale of the Gamma that frequencies are drawn from, and `until`
    the share of T at which repeat buyers bought last.
    """
    rng = np.random.default_rng(seed)
    T = rng.uniform(*ages, count)
    frequency = rng.poisson(rng.gamma(*purchases, count)).astype(float)
    table = pd.DataFrame({"frequency": frequency, "recency": np.where(frequency > 0, T * until, 0.0), "T": T})
    return table.assign(monetary_value=np.where(frequency > 0, rng.gamma(5, 4, count), 0.0))
