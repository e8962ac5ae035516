"""Models of statsforecast, as its documentation shows: a series in, the sums of its next periods out."""

import json
import sys
import warnings
from importlib.metadata import version

import numpy as np
from statsforecast import models

warnings.simplefilter("ignore")
question = json.load(sys.stdin)
fitted = getattr(models, question["model"])(season_length=question["season"])
forecast = fitted.forecast(y=np.asarray(question["series"], dtype=float), h=question["ahead"])
answer = {
    "values": [float(one) for one in forecast["mean"]],
    "version": f"statsforecast {version('statsforecast')}",
}
print(json.dumps(answer))
