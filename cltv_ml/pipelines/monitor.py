"""Monitoring: drift of a scored batch, outcome of earlier ones, a verdict."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from cltv_ml.errors import InputError
from cltv_ml.evaluation import promises
from cltv_ml.evaluation.backtest import Progress, silent
from cltv_ml.evaluation.drift import compute_drift, compute_shares, sketch
from cltv_ml.evaluation.promises import Check, Thresholds, away_from, check, worst_level
from cltv_ml.features import build_features, feature_version
from cltv_ml.files import atomic, check_folder, write_table
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import ValueModel
from cltv_ml.pipelines.inputs import load, read_table
from cltv_ml.reporting import sections
from cltv_ml.reporting.report import render_html, summarise
from cltv_ml.serving.responses import tier_names
from cltv_ml.settings import Monitor, Settings
from cltv_ml.settings.toml import read_toml
from cltv_ml.tracking import registry, runs, scored_batches, store
from cltv_ml.tracking.registry import REGISTERED_NAME, Version
from cltv_ml.windows import Window

_REFERENCE = "reference.json"
#: What a batch must hold, and what is kept of it where it holds it.
_NEEDED = ("customer_id", "expected_value", "model_version", "cutoff", "horizon", "tier")
#: The checks that compare a promise with the truth, not today with the training.
_PROMISES = ("bias", "decile error", "order", "coverage", "bias so far")
_KEPT = (
    "customer_id",
    "expected_value",
    "value_median",
    "value_lower",
    "value_upper",
    "expected_purchases",
    "p_alive",
    "tier",
)


@dataclass(frozen=True)
class Report:
    """What was found: the verdict with its checks, drift, segment shares, closed batches and the open ones' paths."""

    level: str
    checks: list[Check]
    drift: pd.DataFrame
    shares: pd.DataFrame
    truth: pd.DataFrame
    progress: pd.DataFrame
    notes: list[str]

    @property
    def reasons(self) -> list[str]:
        """What is not ok, in sentences."""
        return [one.sentence for one in self.checks if one.level != "ok"]

    @property
    def kept(self) -> list[str]:
        """What earlier batches promised and what came of it, in sentences, as far as it is ok."""
        return [one.sentence for one in self.checks if one.name in _PROMISES and one.level == "ok"]


def store_reference(
    model_id: str,
    model: ValueModel,
    X: pd.DataFrame,
    log: AnyLog,
    past: Window,
    cuts: Mapping[str, float],
    *,
    table: pd.DataFrame | None = None,
) -> None:
    """Store with a logged model what later batches are compared with, as `reference.json` next to its files.

    It holds no customer: sketches of features and predictions, customers per tier, and the expected path of the
    value over the horizon. `cuts` are the lowest values of the tiers, `past` the test window, `table` what the
    model predicts for `X` where that is known already.
    """
    names = [str(name) for name in model.feature_names_in_]
    table = model.predict_table(X) if table is None else table
    answers = table.dropna(axis="columns", how="all").select_dtypes("number")
    tiers = pd.Series(tier_names(answers["expected_value"].to_numpy(), cuts))
    intervals = getattr(model, "intervals_", None)
    reference = {
        "features": sketch(X[names]),
        "predictions": sketch(answers),
        "tiers": {str(name): int(count) for name, count in tiers.value_counts().items()},
        "path": promises.compute_expected_path(model, X, log, past).to_dict("list"),
        "interval_level": float(intervals.level) if intervals is not None else None,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, _REFERENCE)
        path.write_text(json.dumps(reference), encoding="utf-8")
        MlflowClient().log_model_artifact(model_id, str(path))


@store.explained()
def monitor(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Report:
    """Compare the newest scores with the training, and earlier scores with what has happened since.

    Returns the verdict with its reasons, logs it, and writes `monitor.html` and the tables. The scores are stored, so
    that a later call compares them with the truth.

    Raises
    ------
    InputError
        The scores are none of this package's, or the log is of other customers.
    """
    settings = Monitor.of(settings, options)
    check_folder(settings.out)
    limits = _read_thresholds(settings.thresholds)
    scores = _read_batch(settings.scores)
    log = load(settings, progress).transactions
    window = _check_scores(scores, log)
    experiment_id = runs.open_experiment(settings.experiment)
    version = registry.read_version(int(scores["model_version"].iloc[0]), REGISTERED_NAME)
    reference, notes = _read_reference(version, REGISTERED_NAME)
    progress("comparing with the training", 0.2)
    batch = scores.dropna(subset="expected_value")[[column for column in _KEPT if column in scores]]
    drift, shares, checks = _compare(log, batch, window, version, reference, limits, notes)
    checks += _freshness(log, scores, window, version, limits)
    progress("keeping the batch", 0.5)
    series = scored_batches.series_run(experiment_id, REGISTERED_NAME)
    scored_batches.keep_batch(series, experiment_id, batch, version, window, reference)
    progress("comparing earlier batches with what happened", 0.6)
    truth, paths = scored_batches.look_back(series, experiment_id, log)
    checks += _promises(truth, paths, version, limits)
    if not len(truth):
        notes.append(
            f"No batch has closed yet; what this one promised is known once the log reaches {window.end:%Y-%m-%d}."
        )
    report = Report(worst_level(checks), checks, drift, shares, truth, paths, notes)
    _log(series, report, window)
    progress("writing", 0.9)
    _write(series, report, window, version, settings.out, settings.currency)
    return report


def _read_thresholds(source: Path | Mapping[str, Any] | None) -> Thresholds:
    content = read_toml(source) if isinstance(source, Path) else dict(source or {})
    return promises.read_thresholds(content.get("monitor", content))


def _read_batch(source: Path | pd.DataFrame) -> pd.DataFrame:
    scores = read_table(source, _NEEDED, "the scores that `cltv score` wrote with --scores").reset_index()
    try:
        return scores.assign(cutoff=pd.to_datetime(scores["cutoff"]))
    except ValueError:
        raise InputError("the scores' cutoff holds no days; name a file that `cltv score` wrote.") from None


def _check_scores(scores: pd.DataFrame, log: Log) -> Window:
    """Return the batch's window; InputError where the table is no batch of scores for this log."""
    missing = [name for name in _NEEDED if name not in scores]
    if missing or not len(scores):
        raise InputError(
            f"the scores lack the columns {missing} or any row; name a file that `cltv score` wrote."
        )
    several = [name for name in _NEEDED[2:5] if scores[name].nunique() != 1]
    if several:
        raise InputError(f"the scores hold several values of {several}; monitor one batch at a time.")
    if scores["customer_id"].duplicated().any():
        raise InputError("the scores hold a customer twice; monitor one batch at a time.")
    valued = scores.loc[scores["expected_value"].notna(), "customer_id"]
    if not len(valued):
        raise InputError("no customer of the scores has an expected value; there is nothing to monitor.")
    known = float(valued.isin(log.customers).mean())
    if known < 0.9:
        raise InputError(
            f"the log knows only {known:.0%} of the scored customers; give the log that they were scored from, with "
            "what has come since."
        )
    return Window(pd.Timestamp(scores["cutoff"].iloc[0]), int(scores["horizon"].iloc[0]))


def _read_reference(version: Version, name: str) -> tuple[dict[str, Any], list[str]]:
    try:
        found: dict[str, Any] = mlflow.artifacts.load_dict(f"{version.uri}/{_REFERENCE}")
    except (MlflowException, OSError):
        return {}, [
            f"Version {version.number} of model {name!r} was stored without a reference, so drift is not measured; "
            "versions trained from now on have one."
        ]
    return found, []


def _compare(
    log: Log,
    batch: pd.DataFrame,
    window: Window,
    version: Version,
    reference: Mapping[str, Any],
    limits: Thresholds,
    notes: list[str],
) -> tuple[pd.DataFrame, pd.DataFrame, list[Check]]:
    """Return drift and segment shares against the training, with their checks."""
    if not reference:
        return pd.DataFrame(columns=["feature", "psi"]), pd.DataFrame(), []
    batch = batch.set_index("customer_id")
    predictions = {name: one for name, one in reference["predictions"].items() if name in batch}
    parts = [_drift(predictions, batch, "prediction")]
    if feature_version(version.features) == version.feature_version:
        X = build_features(log, window.cutoff, names=version.features)
        parts.append(_drift(reference["features"], X.reindex(batch.index), "feature"))
    else:
        notes.append(
            "The features are defined otherwise here than in training, so only predictions are compared."
        )
    drift = pd.concat(parts, ignore_index=True)
    shares = compute_shares(reference["tiers"], batch["tier"].value_counts().to_dict())
    checks = [
        check(
            f"drift of {row.feature}",
            row.psi_lower,
            limits.psi,
            f"{row.feature}: stability index {row.psi:.2f} against the training, at least {row.psi_lower:.2f} beyond "
            "chance.",
            worst="retrain" if row.feature == "expected_value" else "watch",
        )
        for row in drift[drift["kind"] == "prediction"].itertuples()
    ]
    checks += _moved(drift[drift["kind"] == "feature"], limits)
    checks += [
        check(
            f"share of {row.segment}",
            away_from(row.lower, row.upper, row.before),
            limits.segment,
            f"{row.share:.0%} of the customers are in tier {row.segment}, {row.before:.0%} were in training.",
        )
        for row in shares.itertuples()
    ]
    return drift, shares, checks


def _moved(features: pd.DataFrame, limits: Thresholds) -> list[Check]:
    """Return one check for all features: some always move with the calendar and with the customers' age."""
    if not len(features):
        return []
    moved = features[features["psi_lower"] > limits.psi[0]]
    most = ", ".join(f"{row.feature} {row.psi:.2f}" for row in moved.head(3).itertuples())
    sentence = f"{len(moved)} of {len(features)} features have moved since the training" + (
        f", most of all {most} (stability index)." if most else "."
    )
    share = len(moved) / len(features)
    return [check("features moved", share, limits.features_moved, sentence, worst="watch")]


def _drift(reference: Mapping[str, Any], table: pd.DataFrame, kind: str) -> pd.DataFrame:
    # All columns are looked at together: each interval is as wide as many chances of a false alarm demand.
    return compute_drift(dict(reference), table, confidence=1 - 0.05 / len(reference)).assign(kind=kind)


def _freshness(
    log: Log, scores: pd.DataFrame, window: Window, version: Version, limits: Thresholds
) -> list[Check]:
    refused = float(scores["expected_value"].isna().mean())
    age = (window.cutoff - version.fitted_until).days / window.horizon
    before = log.frame.loc[log.frame["timestamp"] < window.cutoff, "timestamp"]
    quiet = (window.cutoff - before.max().normalize()).days - 1
    return [
        check(
            "refused",
            refused,
            limits.refused,
            f"{refused:.1%} of the customers have no value; the scores say why.",
        ),
        check(
            "model age",
            age,
            limits.model_age,
            f"The model was fitted until {version.fitted_until:%Y-%m-%d}, {age:.1f} horizons before the batch.",
        ),
        check(
            "log age",
            quiet,
            limits.log_age,
            f"The last purchase was {quiet} days before the batch's cutoff.",
            worst="watch",
        ),
    ]


def _promises(truth: pd.DataFrame, paths: pd.DataFrame, version: Version, limits: Thresholds) -> list[Check]:
    """Return the checks of the newest closed batch and of the open ones of this version."""
    checks = []
    if len(truth):
        row = truth.iloc[-1]
        when = f"The batch of {row['cutoff']:%Y-%m-%d} (version {row['model_version']})"
        checks += [
            check(
                "bias",
                away_from(row["bias_lower"], row["bias_upper"]),
                limits.bias,
                f"{when} promised {row['promised']:,.0f} and {row['realised']:,.0f} came: {row['bias']:+.1%} off in "
                f"its total, 95% interval {row['bias_lower']:+.1%} to {row['bias_upper']:+.1%}.",
            ),
            check(
                "decile error",
                row["decile_mape_lower"],
                limits.decile_error,
                f"{when} missed its tenths by {row['decile_mape']:.1%} on average, 95% interval "
                f"{row['decile_mape_lower']:.1%} to {row['decile_mape_upper']:.1%}.",
            ),
        ]
        tested = version.tags.get("test_gini")
        if tested is not None and row["model_version"] == version.number:
            checks.append(
                check(
                    "order",
                    float(tested) - row["gini_upper"],
                    limits.gini_fall,
                    f"{when} ordered customers with a Gini of {row['gini']:.3f}, {float(tested):.3f} was promised.",
                )
            )
        if "coverage" in row and np.isfinite(row["coverage"]):
            checks.append(
                check(
                    "coverage",
                    row["coverage_promised"] - row["coverage_upper"],
                    limits.coverage_gap,
                    f"{when} had {row['coverage']:.1%} of the customers inside their intervals, "
                    f"{row['coverage_promised']:.0%} were promised.",
                )
            )
    for cutoff, path in paths.groupby("cutoff") if len(paths) else ():
        last = path.iloc[-1]
        if last["day"] >= last["horizon"] / 4 and np.isfinite(last["bias_lower"]):
            checks.append(
                check(
                    "bias so far",
                    away_from(last["bias_lower"], last["bias_upper"]),
                    limits.bias,
                    f"After {last['day']} of {last['horizon']} days the batch of {cutoff:%Y-%m-%d} should have "
                    f"brought {last['expected']:,.0f} and brought {last['realised']:,.0f}.",
                )
            )
    return checks


def _log(series: str, report: Report, window: Window) -> None:
    """Put this batch's point into the series: `check_...` is what was compared with a bound."""
    found = {
        f"check_{one.name.replace(' ', '_')}": one.at_least
        for one in report.checks
        if not one.name.startswith("drift")
    }
    for kind in ("feature", "prediction"):
        rows = report.drift[report.drift["kind"] == kind] if len(report.drift) else report.drift
        if len(rows):
            found |= {
                f"{kind}_psi_highest": rows["psi"].max(),
                f"{kind}_psi_beyond_chance": rows["psi_lower"].max(),
            }
    found["verdict"] = float(promises.LEVELS.index(report.level))
    scored_batches.log_metrics(
        series,
        {name: value for name, value in found.items() if np.isfinite(value)},
        scored_batches.series_step(window),
    )
    client = MlflowClient()
    client.set_tag(series, "verdict", report.level)
    client.set_tag(series, "reasons", " ".join(report.reasons)[:4000])


def _write(series: str, report: Report, window: Window, version: Version, out: Path, currency: str) -> None:
    title = f"Monitoring as of {window.cutoff:%Y-%m-%d}: {report.level}"
    subtitle = f"Version {version.number} ({version.model}), {window.horizon} days ahead"
    page = render_html(
        summarise(
            title,
            subtitle,
            sections.monitoring_sections(
                report.reasons,
                report.notes,
                report.drift,
                report.shares,
                report.truth,
                report.progress,
                currency=currency,
            ),
        )
    )
    tables = {
        "checks": pd.DataFrame([asdict(one) for one in report.checks]),
        "drift": report.drift,
        "truth": report.truth,
        "progress": report.progress,
    }
    for name, table in tables.items():
        write_table(table, out / f"{name}.csv")
    with atomic(out / "monitor.html") as path:
        path.write_text(page, encoding="utf-8")
    MlflowClient().log_artifact(series, str(out / "monitor.html"))
