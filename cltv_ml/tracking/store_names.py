"""Address of the MLflow store, and the names and tags under which it holds models; read without MLflow."""

from __future__ import annotations

import os
from pathlib import Path

#: The name under which models are registered.
REGISTERED_NAME = "cltv"

#: The model's tag that holds a move of aliases, and a version's that holds its training's run, until each is complete.
INTENT, PENDING = "cltv_ml.move", "cltv_ml.pending"

#: A version's tag that holds the currency of its values, where the training stated one.
CURRENCY_TAG = "currency"
#: The tag of a version with the columns that its training protected, a JSON list.
PROTECTED_TAG = "protected"


def project_root() -> Path:
    """Return the nearest folder with an MLproject file, from the working folder upwards, else the working folder."""
    here = Path.cwd().resolve()
    return next((folder for folder in (here, *here.parents) if (folder / "MLproject").is_file()), here)


def store_uri() -> str:
    """Return the store's address: `MLFLOW_TRACKING_URI`, else that of `mlflow.db` in the project's root."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project_root() / 'mlflow.db'}"
