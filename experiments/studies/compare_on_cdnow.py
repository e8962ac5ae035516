# %% [markdown]
# # Trees against formulas on CDNOW
#
# 23,570 customers of a music shop, all won in the first quarter of 1997. Who will spend in the half year after
# 1997-12-30, and how much? The models see nothing of that day and later. `python compare_on_cdnow.py 10` takes every
# tenth customer.

# %%
import sys

from cltv_ml import Log, Window, build_features, clean, read
from cltv_ml.evaluation import metrics
from cltv_ml.evaluation.compare import compare_models
from cltv_ml.models import BGNBD, GammaGamma, ParetoNBD, ProbabilisticValue, SameRate, Tweedie

every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
log = clean(read("cdnow")).log
sample = sorted(log["customer_id"].unique())[::every]
log = Log(log[log["customer_id"].isin(sample)])

# %% [markdown]
# Two windows: the test, and an earlier one whose half year ends where the test begins. Trees learn from the earlier
# one; the formulas need no labels and are fitted on everything before the test.

# %%
test, past = Window("1997-12-30", "26w"), Window("1997-07-01", "26w")
X, X_past = build_features(log, test.cutoff), build_features(log, past.cutoff)
models = {
    "same rate": SameRate(test.horizon).fit(X),
    "BG/NBD": ProbabilisticValue(BGNBD(), GammaGamma(), horizon=test.horizon).fit(X),
    "Pareto/NBD": ProbabilisticValue(ParetoNBD(), GammaGamma(), horizon=test.horizon).fit(X),
    "Tweedie": Tweedie(test.horizon).fit(X_past, log.target(past, X_past.index)),
}

# %% [markdown]
# The future is read once, after all predictions are made. Bias is the level (zero is best), Gini the order of customers
# by money (one is best).

# %%
values = X[[]].assign(**{name: model.predict(X) for name, model in models.items()})
y = log.target(test, X.index)
print(f"{len(y):,} customers, {y.gt(0).mean():.0%} of them bought")
for name in values:
    print(f"{name:12} bias {metrics.bias(y, values[name]):+7.1%}   Gini {metrics.gini(y, values[name]):.3f}")

# %% [markdown]
# Are those differences chance? Every bootstrap draw takes the same customers for all models.

# %%
pairs = compare_models(y, values, "Tweedie")
gini = pairs[pairs["metric"] == "gini"].set_index("model")
for name, row in gini.iterrows():
    print(
        f"{name:12} Gini less Tweedie's {row['difference']:+.3f} ({row['lower']:+.3f} to {row['upper']:+.3f})"
    )
