"""The model registry: versions of one name, and the aliases that point at them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

#: The name under which models are registered.
REGISTERED_NAME = "cltv"


def register_champion(model_uri: str, tags: Mapping[str, str], name: str = REGISTERED_NAME) -> int:
    """Register a logged model and point the alias `champion` at it; return the version.

    The version that was champion before becomes `previous` first, so that a way back always exists.
    """
    with contextlib.redirect_stderr(io.StringIO()):  # MLflow prints what this returns
        registered = mlflow.register_model(model_uri, name, tags=dict(tags))
    client = MlflowClient()
    before = alias_version(name, "champion")
    if before is not None:
        client.set_registered_model_alias(name, "previous", before)
    client.set_registered_model_alias(name, "champion", int(registered.version))
    return int(registered.version)


def alias_version(name: str, alias: str) -> int | None:
    """Return the version an alias points at, None where there is no such model or alias."""
    try:
        return int(MlflowClient().get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
