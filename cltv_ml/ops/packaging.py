"""A fitted model as an MLflow model: parameters and boosters as files, code beside them, no pickles."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

import cltv_ml
from cltv_ml.models import CATALOGUE, ValueModel
from cltv_ml.models.state import from_state, to_state

#: All the package's dependencies: the code beside a model is the whole package, and its imports must work.
#: They are named here because a project environment runs the sources without installing them.
REQUIREMENTS = (
    "charset-normalizer", "duckdb", "jinja2", "mlflow", "numpy", "openpyxl", "optuna", "pandas", "plotly", "pooch",
    "pyarrow", "rich", "scikit-learn", "scipy", "sqlalchemy", "typer", "xgboost",
)  # fmt: skip

_OUTPUTS = {"customer_id": "string", "expected_value": "double", "expected_purchases": "double",
            "p_alive": "double", "tier": "string"}  # fmt: skip


@dataclass(frozen=True)
class Card:
    """What travels with a model: for whom it answers, since when, and where its value tiers are cut."""

    model: str
    horizon: int
    cutoff: str
    features: list[str]
    feature_version: str
    tiers: dict[str, float]
    customers: int
    dataset: str
    cltv_ml_version: str = cltv_ml.__version__
    time_unit: str = "days"


def tier_cuts(values: np.ndarray) -> dict[str, float]:
    """Return the lowest expected value of each tier: high is the top fifth, medium the next three tenths.

    The cuts are stored with the model, so that a later batch is cut at the same values.

    >>> tier_cuts(np.arange(1.0, 11.0))
    {'high': 8.2, 'medium': 5.5, 'low': 0.0}
    """
    high, medium = np.quantile(values, [0.8, 0.5])
    return {"high": float(high), "medium": float(medium), "low": 0.0}


def tier_names(values: np.ndarray, cuts: Mapping[str, float]) -> np.ndarray:
    """Return the tier of each value, the highest whose cut it reaches.

    >>> tier_names(np.array([9.0, 6.0, 1.0]), {"high": 8.2, "medium": 5.5, "low": 0.0}).tolist()
    ['high', 'medium', 'low']
    """
    return np.select([values >= cuts["high"], values >= cuts["medium"]], ["high", "medium"], "low").astype(
        object
    )


class ServedModel(mlflow.pyfunc.PythonModel):
    """Answers on customer features: one row in, one row out, in the order of the request."""

    def load_context(self, context: Any) -> None:
        """Read the model's files."""
        self.model, self.card = load_files(Path(context.artifacts["model"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return expected value, tier and, where the model has them, expected purchases and P(alive)."""
        X = _check_request(model_input, self.card.features)
        table = self.model.predict_table(X).dropna(axis="columns", how="all")
        table["tier"] = tier_names(table["expected_value"].to_numpy(), self.card.tiers)
        if "customer_id" in model_input.columns:
            table.insert(0, "customer_id", model_input["customer_id"].astype(str).to_numpy())
        return table.reset_index(drop=True)


def log_model(model: ValueModel, card: Card, example: pd.DataFrame) -> Any:
    """Log `model` to the active run as a pyfunc from code; return MLflow's ModelInfo.

    `example` is a few customers with the card's features; the signature asks for these columns as doubles.
    """
    package = Path(cltv_ml.__file__).parent
    answered = model.predict_table(example).dropna(axis="columns", how="all").columns
    with tempfile.TemporaryDirectory() as folder:
        write_files(model, card, Path(folder))
        return mlflow.pyfunc.log_model(
            name="model",
            python_model=str(package / "ops" / "served_model.py"),
            artifacts={"model": folder},
            code_paths=[str(package)],
            signature=_signature(card.features, [*answered, "tier"]),
            input_example=example[card.features].astype(float).reset_index(),
            pip_requirements=requirements(),
            metadata=asdict(card),
            model_type="regressor",
        )


def request(customers: pd.DataFrame, card: Card) -> str:
    """Return customers as the JSON body that the served model answers."""
    table = customers[card.features].reset_index().astype(object)
    rows = table.where(table.notna(), None).to_numpy().tolist()
    return json.dumps({"dataframe_split": {"columns": list(table.columns), "data": rows}}, indent=1)


def requirements() -> list[str]:
    """Return the exact versions that this model was trained with, as pip reads them."""
    return [f"{name}=={version(name)}" for name in REQUIREMENTS]


def write_files(model: ValueModel, card: Card, folder: Path) -> None:
    """Write `model.json` and one `.ubj` file per booster into `folder`."""
    boosters: list[bytes] = []
    state = _take_out_bytes(to_state(model), boosters)
    for number, booster in enumerate(boosters):
        (folder / f"booster_{number}.ubj").write_bytes(booster)
    text = json.dumps({"format": 1, "card": asdict(card), "state": state}, indent=1)
    (folder / "model.json").write_text(text, encoding="utf-8")


def load_files(folder: Path) -> tuple[ValueModel, Card]:
    """Return the model and card that `write_files` wrote."""
    stored = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    if stored["format"] != 1:
        raise ValueError(
            f"model.json has format {stored['format']!r}; this version of cltv_ml reads 1: update it."
        )
    model = from_state(_put_back_bytes(stored["state"], folder), CATALOGUE)
    return model, Card(**stored["card"])


def _take_out_bytes(value: Any, taken: list[bytes]) -> Any:
    if isinstance(value, bytes):
        taken.append(value)
        return {"@file": f"booster_{len(taken) - 1}.ubj"}
    if isinstance(value, dict):
        return {name: _take_out_bytes(entry, taken) for name, entry in value.items()}
    if isinstance(value, list):
        return [_take_out_bytes(entry, taken) for entry in value]
    return value


def _put_back_bytes(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        if "@file" in value:
            return (folder / value["@file"]).read_bytes()
        return {name: _put_back_bytes(entry, folder) for name, entry in value.items()}
    if isinstance(value, list):
        return [_put_back_bytes(entry, folder) for entry in value]
    return value


def _signature(features: Sequence[str], outputs: Sequence[str]) -> ModelSignature:
    inputs = [
        ColSpec("string", "customer_id", required=False),
        *(ColSpec("double", name) for name in features),
    ]
    answers = [ColSpec("string", "customer_id", required=False)]
    answers += [ColSpec(_OUTPUTS[name], name) for name in outputs]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(answers))


def _check_request(table: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Return the features of a request, refused with a message that names the column and echoes no row."""
    if not len(table):
        raise MlflowException.invalid_parameter_value(
            f"The table has no rows; send at least one customer with the columns {list(features)}."
        )
    X = table[list(features)]
    for name in features:
        values = X[name].to_numpy(dtype=np.float64)
        if np.isinf(values).any():
            raise MlflowException.invalid_parameter_value(
                f"Column {name!r} holds an infinite value; send a number."
            )
        if name in ("frequency", "recency", "T", "monetary_value") and not (values >= 0).all():
            raise MlflowException.invalid_parameter_value(
                f"Column {name!r} holds a negative or missing value; send zero or more."
            )
    if {"recency", "T"} <= set(features) and (X["recency"] > X["T"]).any():
        raise MlflowException.invalid_parameter_value(
            "Column 'recency' exceeds column 'T' in a row; recency is the age at the last purchase, in days."
        )
    return X
