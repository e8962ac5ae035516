"""The written rule that names a champion."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

#: A model is trusted with money when it misses the total and the deciles by no more than this.
BIAS_BOUND = 0.10
DECILE_BOUND = 0.25


@dataclass(frozen=True)
class Verdict:
    """The champion and the sentence that says why."""

    champion: str
    within_bounds: bool
    reason: str


def choose_champion(
    scores: pd.DataFrame, bias_bound: float = BIAS_BOUND, decile_bound: float = DECILE_BOUND
) -> Verdict:
    """Return the champion by the written rule: level first, then ranking.

    1. Trusted models miss the total by at most `bias_bound` and the deciles by at most `decile_bound`.
    2. Among the trusted the highest normalised Gini wins.
    3. If none is trusted, the model that oversteps the bounds least wins, and the reason says so.
    Ties go to the model listed first, so list the simpler one first.

    Parameters
    ----------
    scores
        One row per model (index), columns `bias`, `decile_mape` and `gini`.

    Raises
    ------
    ValueError
        No model has finite scores: nobody bought anything in the test window.

    >>> scores = pd.DataFrame({"bias": [-0.3, 0.05], "decile_mape": [0.1, 0.2], "gini": [0.8, 0.7]},
    ...                       index=["a", "b"])
    >>> choose_champion(scores).champion
    'b'
    """
    usable = scores.dropna(subset=["bias", "decile_mape", "gini"])
    if usable.empty:
        raise ValueError(
            "no model can be judged: nobody bought anything in the test window, or everybody spent the same; "
            "choose another cutoff or a longer horizon."
        )
    overstep = pd.concat(
        [usable["bias"].abs() / bias_bound, usable["decile_mape"] / decile_bound], axis=1
    ).max(axis=1)
    trusted = usable[overstep <= 1]
    if len(trusted):
        best = str(trusted["gini"].idxmax())
        why = f"best order of customers (Gini {usable.at[best, 'gini']:.3f}) of {len(trusted)} models within bounds"
    else:
        best = str(overstep.idxmin())
        why = "no model within bounds, this one oversteps them least"
    return Verdict(
        best,
        within_bounds=len(trusted) > 0,
        reason=(
            f"{best}: {why} (bias {usable.at[best, 'bias']:+.1%}, allowed {bias_bound:.0%}; "
            f"decile error {usable.at[best, 'decile_mape']:.1%}, allowed {decile_bound:.0%})"
        ),
    )
