"""State of a fitted model as plain values, which any later version can read.

Nothing is pickled except a scikit-learn estimator inside a user's own model. Only the package versions that it was
trained with, which are stored with it, are certain to read it.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.base import BaseEstimator

from cltv_ml.errors import InputError, unknown_name
from cltv_ml.models.base import ValueModel
from cltv_ml.models.own import addresses, class_address, pickled


def to_state(model: BaseEstimator) -> dict[str, Any]:
    """Return a fitted model of this room as JSON values, boosters as bytes in XGBoost's own format.

    It holds the class's name, the name given by `named`, the arguments of `__init__`, and every attribute that
    `fit` learned (those with a trailing underscore).
    """
    learned = {
        name: value for name, value in vars(model).items() if name.endswith("_") and not name.startswith("_")
    }
    return {
        "class": class_address(type(model)),
        **({"name": vars(model)["name"]} if "name" in vars(model) else {}),
        "arguments": {name: _encode(value) for name, value in model.get_params(deep=False).items()},
        "learned": {name: _encode(value) for name, value in learned.items()},
    }


def from_state(state: Mapping[str, Any], classes: Mapping[str, type[BaseEstimator]]) -> BaseEstimator:
    """Return the model that `to_state` described; `classes` maps class names to classes.

    Raises
    ------
    InputError
        The state names an unknown class.
    """
    if state["class"] not in classes:
        raise unknown_name("model class", state["class"], classes)
    kind = classes[state["class"]]
    renamed = getattr(kind, "renamed", {})
    arguments = {
        renamed.get(name, name): _decode(value, classes) for name, value in state["arguments"].items()
    }
    model = kind(**arguments)
    if "name" in state:
        model.name = state["name"]
    for name, value in state["learned"].items():
        setattr(model, name, _decode(value, classes))
    return model


def _encode(value: Any) -> Any:
    if isinstance(value, BaseEstimator):
        if isinstance(value, ValueModel) or ":" not in class_address(type(value)):
            return {"@model": to_state(value)}
        return {"@pickle": pickled(value), "made_of": addresses(value)}
    if isinstance(value, xgb.Booster):
        return {"@booster": bytes(value.save_raw("ubj"))}
    if isinstance(value, bytes):
        return {"@bytes": value}
    if isinstance(value, np.ndarray):
        return {"@array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(name): _encode(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"A model's state cannot contain a {type(value).__name__}; keep numbers, text, bytes, arrays, "
        "boosters or scikit-learn's estimators in the attributes that end in an underscore."
    )


def _decode(value: Any, classes: Mapping[str, type[BaseEstimator]]) -> Any:
    if isinstance(value, Mapping):
        if "@model" in value:
            return from_state(value["@model"], classes)
        if "@booster" in value:
            if not value["@booster"].startswith(b"{"):  # XGBoost ends the process over an empty file
                raise InputError(
                    "a booster of the model is empty or not a file of XGBoost; restore the model's files, or train "
                    "again."
                )
            return xgb.Booster(model_file=bytearray(value["@booster"]))
        if "@pickle" in value:
            return pickle.loads(value["@pickle"])
        if "@bytes" in value:
            return bytes(value["@bytes"])
        if "@array" in value:
            return np.array(value["@array"], dtype=value["dtype"])
        return {name: _decode(entry, classes) for name, entry in value.items()}
    if isinstance(value, list):
        return [_decode(entry, classes) for entry in value]
    return value
