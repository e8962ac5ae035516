"""Promotion: challenger and champion compared on a window that neither was fitted on: `cltv promote`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import mlflow
import numpy as np
import pandas as pd

from cltv_ml.customers import columns_behind
from cltv_ml.errors import InputError
from cltv_ml.evaluation.bounds import decile_chance
from cltv_ml.evaluation.compare import compare_pair, decide_challenge
from cltv_ml.evaluation.horizons import compare_horizons
from cltv_ml.evaluation.metrics import Targeting
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.features import feature_version
from cltv_ml.inline import Inline
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import ALL
from cltv_ml.pipelines.inputs import load, targeting_of
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.own_code import score_apart
from cltv_ml.settings import Promote, Settings
from cltv_ml.tracking import checksums, registry, runs, store
from cltv_ml.tracking.registry import REGISTERED_NAME, Version
from cltv_ml.tracking.second_opinion import second_opinion
from cltv_ml.tracking.store_names import CURRENCY_TAG, PROTECTED_TAG
from cltv_ml.windows import Window

#: With fewer customers who bought in the window chance decides between two models.
MIN_BUYERS = 50


@dataclass(frozen=True)
class Comparison:
    """The window for the comparison, the addresses of both models, the champion's first, and the reason in words."""

    window: Window
    uris: tuple[str, str]
    how: str


@dataclass(frozen=True)
class Decision(Inline):
    """Whether the champion's alias moves, why, and what was measured (`evaluation.compare.compare_pair`)."""

    challenger: int
    champion: int | None
    promoted: bool
    reasons: list[str]
    comparison: Comparison | None = None
    pair: pd.DataFrame = field(default_factory=pd.DataFrame)
    targeting: Targeting | None = None
    #: Each other horizon that both answer for: columns of `pair` for the Gini, indexed by `horizon`.
    by_horizon: pd.DataFrame = field(default_factory=pd.DataFrame)
    #: Realised spend (`spent`) and what `champion` and `challenger` expected, a row per customer.
    values: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)


@with_bar
@store.explained()
def promote(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Decision:
    """Replace the champion by the challenger if it is better on a window that neither was fitted on.

    Return the decision; unless it is a dry run, the alias has moved and a run of its own stores the decision, with a
    second opinion by MLflow's own evaluation as the last reason.

    Raises
    ------
    InputError
        There is no challenger, the data or the settings cannot be used, or the champion moved while the two were
        compared; no alias has moved then.
    """
    settings = Promote.of(settings, options)
    settings.check_given()
    targeting = targeting_of(settings)
    challenger = registry.read_version(find_challenger(), REGISTERED_NAME)  # before the data are read
    champion = registry.alias_version(REGISTERED_NAME, "champion")
    log = load(settings, progress, learned=_features(challenger, champion)).transactions
    decision = _decide(log, challenger, champion, targeting, progress)
    if settings.force and not decision.promoted:
        reasons = [*decision.reasons, "Promoted regardless of the comparison, because of --force."]
        decision = replace(decision, promoted=True, reasons=reasons)
    return decision if settings.dry_run else _carry_out(decision, settings)


def _features(challenger: Version, champion: int | None) -> list[str]:
    """Return the features that the challenger or the champion learned from."""
    standing = registry.read_version(champion, REGISTERED_NAME).features if champion is not None else []
    return list(dict.fromkeys([*challenger.features, *standing]))


def find_challenger() -> int:
    """Return the version that challenges the champion; raise InputError if there is none but the champion."""
    store.open_existing()
    registry.settle(REGISTERED_NAME)
    version = registry.alias_version(REGISTERED_NAME, "challenger")
    if version is None:
        registry.resolve(REGISTERED_NAME)  # says what is registered, where nothing is
        raise InputError(
            f"model {REGISTERED_NAME!r} has no challenger: run `cltv train` to get one, or give a version that "
            "alias in MLflow."
        )
    if version == registry.alias_version(REGISTERED_NAME, "champion"):
        raise InputError(
            f"version {version} of model {REGISTERED_NAME!r} is champion and challenger; run `cltv train` to get a "
            "challenger, or give another version that alias in MLflow."
        )
    return version


def choose_comparison(champion: Version, challenger: Version, log: AnyLog) -> Comparison:
    """Return the fairest comparison on the latest whole horizon of a log.

    1. Both as registered, if both were fitted before it began.
    2. Else the champion as registered against the challenger as its own training tested it: its registered
       version has seen these days.
    3. Else both as their trainings tested them.

    Raises
    ------
    InputError
        In each of these, one of the two was fitted on the window.
    """
    first, last = Log.of(log).span
    window = Window.latest(last + pd.Timedelta(days=1), challenger.horizon)
    if window.cutoff > first:
        for old, new, how in (
            (_fitted_and_uri(champion), _fitted_and_uri(challenger), "both versions as registered"),
            (
                _fitted_and_uri(champion),
                _tested(challenger),
                "the registered champion against the challenger as it was tested, before it saw these days",
            ),
            (_tested(champion), _tested(challenger), "both as they were tested, before they saw these days"),
        ):
            if old and new and max(old[0], new[0]) <= window.cutoff:
                return Comparison(window, (old[1], new[1]), how)
    raise InputError(
        f"the two can only be compared on days that neither has seen, and the log ends on {last:%Y-%m-%d}: "
        f"the champion was fitted until {champion.fitted_until:%Y-%m-%d}, the challenger until "
        f"{challenger.fitted_until:%Y-%m-%d}; wait until the log covers {challenger.horizon} days after "
        "both, or train the challenger on a longer log"
    )


def _fitted_and_uri(version: Version) -> tuple[pd.Timestamp, str]:
    return version.fitted_until, version.uri


def _tested(version: Version) -> tuple[pd.Timestamp, str] | None:
    if version.candidate is None or version.test_cutoff is None:
        return None
    return version.test_cutoff, version.candidate


def _checksums_of(*versions: Version) -> dict[str, str | None]:
    """Return the checksums of versions and of the models tested in their place, by address."""
    own = {version.uri: version.tags.get(checksums.OWN) for version in versions}
    tested = {
        version.candidate: version.tags.get(checksums.TESTED) for version in versions if version.candidate
    }
    return own | tested


def _decide(
    log: Log,
    challenger: Version,
    champion: int | None,
    targeting: Targeting | None,
    progress: Progress,
) -> Decision:
    """Return the decision by the written rule, or the reason why the models cannot be compared."""
    try:
        _check_buildable(challenger)
        if champion is None:
            return Decision(challenger.number, None, True, ["There is no champion to compare with."])
        standing = registry.read_version(champion, REGISTERED_NAME)
        _check_comparable(standing, challenger)
        comparison = choose_comparison(standing, challenger, log)
        progress("scoring both, each in its own process", 0.2)
        scores = score_apart(
            comparison.uris, log, comparison.window.cutoff, _checksums_of(standing, challenger)
        )
        progress("comparing", 0.8)
        return _judge_two(log, standing, challenger, comparison, scores, targeting)
    except InputError as error:
        return Decision(challenger.number, champion, False, [f"refused: {error}"])


def _check_buildable(challenger: Version) -> None:
    """Raise InputError if the challenger cannot predict here, whether or not there is a champion."""
    if feature_version(challenger.features) != challenger.feature_version:
        raise InputError(
            "the features of the challenger cannot be built here as they were in training (by cltv_ml "
            f"{challenger.cltv_ml_version}); train again"
        )


def _check_comparable(champion: Version, challenger: Version) -> None:
    """Raise InputError if the challenger cannot take the champion's place, however good it is."""
    if champion.horizon != challenger.horizon:
        raise InputError(
            f"the challenger predicts {challenger.horizon} days, the champion {champion.horizon}; train with "
            f"{champion.horizon}d as the only or the longest horizon, or promote with --force"
        )
    old, new = (version.tags.get(CURRENCY_TAG, "") for version in (champion, challenger))
    if old and new and old != new:
        raise InputError(
            f"the challenger predicts amounts in {new}, the champion in {old}; train on amounts in {old}, or "
            f"promote with --force if both mean the same or the shop changes to {new}"
        )
    protected = json.loads(champion.tags.get(PROTECTED_TAG, "[]"))
    if learned := columns_behind(challenger.features, protected):
        raise InputError(
            f"the challenger learned from {', '.join(learned)}, which the champion's training protected; train without "
            "--protected to keep what the champion protects, or promote with --force"
        )


def _judge_two(
    log: Log,
    champion: Version,
    challenger: Version,
    comparison: Comparison,
    scores: list[pd.DataFrame],
    targeting: Targeting | None,
) -> Decision:
    window, values = comparison.window, _values_of_both(scores)
    y_true = log.target(window, values.index)
    buyers = int((y_true > 0).sum())
    if buyers < MIN_BUYERS:
        raise InputError(
            f"there is too little data: {buyers} customers bought in the {window.horizon} days from "
            f"{window.cutoff:%Y-%m-%d}, but {MIN_BUYERS} are needed"
        )
    pair = compare_pair(y_true, values["champion"], values["challenger"], targeting=targeting)
    verdict = decide_challenge(
        pair,
        simpler=_is_simpler(challenger.model, champion.model),
        newer=challenger.model == champion.model and challenger.fitted_until > champion.fitted_until,
        objective="profit" if targeting else "gini",
        chances={str(side): decile_chance(y_true, values[side]) for side in values},
    )
    compared = (
        f"Compared on {len(y_true):,} customers, {buyers:,} of them buyers, over {window.horizon} days from "
        f"{window.cutoff:%Y-%m-%d}: {comparison.how}."
    )
    by_horizon = compare_horizons(log, window, *scores)
    reasons = [
        verdict.reason,
        compared,
        *_data_in_words(champion, challenger),
        *_terms_in_words(targeting),
        *_horizons_in_words(by_horizon),
    ]
    numbers = challenger.number, champion.number
    values = values.assign(spent=y_true)
    return Decision(*numbers, verdict.replace, reasons, comparison, pair, targeting, by_horizon, values)


def _values_of_both(scores: list[pd.DataFrame]) -> pd.DataFrame:
    values = pd.concat(
        [predictions["expected_value"] for predictions in scores], axis=1, keys=["champion", "challenger"]
    )
    if values.isna().any(axis=None):
        raise InputError(
            "the two models do not predict the same customers; train the challenger on this log again"
        )
    return values


def _data_in_words(champion: Version, challenger: Version) -> list[str]:
    """Return a sentence if the two learned from data of other names: new exports of a shop, or another shop."""
    old, new = (version.tags.get("dataset", "") for version in (champion, challenger))
    return (
        [f"The champion was trained on {old}, the challenger on {new}."] if old and new and old != new else []
    )


def _terms_in_words(targeting: Targeting | None) -> list[str]:
    if targeting is None:
        return []
    return [
        f"The profit is for contacting the {targeting.share:.0%} of customers ranked highest, at "
        f"{targeting.cost:g} per contact and a margin of {targeting.margin:.0%}."
    ]


def _horizons_in_words(by_horizon: pd.DataFrame) -> list[str]:
    return [
        f"Over {day} days, the challenger's Gini is {row.challenger:.3f} and the champion's "
        f"{row.champion:.3f} (difference {row.difference:+.3f}, {row.lower:+.3f} to {row.upper:+.3f}); this "
        "does not affect the decision."
        for day, row in by_horizon.iterrows()
    ]


def _is_simpler(first: str, second: str) -> bool:
    """Return whether a model comes before another in the catalogue, which lists the simpler ones first."""
    return first in ALL and second in ALL and ALL.index(first) < ALL.index(second)


def _carry_out(decision: Decision, settings: Promote) -> Decision:
    """Move the alias within a run of its own, which stores the figures as metrics and the reasons as text.

    The alias moves after everything that can fail, and the run knows its `outcome` only then. Return the decision with
    the second opinion among the reasons, if there was something to compare.
    """
    outcome = "promoted" if decision.promoted else "refused"
    sides = {"challenger": str(decision.challenger), "champion": str(decision.champion or "")}
    tags = {"role": "promotion", **sides, **runs.code_tags()}
    title = f"version {decision.challenger} {outcome}"
    with runs.summary_run(runs.open_experiment(settings.experiment), title, tags):
        mlflow.log_text(settings.toml(data=settings.dataset), "settings.toml")
        _log_comparison(decision)
        if len(decision.pair):
            reasons = [*decision.reasons, second_opinion(decision.values, settings.dataset)]
            decision = replace(decision, reasons=reasons)
        mlflow.log_text("\n".join(decision.reasons), "reasons.txt")
        if decision.promoted:
            registry.promote(decision.challenger, decision.champion, REGISTERED_NAME)
        mlflow.set_tag("outcome", outcome)
    mlflow.MlflowClient().set_model_version_tag(
        REGISTERED_NAME, sides["challenger"], "promotion", f"{outcome}: {decision.reasons[0]}"[:4000]
    )
    return decision


def _log_comparison(decision: Decision) -> None:
    """Log the window and the campaign as parameters, the figures as a table and as metrics grouped by side."""
    if decision.comparison is not None:
        window = decision.comparison.window
        mlflow.log_params({"window_cutoff": f"{window.cutoff:%Y-%m-%d}", "horizon_days": window.horizon})
    if decision.targeting is not None:
        mlflow.log_params({f"campaign_{key}": value for key, value in asdict(decision.targeting).items()})
    pair = decision.pair
    if pair.empty:
        return
    runs.log_table(pair.reset_index(), "pair.json")
    figures = {
        f"{side}/{metric}": float(value)
        for side in ("champion", "challenger", "difference")
        for metric, value in pair[side].items()
    }
    mlflow.log_metrics({name: value for name, value in figures.items() if np.isfinite(value)})
