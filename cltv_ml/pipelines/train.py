"""The straight line, written once: compare on an untouched window, log, refit, register, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import mlflow
import numpy as np
import pandas as pd

from cltv_ml.data import Cleaned
from cltv_ml.data import Verdict as DataVerdict
from cltv_ml.data import judge as check_data
from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import Progress, WindowResult, fit, judge_prepared, prepare, silent
from cltv_ml.evaluation.calibration import calibrate
from cltv_ml.evaluation.choice import beats_chance, choose, doubt_order
from cltv_ml.evaluation.compare import Verdict
from cltv_ml.evaluation.horizon_shares import add_horizons
from cltv_ml.evaluation.horizons import ByHorizon, compute_curve
from cltv_ml.evaluation.levels import forecast_level, forecast_levels, set_level
from cltv_ml.evaluation.metrics import Targeting
from cltv_ml.evaluation.newcomers import compute_newcomers, newcomers_sentence
from cltv_ml.evaluation.stability import choice_notes
from cltv_ml.features import absent_features, catalogue_page, feature_version
from cltv_ml.files import atomic, check_folder, write_table
from cltv_ml.log import Log
from cltv_ml.models import ValueModel, read_by
from cltv_ml.models.fit_cache import shared_fits
from cltv_ml.pipelines.horizons import horizon_notes, horizons_of, judge_every_horizon
from cltv_ml.pipelines.inputs import (
    check_competing,
    holdout_window,
    load,
    model_features,
    named_models,
    targeting_of,
    with_holidays,
)
from cltv_ml.pipelines.monitor import store_reference
from cltv_ml.pipelines.promote import Decision, promote
from cltv_ml.pipelines.train_runs import (
    data_tags,
    describe_candidate,
    describe_training,
    errors_of,
    model_params,
    score_tags,
    summary_metrics,
)
from cltv_ml.reporting.model_card import model_card
from cltv_ml.reporting.report import render_html
from cltv_ml.reporting.training_summary import Today, model_summary, training_summary, with_alive
from cltv_ml.serving import packaging
from cltv_ml.settings import Settings, Train
from cltv_ml.tables import TRANSACTIONS
from cltv_ml.tracking import model_tables, registry, runs
from cltv_ml.windows import MIN_HISTORY, MIN_LABEL_DAYS, Window


@dataclass(frozen=True)
class Job:
    """A training's settings with what its log decides: the test window and the data check."""

    settings: Train
    window: Window
    verdict: DataVerdict
    horizons: list[int]  # all of them in days, the window's among them
    targeting: Targeting | None = None  # choose by this campaign's profit instead of Gini

    @property
    def dataset(self) -> str:
        """The name of the data, without folders and passwords."""
        return self.settings.dataset


@dataclass(frozen=True)
class Outcome:
    """What a training leaves behind."""

    result: WindowResult
    verdict: Verdict
    version: int
    alias: str
    training_id: str
    run_id: str
    notes: list[str]
    decision: Decision | None = None
    horizons: ByHorizon | None = None  # where the training has several


def train(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Outcome:
    """Compare the models on an untouched window, register the best, write a report; return what came of it.

    `comparison.csv`, `report.html` and `quarantine.parquet` are written whole at the end. The best model becomes
    the challenger, or the champion where there is none (`pipelines.promote` decides between the two).

    Raises
    ------
    InputError
        The data or the settings cannot be used: the window does not fit the log, the data check says no-go, fewer
        than 50 customers bought before the cutoff, or a model or one of its parameters is unknown. Nothing has been
        written or logged then.
    """
    settings = Train.of(settings, options)
    check_folder(settings.out)
    if not 0 <= settings.customers_share < 1:
        raise InputError(
            f"customers_share must lie between 0 and 1, such as 0.5, got {settings.customers_share:g}."
        )
    check_competing(settings)
    horizons, targeting = horizons_of(settings), targeting_of(settings)
    cleaned = load(settings, progress)
    window = holdout_window(settings, cleaned.transactions)
    verdict = check_data(cleaned.transactions, window.horizon, cleaned.report)
    if verdict.level == "no-go" and not settings.force:
        raise InputError(f"the data check says {verdict.text}; fix the data or train with --force.")
    outcome = _train(cleaned, Job(settings, window, verdict, horizons, targeting), progress)
    if settings.promote and outcome.alias == "challenger":
        return replace(outcome, decision=promote(settings, data=cleaned, force=False, progress=progress))
    return outcome


def _train(cleaned: Cleaned, job: Job, progress: Progress) -> Outcome:
    settings, log = job.settings, with_holidays(cleaned.transactions, job.settings)
    features = model_features(log)
    models = named_models(settings, job.window.horizon, features)
    features = [*features, *read_by(models)]
    experiment_id = runs.open_experiment(settings.experiment)
    training_id = runs.new_training_id()
    tags = _tags(job, training_id, features)
    name = f"training {job.dataset} {job.window.cutoff:%Y-%m-%d}"
    with shared_fits(), runs.summary_run(experiment_id, name, {**tags, "role": "summary"}) as run_id:
        result = _compare(log, models, features, job, progress)
        verdict = _with_newcomers(choose(result, job.targeting), result)
        notes = [*_notes(result, verdict, job, log.first), *_absent(log)]
        truth = result.training.X_now.assign(value=result.y_true)
        data = runs.dataset(truth, f"{job.dataset} holdout", job.dataset, "value")
        logged = {}
        for number, model in enumerate(result.models):
            progress(f"logging {model}", 0.7 + 0.1 * number / len(result.models))
            logged[model] = _log_candidate(experiment_id, model, result, job, tags, data)
        several = judge_every_horizon(log, result, verdict.champion, settings, features, progress)
        notes += horizon_notes(several)
        progress(f"refitting {verdict.champion} to the end of the log", 0.85)
        info, today = _log_champion(log, verdict.champion, result, job, features, several)
        progress("writing the report", 0.95)
        summary = training_summary(
            cleaned,
            result,
            verdict,
            job.dataset,
            notes,
            today=today,
            several=several,
            currency=settings.currency,
        )
        _write_outputs(cleaned, result, summary, job)
        _log_summary(cleaned, result, summary, verdict, job)
        about = data_tags(log.span, info)
        card = model_card(result, verdict, notes, {"dataset": job.dataset, **about})
        mlflow.log_text(card, "model_card.md")
        found = {"candidate": logged[verdict.champion], **score_tags(result, verdict.champion, several)}
        version = registry.register(info.model_uri, {**tags, **about, **found}, card, run_id=run_id)
        mlflow.log_input(data, context="holdout")
        mlflow.set_tags(
            {
                "registered": f"{registry.REGISTERED_NAME}/{version}",
                runs.DESCRIPTION: describe_training(verdict, version),
            }
        )
    alias = registry.publish(version)  # after the run's end: no version of a failed training has an alias
    return Outcome(result, verdict, version, alias, training_id, run_id, notes, horizons=several)


def _compare(
    log: Log, models: Sequence[ValueModel], features: Sequence[str], job: Job, progress: Progress
) -> WindowResult:
    """Judge the models on the test window; where a share of its customers teaches them, on the others."""
    settings, window = job.settings, job.window
    progress("building features", 0.0)
    share = settings.customers_share or None
    training = prepare(log, window, features, max_origins=settings.max_origins, customers=share)
    level = None if share else forecast_level(log, window)
    return judge_prepared(
        log, window, training, models, level=level, targeting=job.targeting, progress=progress
    )


def _log_summary(
    cleaned: Cleaned, result: WindowResult, summary: Mapping[str, Any], verdict: Verdict, job: Job
) -> None:
    """Log what the training's own run keeps: the report, the features, the settings, the comparison."""
    mlflow.log_dict(summary, "report.json")
    mlflow.log_text(catalogue_page(), "features.md")
    mlflow.log_text(_repeatable(job, cleaned), "settings.toml")
    mlflow.log_metrics(summary_metrics(cleaned, result))
    runs.log_params({**_job_params(job), "champion": verdict.champion})
    for file in ("comparison.csv", "report.html"):
        mlflow.log_artifact(str(job.settings.out / file))
    runs.log_table(result.results, "tables/comparison.json")


def _with_newcomers(verdict: Verdict, result: WindowResult) -> Verdict:
    """Return the verdict with how the champion did on customers in their first days, where enough of them bought."""
    sentence = newcomers_sentence(compute_newcomers(result), verdict.champion)
    return replace(verdict, reason=f"{verdict.reason}; {sentence}") if sentence else verdict


def _repeatable(job: Job, cleaned: Cleaned) -> str:
    """Return the settings with which the same training runs again, whatever is the latest day then."""
    cutoff = f"{job.window.cutoff:%Y-%m-%d}"
    asked = job.settings.models
    models = asked if isinstance(asked, str) else ",".join(map(str, asked))
    return job.settings.toml(data=job.dataset, mapping=cleaned.report.mapping, cutoff=cutoff, models=models)


def _log_candidate(
    experiment_id: str, name: str, result: WindowResult, job: Job, tags: Mapping[str, str], data: Any
) -> str:
    """Log one model's run: parameters, metrics, data, figures and the model itself; return the model's address."""
    model = result.models[name]
    values = result.predictions[name]["expected_value"].to_numpy()
    card = _card(model, result.window.cutoff, values, job)
    with runs.model_run(experiment_id, name, {**tags, "role": "candidate", "model": name}) as run_id:
        runs.log_params(model_params(model) | _job_params(job))
        info = packaging.log_model(model, card, result.training.X_now, served=False)
        mlflow.log_input(data, context="holdout")
        mlflow.log_metrics(result.scores.loc[name].dropna().to_dict(), model_id=info.model_id, dataset=data)
        mlflow.log_metric("seconds", float(result.results.set_index("model")["seconds"][name].iloc[0]))
        mlflow.log_text(render_html(model_summary(result, name)), "figures.html")
        mlflow.set_tag(runs.DESCRIPTION, describe_candidate(result, name))
        model_tables.log_views(result, name)
        model_tables.log_earlier_windows(result, name, run_id, tags)
        return str(info.model_uri)


def _log_champion(
    log: Log,
    name: str,
    result: WindowResult,
    job: Job,
    features: Sequence[str],
    several: ByHorizon | None,
) -> tuple[Any, Today]:
    """Refit the champion to the log's end, log it to the summary run; return that and today's forecast."""
    window = Window(log.last.normalize() + pd.Timedelta(days=1), job.window.horizon)
    training = prepare(log, window, features, max_origins=job.settings.max_origins)
    levels = forecast_levels(log, window.cutoff, job.horizons)
    level = levels[window.horizon]
    model = set_level(fit(result.models[name], training), level, training.X_now)
    calibrate(model, training, *errors_of(result, name), of_total=level)
    if several is not None:
        add_horizons(log, model, training, window.cutoff, job.horizons, features, several.errors(), levels)
    table = model.predict_table(training.X_now)
    card = _card(model, window.cutoff, table["expected_value"].to_numpy(), job)
    with atomic(job.settings.out / "request.json", private=True) as path:
        path.write_text(packaging.request(training.X_now.head(3), card), encoding="utf-8")
    info = packaging.log_model(model, card, training.X_now)
    store_reference(info.model_id, model, training.X_now, log, result.window, card.tiers, table=table)
    interval = None if level is None else level.interval()
    curve = None if several is None else compute_curve(table, levels)
    return info, Today(with_alive(result, table, training.X_now), interval, curve)


def _card(model: ValueModel, cutoff: pd.Timestamp, values: np.ndarray, job: Job) -> packaging.Card:
    names = model.inputs
    return packaging.Card(
        model=model.name,
        horizon=job.window.horizon,
        cutoff=f"{cutoff:%Y-%m-%d}",
        features=names,
        feature_version=feature_version(names),
        tiers=packaging.tier_cuts(values),
        customers=len(values),
        dataset=job.dataset,
        horizons=job.horizons if hasattr(model, "horizons_") else [],
    )


def _write_outputs(cleaned: Cleaned, result: WindowResult, summary: Mapping[str, Any], job: Job) -> None:
    write_table(result.results, job.settings.out / "comparison.csv")
    write_table(cleaned.quarantine, job.settings.out / "quarantine.parquet")
    with atomic(job.settings.out / "report.html") as path:
        path.write_text(render_html(summary), encoding="utf-8")


def _notes(result: WindowResult, verdict: Verdict, job: Job, first: pd.Timestamp) -> list[str]:
    """Return what the reader must know before trusting the comparison."""
    window, notes = result.window, []
    if job.verdict.level != "go":
        notes.append(f"The data check says {job.verdict.text}.")
    if window.cutoff - pd.Timedelta(days=365) < first.normalize():
        notes.append(
            "The season of the horizon has never been seen in this log: customers can be ranked, but the total may "
            "be off by as much as that season differs from the months before. Intervals are as wide as such windows "
            "of this log have been missed."
        )
    if job.settings.customers_share:
        notes.append(
            "Judged on customers whose spending no model saw, learned from the other "
            f"{job.settings.customers_share:.0%} in the same window: this says how customers are told apart, not how "
            "well a future window's total is known."
        )
    if not verdict.within_bounds:
        told = ": read its values as an order" if beats_chance(result, verdict.champion) else ""
        notes.append(f"On the test window the champion is outside the bounds for bias or decile error{told}.")
    notes += [*doubt_order(result, verdict.champion), *choice_notes(result, verdict.champion), *result.notes]
    if not result.training.origins:
        notes.append(
            "The log holds no window before the cutoff to learn from, so only models without labels competed; "
            f"{MIN_HISTORY + 2 * MIN_LABEL_DAYS} days of log before the cutoff, with customers who spent again, would "
            "let the others in. Intervals are what the probabilistic models hold possible, not measured errors; the "
            "same-rate rule has none."
        )
    return [*notes, *_level_notes(result, job)]


def _level_notes(result: WindowResult, job: Job) -> list[str]:
    """Return how much is expected in all and how far that may be off, or that nothing tells it."""
    level = result.level
    if level is None:
        if job.settings.customers_share:
            return []
        return [
            "Nobody bought in the last horizon before the test window, so nothing tells the total: every model keeps "
            "its own."
        ]
    low, high = level.interval()
    table = level.table.sort_values("weight", ascending=False)
    parts = [f"{row.candidate} {row.weight:.0%}" for row in table.itertuples() if row.weight >= 0.05]
    count = len(level.record)
    weighted = f"how right they were at {count} earlier cutoff{'s' * (count > 1)} of this log"
    if not count:
        weighted = "how right their kinds usually are, for the log holds no earlier window to tell"
    return [
        f"The level, {level.total:,.0f} in all (90%: {low:,.0f} to {high:,.0f}), is a mean of forecasts weighted by "
        f"{weighted}: {', '.join(parts)}."
    ]


def _absent(log: Log) -> list[str]:
    """Return a sentence that names the columns whose features this log cannot have, if there are any."""
    lacking = absent_features(log.columns)
    missing = sorted(
        {column for columns in lacking.values() for column in columns} & set(TRANSACTIONS.columns)
    )
    if not missing:
        return []
    return [
        f"The log has no {', '.join(missing)}: {len(lacking)} features were left out (`cltv features list`)."
    ]


def _tags(job: Job, training_id: str, features: Sequence[str]) -> dict[str, str]:
    return {
        "training_id": training_id,
        "dataset": job.dataset,
        "cutoff": f"{job.window.cutoff:%Y-%m-%d}",
        "horizon_days": str(job.window.horizon),
        "feature_version": feature_version(features),
        "data_verdict": job.verdict.level,
        **runs.code_tags(),
    }


def _job_params(job: Job) -> dict[str, Any]:
    return {
        "dataset_name": job.dataset,
        "test_cutoff": f"{job.window.cutoff:%Y-%m-%d}",
        "horizon_days": job.window.horizon,
        "max_origins": job.settings.max_origins,
        **({"customers_share": job.settings.customers_share} if job.settings.customers_share else {}),
        **(
            {f"campaign_{name}": value for name, value in asdict(job.targeting).items()}
            if job.targeting
            else {}
        ),
    }
