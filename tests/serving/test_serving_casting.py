"""Tables of any types, cast to a model's signature."""

from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from mlflow.models.utils import _enforce_schema
from mlflow.pyfunc.scoring_server import infer_and_parse_data
from mlflow.types import ColSpec, Schema

from cltv_ml.errors import InputError
from cltv_ml.serving.casting import as_doubles, as_identifiers, cast_request
from cltv_ml.serving.requests import Refusal, check_customers

SCHEMA = Schema(
    [
        ColSpec(kind, name, required=False)
        for name, kind in (("id", "string"), ("day", "string"), ("T", "double"))
    ]
)
MODEL = SimpleNamespace(metadata=SimpleNamespace(get_input_schema=lambda: SCHEMA))

NUMBERS = {
    **{
        kind: pd.Series([3, 40], dtype=kind)
        for kind in ("int64", "Int64", "uint64", "Int8", "float32", "Float64")
    },
    "Arrow int64": pd.Series([3, 40], dtype=pd.ArrowDtype(pa.int64())),
    "Arrow decimal": pd.Series([Decimal(3), Decimal(40)], dtype=pd.ArrowDtype(pa.decimal128(9, 2))),
    "decimals": pd.Series([Decimal(3), Decimal(40)]),
    "text": pd.Series(["3", "40"]),
}

TEXTS = {
    "str": pd.Series(["0012", "12", None], dtype="str"),
    "string[pyarrow]": pd.Series(["0012", "12", None], dtype="string[pyarrow]"),
    "Arrow string": pd.Series(["0012", "12", None], dtype=pd.ArrowDtype(pa.string())),
    "categories": pd.Series(["0012", "12", None], dtype="category"),
}

WHOLE = {
    **{kind: pd.Series([12, None], dtype=kind) for kind in ("Int64", "float64", "Float64")},
    "Arrow int64": pd.Series([12, None], dtype=pd.ArrowDtype(pa.int64())),
    "Arrow double": pd.Series([12.0, None], dtype=pd.ArrowDtype(pa.float64())),
}

DAYS = {
    **{f"datetime64[{unit}]": pd.Series(["2026-01-03"], dtype=f"datetime64[{unit}]") for unit in ("s", "ns")},
    "Arrow timestamp": pd.Series([pd.Timestamp("2026-01-03")], dtype=pd.ArrowDtype(pa.timestamp("us"))),
    "Arrow date": pd.Series([pd.Timestamp("2026-01-03").date()], dtype=pd.ArrowDtype(pa.date32())),
}


@pytest.mark.parametrize(
    "truths", [pd.Series([True, False]), pd.Series([True, None]), pd.Series([True, pd.NA], dtype="boolean")]
)
def test_true_and_false_are_no_numbers_but_in_a_yes_no_attribute(truths):
    with pytest.raises(InputError, match=r"Column 'T' of type .* contains values that are not numbers"):
        taken(T=truths)
    assert as_doubles(truths.rename("attribute_flag_member")).tolist()[0] == 1.0


def taken(**columns):
    """A table as MLflow lets it through after casting."""
    return _enforce_schema(cast_request(MODEL, pd.DataFrame(columns)), SCHEMA)


def test_numbers_of_every_type_become_doubles():
    for name, column in NUMBERS.items():
        assert taken(T=column)["T"].tolist() == [3.0, 40.0], name


def test_identifiers_keep_their_zeros_in_every_type_of_text():
    for name, column in TEXTS.items():
        assert taken(id=column)["id"].tolist() == ["0012", "12", None], name


def test_identifiers_that_came_as_numbers_are_written_without_a_fraction():
    for name, column in WHOLE.items():
        assert taken(id=column)["id"].tolist() == ["12", None], name


def test_a_missing_identifier_changes_none_of_the_others():
    """JSON's reader makes decimals of whole numbers next to a missing one."""
    assert as_identifiers(pd.Series([12, None, 2**53 - 1])).tolist() == ["12", None, "9007199254740991"]
    with pytest.raises(
        InputError, match="'customer_id' holds numbers of 16 digits or more, which are rounded"
    ):
        as_identifiers(pd.Series([2**53 + 1, None]))


def test_times_of_every_type_become_text():
    for name, column in DAYS.items():
        assert pd.to_datetime(taken(day=column)["day"]).tolist() == [pd.Timestamp("2026-01-03")], name


def test_tables_of_other_libraries_are_taken():
    frame = pd.DataFrame({"id": ["0012"], "T": [3]})
    for make in (pl.from_pandas, pa.Table.from_pandas):
        assert cast_request(MODEL, make(frame)).to_dict("list") == {"id": ["0012"], "T": [3.0]}


def test_missing_numbers_become_nan():
    assert np.isnan(taken(T=pd.Series([None, 1], dtype="Int64"))["T"][0])


def test_what_cannot_be_cast_is_refused_by_column_and_type_without_a_customer():
    for columns, sentence in (
        (
            {"T": pd.Series(["anna"])},
            "Column 'T' of type str contains values that are not numbers; send numbers.",
        ),
        (
            {"T": DAYS["datetime64[ns]"]},
            r"Column 'T' of type datetime64\[ns\] contains values that are not numbers",
        ),
        (
            {"id": pd.Series([1.5])},
            "Column 'id' of type float64 contains fractions, but text is expected; send text.",
        ),
    ):
        with pytest.raises(InputError, match=sentence) as refused:
            cast_request(MODEL, pd.DataFrame(columns))
        assert "anna" not in str(refused.value)


def test_a_path_is_refused():
    with pytest.raises(InputError, match=r"'requests\.csv' is a path; read it into a table first"):
        cast_request(MODEL, "requests.csv")


def test_the_server_of_mlflow_casts_true_to_one_before_a_model_sees_it():
    """As docs/how-to/serve.md tells: so the refusal of truth values holds in Python only."""
    request = {"dataframe_split": {"columns": ["T"], "data": [[True]]}}
    sent = infer_and_parse_data(request, Schema([ColSpec("double", "T", required=False)]))
    assert (sent["T"].dtype, sent["T"].tolist()) == (np.float64, [1.0])


def test_levels_are_spelled_as_in_the_table_that_was_learned_from():
    X = check_customers(pd.DataFrame({"attribute_text_grade": ["1.0", None]}), ["attribute_text_grade"])
    assert X["attribute_text_grade"].tolist() == ["1", None]


def test_a_list_in_place_of_a_level_is_refused():
    sent = pd.DataFrame({"attribute_text_channel": [["ads"]]})
    with pytest.raises(InputError, match="'attribute_text_channel' contains a list or an object"):
        check_customers(sent, ["attribute_text_channel"])


def test_the_sentence_on_missing_columns_asks_for_no_attribute_which_may_be_absent():
    with pytest.raises(
        Refusal, match=r"send all of \['T'\]\. What is known of \['attribute_age'\] may be sent too"
    ):
        check_customers(pd.DataFrame({"customer_id": ["a"]}), ["T", "attribute_age"])
