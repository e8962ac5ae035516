# %% [markdown]
# # Does a feature of your own help?
#
# A tree model takes any numeric column. The idea tried here: customers who spread their money evenly over their
# purchases stay longer than those with one large order. `python feature_of_your_own.py 10` takes every tenth customer.

# %%
import sys

import pandas as pd

from cltv_ml import Log, Window, build_features, clean, read
from cltv_ml.evaluation import metrics
from cltv_ml.evaluation.compare import compare_models
from cltv_ml.models import Tweedie

every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
log = clean(read("cdnow")).log
sample = sorted(log["customer_id"].unique())[::every]
log = log[log["customer_id"].isin(sample)]
test, past = Window("1997-12-30", "26w"), Window("1997-07-01", "26w")


# %% [markdown]
# The one rule: the feature sees only what lies before the cutoff. Here that is the first line of the function. A
# feature declared in `cltv_ml/features` cannot forget it: there the compiler writes the filter.


# %%
def evenness(cutoff: pd.Timestamp) -> pd.Series:
    """Return one less the largest purchase's share of the spend so far: 0 for a single purchase."""
    seen = log[log["timestamp"] < cutoff].groupby("customer_id")["amount"]
    return (1 - seen.max() / seen.sum()).fillna(0.0).rename("evenness")


X, X_past = build_features(log, test.cutoff), build_features(log, past.cutoff)
y_past, y = Log.of(log).target(past, X_past.index), Log.of(log).target(test, X.index)
plain = Tweedie(test.horizon).fit(X_past, y_past).predict(X)
more = Tweedie(test.horizon, features=[*X_past.columns, "evenness"]).fit(
    X_past.join(evenness(past.cutoff)), y_past
)
values = X[[]].assign(plain=plain, evenness=more.predict(X.join(evenness(test.cutoff))))

# %% [markdown]
# An idea is kept where the interval of the difference lies above zero on a window that chose nothing. Run it on every
# tenth customer and on all of them: the two answers show why one small sample is not enough.

# %%
for name in values:
    print(f"{name:10} Gini {metrics.gini(y, values[name]):.4f}   bias {metrics.bias(y, values[name]):+.1%}")
row = compare_models(y, values, "plain").set_index("metric").loc["gini"]
print(f"difference {row['difference']:+.4f} ({row['lower']:+.4f} to {row['upper']:+.4f}): {row['better']}")
