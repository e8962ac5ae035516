"""The registered model as a batch loads it: the version behind an alias, complete and unchanged.

MLflow is imported only if needed: `open_registered` reads a store on this machine without it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.season_change import doubt_season
from cltv_ml.features import feature_version
from cltv_ml.log import Log
from cltv_ml.models import ValueModel
from cltv_ml.serving.model_files import Card, load_files, read_golden_rows, replay_golden_rows
from cltv_ml.serving.responses import OUTPUTS, is_of_horizon
from cltv_ml.tracking import checksums
from cltv_ml.tracking.local_registry import LocalVersion, find_local
from cltv_ml.tracking.store_names import CURRENCY_TAG, REGISTERED_NAME

logger = logging.getLogger("cltv_ml")

#: Largest difference of a stored model's predictions for its golden rows: beyond it, the model is not the logged one.
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Registered:
    """A loaded registered version: its model, its card, its number, the columns of its predictions, its currency."""

    model: ValueModel
    card: Card
    version: int
    outputs: tuple[str, ...]
    #: Currency of its values, where its training stated one.
    currency: str = ""


def open_registered(name: str = REGISTERED_NAME, alias: str = "champion") -> Registered:
    """Return the version behind an alias, resolved once.

    MLflow is not imported if its store and files are on this machine.

    Raises
    ------
    InputError
        There is no such model or alias, its files are damaged, or this package builds its features differently.
    """
    local = find_local(name, alias)
    read = None if local is None else _read_local(local, name)
    if read is not None:
        return read
    from cltv_ml.tracking import registry, store

    store.open_existing()
    model, version = load_registered(name, alias)
    served = model.unwrap_python_model()
    declared = model.metadata.get_output_schema().input_names()
    currency = registry.read_version(version, name).tags.get(CURRENCY_TAG, "")
    return Registered(served.model, served.card, version, _outputs(declared), currency)


def load_registered(name: str = REGISTERED_NAME, alias: str = "champion") -> tuple[Any, int]:
    """Return the pyfunc behind an alias, resolved once, and its version; raise InputError as `open_registered` does."""
    from cltv_ml.tracking import registry

    version = registry.resolve(name, alias)
    return load_version(version, name), version


def warn_of_total(log: Log, card: Mapping[str, Any], cutoff: pd.Timestamp, version: int) -> str:
    """Warn where values as of the cutoff are of another season than the version's total; return the sentence."""
    doubt = doubt_season(log, int(card["horizon"]), pd.Timestamp(card["cutoff"]), cutoff, version)
    if doubt:
        logger.warning("Note      %s", doubt)
    return doubt


def load_version(version: int, name: str = REGISTERED_NAME) -> Any:
    """Return the pyfunc of a registered version; raise InputError as `open_registered` does."""
    import mlflow

    subject, uri = _called(version, name), f"models:/{name}/{version}"
    tags = mlflow.MlflowClient().get_model_version(name, str(version)).tags
    folder = checksums.verified(uri, tags.get(checksums.OWN), subject)
    try:
        # MLflow's check of versions reads every installed package's metadata; the golden rows below are the better
        # check.
        model = mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)
    except (mlflow.MlflowException, OSError, InputError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"{subject} cannot be read: {reason}; restore its files, or train again.") from error
    card = model.metadata.metadata
    _check_features(card["features"], card["feature_version"], card["cltv_ml_version"], subject)
    served = model.unwrap_python_model()
    golden = getattr(served, "golden", None)
    if golden is not None and replay_golden_rows(served.model, served.card, golden) > _TOLERANCE:
        raise InputError(
            f"{subject} no longer predicts its golden rows as it did in training, because its files or a "
            "library have changed; restore them, or train again."
        )
    return model


def _read_local(local: LocalVersion, name: str) -> Registered | None:
    """Return a version stored on this machine; None if anything is unusual, so that MLflow names the fault."""
    sums, subject = local.tags.get(checksums.OWN), _called(local.number, name)
    if sums is None:
        return None
    try:
        folder = checksums.copied(local.folder, sums, subject, "artifacts/model")
        model, card = load_files(folder)
        golden = read_golden_rows(folder)
        _check_features(card.features, card.feature_version, card.cltv_ml_version, subject)
        if golden is None or replay_golden_rows(model, card, golden) > _TOLERANCE:
            return None
    except (OSError, InputError):
        return None
    currency = local.tags.get(CURRENCY_TAG, "")
    return Registered(model, card, local.number, _outputs(list(golden.columns)), currency)


def _called(version: int, name: str) -> str:
    return f"version {version} of model {name!r}"


def _outputs(declared: list[str]) -> tuple[str, ...]:
    return tuple(name for name in declared if name in OUTPUTS or is_of_horizon(name))


def _check_features(features: list[str], stored_version: str, release: str, subject: str) -> None:
    if feature_version(features) != stored_version:
        raise InputError(
            f"{subject} was trained with other feature definitions than those of this cltv_ml; train again or "
            f"install cltv_ml {release}."
        )
