"""Raw transactions, answered within one kept database."""

import contextlib
import dataclasses
import threading
from contextlib import nullcontext

import pandas as pd
import pytest

from cltv_ml import engine
from cltv_ml.errors import InputError
from cltv_ml.serving import requests
from cltv_ml.serving.model_files import Card
from cltv_ml.serving.packaging import tier_cuts
from cltv_ml.serving.request_attributes import read_block
from cltv_ml.serving.signatures import transactions_signature

FEATURES = ["frequency", "recency", "T", "monetary_value"]
LINES = pd.DataFrame(
    [["ann", f"2026-0{month}-03", 10.0 + month] for month in (1, 2, 4)]
    + [
        ["bob", "2026-03-01", 5.0],
        ["cem", "2026-06-01", 5.0],
        ["dan", "no day", 5.0],
        [None, "2026-01-01", 1.0],
    ],
    columns=["customer_id", "timestamp", "amount"],
)


@pytest.fixture
def served(X, fitted):
    model = requests.ServedOnTransactions()
    model.model, model.version = fitted, "1"
    model.card = Card(
        "bg_nbd", 30, "2026-05-01", FEATURES, "", tier_cuts(model.model.predict(X)), 200, "shop"
    )
    return model


@pytest.mark.usefixtures("own_databases")
def test_the_kept_database_gives_the_answers_of_fresh_ones(served, monkeypatch):
    kept = [served.predict(None, LINES, {"as_of": "2026-05-01"}) for _ in range(2)]
    monkeypatch.setattr(engine, "within", lambda _: nullcontext())
    fresh = served.predict(None, LINES, {"as_of": "2026-05-01"})
    assert fresh["reason"].notna().sum() == 3
    for answer in kept:
        pd.testing.assert_frame_equal(answer, fresh)


@pytest.fixture
def kept_database(own_databases, monkeypatch):
    """The database of a server of its own: others' catalogs may come and go in the shared one."""
    monkeypatch.setattr(requests, "_of_thread", threading.local())
    return requests._database()


def _catalogs(database):
    return database.sql("select database_name from duckdb_databases() where not internal").fetchall()


def test_a_request_leaves_nothing_in_the_kept_database(served, kept_database):
    served.predict(None, LINES, {"as_of": "2026-05-01"})
    assert _catalogs(kept_database) == [("memory",)]


def test_a_refused_request_leaves_nothing_there_either(served, kept_database):
    for lines, params in (
        (LINES, {"as_of": "2026-05-01", "margin": 7.0}),
        (LINES.assign(amount="no number"), {"as_of": "2026-05-01"}),
        (LINES, {"as_of": "soon"}),
        (LINES.drop(columns="amount"), {}),
    ):
        with contextlib.suppress(requests.Refusal):
            served.predict(None, lines, params)
    assert _catalogs(kept_database) == [("memory",)]


@pytest.mark.parametrize("column", ["customer_id", "timestamp", "amount"])
def test_a_required_column_without_any_value_is_no_fault_of_the_server(served, column):
    lines = LINES.assign(**{column: pd.Series([None] * len(LINES), dtype=object)})
    with pytest.raises(requests.Refusal, match=f"column '{column}' .* none of its values is") as refused:
        served.predict(None, lines, {"as_of": "2026-05-01"})
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(("column", "value"), [("timestamp", [2026, 1, 3]), ("customer_id", {"id": 1})])
def test_a_list_or_an_object_in_a_line_is_refused_by_its_column(served, column, value):
    lines = LINES.astype(object)
    lines.at[0, column] = value
    with pytest.raises(requests.Refusal, match=f"'{column}'] contain lists or objects; send one") as refused:
        served.predict(None, lines, {"as_of": "2026-05-01"})
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def on_features(served):
    other = requests.ServedModel()
    other.model, other.card, other.version = served.model, served.card, "1"
    return other


def test_values_that_a_row_lacks_are_counted_in_its_answer(served):
    table = pd.DataFrame(
        [[0.0, 0.0, 9.0, 0.0, None], [1.0, 3.0, 9.0, 5.0, 2.0]], columns=[*FEATURES, "mean_gap"]
    )
    model = on_features(served)
    model.card = dataclasses.replace(model.card, features=[*FEATURES, "mean_gap"])
    assert list(model.predict(None, table)["features_missing"]) == [1, 0]


def test_a_level_that_the_model_has_never_seen_is_counted_as_missing(served):
    model = on_features(served)
    model.card = dataclasses.replace(model.card, features=[*FEATURES, "attribute_text_channel"])
    vars(model.model)["categories_"] = {"attribute_text_channel": {"ads": 0, "referral": 1}}
    table = pd.DataFrame(
        [[1.0, 3.0, 9.0, 5.0, "Referral"], [1.0, 3.0, 9.0, 5.0, "fair"]],
        columns=[*FEATURES, "attribute_text_channel"],
    )
    try:
        assert list(model.predict(None, table)["features_missing"]) == [0, 1]
    finally:
        del vars(model.model)["categories_"]


def test_a_customer_without_an_id_is_null_in_the_answer_and_changes_no_other_id(served):
    X = pd.DataFrame({"customer_id": [3.0, None], **dict.fromkeys(FEATURES, 0.0), "T": 90.0})
    answer = on_features(served).predict(None, X.set_axis([7, 8]))
    assert answer["customer_id"].tolist() == ["3", None]


def test_of_a_customer_spelled_in_two_ways_the_last_attribute_counts():
    lines = pd.DataFrame(
        {"customer_id": ["Ann@x.io", "bob", "ann@x.io "], "customers.country": ["UK", "DE", "FR"]}
    )
    table = read_block(lines, ["attribute_text_country"]).to_pydict()
    assert dict(zip(table["customer_id"], table["text_country"], strict=True)) == {
        "ann@x.io": "FR",
        "bob": "DE",
    }


def test_a_request_may_carry_the_whole_postcode_of_which_the_model_knows_the_area(served):
    features = [*FEATURES, "attribute_text_zip_first_2"]
    signature = transactions_signature(served.model, features, ["expected_value"])
    assert {"customers.zip", "customers.zip_first_2"} <= set(signature.inputs.input_names())
    lines = LINES.head(1).assign(**{"customers.zip": "10115"})
    assert read_block(lines, features)["text_zip_first_2"].to_pylist() == ["10"]


def test_an_attribute_that_cannot_be_read_is_refused_and_a_day_for_no_date_is_missing():
    features = ["attribute_age_dob", "attribute_number_income", "attribute_flag_member"]
    refused = {
        "customers.dob": ("12th of never", "2099-01-01", "3021"),
        "customers.income": ("plenty",),
        "customers.member": ("perhaps",),
    }
    for column, values in refused.items():
        lines = pd.DataFrame({"customer_id": [*"abcd"][: len(values) + 1], column: [*values, None]})
        told = rf"'{column}': {len(values)} of {len(values)} values are not .*; send one or nothing"
        with pytest.raises(InputError, match=told):
            read_block(lines, features)
    missing = ["1900-01-01", "9999-12-31", "unknown", "", None]
    lines = pd.DataFrame({"customer_id": [*"abcdef"], "customers.dob": [*missing, "1985"]})
    assert read_block(lines, features)["birth_dob"].null_count == len(missing)


def test_a_model_that_was_not_fetched_from_the_registry_has_no_name(tmp_path):
    note = tmp_path / "registered_model_meta"
    assert requests._name_and_version(tmp_path) == ("", "")
    note.write_text("model_name: null\nmodel_version: null\n")
    assert requests._name_and_version(tmp_path) == ("", "")
    note.write_text("model_name: cltv\nmodel_version: '3'\n")
    assert requests._name_and_version(tmp_path) == ("cltv", "3")


def test_a_model_that_learned_from_contacts_asks_whether_there_were_any(served):
    """Lines hold no contacts: customers who were contacted would be answered as if they had not been."""
    features = [*FEATURES, "contacts"]
    with pytest.raises(requests.Refusal, match="not_contacted as true; for others send their features"):
        requests.check_transactions(LINES, features)
    assert len(requests.check_transactions(LINES, features, not_contacted=True)) == len(LINES)
    params = transactions_signature(served.model, features, ["expected_value"]).params
    assert "not_contacted" in {one.name for one in params}
