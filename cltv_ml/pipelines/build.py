"""Features at one or several cutoffs, written to Parquet: `cltv features build`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cltv_ml.customers import read_customers
from cltv_ml.errors import InputError
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.features import DuckDB, Source, Spark, write_features
from cltv_ml.files import check_folder
from cltv_ml.log import Log
from cltv_ml.pipelines.customer_inputs import tables_of
from cltv_ml.pipelines.inputs import load, rules_of
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.settings import Build, Settings
from cltv_ml.windows import to_cutoff, to_days


@with_bar
def build(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Path:
    """Build features in `out`/cutoff=YYYY-MM-DD and return the folder; the same call continues after a kill.

    Raises
    ------
    InputError
        The data or the settings cannot be used.
    """
    settings = Build.of(settings, options)
    check_folder(settings.out)
    horizon = to_days(settings.horizon) if settings.horizon else None
    source = Source(_read_log(settings, progress), timezone=settings.timezone or None)
    write_features(
        source,
        settings.cutoff,
        settings.out,
        "all" if settings.names == ["all"] else settings.names or None,
        horizon=horizon,
        engine=_spark_engine(settings),
        progress=lambda done, total, message: progress(message, done / max(total, 1)),
    )
    return settings.out


def _read_log(settings: Build, progress: Progress) -> Log:
    """Return the log with the tables about its customers, without a snapshot's columns that leak facts of the log."""
    if not settings.clean_log:
        return load(settings, progress).transactions
    log = Log(str(settings.clean_log))
    earliest = min(map(to_cutoff, settings.cutoff))
    return read_customers(log, tables_of(settings), earliest=earliest, rules=rules_of(settings)).of(log)


def _spark_engine(settings: Build) -> Any:
    if not settings.master:
        return DuckDB(settings.memory, shards=settings.shards)
    if settings.shards is not None:
        raise InputError(
            "--shards splits the work of one machine, but Spark splits its own work; leave --shards out."
        )
    from cltv_ml.serving.spark import spark_session

    return Spark(spark_session(settings.master))
