"""A fitted model as an MLflow model: parameters and boosters as files, code next to them."""

from __future__ import annotations

import json
import re
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import Model

import cltv_ml
from cltv_ml.decisions import fit_tiers
from cltv_ml.errors import InputError
from cltv_ml.features import is_text, model_input
from cltv_ml.models import CATALOGUE, ValueModel, own
from cltv_ml.models.state import from_state, to_state
from cltv_ml.serving.chosen_value import Tail, write_tail
from cltv_ml.serving.responses import answer
from cltv_ml.serving.signatures import customers_signature, transactions_signature
from cltv_ml.tracking import checksums

#: All the package's dependencies: the code next to a model is the whole package, and its imports must work.
#: They are named here because a project environment runs the sources without installing them.
REQUIREMENTS = (
    "charset-normalizer",
    "duckdb",
    "jinja2",
    "mlflow",
    "numpy",
    "openpyxl",
    "optuna",
    "pandas",
    "plotly",
    "pooch",
    "pyarrow",
    "pydantic",
    "rich",
    "scikit-learn",
    "scipy",
    "sqlalchemy",
    "typer",
    "xgboost",
)

#: Where, inside a registered version, the model for raw transactions lies.
FROM_TRANSACTIONS = "cltv-from-transactions"
GOLDEN = "golden.json"

#: MLflow keeps the model that a file sets in one place for all threads.
_one_at_a_time = threading.Lock()

#: Approximate number of customers from whom golden rows are drawn.
_GOLDEN_CUSTOMERS = 10_000

#: Two purchases of one customer, with every column that a log may have.
_TRANSACTIONS_EXAMPLE = {
    "customer_id": ["ann", "ann"],
    "timestamp": ["2026-01-03 10:15:00", "2026-01-21 18:40:00"],
    "amount": [12.5, 30.0],
    "order_id": ["o1", "o2"],
    "product_id": ["mug", "pot"],
    "category": ["tea", "tea"],
    "quantity": [1.0, 2.0],
    "discount": [0.0, 3.0],
    "cost": [7.0, 16.0],
    "channel": ["web", "web"],
}


@dataclass(frozen=True)
class Card:
    """The card that travels with a model: its customers, its dates, and the cuts of its value tiers."""

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
    horizons: Sequence[int] = ()  # all that it answers for, where those are several
    spreads: Mapping[str, Sequence[float]] = field(default_factory=dict)  # `models.Spread` by horizon


def tier_cuts(values: np.ndarray) -> dict[str, float]:
    """Return the lowest expected value of each tier, as `decisions.fit_tiers` cuts them.

    They are stored with the model, so that a later batch is cut at the same values, and lie a billionth off the
    customers' own: the last digit of a value depends on its place in a batch and must not change a tier.

    >>> {name: round(cut, 6) for name, cut in tier_cuts(np.arange(1.0, 11.0)).items()}
    {'high': 9.0, 'medium': 6.0, 'low': 0.0}
    >>> tier_cuts(np.array([0.0] * 7 + [5.0, 6.0, 7.0]))["medium"] > 0  # no value is no medium value
    True
    """
    highest = np.max(values)
    cuts = fit_tiers(pd.Series(values))
    return {name: cut * (1 - 1e-9 if cut <= highest else 1 + 1e-9) for name, cut in cuts.items()}


def log_model(
    model: ValueModel, card: Card, customers: pd.DataFrame, *, served: bool = True, tail: Tail | None = None
) -> Any:
    """Log `model` to the active run as a pyfunc from code, under its own name; return MLflow's ModelInfo.

    Next to the model lie golden rows (`golden_rows`).

    Parameters
    ----------
    customers
        Customers with the card's features, from whom the golden rows and the example are taken.
    served
        Whether the model is to be served: a copy of the package then lies next to it, so that it loads where the
        package is not installed, and the same model for raw transactions lies inside it, as
        `artifacts/cltv-from-transactions`, with a copy of its own. Models that are only compared do without all
        that: they load where the package is installed, and MLflow does not try their example.
    tail
        How these customers go on beyond the horizon, for requests of a longer value.
    """
    package = Path(cltv_ml.__file__).parent
    golden = golden_rows(model, card, customers)
    with _one_at_a_time, tempfile.TemporaryDirectory() as folder:
        files, second = Path(folder, "model"), Path(folder, FROM_TRANSACTIONS)
        files.mkdir()
        write_files(model, card, files)
        if tail is not None:
            write_tail(tail, files)
        (files / GOLDEN).write_text(json.dumps(_split_frame(golden), indent=1), encoding="utf-8")
        outputs = [name for name in golden.columns if name not in card.features]
        common: dict[str, Any] = {
            "code_paths": [str(package)] if served else None,
            "pip_requirements": requirements(model),
            "metadata": asdict(card) | {checksums.METADATA: checksums.of_files(files)},
        }
        artifacts = {"model": str(files)}
        if served:
            mlflow.pyfunc.save_model(
                second,
                python_model=str(package / "serving" / "entry_transactions.py"),
                artifacts={"model": str(files)},
                signature=transactions_signature(model, card.features, outputs),
                input_example=(pd.DataFrame(_TRANSACTIONS_EXAMPLE), {"as_of": "2026-02-01"}),
                **common,
            )
            artifacts[FROM_TRANSACTIONS] = str(second)
        if not served:
            common["validate_serving_input"] = False
        return Model.log(
            flavor=_FromCode,
            flavor_name="pyfunc.ModelFromCode",
            artifact_path=None,
            name=re.sub(r"[^\w -]", "_", card.model),
            python_model=str(package / "serving" / "entry_customers.py"),
            artifacts=artifacts,
            signature=customers_signature(model, card.features, outputs),
            input_example=golden[["customer_id", *card.features]].head(3),
            model_type="regressor",
            **common,
        )


class _FromCode:
    """MLflow's format of a model from code; a training asks to save its candidates without a trial of their example."""

    @staticmethod
    def save_model(*, validate_serving_input: bool = True, **words: Any) -> None:
        """Save a model as `mlflow.pyfunc` does; the option is for `Model.log`, which calls this."""
        mlflow.pyfunc.save_model(**words)


def golden_rows(model: ValueModel, card: Card, customers: pd.DataFrame, count: int = 20) -> pd.DataFrame:
    """Return a few customers, from the least to the most valuable, with the model's predictions for them.

    Columns: `customer_id` (made up: a model names no customer), the card's features, the answer. They are stored
    with the model, so that whoever loads it later, and however it is asked, can see that it still answers the same.
    """
    X = customers.iloc[:: max(1, len(customers) // _GOLDEN_CUSTOMERS)]
    X = model_input(X, card.features)
    ranks = np.unique(np.linspace(0, len(X) - 1, min(count, len(X))).astype(int))
    chosen = X.iloc[np.argsort(model.predict(X), kind="stable")[ranks]]
    golden = chosen.join(answer(model, card.tiers, chosen)).reset_index(drop=True)
    golden.insert(0, "customer_id", [f"golden {number + 1}" for number in range(len(golden))])
    return golden


def read_golden_rows(folder: Path) -> pd.DataFrame | None:
    """Return the golden rows next to a model's files, None where an older version stored none."""
    path = folder / GOLDEN
    if not path.exists():
        return None
    stored = json.loads(path.read_text(encoding="utf-8"))
    table = pd.DataFrame(stored["data"], columns=stored["columns"])
    words = [name for name in table.columns if is_text(name)]
    numbers = [name for name in table.columns if name not in ("customer_id", "tier", *words)]
    return table.astype(dict.fromkeys(numbers, np.float64))


def replay_golden_rows(model: ValueModel, card: Card, golden: pd.DataFrame) -> float:
    """Return the largest difference between what a model answers for its golden rows and what it did when it
    was logged, as a share of the value where that is above one; infinite where a tier is another one.
    """
    again = answer(model, card.tiers, golden[card.features])
    if list(again["tier"]) != list(golden["tier"]):
        return float("inf")
    names = [name for name in again.columns if name != "tier"]
    before, now = golden[names].to_numpy(dtype=np.float64), again[names].to_numpy(dtype=np.float64)
    return float(np.max(np.abs(now - before) / np.maximum(np.abs(before), 1.0)))


def request(customers: pd.DataFrame, card: Card) -> str:
    """Return customers as the JSON body that the served model answers."""
    return json.dumps({"dataframe_split": _split_frame(customers[card.features].reset_index())}, indent=1)


def requirements(model: ValueModel) -> list[str]:
    """Return the exact versions that this model was trained with, as pip reads them."""
    ours = [f"{name}=={version(name)}" for name in REQUIREMENTS]
    return [*ours, *(name for name in own.requirements_of(to_state(model)) if name not in ours)]


def write_files(model: ValueModel, card: Card, folder: Path) -> None:
    """Write `model.json`, one `.ubj` file per booster and the files of the user's own classes into `folder`."""
    boosters: list[bytes] = []
    state = _take_out_bytes(to_state(model), boosters)
    own.pack(state, folder)
    for number, booster in enumerate(boosters):
        (folder / f"booster_{number}.ubj").write_bytes(booster)
    text = json.dumps({"format": 1, "card": asdict(card), "state": state}, indent=1)
    (folder / "model.json").write_text(text, encoding="utf-8")


def load_files(folder: Path) -> tuple[ValueModel, Card]:
    """Return the model and card that `write_files` wrote.

    Raises
    ------
    InputError
        `model.json` or a booster is damaged, or of another format.
    """
    try:
        stored = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if stored["format"] != 1:
            raise InputError(
                f"model.json has format {stored['format']!r}; this version of cltv_ml reads format 1; update cltv_ml."
            )
        classes = CATALOGUE | own.unpack_classes(stored["state"], folder)
        model = from_state(_put_back_bytes(stored["state"], folder), classes)
        return model, Card(**stored["card"])
    except (
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        json.JSONDecodeError,
        UnicodeDecodeError,
    ) as error:
        raise InputError(
            f"model.json is damaged ({type(error).__name__}: {error}); restore the model's files, or train again."
        ) from error


def _split_frame(table: pd.DataFrame) -> dict[str, Any]:
    """Return a table as columns and rows that JSON knows, missing values as null."""
    rows = table.astype(object)
    return {"columns": list(table.columns), "data": rows.where(rows.notna(), None).to_numpy().tolist()}


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
            if Path(value["@file"]).name != value["@file"]:
                raise InputError(
                    f"model.json names the file {value['@file']!r}, which lies outside its own folder; restore the "
                    "model's files, or train again."
                )
            return (folder / value["@file"]).read_bytes()
        return {name: _put_back_bytes(entry, folder) for name, entry in value.items()}
    if isinstance(value, list):
        return [_put_back_bytes(entry, folder) for entry in value]
    return value
