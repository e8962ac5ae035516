"""Training panel: labelled customers at earlier origins, and today's customers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.features import build_features
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import ValueModel, for_labels
from cltv_ml.models.out_of_fold import fit_at
from cltv_ml.windows import Window, label_days, training_origins

#: Fewest customers who had spent again by an origin: with fewer, no model of repeat purchases can be fitted there.
MIN_REPEATERS = 10

#: Largest number of labelled rows. Models learn from a share of the customers of a larger log, at all origins, so
#: that time and memory barely grow with the log.
MAX_ROWS = 300_000

#: Largest number of origins per shorter horizon that are too recent for labels of the main one.
FRESH_ORIGINS = 3

#: Memory limit of the engine; the log and the predictions that a training holds come on top.
MEMORY = "2GB"


@dataclass(frozen=True)
class Training:
    """The rows that models may learn from, and the customers as they are at the cutoff.

    `cutoff` is set if other customers' spend in the window to predict is among the labels. `notes` reports the
    effects of a short log: origins left out, labels shorter than the `horizon` to predict.
    """

    X: pd.DataFrame
    y: pd.Series
    origins: list[Window]
    X_now: pd.DataFrame
    cutoff: pd.Timestamp | None = None
    notes: tuple[str, ...] = ()
    horizon: int = 0

    @property
    def label_days(self) -> int:
        """Days that the labels cover: the horizon, or fewer in a short log; 0 without labels."""
        return self.origins[0].horizon if self.origins else 0

    @property
    def shows_level(self) -> bool:
        """Whether labels show how a level carries over: from one window to a later one, or to the one to predict."""
        ends = [origin.end for origin in self.origins]
        return self.cutoff is not None or any(end <= one.cutoff for end in ends for one in self.origins)

    @property
    def present(self) -> pd.DataFrame:
        """Today's customers, with their cutoff where labels of the window to predict are among those learned from."""
        return self.X_now if self.cutoff is None else pd.concat({self.cutoff: self.X_now}, names=["cutoff"])

    @property
    def test_cutoff(self) -> pd.Timestamp:
        """The cutoff of the window to predict, from the end of the latest labels."""
        return self.cutoff if self.cutoff is not None else max(origin.end for origin in self.origins)


def prepare(
    log: AnyLog,
    window: Window,
    features: Sequence[str],
    *,
    max_origins: int = 6,
    customers: float | None = None,
    max_rows: int = MAX_ROWS,
) -> Training:
    """Return training rows from origins whose holdouts end by `window.cutoff`, and today's customers.

    Everything comes from before `window.cutoff`: the latest origin lies one horizon before it. Where the log is too
    short for that, labels are shorter than the horizon (`windows.label_days`). Origins by which fewer than
    `MIN_REPEATERS` customers had spent again are left out. Where no origin remains `X` and `y` are empty and only
    models without labels can compete.

    Parameters
    ----------
    customers
        Out of time if None. A share such as 0.5 divides the customers by the hash of their id instead: models learn
        from that share, whose spend in `window` itself is known, and predict the others. This suits logs of one
        cohort, in which the customers to predict are older than any in a training window; it does not show how well
        the level of a later window can be forecast.
    max_rows
        Approximate maximum of labelled rows: of more customers, a sample is chosen by the hash of their id. `X_now`
        always holds all customers.
    """
    if customers is not None and not 0 < customers < 1:
        raise InputError(f"customers must be a share between 0 and 1, or None, got {customers!r}.")
    log = Log.of(log)
    first = log.first
    days = window.horizon if customers is not None else label_days(first, window)
    origins = training_origins(first, Window(window.cutoff, days), max_origins=max_origins) if days else []
    thinned = thin_log(log, max_rows / (1 + len(origins))) if customers is None and origins else None
    cutoffs, names = [origin.cutoff for origin in origins], list(features)
    if thinned is not None:
        X = build_features(thinned, cutoffs, names, memory=MEMORY)
        X_now = build_features(log, window.cutoff, names, memory=MEMORY)
    else:
        panel = build_features(log, [window.cutoff, *cutoffs], names, memory=MEMORY)
        now = panel.index.get_level_values("cutoff") == window.cutoff
        if customers is None:
            learns = ~now
        else:
            origins = [window, *origins]
            learns = learned_from(panel.index.get_level_values("customer_id"), customers)
        X, X_now = panel[learns], panel[now & ~learns].droplevel("cutoff")
    snapshot = window.cutoff if customers is not None else None
    return _training(log.target, window, X, X_now, origins, snapshot)


def prepare_fresh(
    log: Log, training: Training, cutoff: pd.Timestamp, days: Sequence[int], features: Sequence[str]
) -> pd.DataFrame | None:
    """Return rows of origins after the training's latest, from which shorter horizons had ended by `cutoff`.

    None where there are no such origins. Of a large log the same share of customers is taken as for a training.
    """
    cutoffs = [max(origin.cutoff for origin in training.origins)]
    for horizon in days:
        for origin in training_origins(log.first, Window(cutoff, horizon), max_origins=FRESH_ORIGINS):
            apart = min(abs(origin.cutoff - other) for other in cutoffs)
            if origin.cutoff > cutoffs[0] and apart >= pd.Timedelta(days=7):
                cutoffs.append(origin.cutoff)
    fresh = sorted(cutoffs[1:])
    if not fresh:
        return None
    some = thin_log(log, MAX_ROWS / (1 + len(fresh))) or log
    rows = build_features(some, fresh, names=list(features), memory=MEMORY)
    return rows if "cutoff" in rows.index.names else pd.concat({fresh[0]: rows}, names=["cutoff"])


def _training(
    target: Callable[[Window, pd.Index], pd.Series],
    window: Window,
    X: pd.DataFrame,
    X_now: pd.DataFrame,
    origins: list[Window],
    cutoff: pd.Timestamp | None = None,
) -> Training:
    """Return the training rows with their labels, without origins by which too few customers had spent again."""
    cutoffs = X.index.get_level_values("cutoff")
    again = (X["frequency"] > 0) & (X["monetary_value"] > 0)
    repeaters = again.groupby(cutoffs).sum().reindex([origin.cutoff for origin in origins], fill_value=0)
    usable = [origin for origin in origins if repeaters[origin.cutoff] >= MIN_REPEATERS]
    notes = []
    if len(usable) < len(origins):
        days = ", ".join(f"{origin.cutoff:%Y-%m-%d}" for origin in origins if origin not in usable)
        notes.append(
            f"No model learned from the customers of {days}: fewer than {MIN_REPEATERS} of them had spent on a second "
            "day by then."
        )
    X = X[cutoffs.isin([origin.cutoff for origin in usable])]
    training = Training(X, _labels(target, usable, X), usable, X_now, cutoff, tuple(notes), window.horizon)
    return replace(training, notes=(*notes, *_short(training, window)))


def _short(training: Training, window: Window) -> list[str]:
    """Return a sentence where models cannot learn the level from labels."""
    if not training.origins:
        return []
    days = training.label_days
    if days < window.horizon:
        return [
            f"The log has no window of {window.horizon} days before the cutoff to learn from, so models that "
            f"need labels learned the ranking of customers from windows of {days} days; a probabilistic "
            f"model supplies the total of {window.horizon} days."
        ]
    if not training.shows_level:
        return [
            f"The log has no two consecutive windows of {days} days before the cutoff, so it does not show "
            "how the total changes from one to the next: models that learn it from labels were scaled to "
            "the total of a probabilistic model."
        ]
    return []


def _labels(
    target: Callable[[Window, pd.Index], pd.Series], origins: Sequence[Window], X: pd.DataFrame
) -> pd.Series:
    """Return the spend of each row's customer in the window after its cutoff."""
    labels = [
        target(origin, X.loc[[origin.cutoff]].index.get_level_values("customer_id")).to_numpy()
        for origin in sorted(origins, key=lambda origin: origin.cutoff)
    ]
    return pd.Series(np.concatenate([[], *labels]), index=X.index, dtype="float64", name="value")


def thin_log(log: Log, most: float) -> Log | None:
    """Return the log of about `most` customers, chosen by the hash of the id; None where there are no more."""
    ids = log.customers
    if len(ids) <= most:
        return None
    return log.only(ids[_hashed(ids) < most / len(ids)])


def learned_from(customers: pd.Index, share: float) -> np.ndarray:
    """Return True for the customers in the share that models learn from, by the hash of the id, shape (n,)."""
    return _hashed(customers) < share


def _hashed(customers: pd.Index) -> np.ndarray:
    """Return a number in [0, 1) per customer that depends on the id only."""
    return pd.util.hash_array(customers.to_numpy(dtype=object)) / 2.0**64


def fit(model: ValueModel, training: Training) -> ValueModel:
    """Return a fitted copy: on labelled earlier origins where it needs labels, else on today's customers.

    Raises
    ------
    InputError
        The model's horizon is not the one to predict.
    """
    return fit_at(trainable(model, training), training.X, training.y, training.present)


def trainable(model: ValueModel, training: Training) -> ValueModel:
    """Return an unfitted copy that learns from these rows: scaled to a probabilistic total where they show no level.

    Raises
    ------
    InputError
        The model's horizon is not the one to predict.
    """
    days = training.horizon or training.label_days or model.horizon
    if model.horizon != days:
        raise InputError(
            f"{model.name}: its horizon is {model.horizon} days, but the windows to learn from and to predict "
            f"have {days}; give both the same."
        )
    return for_labels(model, training.label_days or days, own_level=training.shows_level)
