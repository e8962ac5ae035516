"""A script that scores a log's customers with a logged model and the code that was logged with it.

It runs in its own process, with the model's code folder first on the path: two versions of this package in one process
would both run the code of the first. It uses only names that every version has.

Tables `customers.parquet` and `contacts.parquet` next to the log contain the customers' attributes and contacts.

Usage: `python -P version_scores.py MODEL_FOLDER LOG.parquet CUTOFF OUT.parquet`
"""

import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml import build_features


def main(folder: str, log: str, cutoff: str, out: str) -> None:
    """Write `customer_id, expected_value` and, if the model predicts them, bounds and values of other horizons."""
    import mlflow  # after the model's own code, which is quicker to fail

    model = mlflow.pyfunc.load_model(folder)
    names = list(model.metadata.metadata["features"])
    X = build_features(_read_source(Path(log)), cutoff, names=names)[names]
    numbers = list(X.select_dtypes("number").columns)
    answers = model.predict(X.astype(dict.fromkeys(numbers, "float64"))).set_axis(X.index)
    columns = [
        name for name in answers if re.fullmatch(r"(expected_value|value_lower|value_upper)(_\d+d)?", name)
    ]
    answers[columns].reset_index().to_parquet(out)


def _read_source(log: Path) -> Any:
    """Return the log with the tables about customers next to it; a version without such tables is never given any."""
    extra = {name: log.with_name(f"{name}.parquet") for name in ("customers", "contacts")}
    tables = {name: str(path) for name, path in extra.items() if path.exists()}
    if not tables:
        return pd.read_parquet(log)
    from cltv_ml.features import Source

    return Source(pd.read_parquet(log), **tables)


if __name__ == "__main__":
    main(*sys.argv[1:])
