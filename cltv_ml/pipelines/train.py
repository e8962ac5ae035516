"""Training: models compared on an untouched window, the best refitted, registered and reported: `cltv train`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import mlflow
import pandas as pd

from cltv_ml.customers import CleanedShop
from cltv_ml.data import judge as check_data
from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import WindowResult, judge_prepared
from cltv_ml.evaluation.batch_outcome import compute_expected_path
from cltv_ml.evaluation.calibration import calibrate
from cltv_ml.evaluation.choice import choose
from cltv_ml.evaluation.compare import Verdict
from cltv_ml.evaluation.horizon_shares import add_horizons
from cltv_ml.evaluation.horizons import ByHorizon, compute_curve
from cltv_ml.evaluation.learned_total import carry_learned
from cltv_ml.evaluation.levels import forecast_level, forecast_levels, set_level
from cltv_ml.evaluation.newcomers import newcomers_sentence
from cltv_ml.evaluation.panel import Training, fit, prepare
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.evaluation.year_apart import windows_year_apart
from cltv_ml.features import catalogue_page
from cltv_ml.files import atomic, check_folder, together, write_table
from cltv_ml.inline import Inline
from cltv_ml.log import Log
from cltv_ml.models import Level, ValueModel, read_by
from cltv_ml.models.fit_cache import shared_fits
from cltv_ml.models.kept_spend import YEAR
from cltv_ml.models.out_of_fold import is_ours
from cltv_ml.money import name_currency
from cltv_ml.pipelines.calendar_inputs import check_paths
from cltv_ml.pipelines.competing import check_competing, model_features, named_models, with_holidays
from cltv_ml.pipelines.customer_inputs import with_protected
from cltv_ml.pipelines.horizons import horizon_notes, horizons_of, judge_every_horizon
from cltv_ml.pipelines.inputs import holdout_window, load, targeting_of, with_currency
from cltv_ml.pipelines.monitor import store_reference
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.pages import write_page
from cltv_ml.pipelines.promote import Decision, promote
from cltv_ml.pipelines.redaction import as_wanted
from cltv_ml.pipelines.tail import learn_tail
from cltv_ml.pipelines.train_job import Job
from cltv_ml.pipelines.train_notes import training_notes, with_log_end
from cltv_ml.pipelines.train_runs import (
    data_tags,
    describe_candidate,
    describe_training,
    errors_of,
    model_params,
    score_tags,
    summary_metrics,
)
from cltv_ml.remote import local
from cltv_ml.reporting.model_card import model_card
from cltv_ml.reporting.report import render_html
from cltv_ml.reporting.training_summary import (
    Today,
    comparison_table,
    expected_in_words,
    model_summary,
    training_summary,
    with_alive,
)
from cltv_ml.serving import packaging
from cltv_ml.settings import Settings, Train
from cltv_ml.side_by_side import Later, behind
from cltv_ml.tracking import model_tables, registry, runs
from cltv_ml.tracking.metric_names import grouped
from cltv_ml.windows import Window


@dataclass(frozen=True)
class Outcome(Inline):
    """The outcome of a training."""

    result: WindowResult
    verdict: Verdict
    version: int
    alias: str
    training_id: str
    run_id: str
    notes: list[str]
    decision: Decision | None = None
    horizons: ByHorizon | None = None  # where the training has several
    expected: str = (
        ""  # revenue of existing customers from the end of the log on, as the report's first screen has it
    )

    def _parts(self) -> dict[str, Any]:
        return {
            "expected from existing customers": self.expected,
            "best": self.verdict.reason,
            "registered": f"cltv version {self.version}, {self.alias}",
            "comparison": comparison_table(self.result, self.verdict.champion),
            "horizons": {} if self.horizons is None else self.horizons.judged,
            "decision": self.decision,
            "notes": self.notes,
            "run_id": self.run_id,
        }


@with_bar
def train(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Outcome:
    """Compare the models on a holdout window, register the best and write a report; return the outcome.

    `comparison.csv`, `report.html` and `quarantine.parquet` are written whole at the end. The best model becomes the
    challenger, or the champion if there is none (`pipelines.promote` decides between the two).

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
            f"customers_share must be between 0 and 1, such as 0.5, got {settings.customers_share:g}."
        )
    check_competing(settings)
    horizons, targeting = horizons_of(settings), targeting_of(settings)
    cleaned = load(settings, progress, named=True)
    settings = with_protected(with_currency(settings, cleaned), cleaned)
    window = holdout_window(settings, cleaned.transactions)
    verdict = check_data(cleaned.transactions, window.horizon, cleaned.report)
    if verdict.level == "no-go" and not settings.force:
        raise InputError(f"the data check says {verdict.text}; fix the data or train with --force.")
    outcome = _train(cleaned, Job(settings, window, verdict, horizons, targeting), progress)
    if settings.promote and outcome.alias == "challenger":
        return replace(outcome, decision=promote(settings, data=cleaned, force=False, progress=progress))
    return outcome


def _train(cleaned: CleanedShop, job: Job, progress: Progress) -> Outcome:
    settings, log = job.settings, with_holidays(cleaned.transactions, job.settings)
    features = model_features(log, job.window, named_models(settings, job.window.horizon, []))
    models = named_models(settings, job.window.horizon, features)
    check_paths(models, log.first, log.last + pd.Timedelta(days=1 + max(job.horizons)))
    features = [*features, *read_by(models)]
    experiment_id = runs.open_experiment(settings.experiment)
    training_id = runs.new_training_id()
    tags = job.tags(training_id, features)
    name = f"training {job.dataset} {job.window.cutoff:%Y-%m-%d}"
    summarised = runs.summary_run(experiment_id, name, {**tags, "role": "summary"})
    foreign = not all(map(is_ours, models))  # other code may not be safe to call from two threads
    with shared_fits(), summarised as run_id, behind(alone=foreign) as later:
        result = _compare(log, models, features, job, progress, later)
        truth = result.training.X_now.assign(value=result.y_true)
        data = runs.dataset(truth, f"{job.dataset} holdout", job.dataset, "value")
        progress(f"choosing a model and logging {len(result.models)}", 0.7)
        final = later(partial(_prepare_final, log, features, job))
        log_one = partial(_log_candidate, experiment_id, result, job, tags, data)
        logging = {model: later(partial(log_one, model)) for model in result.models}
        verdict = _with_newcomers(choose(result, job.targeting), result)
        notes = training_notes(result, verdict, job, log, features)
        several = judge_every_horizon(log, result, verdict.champion, settings, features, progress)
        notes = notes._replace(remarks=[*notes.remarks, *horizon_notes(several)])
        progress(f"refitting {verdict.champion} to the end of the log", 0.85)
        champion = _refit(log, verdict.champion, result, job, final.result(), several)
        del final  # its rows are as large as a quarter of the log
        notes = with_log_end(notes, champion.level, champion.window.cutoff, job.page_currency)
        progress("writing the report", 0.95)
        options: dict[str, Any] = {"today": champion.today, "currency": job.page_currency}
        report = later(partial(training_summary, cleaned, result, verdict, job.dataset, notes, **options))
        info, request = _log_champion(log, champion, result)
        stored = as_wanted(report.result(), settings.redact, cleaned)
        summary = name_currency(stored, settings.currency)
        logged = {model: run.result() for model, run in logging.items()}
        _write_outputs(cleaned, result, summary, request, job)
        _log_summary(cleaned, result, stored, verdict, job)
        about = data_tags(log.span, info, settings)
        told = name_currency(notes.all, settings.currency)
        card = model_card(result, verdict, told, {"dataset": job.dataset, **about})
        mlflow.log_text(card, "model_card.md")
        results = {"candidate": logged[verdict.champion], **score_tags(result, verdict.champion, several)}
        version = registry.register(info.model_uri, {**tags, **about, **results}, card, run_id=run_id)
        mlflow.log_input(data, context="holdout")
        mlflow.set_tag("registered", f"{registry.REGISTERED_NAME}/{version}")
        runs.set_description(describe_training(verdict, version), info.model_id)
    alias = registry.publish(version)  # after the run's end: no version of a failed training has an alias
    extras: dict[str, Any] = {"horizons": several, "expected": expected_in_words(summary)}
    return Outcome(result, verdict, version, alias, training_id, run_id, told, **extras)


def _compare(
    log: Log,
    models: Sequence[ValueModel],
    features: Sequence[str],
    job: Job,
    progress: Progress,
    later: Later,
) -> WindowResult:
    """Evaluate the models on the test window; if a share of its customers is used for training, on the others."""
    settings, window = job.settings, job.window
    progress("building features", 0.0)
    share = settings.customers_share or None
    level = None if share else later(partial(forecast_level, log, window))
    training = prepare(log, window, features, max_origins=settings.max_origins, customers=share)
    outcome = partial(log.target, window, training.X_now.index)
    return judge_prepared(
        window,
        training,
        models,
        outcome,
        level=None if level is None else level.result(),
        targeting=job.targeting,
        progress=progress,
    )


@dataclass(frozen=True)
class _Final:
    """The window after the end of the log, the rows to learn it from, its levels by horizon, and that of a year."""

    window: Window
    training: Training
    levels: Mapping[int, Level | None]
    year: Level | None


def _prepare_final(log: Log, features: Sequence[str], job: Job) -> _Final:
    """Return the window after the end of the log, its training rows, its levels by horizon, and that of a year."""
    window = Window(log.end, job.window.horizon)
    training = prepare(log, window, features, max_origins=job.settings.max_origins)
    tail = {YEAR} if max(job.horizons) < YEAR else set()
    levels = forecast_levels(log, window.cutoff, [*job.horizons, *tail])
    year = levels.pop(YEAR) if tail else None
    return _Final(window, training, levels, year)


def _log_summary(
    cleaned: CleanedShop, result: WindowResult, summary: Mapping[str, Any], verdict: Verdict, job: Job
) -> None:
    """Log what the training's own run stores: the report, the features, the settings, the comparison."""
    mlflow.log_dict(summary, "report.json")
    mlflow.log_text(catalogue_page(), "features.md")
    mlflow.log_text(job.repeatable(cleaned.report.mapping), "settings.toml")
    mlflow.log_metrics(summary_metrics(cleaned, result))
    runs.log_params({**job.params(), "champion": verdict.champion})
    for file in ("comparison.csv", "report.html"):
        with local(job.settings.out / file) as path:
            mlflow.log_artifact(str(path))
    runs.log_table(result.results, "tables/comparison.json")


def _with_newcomers(verdict: Verdict, result: WindowResult) -> Verdict:
    """Return the verdict with the champion's results on new customers, if enough of them bought."""
    sentence = newcomers_sentence(result, verdict.champion)
    return replace(verdict, reason=f"{verdict.reason}; {sentence}") if sentence else verdict


def _log_candidate(
    experiment_id: str, result: WindowResult, job: Job, tags: Mapping[str, str], data: Any, name: str
) -> str:
    """Log one model's run: parameters, metrics, data, figures and the model itself; return the model's address."""
    model, currency = result.models[name], job.settings.currency
    values = result.predictions[name]["expected_value"].to_numpy()
    card = job.card(model, result.window.cutoff, values)
    with runs.model_run(experiment_id, name, {**tags, "role": "candidate", "model": name}) as run_id:
        runs.log_params(model_params(model) | job.params())
        info = packaging.log_model(model, card, result.training.X_now, served=False)
        mlflow.log_input(data, context="holdout")
        mlflow.log_metrics(
            grouped(result.scores.loc[name].dropna().to_dict()), model_id=info.model_id, dataset=data
        )
        mlflow.log_metric("seconds", float(result.results.set_index("model")["seconds"][name].iloc[0]))
        mlflow.log_text(render_html(model_summary(result, name, currency)), "figures.html")
        runs.set_description(describe_candidate(result, name), info.model_id)
        model_tables.log_views(result, name, currency)
        model_tables.log_earlier_windows(result, name, run_id, tags)
        return str(info.model_uri)


@dataclass(frozen=True)
class _Champion:
    """The champion, refitted to the log's end: its window, customers, level, a year's, predictions, and its card."""

    model: ValueModel
    window: Window
    X_now: pd.DataFrame
    level: Level | None
    year: Level | None
    table: pd.DataFrame
    card: Any
    today: Today


def _refit(
    log: Log,
    name: str,
    result: WindowResult,
    job: Job,
    final: _Final,
    several: ByHorizon | None,
) -> _Champion:
    """Return the model with this name, refitted to the log's end, with its forecast for today's customers."""
    window, training = final.window, final.training
    levels = carry_learned(final.levels, result.level, result.learned, float(result.y_true.sum()), training)
    level = levels[window.horizon]
    model = set_level(fit(result.models[name], training), level, training.X_now)
    calibrate(model, training, *errors_of(result, name), of_total=level)
    if several is not None:
        add_horizons(log, model, training, window.cutoff, several.errors(), levels)
    table = model.predict_table(training.X_now)
    card = job.card(model, window.cutoff, table["expected_value"].to_numpy(), levels)
    spreads = {days: level_ahead.spread for days, level_ahead in levels.items() if level_ahead is not None}
    today = Today(
        with_alive(result, table, training.X_now),
        None if level is None else level.interval(),
        several,
        None if several is None else compute_curve(table, spreads),
    )
    year = final.year if max(job.horizons) < YEAR else levels[max(job.horizons)]
    return _Champion(model, window, training.X_now, level, year, table, card, today)


def _log_champion(log: Log, champion: _Champion, result: WindowResult) -> tuple[Any, str]:
    """Log the champion with its tail and the reference for monitoring; return MLflow's info and an example request."""
    model, window, X_now, table = champion.model, champion.window, champion.X_now, champion.table
    earlier = windows_year_apart(log, window.cutoff)
    tail = learn_tail(X_now, table, window, champion.year, log.first, earlier)
    info = packaging.log_model(model, champion.card, X_now, tail=tail)
    path = compute_expected_path(model, X_now, log, result.window)
    store_reference(info.model_id, model, X_now, path, champion.card.tiers, table=table)
    return info, packaging.request(X_now.head(3), champion.card)


@together()
def _write_outputs(
    cleaned: CleanedShop, result: WindowResult, summary: Mapping[str, Any], request: str, job: Job
) -> None:
    # The largest first: without space for it none is written.
    write_page(summary, job.settings.out / "report.html")
    with atomic(job.settings.out / "request.json", private=True) as path:
        path.write_text(request, encoding="utf-8")
    write_table(result.results, job.settings.out / "comparison.csv")
    write_table(cleaned.quarantine, job.settings.out / "quarantine.parquet")
