"""MLflow models from fitted models: parameters and boosters as files, code next to them in one archive."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.utils import requirements_utils

import cltv_ml
from cltv_ml.decisions import fit_tiers
from cltv_ml.features import model_input
from cltv_ml.models import ValueModel, own
from cltv_ml.models.state import to_state
from cltv_ml.serving.chosen_value import Tail, write_tail
from cltv_ml.serving.model_files import GOLDEN, Card, write_files
from cltv_ml.serving.responses import answer
from cltv_ml.serving.signatures import customers_signature, transactions_signature
from cltv_ml.tracking import checksums

#: All dependencies of the package: the code stored with a model is the whole package, and its imports must work.
#: They are listed here because a project environment runs the sources without installing them.
REQUIREMENTS = (
    "anyascii",
    "charset-normalizer",
    "duckdb",
    "jinja2",
    "mlflow",
    "numpy",
    "openpyxl",
    "optuna",
    "pandas",
    "phonenumbers",
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

_PACKAGE = Path(cltv_ml.__file__).parent

#: Folder of the model for raw transactions inside a registered version.
FROM_TRANSACTIONS = "cltv-from-transactions"

#: MLflow stores the model that a file sets in one variable for all threads.
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


def tier_cuts(values: np.ndarray) -> dict[str, float]:
    """Return the lowest expected value of each tier, as cut by `decisions.fit_tiers`.

    They are stored with the model, so that a later batch is cut at the same values. They are a billionth below the
    customers' own values, because the last digit of a value depends on its position in a batch and must not change a
    tier.

    >>> {name: round(cut, 6) for name, cut in tier_cuts(np.arange(1.0, 11.0)).items()}
    {'high': 9.0, 'medium': 6.0, 'low': 0.0}
    >>> tier_cuts(np.array([0.0] * 7 + [5.0, 6.0, 7.0]))["medium"] > 0  # no value is no medium value
    True
    """
    highest = np.max(values)
    cuts = fit_tiers(pd.Series(values))
    return {name: cut * (1 - 1e-9 if cut <= highest else 1 + 1e-9) for name, cut in cuts.items()}


def _save_for_transactions(
    folder: Path, model: Path, signature: ModelSignature, common: dict[str, Any]
) -> str:
    mlflow.pyfunc.save_model(
        folder,
        python_model=str(_PACKAGE / "serving" / "entry_transactions.py"),
        artifacts={"model": str(model)},
        signature=signature,
        input_example=(pd.DataFrame(_TRANSACTIONS_EXAMPLE), {"as_of": "2026-02-01"}),
        **common,
    )
    return str(folder)


def log_model(
    model: ValueModel, card: Card, customers: pd.DataFrame, *, served: bool = True, tail: Tail | None = None
) -> Any:
    """Log `model` to the active run as a pyfunc from code, under its own name; return MLflow's ModelInfo.

    Golden rows are stored with the model (`golden_rows`).

    Parameters
    ----------
    customers
        Customers with the card's features, from whom the golden rows and the example are taken.
    served
        Whether the model is to be served: it is then stored with the package in an archive, so that it loads where the
        package is not installed, and with the same model for raw transactions in `artifacts/cltv-from-transactions`,
        which has its own archive. Models that are only compared need none of this: they load where the package is
        installed, and MLflow does not run their example.
    tail
        The value of these customers beyond the horizon, for requests of a longer value.
    """
    golden, pins = golden_rows(model, card, customers), requirements(model)
    with _one_at_a_time, _unchecked(pins), tempfile.TemporaryDirectory() as folder:
        files, second = Path(folder, "model"), Path(folder, FROM_TRANSACTIONS)
        files.mkdir()
        write_files(model, card, files)
        if tail is not None:
            write_tail(tail, files)
        (files / GOLDEN).write_text(json.dumps(_split_frame(golden), indent=1), encoding="utf-8")
        outputs = [name for name in golden.columns if name not in card.features]
        common: dict[str, Any] = {
            "code_paths": [str(write_package(Path(folder)))] if served else None,
            "pip_requirements": pins,
            "metadata": asdict(card) | {checksums.METADATA: checksums.of_files(files)},
        }
        artifacts = {"model": str(files)}
        if served:
            signature = transactions_signature(model, card.features, outputs)
            artifacts[FROM_TRANSACTIONS] = _save_for_transactions(second, files, signature, common)
        else:
            common["validate_serving_input"] = False
        return Model.log(
            flavor=_FromCode,
            flavor_name="pyfunc.ModelFromCode",
            artifact_path=None,
            name=re.sub(r"[^\w -]", "_", card.model),
            python_model=str(_PACKAGE / "serving" / "entry_customers.py"),
            artifacts=artifacts,
            signature=customers_signature(model, card.features, outputs),
            input_example=golden[["customer_id", *card.features]].head(3),
            model_type="regressor",
            **common,
        )


def write_package(folder: Path) -> Path:
    """Write this package as an archive and the file that imports it; return the folder of both, named like the package.

    The same code gives the same archive, byte by byte.
    """
    package = folder / _PACKAGE.name
    package.mkdir()
    shutil.copyfile(_PACKAGE / "serving" / "entry_package.py", package / "__init__.py")
    with zipfile.ZipFile(package / "package.zip", "w") as archive:
        for path in sorted(_PACKAGE.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(_PACKAGE.parent).as_posix()
                archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return package


@contextmanager
def _unchecked(pins: Sequence[str]) -> Iterator[None]:
    """Save without MLflow's comparison of our pins with what is installed, which is where they come from.

    It reads the metadata of every installed package, a second or more of a training, and has no option against it.
    """
    name = "_check_requirement_satisfied"
    real = getattr(requirements_utils, name, None)  # not MLflow's public API
    setattr(requirements_utils, name, lambda pin: None if real is None or pin in pins else real(pin))
    try:
        yield
    finally:
        setattr(requirements_utils, name, real)


class _FromCode:
    """MLflow's format of a model from code, with the option to save candidates without running their example."""

    @staticmethod
    def save_model(*, validate_serving_input: bool = True, **words: Any) -> None:
        """Save a model as `mlflow.pyfunc` does; the option is for `Model.log`, which calls this."""
        mlflow.pyfunc.save_model(**words)


def golden_rows(model: ValueModel, card: Card, customers: pd.DataFrame) -> pd.DataFrame:
    """Return up to 20 customers, from the least to the most valuable, with the model's predictions for them.

    Columns: `customer_id` (invented, because a model names no customer), the card's features, the predictions. They are
    stored with the model, so anyone who loads it later can check that it still predicts the same.
    """
    X = customers.iloc[:: max(1, len(customers) // _GOLDEN_CUSTOMERS)]
    X = model_input(X, card.features)
    ranks = np.unique(np.linspace(0, len(X) - 1, min(20, len(X))).astype(int))
    chosen = X.iloc[np.argsort(model.predict(X), kind="stable")[ranks]]
    golden = chosen.join(answer(model, card.tiers, chosen)).reset_index(drop=True)
    golden.insert(0, "customer_id", [f"golden {number + 1}" for number in range(len(golden))])
    return golden


def request(customers: pd.DataFrame, card: Card) -> str:
    """Return customers as the JSON body of a request to the served model."""
    return json.dumps({"dataframe_split": _split_frame(customers[card.features].reset_index())}, indent=1)


def requirements(model: ValueModel) -> list[str]:
    """Return the exact versions of the libraries that this model was trained with, in pip's format."""
    ours = [f"{name}=={version(name)}" for name in REQUIREMENTS]
    return [*ours, *(name for name in own.requirements_of(to_state(model)) if name not in ours)]


def _split_frame(table: pd.DataFrame) -> dict[str, Any]:
    """Return a table as columns and rows of JSON values, with missing values as null."""
    rows = table.astype(object)
    return {"columns": list(table.columns), "data": rows.where(rows.notna(), None).to_numpy().tolist()}
