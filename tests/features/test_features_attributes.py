"""Attributes of customers as features: undated and dated states, absent ones, dates that are still to come."""

import logging

import pandas as pd
import pyarrow as pa
import pytest

from cltv_ml.errors import InputError
from cltv_ml.features import Source, build_features
from cltv_ml.log import Log

LOG = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b"],
        "timestamp": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-15"]),
        "amount": [10.0, 20.0, 5.0],
    }
)
DAY = 19_723  # 2024-01-01


def built(table: dict, *names: str, cutoff: str = "2024-02-01") -> pd.DataFrame:
    source = Source(LOG, customers=pa.table({"customer_id": ["a", "b"], **table}))
    return build_features(source, cutoff, list(names))[list(names)]


def test_a_snapshot_gives_what_a_table_dated_before_everything_gives():
    values = {"text_country": ["UK", "FR"], "number_income": [1.5, None]}
    names = ("attribute_text_country", "attribute_number_income")
    dated = {**values, "valid_from": pd.to_datetime(["2020-01-01"] * 2)}
    pd.testing.assert_frame_equal(built(values, *names), built(dated, *names))


def test_of_two_states_of_one_day_the_later_one_holds():
    states = pa.table(
        {
            "customer_id": ["a", "a", "b"],
            "valid_from": pd.to_datetime(["2024-01-10 17:00", "2024-01-10 08:00", "2024-01-20 00:00"]),
            "text_tier": ["gold", "silver", "silver"],
            "number_points": [2.0, 5.0, 1.0],
        }
    )
    names = ["attribute_text_tier", "attribute_number_points"]
    X = build_features(Source(LOG, customers=states), "2024-02-01", names)
    assert X[names].to_numpy().tolist() == [["gold", 2.0], ["silver", 1.0]]


def test_a_date_still_to_come_is_missing():
    X = built({"date_signup": [DAY - 10.0, DAY + 100.0]}, "attribute_days_since_signup")
    assert X["attribute_days_since_signup"].iloc[0] == 41.0
    assert X["attribute_days_since_signup"].isna().tolist() == [False, True]


def test_days_before_the_first_purchase_do_not_change_as_a_customer_ages():
    name = "attribute_days_before_first_signup"
    for cutoff in ("2024-01-20", "2024-02-02"):
        assert built({"date_signup": [DAY - 10.0, DAY + 0.0]}, name, cutoff=cutoff)[name].tolist() == [
            10.0,
            14.0,
        ]


def test_an_attribute_that_nobody_gives_is_missing_and_told(caplog):
    with caplog.at_level(logging.WARNING):
        X = build_features(LOG, "2024-02-01", ["attribute_text_country", "attribute_number_income"])
    assert X["attribute_text_country"].isna().all()
    assert "learned from the customer columns country, income, which are missing here" in caplog.text


def test_an_attribute_of_another_kind_is_turned_into_the_one_that_is_asked_for():
    assert built({"number_zip": [7.0, 8.0]}, "attribute_text_zip")["attribute_text_zip"].tolist() == [
        "7",
        "8",
    ]


def test_the_area_of_a_postcode_is_told_by_longer_ones():
    for given in ("text_zip", "text_zip_first_3"):
        X = built({given: ["101", "802"]}, "attribute_text_zip_first_2")
        assert X["attribute_text_zip_first_2"].tolist() == ["10", "80"], given


def test_the_area_of_a_british_postcode_is_told_by_whole_ones_and_by_outward_codes():
    whole = {"text_zip": ["m14 5tp", "SW1A1AA"]}
    for given, part, told in (
        (whole, "outward", ["M14", "SW1A"]),
        (whole, "letters", ["M", "SW"]),
        ({"text_zip_outward": ["M14", "10115"]}, "letters", ["M", None]),
    ):
        X = built(given, f"attribute_text_zip_{part}")[f"attribute_text_zip_{part}"]
        assert X.astype(object).where(X.notna(), None).tolist() == told


def test_a_flag_is_read_from_words_where_some_say_neither_yes_nor_no():
    assert (
        built({"text_club": ["Yes", "unknown"]}, "attribute_flag_club")["attribute_flag_club"].iloc[0] == 1.0
    )
    assert (
        built({"text_club": ["unknown", "no"]}, "attribute_flag_club")["attribute_flag_club"].iloc[1] == 0.0
    )


def test_a_log_carries_its_attributes():
    log = Log(LOG, attributes=pa.table({"customer_id": ["a"], "flag_member": [1.0]}))
    X = build_features(log, "2024-02-01", ["attribute_flag_member"])
    assert X["attribute_flag_member"].iloc[0] == 1.0
    assert pd.isna(X["attribute_flag_member"].iloc[1])


def test_features_of_contacts_without_a_table_name_the_option():
    with pytest.raises(InputError, match=r"'contacts_90d' needs campaign contacts; give .* with --contacts"):
        build_features(LOG, "2024-02-01", ["contacts_90d"])
