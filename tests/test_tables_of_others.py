"""Tables of other libraries, taken wherever a frame is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest

from cltv_ml import Log, decisions
from cltv_ml.data import clean, read
from cltv_ml.engine import as_tabular
from cltv_ml.errors import InputError
from cltv_ml.evaluation import compare, tables
from cltv_ml.features import build_features
from cltv_ml.models import ParetoNBD, ProbabilisticValue
from cltv_ml.reporting.report import cells
from cltv_ml.settings.commands import Monitor

LINES = pd.DataFrame(
    {
        "customer_id": ["a", "b", "a", "c"] * 10,
        "timestamp": pd.date_range("2024-01-01", periods=40, freq="5D"),
        "amount": 7.0 * np.arange(1.0, 41.0) % 41,
    }
)

#: What others call a table, made of a pandas frame.
KINDS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "Arrow": pa.Table.from_pandas,
    "Arrow batch": pa.RecordBatch.from_pandas,
    "Arrow data set": lambda frame: pyarrow.dataset.dataset(pa.Table.from_pandas(frame)),
    "Arrow reader": lambda frame: pa.Table.from_pandas(frame).to_reader(),
    "Polars": pl.from_pandas,
    "Polars, lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "Polars, categories": lambda frame: pl.from_pandas(frame).with_columns(
        pl.col("customer_id").cast(pl.Categorical)
    ),
    "DuckDB": duckdb.from_df,
    "Ibis": ibis.memtable,
    "records": lambda frame: frame.to_dict("records"),
    "columns": lambda frame: frame.to_dict("list"),
    "NumPy": lambda frame: frame.to_records(index=False),
}


def test_every_kind_of_table_is_cleaned_to_the_same_log() -> None:
    expected = clean(read(LINES)).transactions.frame
    for name, make in KINDS.items():
        pd.testing.assert_frame_equal(clean(read(make(LINES))).transactions.frame, expected, obj=name)


def test_every_kind_of_table_gives_the_same_features() -> None:
    names = ["frequency", "recency", "spend_total"]
    expected = build_features(LINES, "2024-05-01", names)
    for name, make in KINDS.items():
        found = build_features(make(LINES), "2024-05-01", names)
        pd.testing.assert_frame_equal(found, expected, obj=name)


def test_every_kind_of_table_is_a_log_with_the_same_days() -> None:
    for name, make in KINDS.items():
        log = Log.of(make(LINES))
        assert (len(log), log.first, list(log.customers)) == (
            40,
            LINES["timestamp"].min(),
            ["a", "b", "c"],
        ), name


def test_every_kind_of_table_is_a_setting_of_a_command() -> None:
    scores = pd.DataFrame({"customer_id": ["a", "b"], "expected_value": [1.0, 2.5]})
    for name, make in KINDS.items():
        taken = Monitor(data="shop.csv", scores=make(scores)).scores
        assert taken["expected_value"].tolist() == [1.0, 2.5], name


def test_what_is_no_table_is_refused_by_its_name() -> None:
    with pytest.raises(InputError, match="int is not a table; give a path, or a frame of pandas, Polars"):
        as_tabular(3)
    for column in (pl.Series([1.0]), pa.chunked_array([[1.0]])):
        with pytest.raises(InputError, match=f"{type(column).__name__} is not a table; give a path"):
            as_tabular(column)


def _of_pandas() -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Yield each public function of decisions with each of its parameters that is a table, but for logs."""
    for name in decisions.__all__:
        function = getattr(decisions, name)
        for parameter in (
            inspect.signature(function).parameters.values() if inspect.isfunction(function) else ()
        ):
            if re.match(r"(float \| )?pd\.(DataFrame|Series)", str(parameter.annotation)):
                yield name, function, parameter.name


def test_decisions_refuse_tables_of_other_libraries_in_one_sentence() -> None:
    table = pl.DataFrame({"customer_id": ["a"], "expected_value": [1.0]})
    of_pandas = list(_of_pandas())
    assert len(of_pandas) > 60
    for name, function, parameter in of_pandas:
        for foreign in (table, table["expected_value"], table.to_arrow()):
            with pytest.raises(
                InputError, match=f"^{name}: {parameter} is a p\\w+ \\w+; give a pandas frame"
            ):
                function(**{parameter: foreign})


def test_evaluation_gives_the_same_for_tables_of_other_libraries_or_refuses_them_in_one_sentence() -> None:
    rng = np.random.default_rng(0)
    draws = pd.DataFrame(rng.gamma(1, 5, (300, 3)), columns=["y", "a", "b"])
    y, values, groups = draws["y"], draws[["a", "b"]], pd.Series(["x", "z"] * 150)
    bounds = pd.DataFrame({"expected_value": draws["a"], "value_lower": 0.0, "value_upper": 3 * draws["a"]})
    pair = compare.compare_pair(y, draws["a"], draws["b"])
    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (compare.compare_models, (y, values, "a")),
        (compare.compare_pair, (y, draws["a"], draws["b"])),
        (compare.decide_challenge, (pair,)),
        (tables.compute_deciles, (y, draws["a"])),
        (tables.compute_gains, (y, values)),
        (tables.compute_realised, (y, draws["a"])),
        (tables.compute_bias_by_group, (y, draws["a"], groups)),
        (tables.compute_coverage, (y, bounds)),
        (cells, (values,)),
    ]
    refused = set()
    for function, given in calls:
        foreign = [pl.from_pandas(one) if isinstance(one, pd.DataFrame | pd.Series) else one for one in given]
        try:
            found = function(*foreign)
        except InputError:
            refused.add(function.__name__)
            continue
        pd.testing.assert_frame_equal(found, function(*given), obj=function.__name__)
    assert refused == {"compare_models", "compare_pair", "decide_challenge", "compute_bias_by_group", "cells"}


def test_decisions_read_logs_of_other_libraries() -> None:
    day = "2024-05-01"
    for name, make in KINDS.items():
        log = make(LINES)
        pd.testing.assert_frame_equal(
            decisions.compute_rfm(log, day), decisions.compute_rfm(LINES, day), obj=name
        )
    for name in decisions.__all__:
        signature = (
            inspect.signature(getattr(decisions, name)) if callable(getattr(decisions, name)) else None
        )
        log_parameter = signature.parameters.get("log") if signature else None
        assert log_parameter is None or log_parameter.annotation == "AnyLog", name


def test_purchase_and_spend_models_read_tables_of_other_libraries() -> None:
    X = build_features(LINES, "2024-05-01", ["frequency"]).reset_index()  # with a column of texts
    expected = ProbabilisticValue(horizon=30).fit(X).predict(X)
    for name, make in KINDS.items():
        found = ProbabilisticValue(horizon=30).fit(make(X)).predict(make(X))
        np.testing.assert_array_equal(found, expected, err_msg=name)
    bounds = ParetoNBD().fit(pl.from_pandas(X)).predict_interval(pl.from_pandas(X), 30)
    pd.testing.assert_frame_equal(bounds, ParetoNBD().fit(X).predict_interval(X, 30))
