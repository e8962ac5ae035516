"""A SparkSession for features on a cluster; an existing one goes to `cltv_ml.features.Spark` directly."""

from __future__ import annotations

from typing import Any


def spark_session(master: str) -> Any:
    """Return a SparkSession for `master`: `local[2]`, `spark://host:7077`, or `sc://host` for Connect.

    The session counts times in UTC and reads Parquet times without zone as such. Pass it, or any session
    that exists already, to `cltv_ml.features.Spark`.

    Raises
    ------
    ImportError
        PySpark is not installed.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as missing:
        raise ImportError("Spark needs PySpark; install it with: pip install 'cltv-ml[spark]'.") from missing
    builder = SparkSession.builder.appName("cltv_ml").config("spark.sql.session.timeZone", "UTC")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    if master.startswith("local"):
        builder = builder.config("spark.sql.shuffle.partitions", "8")  # 200, the default, is for clusters
    if master.startswith("sc://"):
        return builder.remote(master).getOrCreate()
    return builder.master(master).getOrCreate()
