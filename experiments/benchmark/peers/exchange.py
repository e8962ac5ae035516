"""Files that every peer's script reads and writes; only pandas is imported, because any peer may be installed."""

import json
import sys
from pathlib import Path

import pandas as pd
from memory import peak_mb


def read():
    """Return the model's name, the horizon in days and the customers to predict."""
    model, horizon, folder = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    return model, horizon, pd.read_csv(folder / "customers.csv", dtype={"customer_id": str})


def write(customers, values, version, parameters, seconds):
    """Write the values by customer, and the version, parameters, time and memory of the run."""
    folder = Path(sys.argv[3])
    pd.DataFrame({"customer_id": customers, "value": values}).to_csv(folder / "values.csv", index=False)
    memory = peak_mb()
    answer = {"version": version, "parameters": parameters, "seconds": seconds, "memory_mb": memory}
    (folder / "answer.json").write_text(json.dumps(answer))
