"""Tables and JSON files of earlier commands: whatever is in them, they are read or refused in one sentence."""

import io
import os

import pandas as pd
import pytest

from cltv_ml import pipelines
from cltv_ml.errors import InputError
from cltv_ml.files import read_earlier_json
from cltv_ml.log import check_clean_log
from cltv_ml.pipelines.earlier_files import read_earlier_table
from cltv_ml.pipelines.inputs import read_lifetimes, read_scores
from cltv_ml.settings import Export, Report

SCORES = pd.DataFrame(
    {
        "customer_id": ["NA", "007", "null"],
        "expected_value": [1.5, 0.0, None],
        "model_version": 1,
        "horizon": 91,
        "cutoff": "2026-01-01",
    }
)


def parquet(frame):
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def test_a_damaged_table_of_an_earlier_command_is_refused_in_one_sentence(tmp_path):
    whole, text = parquet(SCORES), SCORES.to_csv(index=False)
    flipped = bytes(byte ^ 255 if number % 37 == 20 else byte for number, byte in enumerate(whole))
    damaged = {
        "empty.csv": b"",
        "blank.csv": b"\n\n\n",
        "binary.csv": b"\x81\x8d" * 9 + os.urandom(99),
        "quote.csv": text.replace("\n", '\n"', 1).encode(),
        "ragged.csv": text.encode() + b"a,1,1,91,2026-01-01,more\n",
        "parquet.csv": whole,
        "empty.parquet": b"",
        "cut.parquet": whole[: len(whole) // 2],
        "flipped.parquet": flipped,
        "text.parquet": text.encode(),
        "bytes.parquet": parquet(SCORES.assign(customer_id=[b"\xff"] * 3)),
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=r"give a table that `cltv score` wrote|save the file as UTF-8"):
            read_scores(tmp_path / name)


def test_ids_that_look_like_missing_values_are_read_as_written(tmp_path):
    SCORES.to_csv(tmp_path / "scores.csv", index=False)
    for as_text in (False, True):
        table = read_earlier_table(tmp_path / "scores.csv", "scores", as_text=as_text)
        assert table["customer_id"].tolist() == ["NA", "007", "null"], as_text
        assert table["expected_value"].isna().tolist() == [False, False, True]


def test_scores_with_impossible_figures_or_customers_are_refused_with_the_column():
    for change, words in {
        "model_version": ("one", "model_version must hold whole numbers"),
        "horizon": (None, "horizon must hold whole numbers"),
        "expected_value": (float("inf"), "expected_value must hold finite numbers"),
        "cutoff": ("9" * 40, "cutoff must hold dates"),
        "customer_id": ("007", "customer '007' appears twice"),
    }.items():
        value, sentence = words
        with pytest.raises(InputError, match=sentence):
            read_scores(SCORES.assign(**{change: value}))
    with pytest.raises(InputError, match="3 rows have no customer_id"):
        read_scores(SCORES.assign(customer_id=None))


def test_lifetimes_with_a_customer_twice_are_refused_by_an_export():
    twice = SCORES.assign(customer_id="a", remaining_value=1.0, lifetime_value=1.0)
    settings = Export(formats=["warehouse"], value="remaining", lifetimes=twice)
    with pytest.raises(InputError, match="customer 'a' appears twice"):
        read_lifetimes(settings)


def test_a_damaged_json_of_an_earlier_command_is_refused_in_one_sentence(tmp_path):
    for content in ("", "[" * 100_000, '{"totals": ', "null", "\x00"):
        (tmp_path / "lifetime.json").write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match="does not contain the totals: it is damaged"):
            read_earlier_json(tmp_path / "lifetime.json", "the totals")


def test_an_empty_path_of_a_table_is_refused_before_the_work():
    with pytest.raises(InputError, match="the path of a table is empty"):
        Report(scores="")
    with pytest.raises(InputError, match="the path of a table is empty"):
        pipelines.export(formats=["warehouse"], customers="")


def test_a_past_campaign_with_a_customer_twice_or_without_an_arm_is_refused_in_one_sentence(tmp_path):
    sent = pd.DataFrame(
        {"customer_id": ["a", "b", "c"], "arm": ["mail", "none", None], "spent": [1.0, 2, 3], "age": 3}
    )
    terms = {
        "features": ["age"],
        "outcome": "spent",
        "control": "none",
        "worth": 1.0,
        "cost": 0.1,
        "out": tmp_path,
    }
    with pytest.raises(InputError, match="1 of 3 rows have no arm"):
        pipelines.learn(campaign=sent, arm="arm", **terms)
    with pytest.raises(InputError, match="customer 'a' appears twice"):
        pipelines.learn(campaign=sent.assign(customer_id="a"), arm="arm", **terms)


def test_a_clean_log_without_its_columns_or_with_text_for_times_is_refused_in_one_sentence(tmp_path):
    log = pd.DataFrame({"customer_id": ["a"], "timestamp": ["yesterday"], "amount": [1.0]})
    log.to_parquet(tmp_path / "text.parquet")
    log.drop(columns="amount").to_parquet(tmp_path / "short.parquet")
    with pytest.raises(InputError, match="column 'timestamp' holds VARCHAR instead of timestamps"):
        check_clean_log(tmp_path / "text.parquet")
    with pytest.raises(InputError, match=r"missing columns \['amount'\]"):
        check_clean_log(tmp_path / "short.parquet")
