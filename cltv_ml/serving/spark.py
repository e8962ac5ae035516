"""Features and scores on a cluster; pass an existing session directly to `cltv_ml.features.Spark`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cltv_ml.errors import InputError
from cltv_ml.features import is_text

if TYPE_CHECKING:
    from cltv_ml.serving.batch_pieces import Scorer


def spark_session(master: str) -> Any:
    """Return a SparkSession for `master`: `local[2]`, `spark://host:7077`, or `sc://host` for Connect.

    The session works in UTC and reads Parquet times without a zone as UTC. Pass it, or any existing session, to
    `cltv_ml.features.Spark`.

    Raises
    ------
    InputError
        PySpark, or what it needs for Connect, is not installed.
    """
    try:
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.appName("cltv_ml").config("spark.sql.session.timeZone", "UTC")
        if master.startswith("sc://"):
            return builder.remote(master).getOrCreate()
    except ImportError as missing:
        raise InputError("Spark needs PySpark; install it with: pip install 'cltv-ml[spark]'.") from missing
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    if master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else workers take the system's Python
        builder = builder.config("spark.sql.shuffle.partitions", "8")  # 200, the default, is for clusters
    return builder.master(master).getOrCreate()


def score_on_spark(
    session: Any, files: Sequence[Path], scorer: Scorer, name: str, folder: Path
) -> list[Path]:
    """Score feature files with the registered model `name` as a Spark function and return the pieces, in Parquet.

    Every worker loads the scorer's version and predicts as the served model does. This process sends the version's
    files; with Connect, the workers fetch them from the MLflow store. `folder` must have the same path for the workers
    and for this process.

    Raises
    ------
    InputError
        Reasons are requested, or only customers of a feature table since a day.
    """
    if scorer.since is not None:
        raise InputError("--since does not work on a feature table with Spark; leave out --engine spark.")
    if scorer.top_reasons:
        raise InputError("--top-reasons does not work with Spark; leave out --top-reasons or --engine spark.")
    import mlflow
    from pyspark.sql.functions import col, struct

    from cltv_ml.tracking import store

    store.open_store()
    uri = _address(name, scorer.version)
    complete = folder / "_SUCCESS"
    if not complete.exists():
        fields = [*(f"{name}: double" for name in scorer.outputs), "tier: string"]
        answers = mlflow.pyfunc.spark_udf(
            session, uri, result_type=f"struct<{', '.join(fields)}>", env_manager="local"
        )
        customers = session.read.parquet(*(str(file.absolute()) for file in files))
        features = struct(
            *(col(name).cast("string" if is_text(name) else "double").alias(name) for name in scorer.features)
        )
        rows = customers.select(col("customer_id").cast("string"), answers(features).alias("answer"))
        rows.select("customer_id", "answer.*").write.mode("overwrite").parquet(str(folder))
    return sorted(folder.glob("*.parquet"))


def _address(name: str, version: int) -> str:
    """Return the address of a version's model by an id that is unique across stores.

    With Connect a worker caches what it fetched by this address, and `models:/cltv/1` exists in every store.
    """
    import mlflow

    source = mlflow.MlflowClient().get_model_version(name, str(version)).source
    return source if source.startswith("models:/m-") else f"models:/{name}/{version}"
