"""Monitoring: drift of a scored batch, outcome of earlier ones, a verdict."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.tracking import MlflowClient

from cltv_ml.data import Cleaned
from cltv_ml.errors import InputError
from cltv_ml.evaluation import batch_outcome
from cltv_ml.evaluation.batch_outcome import Check, Thresholds, worst_level
from cltv_ml.evaluation.drift import sketch
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.files import check_folder, read_earlier_json, together, write_table
from cltv_ml.inline import Inline
from cltv_ml.models import ValueModel
from cltv_ml.pipelines.inputs import load, read_table, with_currency, written_scores
from cltv_ml.pipelines.monitor_checks import (
    check_known,
    compare_with_training,
    freshness_checks,
    outcome_checks,
    tested_checks,
)
from cltv_ml.pipelines.monitor_lifetimes import LifetimeBatch, read_lifetime_batch
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.pages import write_page
from cltv_ml.pipelines.redaction import as_wanted
from cltv_ml.remote import local
from cltv_ml.reporting import sections, theme
from cltv_ml.reporting.report import summarise
from cltv_ml.serving.responses import is_of_horizon, tier_names
from cltv_ml.settings import Monitor, Settings
from cltv_ml.settings.toml import read_toml
from cltv_ml.tables import for_spreadsheet
from cltv_ml.tracking import registry, runs, scored_batches, store
from cltv_ml.tracking.registry import REGISTERED_NAME, Version
from cltv_ml.windows import Window, days_in_words

_REFERENCE = "reference.json"
#: What a batch must hold, and what is kept of it where it holds it.
_NEEDED_SCORES = ("customer_id", "expected_value", "model_version", "cutoff", "horizon", "tier")
#: The checks that compare a batch with its outcome, not today with the training.
_OUTCOMES = ("bias", "decile error", "order", "coverage", "bias so far")
_BATCH_COLUMNS = (
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
class MonitorReport(Inline):
    """The report: the verdict with its checks, drift, segment shares, closed batches and the open ones' paths."""

    level: str
    checks: list[Check]
    drift: pd.DataFrame
    shares: pd.DataFrame
    truth: pd.DataFrame
    progress: pd.DataFrame
    notes: list[str]
    by_horizon: pd.DataFrame = field(default_factory=pd.DataFrame)  # closed horizons besides the batches' own

    @property
    def reasons(self) -> list[str]:
        """The checks that are not ok, in sentences."""
        return [check.sentence for check in self.checks if check.level != "ok"]

    @property
    def kept(self) -> list[str]:
        """The checks of earlier batches that are ok, in sentences."""
        outcomes = [check for check in self.checks if re.sub(r" \d+ days$", "", check.name) in _OUTCOMES]
        return [check.sentence for check in outcomes if check.level == "ok"]


def store_reference(
    model_id: str,
    model: ValueModel,
    X: pd.DataFrame,
    path: pd.DataFrame,
    cuts: Mapping[str, float],
    *,
    table: pd.DataFrame | None = None,
) -> None:
    """Store the reference for later batches with a logged model, as `reference.json` next to its files.

    It holds no customer: sketches of features and predictions, customers per tier, and the expected path of the
    value over the horizon.

    Parameters
    ----------
    path
        `batch_outcome.compute_expected_path` of the model.
    cuts
        The lowest value of each tier.
    table
        What the model predicts for `X`, where that is known already.
    """
    names = model.inputs
    table = model.predict_table(X) if table is None else table
    answers = table.dropna(axis="columns", how="all").select_dtypes("number")
    tiers = pd.Series(tier_names(answers["expected_value"].to_numpy(), cuts))
    intervals = getattr(model, "intervals_", None)
    reference = {
        "features": sketch(X[names]),
        "predictions": sketch(answers),
        "tiers": {str(name): int(count) for name, count in tiers.value_counts().items()},
        "path": path.to_dict("list"),
        "interval_level": float(intervals.level) if intervals is not None else None,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, _REFERENCE)
        file.write_text(json.dumps(reference), encoding="utf-8")
        MlflowClient().log_model_artifact(model_id, str(file))


@with_bar
@store.explained()
def monitor(
    settings: Settings | None = None, *, progress: Progress = silent, **options: Any
) -> MonitorReport:
    """Compare the newest scores with the training, and earlier scores with what has happened since.

    Returns the verdict with its reasons, logs it, and writes `monitor.html` and the tables. The scores are stored, so
    that a later call compares them with the truth. With another `value` or `basis` than the horizon's revenue, the
    values of `cltv lifetime` take the scores' place, in a series of their own.

    Raises
    ------
    InputError
        The scores are none of this package's, or the log is of other customers.
    """
    settings = Monitor.of(settings, options)
    check_folder(settings.out)
    limits = _read_thresholds(settings.thresholds)
    lifetimes = read_lifetime_batch(settings)
    scores = _read_scores(written_scores(settings.scores) if lifetimes is None else lifetimes.scores)
    window = _check_scores(scores)
    store.open_existing()
    version = registry.read_version(int(scores["model_version"].iloc[0]), REGISTERED_NAME)
    cleaned = load(settings, progress, learned=version.features)
    settings = with_currency(settings, cleaned)
    log = cleaned.transactions
    check_known(scores, log, window.cutoff)
    experiment_id = runs.open_experiment(settings.experiment)
    reference, notes, name = _expectations(version, lifetimes, settings.currency)
    progress("comparing with the training", 0.2)
    batch = scores.dropna(subset="expected_value")[_columns_to_store(scores)]
    trained = reference if lifetimes is None else {}
    drift, shares, checks = compare_with_training(log, batch, window, version, trained, limits, notes)
    horizon = window.horizon if lifetimes is None else lifetimes.horizon
    checks += freshness_checks(log, scores, Window(window.cutoff, horizon), version, limits)
    progress("keeping the batch", 0.5)
    series = scored_batches.series_run(experiment_id, name)
    scored_batches.keep_batch(series, experiment_id, batch, version, window, reference)
    progress("comparing earlier batches with what happened", 0.6)
    watched = log if lifetimes is None else lifetimes.log(log)
    truth, paths = scored_batches.look_back(series, experiment_id, watched)
    by_horizon = scored_batches.look_back_by_horizon(series, experiment_id, watched)
    checks += tested_checks(version, truth)
    checks += outcome_checks(truth, paths, version, limits, by_horizon, settings.currency)
    if not len(truth):
        notes.append(
            f"No batch has closed yet; its outcome will be known once the log reaches {window.end:%Y-%m-%d}."
        )
    report = MonitorReport(worst_level(checks), checks, drift, shares, truth, paths, notes, by_horizon)
    _log_report(series, report, window)
    progress("writing", 0.9)
    _write_monitor(series, report, _about(scores, window), window, version, settings, cleaned)
    return report


def _expectations(
    version: Version, lifetimes: LifetimeBatch | None, currency: str
) -> tuple[dict[str, Any], list[str], str]:
    """Return the expectations that a batch is compared with, sentences about them, and the name of its series."""
    if lifetimes is not None:
        return lifetimes.about, lifetimes.notes(currency), REGISTERED_NAME + lifetimes.series
    return *_read_reference(version, REGISTERED_NAME), REGISTERED_NAME


def _read_thresholds(source: Path | Mapping[str, Any] | None) -> Thresholds:
    content = read_toml(source) if isinstance(source, Path) else dict(source or {})
    return batch_outcome.read_thresholds(content.get("monitor", content))


def _read_scores(source: Path | pd.DataFrame) -> pd.DataFrame:
    scores = read_table(
        source, _NEEDED_SCORES, "the scores that `cltv score` wrote with --scores"
    ).reset_index()
    try:
        return scores.assign(cutoff=pd.to_datetime(scores["cutoff"]))
    except ValueError:
        raise InputError(
            "the column cutoff of the scores has no dates; give a file written by `cltv score`."
        ) from None


def _columns_to_store(scores: pd.DataFrame) -> list[str]:
    """Return the columns of scores that are kept with a batch."""
    return [*(name for name in _BATCH_COLUMNS if name in scores), *filter(is_of_horizon, scores)]


def _check_scores(scores: pd.DataFrame) -> Window:
    """Return the batch's window; InputError where the table is not a batch of scores."""
    missing = [name for name in _NEEDED_SCORES if name not in scores]
    if missing or not len(scores):
        raise InputError(
            f"the scores have no rows or lack the columns {missing}; give a file written by `cltv score`."
        )
    several = [name for name in _NEEDED_SCORES[2:5] if scores[name].nunique() != 1]
    if several:
        raise InputError(f"the scores have several values of {several}; monitor one batch at a time.")
    if scores["customer_id"].duplicated().any():
        raise InputError("the scores list a customer twice; monitor one batch at a time.")
    if not scores["expected_value"].notna().any():
        raise InputError("no customer in the scores has an expected value, so there is nothing to monitor.")
    return Window(pd.Timestamp(scores["cutoff"].iloc[0]), int(scores["horizon"].iloc[0]))


def _read_reference(version: Version, name: str) -> tuple[dict[str, Any], list[str]]:
    what = f"version {version.number} of model {name!r}"
    if _REFERENCE not in {Path(one.path).name for one in mlflow.artifacts.list_artifacts(version.uri)}:
        return {}, [
            f"V{what[1:]} was stored without a reference, so drift is not measured; versions trained from now on "
            "have one."
        ]
    file = store.fetch_artifacts(f"the reference of {what}", artifact_uri=f"{version.uri}/{_REFERENCE}")
    return read_earlier_json(file, f"the reference of {what}", "train a new version"), []


def _log_report(series: str, report: MonitorReport, window: Window) -> None:
    """Put this batch's point into the series: `check/...` is what was compared with a bound."""
    metrics = {
        f"check/{check.name.replace(' ', '_')}": check.at_least
        for check in report.checks
        if not check.name.startswith("drift")
    }
    for kind in ("feature", "prediction"):
        rows = report.drift[report.drift["kind"] == kind] if len(report.drift) else report.drift
        if len(rows):
            metrics |= {
                f"drift/{kind}_psi_highest": rows["psi"].max(),
                f"drift/{kind}_psi_beyond_chance": rows["psi_lower"].max(),
            }
    metrics["verdict"] = float(batch_outcome.LEVELS.index(report.level))
    scored_batches.log_metrics(
        series,
        {name: value for name, value in metrics.items() if np.isfinite(value)},
        scored_batches.series_step(window),
    )
    client = MlflowClient()
    client.set_tag(series, "verdict", report.level)
    client.set_tag(series, "reasons", " ".join(report.reasons)[:4000])


def _about(scores: pd.DataFrame, window: Window) -> pd.Series:
    """Return a batch in one row: its day, reach, version, customers and total."""
    valued = scores["expected_value"].dropna()
    return pd.Series(
        {
            "cutoff": window.cutoff,
            "horizon": window.horizon,
            "model_version": scores["model_version"].iloc[0],
            "customers": len(valued),
            "without_value": len(scores) - len(valued),
            "expected_value": float(valued.sum()),
        }
    )


def _write_monitor(
    series: str,
    report: MonitorReport,
    batch: pd.Series,
    window: Window,
    version: Version,
    settings: Monitor,
    cleaned: Cleaned,
) -> None:
    out = settings.out
    title = f"Monitoring as of {window.cutoff:%Y-%m-%d}: {report.level}"
    subtitle = (
        f"Version {version.number} ({theme.label(version.model)}), {days_in_words(window.horizon)} ahead"
    )
    tables = {
        "checks": pd.DataFrame([asdict(check) for check in report.checks]),
        "batch": batch.to_frame().T.infer_objects(),
        "drift": report.drift,
        "truth": report.truth,
        "progress": report.progress,
        **({"tiers": report.shares} if len(report.shares) else {}),
        **({"horizons": report.by_horizon} if len(report.by_horizon) else {}),
    }
    ahead = "expected" if settings.value == "horizon" else "remaining"
    summary = summarise(
        title,
        subtitle,
        sections.monitoring_sections(
            report.checks,
            report.drift,
            report.shares,
            report.truth,
            report.progress,
            files={name: f"{name}.csv" for name, table in tables.items() if len(table)},
            currency=settings.currency,
        ),
        sections.monitoring_facts(
            report.checks,
            batch,
            report.truth,
            f"{ahead} {settings.basis}",
            currency=settings.currency,
        ),
        sections.monitoring_answers(report.checks, report.notes, report.shares, report.kept),
        headlines=3,
    )
    with together():
        for name, table in tables.items():
            write_table(for_spreadsheet(table, settings.currency), out / f"{name}.csv")
        write_page(as_wanted(summary, settings.redact, cleaned), out / "monitor.html")
    with local(out / "monitor.html") as page:
        MlflowClient().log_artifact(series, str(page))
