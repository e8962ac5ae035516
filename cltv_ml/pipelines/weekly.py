"""Weekly jobs of a scheduler: train if due, score, monitor and act: `cltv weekly`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.files import check_folder
from cltv_ml.inline import Inline
from cltv_ml.pipelines.act import act
from cltv_ml.pipelines.monitor import MonitorReport, monitor
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.promote import Decision
from cltv_ml.pipelines.score import score
from cltv_ml.pipelines.train import Outcome, train
from cltv_ml.serving.batch_order import Manifest
from cltv_ml.settings import Settings, Weekly
from cltv_ml.tracking import registry, store


@dataclass(frozen=True)
class Week(Inline):
    """The result of a weekly run: a training if one was due, the scores, and the verdict on them."""

    outcome: Outcome | None
    manifest: Manifest
    report: MonitorReport
    refused: dict[str, str]

    @property
    def decision(self) -> Decision | None:
        """Whether the challenger of a new training replaced the champion; None if there was none to replace."""
        return None if self.outcome is None else self.outcome.decision


@with_bar
def weekly(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Week:
    """Train if there is no champion or monitoring asks for it, score everybody, monitor and act; return the results.

    A new training replaces the champion only if it is better on a window that neither was fitted on. Written to `out`:
    scores.parquet, and the folders training, monitor and actions with the files of the single commands. Lists show what
    changed since those of an earlier week in the same folder.

    Raises
    ------
    InputError
        As those commands do; what an earlier step wrote stays.
    """
    settings = Weekly.of(settings, options)
    check_folder(settings.out)
    store.open_store()
    first = registry.alias_version(registry.REGISTERED_NAME, "champion") is None
    outcome = _train_again(settings, _part_of_progress(progress, 0.0, 0.5)) if first else None
    manifest, report = _score_and_monitor(settings, _part_of_progress(progress, 0.5, 0.6))
    if report.level == "retrain" and not first:
        outcome = _train_again(settings, _part_of_progress(progress, 0.6, 0.8))
        if outcome.decision is not None and outcome.decision.promoted:
            manifest, report = _score_and_monitor(settings, _part_of_progress(progress, 0.8, 0.9))
    actions = act(settings, out=settings.out / "actions", progress=_part_of_progress(progress, 0.9, 1.0))
    return Week(outcome, manifest, report, actions.refused)


def _part_of_progress(progress: Progress, start: float, end: float) -> Progress:
    return lambda message, done: progress(message, start + (end - start) * done)


def _train_again(settings: Weekly, progress: Progress) -> Outcome:
    return train(settings, out=settings.out / "training", promote=True, progress=progress)


def _score_and_monitor(settings: Weekly, progress: Progress) -> tuple[Manifest, MonitorReport]:
    """Score everybody and compare the scores with the training and with earlier scores."""
    scores = settings.out / "scores.parquet"
    manifest = score(settings, out=str(scores), progress=progress)
    return manifest, monitor(settings, scores=scores, out=settings.out / "monitor", progress=progress)
