"""Checks of a scored batch: drift since the training, age, and earlier forecasts against realised revenue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.batch_outcome import Check, Thresholds, away_from, level_check
from cltv_ml.evaluation.bounds import overstep, percent_off, tell_overstep
from cltv_ml.evaluation.drift import compute_drift, compute_shares
from cltv_ml.evaluation.explain import feature_title
from cltv_ml.evaluation.season_change import compute_season_change, tell_season
from cltv_ml.features import build_features, feature_version
from cltv_ml.features.catalogue import needs
from cltv_ml.log import Log
from cltv_ml.models.kept_spend import YEAR
from cltv_ml.money import format_money
from cltv_ml.serving.responses import BOUGHT_LATER
from cltv_ml.tables import ids_among
from cltv_ml.tracking.registry import Version
from cltv_ml.windows import Window

#: Least share of the scored customers in the log, and of the log's customers in the scores.
_LEAST_SHARED = 0.9


def check_known(scores: pd.DataFrame, log: Log, cutoff: pd.Timestamp) -> None:
    """Raise InputError where the scores are of another log's customers, or of some customers only."""
    valued = scores.loc[scores["expected_value"].notna(), "customer_id"]
    share = float(ids_among(valued, log.customers).mean())
    if share < _LEAST_SHARED:
        raise InputError(
            f"the log contains only {share:.0%} of the scored customers; use the log that they were scored "
            "from, with the orders since then."
        )
    before = log.frame.loc[log.frame["timestamp"] < cutoff, "customer_id"].drop_duplicates()
    share = float(ids_among(before, scores["customer_id"]).mean())
    if share < _LEAST_SHARED:
        raise InputError(
            f"the scores hold only {share:.0%} of the {len(before):,} customers who had bought before "
            f"{cutoff:%Y-%m-%d}, but are compared with all customers of the training; score everybody, without --since "
            "and --younger-than."
        )


def compare_with_training(
    log: Log,
    batch: pd.DataFrame,
    window: Window,
    version: Version,
    reference: Mapping[str, Any],
    limits: Thresholds,
    notes: list[str],
) -> tuple[pd.DataFrame, pd.DataFrame, list[Check]]:
    """Return drift and segment shares compared with the training, and their checks."""
    if not reference:
        return pd.DataFrame(columns=["feature", "psi"]), pd.DataFrame(), []
    batch = batch.set_index("customer_id")
    predictions = {name: sketch for name, sketch in reference["predictions"].items() if name in batch}
    parts = [_drift(predictions, batch, "prediction")]
    if feature_version(version.features) == version.feature_version:
        X = build_features(log, window.cutoff, names=version.features)
        known = _known_features(reference["features"], log, notes)
        parts.append(_drift(known, X.reindex(batch.index), "feature"))
    else:
        notes.append(
            "The feature definitions differ from those in training, so only predictions are compared."
        )
    drift = pd.concat(parts, ignore_index=True)
    shares = compute_shares(reference["tiers"], batch["tier"].value_counts().to_dict())
    checks = [
        level_check(
            f"drift of {row.feature}",
            row.psi_lower,
            limits.psi,
            f"{capitalised(feature_title(row.feature))}: stability index {row.psi:.2f} against training, at "
            f"least {row.psi_lower:.2f} beyond chance.",
            worst="retrain" if row.feature == "expected_value" else "watch",
        )
        for row in drift[drift["kind"] == "prediction"].itertuples()
    ]
    checks += _moved(drift[drift["kind"] == "feature"], limits)
    checks += _unseen_level_checks(drift, limits)
    checks += [
        level_check(
            f"share of {row.segment}",
            away_from(row.lower, row.upper, row.before),
            limits.segment,
            f"{row.share:.0%} of the customers are in tier {row.segment}, compared with {row.before:.0%} in "
            "training.",
        )
        for row in shares.itertuples()
    ]
    return drift, shares, checks


def _known_features(reference: Mapping[str, Any], log: Log, notes: list[str]) -> dict[str, Any]:
    """Return the sketches of features that the data have; add a note on those without their table about customers."""
    known = {name: sketch for name, sketch in reference.items() if needs(name) <= set(log.known)}
    if unknown := [feature_title(name) for name in reference if name not in known]:
        notes.append(
            f"Drift is not measured for {', '.join(unknown)}: the tables about customers that the model learned from "
            "are not among the data; name them with --customers and --contacts."
        )
    return known


_NO_RANKING = "The test did not show that the model ranks customers better than chance."


def capitalised(text: str) -> str:
    """Return a text with a capital first letter; the other letters do not change.

    >>> capitalised("P(alive) now"), capitalised("mean spend")
    ('P(alive) now', 'Mean spend')
    """
    return text[:1].upper() + text[1:]


def _moved(features: pd.DataFrame, limits: Thresholds) -> list[Check]:
    """Return one check for all features, because some always drift with the calendar and with the customers' age."""
    if not len(features):
        return []
    moved = features[features["psi_lower"] > limits.psi[0]]
    most = "; ".join(f"{feature_title(row.feature)}: {row.psi:.2f}" for row in moved.head(3).itertuples())
    sentence = (
        f"{len(moved)} of {len(features)} features have moved since training, most of all (stability index) "
        f"{most}."
        if most
        else f"None of {len(features)} features has moved since training."
    )
    share = len(moved) / len(features)
    return [level_check("features moved", share, limits.features_moved, sentence, worst="watch")]


def _unseen_level_checks(drift: pd.DataFrame, limits: Thresholds) -> list[Check]:
    """Return a check for each category in which more customers than in training have a rare or an unseen level."""
    more = drift["other"] - drift["other_before"]
    return [
        level_check(
            f"unseen levels of {row.feature}",
            row.other - row.other_before,
            limits.segment,
            f"{capitalised(feature_title(row.feature))}: {row.other:.0%} of the customers have a level that "
            f"was rare or absent in training ({row.other_before:.0%} there), so the model knows little about them.",
            worst="watch",
        )
        for row in drift[more > limits.segment[0]].itertuples()
    ]


def _drift(reference: Mapping[str, Any], table: pd.DataFrame, kind: str) -> pd.DataFrame:
    # All columns are looked at together: each interval is as wide as many chances of a false alarm demand.
    return compute_drift(dict(reference), table, confidence=1 - 0.05 / len(reference)).assign(kind=kind)


def freshness_checks(
    log: Log, scores: pd.DataFrame, window: Window, version: Version, limits: Thresholds
) -> list[Check]:
    """Return the checks of customers without a value, of the model's age, and of the log's age."""
    reasons = scores["reason"].astype("str") if "reason" in scores else pd.Series("", index=scores.index)
    known = scores[~reasons.str.startswith(BOUGHT_LATER).fillna(False)]  # the others were no customers yet
    refused = float(known["expected_value"].isna().mean())
    old = (window.cutoff - version.fitted_until).days
    age = old / window.horizon
    fitted = f"The model was fitted on all data up to {version.fitted_until:%Y-%m-%d}"
    before = log.frame.loc[log.frame["timestamp"] < window.cutoff, "timestamp"]
    quiet = (window.cutoff - before.max().normalize()).days - 1
    return [
        *_season_checks(log, window, version.fitted_until, limits),
        level_check(
            "refused",
            refused,
            limits.refused,
            f"{refused:.1%} of the customers have no value; the scores give the reasons."
            if refused
            else "Every customer has a value.",
        ),
        level_check("model age", age, limits.model_age, f"{fitted}, {_age_in_words(old, age)}.")
        if old >= 0
        else level_check("model age", 1.0, (0.5, np.inf), f"{fitted}, {_HINDSIGHT}"),
        level_check(
            "log age",
            quiet,
            limits.log_age,
            f"The last {quiet} days before the batch's cutoff have no purchase."
            if quiet
            else "The last day before the batch's cutoff has purchases.",
            worst="watch",
        ),
    ]


def _season_checks(log: Log, window: Window, fitted_until: pd.Timestamp, limits: Thresholds) -> list[Check]:
    """Return the check of the season of a batch later than the training; empty where the log does not show it."""
    if window.cutoff <= fitted_until:
        return []
    season = compute_season_change(log, window.horizon, fitted_until, window.cutoff)
    if season is None:
        return []
    sentence = (
        f"{tell_season(season, window.horizon, fitted_until, window.cutoff)} The version's total was forecast for the "
        "latter's season."
    )
    return [level_check("season", away_from(season.lower, season.upper), limits.season, sentence)]


_HINDSIGHT = (
    "after the day of the batch: it has learned from what it predicts here, so the outcome says nothing about other "
    "batches."
)


def _age_in_words(days: int, horizons: float) -> str:
    return f"{days} days ({horizons:.1f} horizons) before the batch" if days else "the day of the batch"


def tested_checks(version: Version, truth: pd.DataFrame) -> list[Check]:
    """Return the checks of the training's test window; empty once a batch of this version has closed."""
    if len(truth) and (truth["model_version"] == version.number).any():
        return []
    checks, beyond = [], overstep(version.tested)
    if not np.isnan(beyond):
        sentence = tell_overstep(version.tested) or "In its test, the model was within its bounds."
        checks.append(level_check("test window", beyond, (1.0, np.inf), sentence))
    if version.ranks is False:
        checks.append(level_check("test ranking", 1.0, (0.5, np.inf), _NO_RANKING))
    return checks


def outcome_checks(
    truth: pd.DataFrame,
    paths: pd.DataFrame,
    version: Version,
    limits: Thresholds,
    by_horizon: pd.DataFrame | None = None,
    currency: str = "",
) -> list[Check]:
    """Return the checks of the newest closed batch and of the open ones of this version.

    `by_horizon` contains the outcomes at other horizons; the newest batch of each is checked.
    """
    checks = _closed_checks(truth.iloc[-1], version, limits, currency) if len(truth) else []
    for _, rows in by_horizon.groupby("horizon") if by_horizon is not None and len(by_horizon) else ():
        checks += _closed_checks(rows.iloc[-1], version, limits, currency)
    return [*checks, *_open_checks(paths, limits, currency)]


def _closed_checks(row: pd.Series, version: Version, limits: Thresholds, currency: str) -> list[Check]:
    """Return the checks of a batch whose horizon has passed: its total, deciles, ranking and intervals.

    The names of checks at another horizon than the version's own include its days.
    """
    days = f" {int(row['horizon'])} days" if "horizon" in row else ""
    when = (
        f"The batch of {row['cutoff']:%Y-%m-%d} (version {row['model_version']}{',' if days else ''}{days})"
    )
    return [
        level_check(
            f"bias{days}",
            away_from(row["bias_lower"], row["bias_upper"]),
            limits.bias,
            f"{when} predicted {format_money(row['predicted'], currency)} and customers spent "
            f"{format_money(row['realised'], currency)}: the total was {percent_off(row['bias'])}, 95% "
            f"interval for chance in spending {row['bias_lower']:+.1%} to {row['bias_upper']:+.1%}.",
        ),
        level_check(
            f"decile error{days}",
            row["decile_mape_lower"],
            limits.decile_error,
            f"{when} had a decile error of {row['decile_mape']:.1%}, 95% interval "
            f"{row['decile_mape_lower']:.1%} to {row['decile_mape_upper']:.1%}.",
        ),
        *_ranking_checks(row, version, limits, when, days),
        *_coverage_checks(row, limits, when, days),
    ]


def _ranking_checks(
    row: pd.Series, version: Version, limits: Thresholds, when: str, days: str
) -> list[Check]:
    checks = []
    tested = version.tags.get(f"test_{int(row['horizon'])}d/gini" if days else "test_gini")
    if tested is not None and row["model_version"] == version.number:
        sentence = (
            f"{when} ranked customers with a Gini of {row['gini']:.3f}; it was {float(tested):.3f} on the "
            "training's test window."
        )
        checks.append(
            level_check(f"order{days}", float(tested) - row["gini_upper"], limits.gini_fall, sentence)
        )
    if row["gini_lower"] <= 0:
        sentence = (
            f"{when} is not shown to have ranked customers better than chance (Gini {row['gini']:.3f}, 95% "
            f"interval {row['gini_lower']:+.3f} to {row['gini_upper']:+.3f})."
        )
        checks.append(level_check(f"ranking{days}", 1.0, (0.5, np.inf), sentence))
    return checks


def _coverage_checks(row: pd.Series, limits: Thresholds, when: str, days: str) -> list[Check]:
    if "coverage" not in row or not np.isfinite(row["coverage"]):
        return []
    sentence = (
        f"{when} had {row['coverage']:.1%} of the customers inside their intervals; "
        f"{row['coverage_nominal']:.0%} were expected."
    )
    gap = row["coverage_nominal"] - row["coverage_upper"]
    return [level_check(f"coverage{days}", gap, limits.coverage_gap, sentence)]


def _open_checks(paths: pd.DataFrame, limits: Thresholds, currency: str) -> list[Check]:
    """Return a check of each open batch after at least a quarter of its horizon or of a year."""
    checks = []
    for cutoff, path in paths.groupby("cutoff") if len(paths) else ():
        last = path.iloc[-1]
        if last["day"] >= min(last["horizon"] / 4, YEAR // 4) and np.isfinite(last["bias_lower"]):
            sentence = (
                f"After {last['day']} of {last['horizon']} days, the batch of {cutoff:%Y-%m-%d} was expected "
                f"to bring in {format_money(last['expected'], currency)} and brought in "
                f"{format_money(last['realised'], currency)}."
            )
            off = away_from(last["bias_lower"], last["bias_upper"])
            checks.append(level_check("bias so far", off, limits.bias, sentence))
    return checks
