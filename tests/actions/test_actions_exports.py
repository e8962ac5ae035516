"""Files for campaign tools: identities as the platforms match them, rules, and who is left out."""

import dataclasses
import hashlib
import json

import pandas as pd
import pytest

from cltv_ml.actions.exports import FORMATS, ExportOrder, build_export
from cltv_ml.actions.identities import normalise_email, normalise_phone, sha256
from cltv_ml.errors import InputError
from cltv_ml.pipelines.export import ExportedFile, write_exports

CUSTOMERS = pd.DataFrame(
    {
        "expected_value": [100.0, 20.0, 5.0, 7.5, None],
        "tier": ["high", "low", "low", "low", "low"],
        "E-Mail": ["Ann@Example.com", "b.o.b@gmail.com", None, "dan@example.com", "eve@example.com"],
        "phone": ["+1 (212) 565-0000", None, None, None, None],
        "control": [0, 0, 0, 1, 0],
        "opt_out": ["no", "no", "no", "no", "no"],
        "model_version": 3,
    },
    index=pd.Index(list("abcde"), name="customer_id"),
)
ORDERS = pd.DataFrame(
    {
        "order_id": [f"o{number}" for number in range(120)],
        "customer_id": ["a", "b"] * 60,
        "timestamp": pd.Timestamp("2026-07-01") + pd.to_timedelta(range(120), unit="h"),
    }
)
ORDER = ExportOrder(
    currency="EUR", conversion="Purchase", orders=ORDERS, now=pd.Timestamp("2026-07-08 09:00", tz="UTC")
)


def test_published_hashes_of_normalised_identities():
    """Google's guide hashes test@example.com and +12125650000 written this way."""
    assert sha256(normalise_email(" TEST@Example.com")) == hashlib.sha256(b"test@example.com").hexdigest()
    assert sha256("test@example.com") == "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"
    assert normalise_phone("(212) 565-0000", "1") == "+12125650000"


def test_every_format_leaves_out_controls_and_customers_without_a_value():
    wrong = {}
    for name in FORMATS:
        try:
            table, left_out = build_export(name, CUSTOMERS, ORDER)
        except InputError as error:
            wrong[name] = str(error)
            continue
        if left_out.get("control group") != 1 or left_out.get("no expected value") != 1 or not len(table):
            wrong[name] = (len(table), left_out)
    assert list(wrong) == ["meta_predicted_value"]
    assert "5 distinct positive values" in wrong["meta_predicted_value"]


def test_customer_match_holds_hashes_only():
    table, left_out = build_export("google_customer_match", CUSTOMERS, ORDER)
    assert list(table.columns) == ["Email", "Phone"]
    assert table.loc[0].tolist() == [sha256("ann@example.com"), sha256("+12125650000")]
    assert table.loc[1].tolist() == [sha256("bob@gmail.com"), ""]
    assert left_out["no usable e-mail address or phone number"] == 1


def test_predicted_values_follow_the_guide():
    spread = pd.DataFrame({"expected_value": range(1, 9), "email": "a@example.com"}, index=list("abcdefgh"))
    orders = ORDERS.assign(customer_id=list("abcdefgh") * 15)
    table, _ = build_export("meta_predicted_value", spread, ExportOrder(currency="EUR", orders=orders))
    assert len(table) == 120
    assert table["event_time"].iloc[0] == 1782864000
    broken = {
        "100 events": ExportOrder(currency="EUR", orders=orders.head(99)),
        "outside its bounds": ExportOrder(currency="EUR", orders=orders, model_passed=False),
        "older than 7 days": ExportOrder(
            currency="EUR",
            orders=orders.assign(
                timestamp=orders["timestamp"] - pd.to_timedelta([0] * 119 + [-30], unit="D")
            ),
        ),
        "ISO code": ExportOrder(currency="euro", orders=orders),
    }
    for sentence, order in broken.items():
        with pytest.raises(InputError, match=sentence):
            build_export("meta_predicted_value", spread, order)


def test_opted_out_customers_are_left_out_and_counted():
    table, left_out = build_export("klaviyo", CUSTOMERS.assign(unsubscribed=["yes", "", "", "", ""]), ORDER)
    assert left_out["opted out"] == 1
    assert "ann@example.com" not in set(table["Email"])


def test_whoever_marks_an_opt_out_or_gives_no_consent_is_left_out():
    cases = {
        "Opt-Out": (["x", "no", "", "0", None], "opted out"),
        "Unsubscribe Time": (["2026-01-05 10:00", None, None, None, None], "opted out"),
        "Accepts Email Marketing": (["no", "yes", "yes", "yes", "yes"], "no consent"),
        "email_marketing_consent": (["", "SUBSCRIBED", "SUBSCRIBED", "oui", "ja"], "no consent"),
    }
    for column, (marks, reason) in cases.items():
        people = CUSTOMERS.drop(columns="opt_out").assign(**{column: marks})
        table, left_out = build_export("klaviyo", people, ORDER)
        assert (column, left_out.get(reason)) == (column, 1)
        assert "ann@example.com" not in set(table["Email"])


def test_values_are_adjusted_after_their_conversions_and_never_to_nothing():
    """Google takes no adjustment from before the conversion, and one to 0 takes the conversion away."""
    poor = CUSTOMERS.assign(expected_value=[100.0, 0.001, 5.0, 7.5, None])
    table, left_out = build_export("google_conversion_adjustments", poor, ORDER)
    assert set(table["Adjustment Time"]) == {"2026-07-08 09:00:00+00:00"}
    assert table["Adjusted Value"].tolist() == [100.0] * 60
    assert left_out["orders worth nothing, whose conversion Google would remove"] == 60


def test_an_order_of_the_future_is_not_adjusted():
    early = dataclasses.replace(ORDER, now=pd.Timestamp("2026-07-02", tz="UTC"))
    with pytest.raises(InputError, match="orders lie in the future"):
        build_export("google_conversion_adjustments", CUSTOMERS, early)


def test_a_format_without_its_columns_says_which(tmp_path):
    with pytest.raises(InputError, match=r"needs the columns \['email'\]"):
        build_export("hubspot", CUSTOMERS.drop(columns="E-Mail"), ORDER)


def test_the_manifest_tells_files_rows_exclusions_and_refusals(tmp_path):
    done = write_exports(["google_customer_match", "meta_predicted_value"], CUSTOMERS, tmp_path, ORDER)
    assert isinstance(done["google_customer_match"], ExportedFile)
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert told["model_version"] == "3"
    assert told["files"]["google_customer_match"]["rows"] == 2
    assert "not_written" in told["files"]["meta_predicted_value"]
    assert not (tmp_path / "meta_predicted_value.csv").exists()
