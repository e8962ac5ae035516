# %% [markdown]
# # Do the intervals hold in a later window?
#
# Each customer's value comes with an interval meant to hold nine of ten such customers. It is shaped so that this
# is true of customers and windows before the test; whether it still is afterwards, only the later window tells.
# `python intervals_later.py 10` takes every tenth customer.

# %%
import sys

from cltv_ml import Window, clean, read
from cltv_ml.evaluation.backtest import judge
from cltv_ml.evaluation.calibration import LEVEL
from cltv_ml.evaluation.tables import compute_coverage
from cltv_ml.models import ParetoNBD, ProbabilisticValue, Tweedie

every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
log = clean(read("cdnow")).log
sample = sorted(log["customer_id"].unique())[::every]
log = log[log["customer_id"].isin(sample)]

# %%
test = Window("1997-12-30", "26w")
models = [ProbabilisticValue(ParetoNBD(), horizon=test.horizon), Tweedie(test.horizon)]
names = ["frequency", "recency", "T", "monetary_value", "spend_per_day"]
judged = judge(log, test, models, names)

# %% [markdown]
# Overall, and by tenths of the customers: an interval may hold for all together and fail for the best, on whom money is
# spent. `nothing` is the share that spent nothing: where it is above the level, an interval from zero holds too many.

# %%
for name, table in judged.predictions.items():
    print(f"\n{name}: meant {LEVEL:.0%}, held {judged.scores.at[name, 'coverage']:.1%}")
    print(compute_coverage(judged.y_true, table, LEVEL).round(3).to_string(index=False))
