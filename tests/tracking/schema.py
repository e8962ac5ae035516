"""Write `cltv_ml/tracking/empty_store.sql` again after an update of MLflow: `python -m tests.tracking.schema`."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import mlflow
from mlflow.tracking import MlflowClient

from cltv_ml.tracking.sqlite_store import EMPTY


def dump(path: Path) -> str:
    """Return the statements that make an empty store, without the default experiment."""
    with closing(sqlite3.connect(path)) as store:
        statements = [line for line in store.iterdump() if not line.startswith('INSERT INTO "experiments"')]
    # MLflow creates the indices of a table in an order that changes with Python's hashes.
    indices = sorted(one for one in statements if " INDEX " in one.partition("(")[0])
    statements = [one for one in statements if one not in indices and one != "COMMIT;"]
    statements += [*indices, "COMMIT;"]
    lines = [line.rstrip() for statement in statements for line in statement.splitlines()]
    about = "-- An empty store as MLflow's migrations leave it, without the default experiment.\n"
    about += "-- Written by `python -m tests.tracking.schema`.\n"
    return f"-- MLflow {mlflow.__version__}\n{about}" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "mlflow.db")
        MlflowClient(f"sqlite:///{path}").search_experiments(max_results=1)
        EMPTY.write_text(dump(path), encoding="utf-8")
