"""The registered model as a batch loads it: the version behind an alias, whole and unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from cltv_ml.errors import InputError
from cltv_ml.features import feature_version
from cltv_ml.serving.packaging import replay_golden_rows
from cltv_ml.tracking import checksums, registry

#: A stored model whose answers to its golden rows differ by more than this is not the one that was logged.
_TOLERANCE = 1e-6


def load_registered(name: str = registry.REGISTERED_NAME, alias: str = "champion") -> tuple[Any, int]:
    """Return the pyfunc behind an alias and its version, resolved once.

    Raises
    ------
    InputError
        There is no such model or alias, its files are damaged, or this package builds its features differently.
    """
    version = registry.resolve(name, alias)
    return load_version(version, name), version


def load_version(version: int, name: str = registry.REGISTERED_NAME) -> Any:
    """Return the pyfunc of a registered version; InputError where `load_registered` raises it."""
    what = f"version {version} of model {name!r}"
    uri = f"models:/{name}/{version}"
    tags = MlflowClient().get_model_version(name, str(version)).tags
    folder = checksums.verified(uri, tags.get(checksums.OWN), what)
    try:
        # MLflow's check of versions reads every installed package's metadata; the golden rows below say more.
        model = mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)
    except (MlflowException, OSError, InputError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"{what} cannot be read: {reason}; restore its files, or train again.") from error
    card: Mapping[str, Any] = model.metadata.metadata
    if feature_version(card["features"]) != card["feature_version"]:
        raise InputError(
            f"{what} was trained on other definitions of its features than this "
            f"cltv_ml has; train again or install cltv_ml {card['cltv_ml_version']}."
        )
    served = model.unwrap_python_model()
    golden = getattr(served, "golden", None)
    if golden is not None and replay_golden_rows(served.model, served.card, golden) > _TOLERANCE:
        raise InputError(
            f"{what} no longer predicts its golden rows as it did when it was trained: its "
            "files or a library have changed; restore them, or train again."
        )
    return model
