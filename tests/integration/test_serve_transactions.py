"""The flavour of a registered version that answers on raw transactions, asked as MLflow's server asks it."""

import json
import re

import mlflow
import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow.exceptions import MlflowException
from mlflow.models.cli import commands
from mlflow.pyfunc import scoring_server

URI = "models:/cltv@champion/artifacts/cltv-from-transactions"


@pytest.fixture(scope="module")
def model(trained):
    mlflow.set_tracking_uri(trained.store)
    return mlflow.pyfunc.load_model(URI)


@pytest.fixture(scope="module")
def transactions(orders):
    """The orders of forty customers, as a shop's system sends them."""
    some = orders[orders["Kunde"].isin(orders["Kunde"].unique()[:40])]
    named = some.rename(columns={"Kunde": "customer_id", "Datum": "timestamp", "Umsatz": "amount"})
    return named.assign(timestamp=named["timestamp"].dt.strftime("%Y-%m-%d"))


def ask(model, body, kind="application/json"):
    """Return status and answer of the server's own function."""
    try:
        answer = scoring_server.invocations(body, kind, model, model.metadata.get_input_schema())
    except MlflowException as error:
        return error.get_http_status_code(), error.serialize_as_json()
    return answer.status, pd.DataFrame(json.loads(answer.response)["predictions"])


def records(table, **params):
    return json.dumps({"dataframe_records": table.to_dict("records"), "params": params})


def test_raw_transactions_give_the_batch_scores_of_the_same_customers(model, transactions, scored):
    status, answer = ask(model, records(transactions, as_of="1998-07-01"))
    assert status == 200
    batch = scored.set_index("customer_id").loc[answer["customer_id"]]
    assert sorted(answer["customer_id"]) == sorted(transactions["customer_id"].unique())
    assert answer["expected_value"].to_numpy() == pytest.approx(batch["expected_value"].to_numpy(), rel=1e-9)
    assert list(answer["tier"]) == list(batch["tier"])


def test_one_customer_alone_gets_the_same_value_as_among_others(model, transactions, scored):
    mine = transactions[transactions["customer_id"] == transactions["customer_id"].iloc[0]]
    _, answer = ask(model, records(mine, as_of="1998-07-01"))
    value = scored.set_index("customer_id").loc[answer["customer_id"][0], "expected_value"]
    assert list(answer["expected_value"]) == pytest.approx([value], rel=1e-9)


def test_lines_that_cannot_be_used_are_counted_in_the_answer(model, transactions):
    one = transactions["customer_id"].iloc[0]
    bad = [
        {"customer_id": one, "timestamp": "soon", "amount": 5.0},
        {"customer_id": one, "timestamp": "1990-01-01", "amount": -7.0},
        {"customer_id": None, "timestamp": "1997-05-05", "amount": 5.0},
    ]
    table = pd.concat([transactions, pd.DataFrame(bad)], ignore_index=True).astype(object)
    _, answer = ask(model, records(table.where(table.notna(), None), as_of="1998-07-01"))
    aside = answer.set_index("customer_id")["lines_set_aside"]
    assert aside[one] == 2
    assert aside.drop([one, None]).eq(0).all()
    assert answer.loc[answer["customer_id"].isna(), "reason"].tolist() == ["1 line has no customer"]


def test_csv_without_parameters_is_answered_as_of_today(model, transactions):
    status, answer = ask(model, transactions.to_csv(index=False), "text/csv")
    assert status == 200
    assert set(answer["as_of"]) == {f"{pd.Timestamp.today():%Y-%m-%d}"}
    assert len(answer) == 40


def test_a_customer_of_later_days_has_a_reason_instead_of_a_value(model, transactions):
    _, answer = ask(model, records(transactions, as_of="1997-01-02"))
    late = answer[answer["expected_value"].isna()]
    assert len(late) > 0
    assert late["reason"].str.startswith("first purchase on or after 1997-01-02").all()


def test_customers_all_of_later_days_have_reasons(model, transactions):
    status, answer = ask(model, records(transactions, as_of="1990-01-01"))
    assert status == 200
    assert len(answer) == 40
    assert answer["reason"].notna().all()


def test_nothing_that_happens_after_the_day_changes_a_value(model, transactions):
    before = transactions[transactions["timestamp"] < "1998-01-01"]
    _, seen = ask(model, records(before, as_of="1998-01-01"))
    _, all_of_it = ask(model, records(transactions, as_of="1998-01-01"))
    both = seen.merge(all_of_it, on="customer_id")
    assert both["expected_value_x"].to_numpy() == pytest.approx(
        both["expected_value_y"].to_numpy(), rel=1e-12
    )


@pytest.mark.parametrize(
    ("change", "params", "message"),
    [
        ({"timestamp": "gone"}, {}, "Missing columns ['timestamp']"),
        ({"timestamp": "soon"}, {}, "timestamp"),
        ({}, {"as_of": "soon"}, "as_of must be a calendar day such as 2011-09-10, got 'soon'"),
        ({}, {"margin": 2.0}, "margin must be above 0 and at most 1"),
    ],
)
def test_a_bad_request_is_one_sentence_without_customers(model, transactions, change, params, message):
    table = (
        transactions.assign(**change)
        if "gone" not in change.values()
        else transactions.drop(columns=list(change))
    )
    status, answer = ask(model, records(table, **params))
    assert status == 400
    assert message in json.loads(answer)["message"]
    assert not any(customer in answer for customer in transactions["customer_id"])
    assert "Traceback" not in answer


def test_both_flavours_are_one_registered_version(model, transactions):
    _, answer = ask(model, records(transactions.head(3), as_of="1998-07-01"))
    assert set(answer["model_version"]) == {"1"}


def test_a_dockerfile_is_written_for_either_flavour(trained, tmp_path):
    mlflow.set_tracking_uri(trained.store)
    for name, uri in {"features": "models:/cltv@champion", "transactions": URI}.items():
        words = ["generate-dockerfile", "-m", uri, "-d", str(tmp_path / name), "--env-manager", "local"]
        done = CliRunner().invoke(commands, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert "mlflow" in (tmp_path / name / "Dockerfile").read_text()
        assert list((tmp_path / name).rglob("MLmodel"))
    # build-docker writes the same folder and hands it to Docker.
    shown = CliRunner().invoke(commands, ["build-docker", "--help"])
    assert shown.exit_code == 0
    assert {"--model-uri", "--name", "--env-manager"} <= set(re.findall(r"--[a-z-]+", shown.output))
