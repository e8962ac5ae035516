"""Scores of every customer by the registered champion: `cltv score`."""

from __future__ import annotations

from typing import Any

from cltv_ml.data import Cleaned, Raw
from cltv_ml.errors import InputError
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.pipelines.calendar_inputs import paths_of, read_plan
from cltv_ml.pipelines.customer_inputs import tables_of
from cltv_ml.pipelines.inputs import read_raw, refuse_reading, rules_of
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.serving import scoring
from cltv_ml.serving.batch_order import Manifest, Order
from cltv_ml.settings import Score, Settings
from cltv_ml.windows import to_days


@with_bar
def score(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Manifest:
    """Score every customer with the registered champion; return the manifest of what was written.

    The same call after a kill continues.

    Raises
    ------
    InputError
        The data or the settings cannot be used; what was there before stays.
    """
    settings = Score.of(settings, options)
    if settings.names_data + (settings.clean_log is not None) + (settings.features is not None) != 1:
        raise InputError("give one of --data, --clean-log and --features, for example --data orders.csv.")
    if settings.engine == "local" and settings.master:
        raise InputError("--master is the address of Spark; add --engine spark, or leave --master out.")
    if settings.engine == "spark" and settings.covariates is not None:
        raise InputError("--covariates does not work with Spark; leave out --engine spark.")
    order = Order(
        settings.out,
        settings.table,
        settings.as_of or None,
        settings.since or None,
        settings.top_reasons,
        settings.new_orders,
        to_days(settings.younger_than, "younger_than") if settings.younger_than else None,
        alias=settings.alias,
        memory=settings.memory,
        observed_until=settings.observed_until or None,
        plan=None if settings.covariates is None else paths_of(read_plan(settings.covariates)),
    )
    if settings.features:
        if settings.new_orders:
            raise InputError("a feature table has no orders; use --new-orders with --data.")
        return scoring.score_features(settings.features, order, spark=_session(settings), progress=progress)
    if settings.clean_log is None:
        progress("reading the transactions", 0.0)
    cleaned = settings.data if isinstance(settings.data, Cleaned) else None
    if cleaned is not None:
        refuse_reading(settings, but="observed_until")
    source = cleaned or settings.clean_log or read_raw(settings, memory=settings.memory)
    rules = source.rules if isinstance(source, Raw) else rules_of(settings)
    tables, spark = tables_of(settings), _session(settings)
    return scoring.score_log(source, order, tables=tables, rules=rules, spark=spark, progress=progress)


def _session(settings: Score) -> Any:
    if settings.engine == "local":
        return None
    from cltv_ml.serving.spark import spark_session

    return spark_session(settings.master or "local[*]")
