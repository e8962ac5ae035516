"""A script: the values that one logged model gives a log's customers, by the code that was logged with it.

It runs in a process of its own, with the model's code folder first on the path: two versions of this package
in one process would both run the code of the first. Only names that every version has are used.

Usage: `python -P version_scores.py MODEL_FOLDER LOG.parquet CUTOFF OUT.parquet`
"""

import sys

import pandas as pd

from cltv_ml import build_features


def main(folder: str, log: str, cutoff: str, out: str) -> None:
    """Write `customer_id, expected_value` and, where the model gives them, the ends of its interval."""
    import mlflow  # after the model's own code, which is quicker to fail

    model = mlflow.pyfunc.load_model(folder)
    names = list(model.metadata.metadata["features"])
    X = build_features(pd.read_parquet(log), cutoff, names=names)[names]
    answers = model.predict(X.astype("float64")).set_axis(X.index)
    kept = [name for name in ("expected_value", "value_lower", "value_upper") if name in answers]
    answers[kept].reset_index().to_parquet(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
