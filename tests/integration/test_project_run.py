"""`mlflow run` on the project itself."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.data import clean, read
from cltv_ml.evaluation.interval_metrics import INTERVAL_METRICS, QUANTILE_METRICS
from cltv_ml.evaluation.metrics import METRICS, PURCHASE_METRICS

ROOT = Path(__file__).parents[2]
MODELS = ["same_rate", "bg_nbd_gamma_gamma", "tweedie"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    everybody = clean(read("cdnow")).log
    tenth = everybody[everybody["customer_id"].str.endswith("7")]
    tenth[["customer_id", "timestamp", "amount"]].to_csv(folder / "cdnow_tenth.csv", index=False)
    store = f"sqlite:///{folder / 'mlflow.db'}"
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": store,
        "CLTV_MODELS": ",".join(MODELS),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    words = ["mlflow", "run", str(ROOT), "--env-manager", "local", "--experiment-name", "shop"]
    main = ["-P", f"dataset={folder / 'cdnow_tenth.csv'}", "-P", "horizon=13w"]
    for entry, parameters in (("main", main), ("report", ())):
        done = subprocess.run(
            [*words, "-e", entry, *parameters, "-P", f"out={folder / 'out'}"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return folder, MlflowClient(store)


def test_project_run_is_the_summary_and_every_run_has_finished(project):
    _, client = project
    runs = client.search_runs([client.get_experiment_by_name("shop").experiment_id])
    summary = [run for run in runs if run.data.tags.get("role") == "summary"]
    assert {run.info.status for run in runs} == {"FINISHED"}
    at_top = [run for run in runs if run.data.tags.get("role") in ("summary", "candidate")]
    assert len(at_top) == 1 + len(MODELS)
    assert summary[0].data.params["dataset"].endswith("cdnow_tenth.csv")
    assert summary[0].data.tags["mlflow.project.entryPoint"] == "main"


def test_project_run_writes_its_files(project):
    folder, client = project
    measured = {**METRICS, **PURCHASE_METRICS, **INTERVAL_METRICS, **QUANTILE_METRICS}
    assert len(pd.read_csv(folder / "out" / "comparison.csv")) == len(MODELS) * len(measured)
    assert client.get_model_version_by_alias("cltv", "champion").version == 1
