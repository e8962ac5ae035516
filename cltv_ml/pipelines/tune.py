"""Settings chosen on windows before the test cutoff: an Optuna study per model, kept in a file, shown in MLflow.

Two objectives are minimised together: 1 - Gini and the decile error at the realised total, each the mean over the
folds of `evaluation.folds`. The rule that names a champion also picks the trial from the front (`choose_trial`). The
total is left out, because every model is scaled to a level of its own (`models.level`). Optuna does not prune
studies with several objectives, so a rule of our own does (`_falls_behind`).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import optuna
import pandas as pd
from optuna.trial import TrialState
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.evaluation.bounds import DECILE_BOUND
from cltv_ml.evaluation.folds import JUDGED_BY, TuningFold, compute_folds, folds_sentence, judge_fold
from cltv_ml.evaluation.panel import prepare
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.features import feature_version
from cltv_ml.files import check_local, folder_if_used, locked
from cltv_ml.inline import Inline
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import ALL, ValueModel, competitors
from cltv_ml.models.bins import shared_bins
from cltv_ml.models.fit_cache import shared_fits
from cltv_ml.models.search import Range
from cltv_ml.pipelines.competing import model_features
from cltv_ml.pipelines.inputs import holdout_window, load
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.tune_report import write_results
from cltv_ml.pipelines.tune_runs import log_scores, stored_study, study_run, trial_run
from cltv_ml.settings import Settings, Tune
from cltv_ml.tracking import runs
from cltv_ml.windows import Window, to_horizons

#: Trials whose mean Gini is at most this below the best are called equal in order.
_SAME_GINI = 0.005

#: Finished trials before another can fall behind them.
MIN_FINISHED = 5

_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class TuningJob:
    """The settings of a tuning, besides the log."""

    #: Name of a competitor that has a search space.
    model: str
    #: The test window; nothing from its cutoff on is read.
    window: Window
    #: Total number of trials; a study that already holds some continues from there.
    trials: int = 50
    #: Time budget, None for no limit; trials that are running when it ends are finished.
    seconds: float | None = None
    #: Trials at a time, in threads.
    jobs: int = 1
    seed: int = 0
    dataset: str = "transactions"
    experiment: str = "cltv"
    out: Path = field(default_factory=lambda: Path("out/tuning"))
    max_origins: int = 6


@dataclass(frozen=True)
class Tuned(Inline):
    """The result of a tuning: the chosen settings and why, every trial, the validation windows, the TOML file."""

    params: dict[str, Any]
    reason: str
    trials: pd.DataFrame
    judged_on: str
    path: Path
    run_id: str


@with_bar
def tune(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Tuned:
    """Search one model's parameters on windows before the test cutoff; return those chosen and why.

    The study is `<out>/<model>.db`: after an interruption the same call continues it and loses at most the trials that
    were running. With one job the trials are then those of an uninterrupted study. `<model>.toml` (for `cltv train
    --params`), `<model>.csv` and `<model>.html` are written at the end.

    Raises
    ------
    InputError
        The model is unknown or has no search space, a budget is not positive, the log is too short for a labelled
        window before the cutoff, or the file holds a study of something else.
    """
    settings = Tune.of(settings, options)
    check_local(settings.out)
    find_model(settings.model, competitors(to_horizons(settings.horizon)[0], [], ALL))
    log = load(settings, progress).transactions
    job = TuningJob(
        settings.model,
        holdout_window(settings, log),
        trials=settings.trials,
        seconds=None if settings.minutes is None else settings.minutes * 60,
        jobs=settings.jobs,
        seed=settings.seed,
        dataset=settings.dataset,
        experiment=settings.experiment,
        out=settings.out,
        max_origins=settings.max_origins,
    )
    return search(log, job, progress)


def search(log: AnyLog, job: TuningJob, progress: Progress = silent) -> Tuned:
    """Return the parameters that the study of a log and a job chooses; no other process may work on the study."""
    _check_budget(job)
    busy = f"another search of {job.model} is using {job.out}; wait until it ends, or choose another --out."
    lock = job.out / f"{job.model}.lock"
    with folder_if_used(job.out), locked(lock, busy):
        try:
            return _run_trials(Log.of(log), job, progress)
        except InputError:
            lock.unlink()  # a refused search leaves nothing behind
            raise


def _run_trials(log: Log, job: TuningJob, progress: Progress) -> Tuned:
    untuned = find_model(job.model, competitors(job.window.horizon, [], ALL))
    features = model_features(log, job.window, [untuned])
    model = find_model(job.model, competitors(job.window.horizon, features, ALL))
    progress("building features", 0.0)
    training = prepare(log, job.window, features, max_origins=job.max_origins)
    folds = compute_folds(training)
    study = open_study(job, model, _fingerprint(job, model, training.y, features))
    experiment_id = runs.open_experiment(job.experiment)
    name = f"tuning {job.model} on {job.dataset}"
    with study_run(experiment_id, study, name, {**_tags(job, folds[0].protocol), "role": "tuning"}) as run_id:
        with shared_bins(), shared_fits():
            _optimise(study, model, folds, job, run_id, progress)
        table = trial_table(study)
        number, reason = choose_trial(study, table)
        params = {name: table.at[number, name] for name in model.search_space}
        params = {name: getattr(value, "item", lambda v=value: v)() for name, value in params.items()}
        judged_on = folds_sentence(folds)
        progress("drawing the figures", 0.97)
        path = write_results(study, table, params, [reason, judged_on], job.model, job.out)
        _log_choice(params, table.loc[number], path)
    return Tuned(params, reason, table, judged_on, path, run_id)


def find_model(name: str, models: Sequence[ValueModel]) -> ValueModel:
    """Return the model with that name; raise InputError if there is none or it cannot be tuned."""
    by_name = {model.name: model for model in models}
    tunable = sorted(candidate for candidate, model in by_name.items() if model.search_space)
    if name not in by_name:
        raise InputError(f"Unknown model {name!r}. Models that can be tuned: {tunable}.")
    if not by_name[name].search_space:
        raise InputError(
            f"model {name!r} has no search space, so it cannot be tuned; choose one of {tunable}."
        )
    return by_name[name]


def open_study(job: TuningJob, model: ValueModel, fingerprint: str) -> optuna.Study:
    """Return the study in `<out>/<model>.db`, new or as an earlier process left it.

    Its first trial is the model's defaults, so the choice is never worse than they are by the same rule.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = job.out / f"{job.model}.db"
    study = stored_study(path, job.model, objectives=len(JUDGED_BY))
    stored = study.user_attrs.get("fingerprint")
    if stored is None:
        study.set_user_attr("fingerprint", fingerprint)
        study.enqueue_trial({name: model.get_params()[name] for name in model.search_space})
    elif stored != fingerprint:
        raise InputError(
            f"{path} holds a study of other data, another cutoff, horizon or search space; choose another "
            "folder with --out, or delete the file."
        )
    return study


def choose_trial(study: optuna.Study, table: pd.DataFrame) -> tuple[int, str]:
    """Return the number of the chosen trial and why.

    A trial is on the front if no other is better in one objective and as good in the other. Of these, the one with the
    least decile error wins among those within its bound (or among all, if none is) whose Gini is at most `_SAME_GINI`
    below the best of these; the earlier trial wins a tie.
    """
    front = table.loc[sorted(trial.number for trial in study.best_trials)]
    bounded = front[front["decile_mape"] <= DECILE_BOUND]
    within = front if bounded.empty else bounded
    best = int(within.loc[within["gini"] >= within["gini"].max() - _SAME_GINI, "decile_mape"].idxmin())
    row = front.loc[best]
    return best, (
        f"trial {best}: best ranking and shares of the total (Gini {row['gini']:.3f}; decile error at the "
        f"realised total {row['decile_mape']:.1%}, allowed {DECILE_BOUND:.0%}), of {len(front)} on the front "
        f"of {len(table)}"
    )


def trial_table(study: optuna.Study) -> pd.DataFrame:
    """Return one row per finished trial, by number: state, mean scores (bias without its sign), seconds, settings."""
    rows = {}
    for trial in study.get_trials(deepcopy=False, states=_DONE):
        judged = pd.DataFrame(trial.user_attrs["folds"])
        scores = judged.assign(bias=judged["bias"].abs()).mean()
        rows[trial.number] = {
            "state": trial.state.name.lower(),
            **{name: scores[name] for name in ("gini", "bias", "decile_mape")},
            "folds": len(judged),
            "seconds": trial.duration.total_seconds() if trial.duration else np.nan,
            **trial.params,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("trial").infer_objects()


def _optimise(
    study: optuna.Study,
    model: ValueModel,
    folds: Sequence[TuningFold],
    job: TuningJob,
    run_id: str,
    progress: Progress,
) -> None:
    """Run trials until the budget of trials or time is used up."""
    started = time.monotonic()
    while (left := job.trials - (finished := _finished(study))) > 0:
        spent = time.monotonic() - started
        if job.seconds is not None and spent >= job.seconds:
            return
        progress(f"{job.model}: {finished} of {job.trials} trials", 0.05 + 0.9 * finished / job.trials)
        # A seed for each step: an interrupted study goes on as if nothing had happened.
        study.sampler = optuna.samplers.TPESampler(seed=job.seed * 1_000_003 + finished)
        study.optimize(
            lambda trial: _judge_trial(trial, model, folds, run_id, job),
            n_trials=min(job.jobs, left),
            n_jobs=job.jobs,
        )


def _judge_trial(
    trial: optuna.Trial, model: ValueModel, folds: Sequence[TuningFold], run_id: str, job: TuningJob
) -> list[float]:
    settings = {name: _suggest(trial, name, space) for name, space in model.search_space.items()}
    candidate = clone(model).set_params(**settings)
    judged: list[dict[str, float]] = []
    with trial_run(run_id, trial, _tags(job)) as child:
        for fold in folds:
            judged.append(judge_fold(candidate, fold))
            trial.set_user_attr("folds", judged)
            log_scores(child, judged[-1], step=len(judged))
            if len(judged) < len(folds) and _falls_behind(judged, trial.study):
                raise optuna.TrialPruned
        means = objectives(judged)
        log_scores(child, dict(zip(("gini_lost", "decile_error"), means, strict=True)), len(folds))
    return means


def objectives(scores: Sequence[Mapping[str, float]]) -> list[float]:
    """Return the means over folds of 1 - Gini and the decile error.

    >>> objectives([{"gini": 0.5, "decile_mape": 0.1}, {"gini": 0.75, "decile_mape": 0.3}])
    [0.375, 0.2]
    """
    values = [[1 - fold["gini"], fold["decile_mape"]] for fold in scores]
    return [float(value) for value in np.mean(values, axis=0)]


def _falls_behind(judged: Sequence[Mapping[str, float]], study: optuna.Study) -> bool:
    """Return whether the trial is worse in every objective than the median finished trial after as many folds."""
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(finished) < MIN_FINISHED:
        return False
    objectives_so_far = [objectives(trial.user_attrs["folds"][: len(judged)]) for trial in finished]
    return bool((np.array(objectives(judged)) > np.median(objectives_so_far, axis=0)).all())


def _suggest(trial: optuna.Trial, name: str, space: Any) -> Any:
    if not isinstance(space, Range):
        return trial.suggest_categorical(name, space.values)
    if space.whole:
        return trial.suggest_int(name, int(space.low), int(space.high), log=space.log)
    return trial.suggest_float(name, space.low, space.high, log=space.log)


def _finished(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=_DONE))


def _check_budget(job: TuningJob) -> None:
    if job.trials < 1 or job.jobs < 1 or (job.seconds is not None and job.seconds <= 0):
        raise InputError(
            f"tuning needs at least one trial, one job and some time, got {job.trials} trials, {job.jobs} "
            f"jobs and {job.seconds} seconds; raise --trials, --jobs or --minutes."
        )


def _fingerprint(job: TuningJob, model: ValueModel, y: pd.Series, features: Sequence[str]) -> str:
    """Return a digest of a study's inputs: labels and customers, window, features, search space."""
    rows = pd.util.hash_pandas_object(y, index=True).to_numpy().tobytes()
    about = [
        str(job.window.cutoff),
        job.window.horizon,
        feature_version(features),
        repr(dict(model.search_space)),
        JUDGED_BY,
    ]
    return hashlib.sha256(rows + json.dumps(about).encode()).hexdigest()[:16]


def _tags(job: TuningJob, protocol: str = "") -> dict[str, str]:
    return {
        "model": job.model,
        "dataset": job.dataset,
        "cutoff": f"{job.window.cutoff:%Y-%m-%d}",
        "horizon_days": str(job.window.horizon),
        **({"protocol": protocol, **runs.code_tags()} if protocol else {}),
    }


def _log_choice(params: Mapping[str, Any], chosen: pd.Series, path: Path) -> None:
    """Log the choice as tags, because a continued study may choose again and parameters cannot change."""
    mlflow.set_tags({f"best.{name}": str(value) for name, value in params.items()})
    mlflow.set_tag("best_trial", str(chosen.name))
    mlflow.log_metrics({f"best/{name}": float(chosen[name]) for name in JUDGED_BY})
    for suffix in (".toml", ".csv", ".html"):
        mlflow.log_artifact(str(path.with_suffix(suffix)))
