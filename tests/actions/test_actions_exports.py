"""Files for campaign tools: identities as the platforms match them, rules, and who is left out."""

import dataclasses
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from cltv_ml import pipelines
from cltv_ml.actions import export_rules, identities
from cltv_ml.actions.export_rules import ExportOrder
from cltv_ml.actions.exports import FORMATS, build_export, phone_numbers
from cltv_ml.actions.identities import normalise_email, normalise_phone, sha256
from cltv_ml.errors import InputError
from cltv_ml.pipelines.export import ExportedFile, _test_of_version, write_exports
from cltv_ml.pipelines.inputs import written_scores
from cltv_ml.tracking import registry

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
        "customer_id": ["a", "b", "a", "b", "d", "e"] * 20,
        "timestamp": pd.Timestamp("2026-07-01") + pd.to_timedelta(range(120), unit="h"),
    }
)
ORDER = ExportOrder(
    currency="EUR", conversion="Purchase", orders=ORDERS, now=pd.Timestamp("2026-07-08 09:00", tz="UTC")
)


def test_published_hashes_of_normalised_identities():
    """Google's guide writes them this way; the two last hashes stand in Meta's."""
    assert sha256(normalise_email(" TEST@Example.com")) == hashlib.sha256(b"test@example.com").hexdigest()
    assert sha256("test@example.com") == "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"
    assert normalise_email("b.o.b+x@GMail.com", mailbox=True) == "bob@gmail.com"
    assert normalise_phone("(212) 565-0000", "1") == "+12125650000"
    published = {
        "email": "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
        "phone": "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176",
    }
    people = pd.DataFrame(
        {"email": [" John_Smith@gmail.com "], "phone": ["(650)555-1212"], "expected_value": 1.0}
    )
    table, _ = build_export("meta_value_audience", people, ExportOrder(country_code="1"))
    assert table.drop(columns="value").to_dict("records") == [published]


PHONES = {
    ("1-800-888-8888", "1"): "+18008888888",
    ("011 44 20 7031 3000", "1"): "+442070313000",
    ("+44 ( 0 ) 20 7031 3000", ""): "+442070313000",
    ("+49 0151 12345678", ""): "+4915112345678",
    ("0151/12345678", "+49"): "+4915112345678",
    ("4915112345678.0", "49"): "+4915112345678",
    ("4.91511234567E+11", "49"): "",
    ("0151/1234567", "49"): "",  # a digit short
    ("0041 79 123 45 67", "49"): "+41791234567",
    ("0041 79 123 45 67", ""): "+41791234567",
    ("0412 345 678", "61"): "+61412345678",
    ("+61 0412 345 678", ""): "+61412345678",
    ("+229 01 97 12 34 56", ""): "+2290197123456",
    ("06 6982 1234", "39"): "+390669821234",
    ("+39 06 6982 1234", ""): "+390669821234",
    ("8 (912) 345-67-89", "7"): "+79123456789",
    ("06 30 123 4567", "36"): "+36301234567",
    ("\uff10\uff19\uff10\uff0d1234\uff0d5678", "81"): "+819012345678",
    ("020 7031 3000 ext. 12", "44"): "+442070313000",
    ("Tel. 020 7031 3000", "0044"): "+442070313000",
    ("1-800-FLOWERS", "1"): "",
    ("07 12 34 56 78", "225"): "+2250712345678",
    # national numbers that begin like the calling code, or like the prefix dialled before them
    ("91234 56789", "91"): "+919123456789",
    ("91 91234 56789", "91"): "+919123456789",
    ("393 123 4567", "39"): "+393931234567",
    ("55 99999 9999", "55"): "+5555999999999",
    ("+7 812 123-45-67", "7"): "+78121234567",
    ("+370 800 12345", ""): "+37080012345",
    # either a mobile number or one of Rome: it cannot be told
    ("3906698212", "39"): "",
    # without the area code
    ("555-1234", "1"): "",
    ("7031 3000", "44"): "",
    # a plus after other signs, some of which are not shown
    ("(+44) 20 7031 3000", "49"): "+442070313000",
    ("Tel.: +44 20 7031 3000", "49"): "+442070313000",
    ("\u202a+44 20 7031 3000\u202c", "49"): "+442070313000",
    ("+\u0664\u0664 20 7031 3000", ""): "+442070313000",
}
EMAILS = {
    "Dr. Jane Doe <jane@doe.com>": "jane@doe.com",
    "mailto:jane@doe.com;": "jane@doe.com",
    "ja..ne@doe.com": "",
    "Jane Doe jane@doe.com": "",
    "a@b.com;c@d.com": "",
    "jane @ doe.com": "jane@doe.com",
    "\uff54@example.co.jp": "t@example.co.jp",
    "o'brien+shop@x.ie": "o'brien+shop@x.ie",
    "\ufeffjane@doe.com\u200b": "jane@doe.com",
}


def test_identities_are_normalised_however_a_table_writes_them():
    """A wide digit, an extension, an Italian zero or a Russian 8 had given a stranger's number without a word."""
    phones = {case: normalise_phone(*case) for case in PHONES}
    assert (phones, {text: normalise_email(text) for text in EMAILS}) == (PHONES, EMAILS)


def test_a_number_without_its_country_is_completed_by_the_customer_s_own():
    """A German and a British number in one table: one calling code for all had lost one of them."""
    people = pd.DataFrame({"phone": ["0151 23456789", "020 7031 3000", "030 901820"], "expected_value": 1.0})
    order = ExportOrder(country_code="49")
    numbers = ["+4915123456789", "+442070313000", "+4930901820"]
    assert phone_numbers(people.assign(Country=["DE", "gb", None]), order).tolist() == numbers
    table, _ = build_export("google_customer_match", people.assign(country=["DE", "GB", ""]), order)
    assert table["Phone"].tolist() == [sha256(number) for number in numbers]


def test_every_format_leaves_out_controls_and_customers_without_a_value():
    wrong = {}
    for name in FORMATS:
        try:
            table, left_out = build_export(name, CUSTOMERS, ORDER)
        except InputError as error:
            wrong[name] = str(error)
            continue
        one = 20 if FORMATS[name].of_orders else 1
        if left_out.get("control group") != one or left_out.get("no expected value") != one or not len(table):
            wrong[name] = (len(table), left_out)
    assert list(wrong) == ["meta_predicted_value"]
    assert "5 distinct positive values" in wrong["meta_predicted_value"]


def test_customers_without_an_address_and_orders_of_strangers_are_counted():
    for name in ("klaviyo", "hubspot", "mailchimp"):
        table, left_out = build_export(name, CUSTOMERS, ORDER)
        assert len(table) + sum(left_out.values()) == len(CUSTOMERS)
        assert left_out["no usable e-mail address or phone number"] == 1
    strangers = ORDERS.assign(customer_id=["a"] * 60 + ["nobody"] * 60)
    order = dataclasses.replace(ORDER, orders=strangers)
    table, left_out = build_export("google_conversion_adjustments", CUSTOMERS, order)
    assert (len(table), left_out["customers without a score"]) == (1, 60)
    order = dataclasses.replace(ORDER, orders=ORDERS.assign(customer_id="nobody"))
    with pytest.raises(
        InputError, match="no order is left of 120 orders; left out: customers without a score 120"
    ):
        build_export("meta_predicted_value", CUSTOMERS, order)


def test_customer_match_holds_hashes_only():
    table, left_out = build_export("google_customer_match", CUSTOMERS, ORDER)
    assert list(table.columns) == ["Email", "Phone"]
    assert table.loc[0].tolist() == [sha256("ann@example.com"), sha256("+12125650000")]
    assert table.loc[1].tolist() == [sha256("bob@gmail.com"), ""]
    assert left_out["no usable e-mail address or phone number"] == 1


def test_predicted_values_follow_the_guide():
    people = [f"c{number}" for number in range(121)]
    spread = pd.DataFrame(
        {"expected_value": [n % 8 + 1 for n in range(121)], "email": "a@b.de"}, index=people
    )
    orders = ORDERS.assign(customer_id=people[:120])
    order = ExportOrder(currency="EUR", orders=orders, now=pd.Timestamp("2026-07-06", tz="UTC"))
    table, _ = build_export("meta_predicted_value", spread, order)
    assert len(table) == 120
    assert table["event_time"].iloc[0] == 1782864000
    again = pd.concat([orders, orders.assign(timestamp=orders["timestamp"] + pd.Timedelta(hours=1))])
    once, _ = build_export("meta_predicted_value", spread, dataclasses.replace(order, orders=again))
    assert sorted(once["event_time"]) == sorted(table["event_time"])
    poor, left_out = build_export("meta_predicted_value", spread.replace({8: 0}), order)
    assert len(poor) == 105
    assert left_out == {"orders worth nothing: Meta accepts only positive values": 15}
    close = pd.DataFrame(
        {"expected_value": [n % 8 + 10 for n in range(121)], "email": "a@b.de"}, index=people
    )
    with pytest.raises(InputError, match="at least 3 times the smallest"):
        build_export("meta_predicted_value", close, order)
    broken = {
        "100 events": dataclasses.replace(order, orders=orders.head(99)),
        "outside its bounds": dataclasses.replace(order, model_passed=False),
        "better than chance": dataclasses.replace(order, model_ranks=False),
        "older than 7 days": dataclasses.replace(order, now=pd.Timestamp("2026-07-09", tz="UTC")),
        "ISO code": dataclasses.replace(order, currency="euro"),
    }
    for sentence, order in broken.items():
        with pytest.raises(InputError, match=sentence):
            build_export("meta_predicted_value", spread, order)


def test_only_google_matches_by_the_mailbox_behind_an_address():
    """Meta hashes, and mailing tools look up, the address that a person gave: another one would be a stranger's."""
    for name, column in {
        "klaviyo": "Email Address",
        "hubspot": "Email",
        "mailchimp": "Email Address",
    }.items():
        assert build_export(name, CUSTOMERS, ORDER)[0][column].tolist() == [
            "ann@example.com",
            "b.o.b@gmail.com",
        ]
    below = CUSTOMERS.assign(
        expected_value=CUSTOMERS["expected_value"] - 2 * CUSTOMERS["expected_value"].max()
    )
    with pytest.raises(InputError, match="values below 0, which Meta does not accept 2"):
        build_export("meta_value_audience", below, ORDER)
    yen = dataclasses.replace(ORDER, currency="JPY")
    for name, column in {"meta_value_audience": "value", "klaviyo": "expected_value"}.items():
        written = build_export(name, CUSTOMERS, yen)[0][column].astype(str)
        assert not written.str.contains(".", regex=False).any()
    meta, _ = build_export("meta_value_audience", CUSTOMERS, ORDER)
    assert meta["email"].tolist() == [sha256("ann@example.com"), sha256("b.o.b@gmail.com")]


def test_an_address_that_stands_twice_is_named():
    with pytest.raises(InputError, match="1 address appears twice"):
        build_export("klaviyo", CUSTOMERS.assign(**{"E-Mail": "ann@example.com"}).head(2), ORDER)


def test_scores_that_the_readme_writes_as_csv_are_found(tmp_path, monkeypatch):
    """`cltv score --out out/scores.csv` had left `report`, `monitor` and `export` without scores."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    CUSTOMERS.assign(cutoff="2026-07-01").to_csv("out/scores.csv")
    written = pipelines.export(formats=["klaviyo"])
    assert written["klaviyo"].rows == 2
    assert written_scores(Path("out/scores.parquet")) == Path("out/scores.csv")
    Path("out/scores.parquet").touch()
    assert written_scores(Path("out/scores.parquet")) == Path("out/scores.parquet")
    assert written_scores(Path("old/scores.parquet")) == Path("old/scores.parquet")


def test_another_value_is_written_under_its_own_name(tmp_path):
    scores = CUSTOMERS.assign(cutoff="2026-07-01")
    scores.reset_index().to_parquet(tmp_path / "scores.parquet")
    far = pd.DataFrame(
        {"remaining_value": 1.0, "lifetime_value": [900.0, 30, 20, 10, None]}, index=scores.index
    )
    far.reset_index().assign(cutoff="2026-07-01").to_parquet(tmp_path / "far.parquet")
    chosen = {
        "formats": ["klaviyo"],
        "scores": tmp_path / "scores.parquet",
        "out": tmp_path,
        "value": "lifetime",
    }
    pipelines.export(**chosen, lifetimes=tmp_path / "far.parquet")
    written = pd.read_csv(tmp_path / "klaviyo.csv")
    assert "expected_value" not in written
    assert written["lifetime_value"].tolist() == [900.0, 30.0]
    assert json.loads((tmp_path / "manifest.json").read_text())["value"] == "lifetime_value"
    with pytest.raises(InputError, match="have no lifetime profit"):
        pipelines.export(**chosen, basis="profit", lifetimes=tmp_path / "far.parquet")
    far.reset_index().assign(cutoff="2026-06-01").to_parquet(tmp_path / "far.parquet")
    with pytest.raises(InputError, match="the lifetime values 2026-06-01"):
        pipelines.export(**chosen, lifetimes=tmp_path / "far.parquet")


def test_opted_out_customers_are_left_out_and_counted():
    table, left_out = build_export("klaviyo", CUSTOMERS.assign(unsubscribed=["yes", "", "", "", ""]), ORDER)
    assert left_out["opted out"] == 1
    assert "ann@example.com" not in set(table["Email Address"])


def test_an_address_or_number_of_somebody_left_out_is_in_no_other_row():
    """A second record of the same person had put the address of an opt-out or of the control group into the file."""
    shared = "e-mail address or phone number of a customer left out"
    same = CUSTOMERS.assign(control=[1, 0, 0, 0, 0], expected_value=1.0)
    same.loc["b", "E-Mail"] = "ann@example.com"
    same.loc["c", "phone"] = "0012125650000"
    table, left_out = build_export("klaviyo", same, ORDER)
    assert left_out[shared] == 1
    assert "ann@example.com" not in set(table["Email Address"])
    opted_out = same.assign(control=0, opt_out=["yes", "", "", "", ""])
    assert build_export("google_customer_match", opted_out, ORDER)[1][shared] == 2


def test_an_opt_out_or_control_group_of_the_customers_table_counts_beside_the_scores_own(tmp_path):
    """Columns that both tables have were taken from the scores alone."""
    for column, reason in {
        "opt_out": "opted out",
        "control": "control group",
        "status": "opted out",
        "group": "control group",
        "is_control": "control group",
    }.items():
        scores = CUSTOMERS[["expected_value"]].dropna().assign(**{column: ""})
        people = pd.DataFrame(
            {"email": [f"{name}@b.de" for name in "abcd"], column: ["yes", "no", "no", "no"]},
            index=scores.index,
        )
        if column == "status":
            people[column] = ["unsubscribed", *["active"] * 3]
        if column == "group":
            people[column] = ["control", *["treated"] * 3]
        done = write_exports(["klaviyo"], scores, tmp_path, ORDER, people)["klaviyo"]
        assert isinstance(done, ExportedFile), column
        assert done.left_out == {reason: 1}, column
        assert done.unread == []


def adjusted(order_ids, customers, scores, tmp_path):
    """Return the file of Google's adjustments for orders of three days ago."""
    day = pd.Timestamp.now() - pd.Timedelta(days=3)
    orders = pd.DataFrame({"order_id": order_ids, "customer_id": customers, "timestamp": day})
    done = pipelines.export(
        scores=scores,
        formats=["google_conversion_adjustments"],
        orders=orders,
        conversion="Kauf",
        currency="EUR",
        out=tmp_path,
    )["google_conversion_adjustments"]
    assert isinstance(done, ExportedFile)
    return done


def test_order_ids_that_customers_share_are_left_out_and_counted(tmp_path):
    """The order of the second customer had been dropped without a word, and the first one's adjusted."""
    done = adjusted(["7", "7", "7", "8"], list("aabc"), CUSTOMERS[["expected_value"]].reset_index(), tmp_path)
    assert done.rows == 1
    assert done.left_out == {"order ids that several customers share": 2}


def test_whoever_marks_an_opt_out_or_gives_no_consent_is_left_out():
    cases = {
        "Opt-Out": (["x", "no", "", "0", None], "opted out"),
        "Abgemeldet": (["ja", "nein", "", "0", None], "opted out"),
        "Désinscrit": (["oui", "non", "", "0", None], "opted out"),
        "Unsubscribe Time": (["2026-01-05 10:00", None, None, None, None], "opted out"),
        "Protected": (["yes", "no", "", "0", None], "protected"),
        "Accepts Email Marketing": (["no", "yes", "yes", "yes", "yes"], "no consent"),
        "email_marketing_consent": (["", "SUBSCRIBED", "SUBSCRIBED", "oui", "ja"], "no consent"),
        "Newsletter-Abgemeldet am": (["05.01.2026", None, None, None, None], "opted out"),
        "Status": (["Unsubscribed", "active", "active", "active", "active"], "opted out"),
        "opt_out_email": ([1.0, 0.0, None, 0.0, None], "opted out"),
        "\u914d\u4fe1\u505c\u6b62": (["\u306f\u3044", "", "", "", ""], "opted out"),
        "Newsletter": (["never", "weekly", "monthly", "weekly", "2026-01-05"], "no consent"),
        "Permission": (["", "yes", "yes", "1", "ja"], "no consent"),
        # as Salesforce, HubSpot and Dynamics export them
        "HasOptedOutOfEmail": (["true", "false", "false", "0", None], "opted out"),
        "DoNotCall": ([1, 0, 0, 0, 0], "opted out"),
        "Unsubscribed from all email": (["true", "false", "", "false", None], "opted out"),
        "Opted out of email: Customer Surveys": (["Yes", "No", "", "No", None], "opted out"),
        "Marketing contact status": (["Non-marketing contact", *["Marketing contact"] * 4], "opted out"),
        "Do not allow Bulk Emails": (["Do Not Allow", "Allow", "Allow", "Allow", None], "opted out"),
        "isSubscribed": (["false", "true", "true", "true", "true"], "no consent"),
        "Werbung erlaubt": (["nein", "ja", "ja", "ja", "ja"], "no consent"),
    }
    for column, (marks, reason) in cases.items():
        people = CUSTOMERS.drop(columns="opt_out").assign(**{column: marks})
        table, left_out = build_export("klaviyo", people, ORDER)
        assert (column, left_out.get(reason)) == (column, 1)
        assert "ann@example.com" not in set(table["Email Address"])


def test_a_control_group_is_left_out_however_its_arm_is_written():
    """Values such as "control" and "treated" had left nobody out, without a word."""
    people = CUSTOMERS.drop(columns="control", errors="ignore")
    for column, marks in {
        "control": ["control", "treated", "treated", "treated", "treated"],
        "Group": ["Control group", "Treated", "Treated", "Treated", None],
        "Kontrollgruppe": ["kontrollgruppe", "", "", "", ""],
        "control ": [1.0, 0.0, 0.0, None, 0.0],
        "isControl": ["TRUE", "FALSE", "FALSE", "FALSE", "FALSE"],
    }.items():
        table, left_out = build_export("klaviyo", people.assign(**{column: marks}), ORDER)
        assert (column, left_out.get("control group")) == (column, 1)
        assert "ann@example.com" not in set(table["Email Address"])
    with pytest.raises(
        InputError, match="control has the value 'A', which does not say who is in the control group"
    ):
        build_export("klaviyo", CUSTOMERS.assign(control=list("ABBBB")), ORDER)
    plans = people.assign(plan="control", customer_group="A")
    assert "control group" not in build_export("klaviyo", plans, ORDER)[1]


def test_a_column_that_only_resembles_an_opt_out_leaves_nobody_out():
    people = CUSTOMERS.assign(**{"Contact No": "0171-1234567", "newsletter": "weekly", "minorVersion": 3})
    _, left_out = build_export("klaviyo", people, ORDER)
    assert not {"opted out", "no consent"} & set(left_out)


def test_values_are_adjusted_after_their_conversions_and_never_to_nothing():
    """Google takes no adjustment from before the conversion, and one to 0 takes the conversion away."""
    poor = CUSTOMERS.assign(expected_value=[100.0, 0.001, 5.0, 7.5, None])
    table, left_out = build_export("google_conversion_adjustments", poor, ORDER)
    assert set(table["Adjustment Time"]) == {"2026-07-08 09:00:00+00:00"}
    assert table["Adjusted Value"].tolist() == [100.0]
    assert left_out["orders worth nothing, whose conversion Google would remove"] == 1


def test_the_value_of_a_customer_is_adjusted_on_one_order():
    """Google adds conversions up: forty orders of a customer had counted a value of 100 EUR forty times."""
    table, left_out = build_export("google_conversion_adjustments", CUSTOMERS, ORDER)
    assert table[["Order ID", "Adjusted Value"]].to_numpy().tolist() == [["o0", 100.0], ["o1", 20.0]]
    assert left_out["further orders of a customer, whose value would count again"] == 78
    since = dataclasses.replace(ORDER, since=pd.Timestamp("2026-07-02"))
    table, left_out = build_export("google_conversion_adjustments", CUSTOMERS, since)
    assert table["Order ID"].tolist() == ["o24", "o25"]
    only_a = dataclasses.replace(since, orders=ORDERS.drop(index=range(1, 24, 2)))
    assert [export_rules.count_stated_before(table, one, 90) for one in (ORDER, since, only_a)] == [0, 2, 1]
    week = ORDERS[ORDERS["timestamp"] >= since.since].assign(previous_order=pd.Timestamp("2026-06-20"))
    week.loc[week["customer_id"] == "b", "previous_order"] = pd.NaT
    stated = dataclasses.replace(ORDER, orders=week)
    assert [export_rules.count_stated_before(table, stated, days) for days in (90, 10)] == [1, 0]
    assert build_export("google_conversion_adjustments", CUSTOMERS, stated)[0].equals(table)
    assert (
        export_rules.count_stated_before(
            table, dataclasses.replace(since, since=pd.Timestamp("2026-07-05")), 2
        )
        == 0
    )
    assert len(table) + sum(left_out.values()) == 96


def test_an_adjustment_that_google_would_refuse_is_not_written():
    broken = {
        "orders lie in the future": {"now": pd.Timestamp("2026-07-02", tz="UTC")},
        "older than 54 days, .* with --since 2026-07-02": {"now": pd.Timestamp("2026-08-24", tz="UTC")},
        "name of the conversion": {"conversion": ""},
        "ISO code such as EUR, not 'eur'": {"currency": "eur"},
        "ISO code such as EUR, not 'XQX'": {"currency": "XQX"},
    }
    for sentence, change in broken.items():
        with pytest.raises(InputError, match=sentence):
            build_export("google_conversion_adjustments", CUSTOMERS, dataclasses.replace(ORDER, **change))
    early = dataclasses.replace(ORDER, now=pd.Timestamp("2026-07-02", tz="UTC"))
    people = pd.DataFrame({"expected_value": [n % 8 + 1.0 for n in range(120)]}, index=range(120))
    people = people.assign(email=[f"p{number}@b.de" for number in people.index])
    ahead = dataclasses.replace(early, orders=ORDERS.assign(customer_id=range(120)))
    with pytest.raises(InputError, match="orders lie in the future"):
        build_export("meta_predicted_value", people, ahead)
    late = dataclasses.replace(ORDER, since=pd.Timestamp("2027-01-01"))
    with pytest.raises(InputError, match="no order is left, because there are none since 2027-01-01"):
        build_export("google_conversion_adjustments", CUSTOMERS, late)
    abroad = dataclasses.replace(ORDER, country_code="GB")
    with pytest.raises(InputError, match="calling code must be a number such as 44, not 'GB'"):
        build_export("google_customer_match", CUSTOMERS, abroad)
    since = dataclasses.replace(
        ORDER, now=pd.Timestamp("2026-08-24", tz="UTC"), since=pd.Timestamp("2026-07-02")
    )
    assert len(build_export("google_conversion_adjustments", CUSTOMERS, since)[0]) == 2


def test_rows_of_a_file_of_orders_and_those_left_out_are_all_orders():
    """Customers of the control group had been counted among orders."""
    table, left_out = build_export("google_conversion_adjustments", CUSTOMERS, ORDER)
    assert len(table) + sum(left_out.values()) == len(ORDERS)
    further = "further orders of a customer, whose value would count again"
    assert left_out == {"control group": 20, "no expected value": 20, further: 78}


def test_only_the_order_that_won_a_customer_is_a_conversion(tmp_path):
    """An order of a customer won before the first day to write had been one."""
    orders = ORDERS.assign(customer_id=[f"c{number % 110}" for number in range(120)])
    people = pd.DataFrame(
        {"expected_value": [n % 8 + 1.0 for n in range(110)], "email": [f"p{n}@b.de" for n in range(110)]},
        index=[f"c{n}" for n in range(110)],
    )
    order = dataclasses.replace(ORDER, orders=orders, now=pd.Timestamp("2026-07-06 09:00", tz="UTC"))
    table, left_out = build_export("meta_predicted_value", people, order)
    assert table["order_id"].tolist() == [f"o{number}" for number in range(110)]
    assert left_out == {"not the customer's first order: a customer is won once": 10}
    stated = orders.head(110).assign(first_order=[False] * 9 + [True] * 101)
    table, _ = build_export("meta_predicted_value", people, dataclasses.replace(order, orders=stated))
    assert table["order_id"].iloc[0] == "o9"


def test_a_mailing_tool_gets_the_offer_and_the_products_to_show():
    """The list of whom to show a product had not named it in the tool's file."""
    listed = CUSTOMERS.assign(offer=["5%", None, "0%", "0%", "0%"], products=["Tea, Jam", "Tea", "", "", ""])
    table, _ = build_export("hubspot", listed, ORDER)
    assert table[["cltv_offer", "cltv_products"]].to_numpy().tolist() == [["5%", "Tea, Jam"], ["", "Tea"]]


def test_mailchimp_takes_no_accents_before_the_at_sign():
    people = CUSTOMERS.assign(**{"E-Mail": ["josé@example.com", "b@señor.es", None, None, None]})
    table, left_out = build_export("mailchimp", people, ORDER)
    assert table["Email Address"].tolist() == ["b@señor.es"]
    assert left_out["accents before the @, which Mailchimp does not accept"] == 1
    assert "josé@example.com" in set(build_export("klaviyo", people, ORDER)[0]["Email Address"])


def test_mailing_tools_take_no_file_above_their_limits(monkeypatch):
    monkeypatch.setattr(export_rules, "_KLAVIYO_BYTES", 10)
    with pytest.raises(InputError, match="Klaviyo imports at most"):
        build_export("klaviyo", CUSTOMERS, ORDER)
    monkeypatch.setattr(export_rules, "_HUBSPOT_ROWS", 1)
    with pytest.raises(InputError, match="2 rows, but HubSpot imports at most 1;"):
        build_export("hubspot", CUSTOMERS, ORDER)


def test_a_format_without_its_columns_says_which(tmp_path):
    with pytest.raises(InputError, match="the column email is missing; give a table that has it"):
        build_export("hubspot", CUSTOMERS.drop(columns="E-Mail"), ORDER)


def test_an_audience_without_any_identity_asks_for_the_table_of_customers():
    """It had said that no customer was left, and not what to do."""
    alone = CUSTOMERS[["expected_value"]]
    for name in ("google_customer_match", "meta_value_audience"):
        with pytest.raises(
            InputError, match=r"neither a column email nor phone; give a table .* --customers"
        ):
            build_export(name, alone, ORDER)


def test_a_file_for_nobody_tells_how_many_were_left_out_and_why():
    nobody = CUSTOMERS.assign(opt_out="yes")
    with pytest.raises(
        InputError, match="no customer is left of 5 customers; left out: opted out 4, control group 1"
    ):
        build_export("klaviyo", nobody, ORDER)


def _written(folder, people, lost_phones=0, **options):
    """The file that `cltv export` writes for two customers, given a CSV of theirs."""
    scores = pd.DataFrame({"customer_id": ["00123", "A-7"], "expected_value": [9.0, 8.0]})
    (folder / "people.csv").write_text(people)
    told = pipelines.export(scores=scores, customers=folder / "people.csv", out=folder / "out", **options)
    (one,) = told.values()
    assert one.lost_phones == lost_phones
    return pd.read_csv(one.path, dtype="str", keep_default_na=False)


def test_the_customers_table_may_have_the_logs_own_heading(tmp_path):
    found = _written(tmp_path, "Kunde,Mail\n00123,ann@a.com\nA-7,bob@a.com\n", formats=["klaviyo"])
    assert found["Email Address"].tolist() == ["ann@a.com", "bob@a.com"]


def test_columns_that_nothing_reads_are_told(tmp_path):
    scores = pd.DataFrame({"customer_id": ["00123", "A-7"], "expected_value": [9.0, 8.0]})
    (tmp_path / "people.csv").write_text("Kunde,Mail,Keine Post\n00123,ann@a.com,ja\nA-7,bob@a.com,nein\n")
    where = {"customers": tmp_path / "people.csv", "out": tmp_path / "out"}
    (one,) = pipelines.export(scores=scores, formats=["klaviyo"], **where).values()
    assert one.unread == ["Keine Post"]
    assert '"Keine Post"' in (tmp_path / "out" / "manifest.json").read_text()


def test_a_customers_table_without_the_scores_ids_is_asked_for_them_by_name(tmp_path):
    with pytest.raises(
        InputError, match=r"clearly holds .* such as '00123'.* name their column customer_id. Found"
    ):
        _written(tmp_path, "Ref,Mail\n123,ann@a.com\nA7,bob@a.com\n", formats=["klaviyo"])


def test_phone_numbers_of_a_csv_keep_their_plus_and_zeros(tmp_path):
    people = "customer_id,phone,email\n00123,+442070313000,\nA-7,7031 3000,bob@a.com\n"
    found = _written(tmp_path, people, 1, formats=["google_customer_match"], country_code="44")
    assert found["Phone"].tolist() == [sha256("+442070313000"), ""]


def test_the_manifest_tells_files_rows_exclusions_and_refusals(tmp_path):
    (tmp_path / "meta_predicted_value.csv").write_text("of an earlier call")
    done = write_exports(["google_customer_match", "meta_predicted_value"], CUSTOMERS, tmp_path, ORDER)
    assert isinstance(done["google_customer_match"], ExportedFile)
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert told["model_version"] == "3"
    assert told["files"]["google_customer_match"]["rows"] == 2
    assert [told["currency"], told["files"]["google_customer_match"]["counted"]] == ["EUR", "customers"]
    assert "not_written" in told["files"]["meta_predicted_value"]
    assert not (tmp_path / "meta_predicted_value.csv").exists()


def test_the_manifest_of_a_list_states_the_version_that_act_used(tmp_path):
    """It named neither version nor cutoff, for a list has no such columns."""
    people = CUSTOMERS.drop(columns="model_version").rename(columns={"E-Mail": "email"})
    people.to_csv(tmp_path / "retention_list.csv")
    made = {
        "model_version": 2,
        "cutoff": "2026-07-01",
        "horizon": 91,
        "lists": [{"file": "retention_list.csv"}],
    }
    (tmp_path / "actions.json").write_text(json.dumps(made))
    pipelines.export(formats=["klaviyo"], scores=tmp_path / "retention_list.csv", out=tmp_path / "out")
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [told["model_version"], told["cutoff"], told["horizon"]] == ["2", "2026-07-01", "91"]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (["Ann@example.com", "bea@example.com"], "'Ann@example.com' is written 'ann@example.com'"),
        (["x-1", "x-2"], "none of its 2 customers has a score"),
    ],
)
def test_opt_outs_are_never_lost_to_ids_written_another_way(tmp_path, known, said):
    scores = pd.DataFrame({"expected_value": [9.0, 8.0]}, index=["ann@example.com", "bea@example.com"])
    people = pd.DataFrame({"opt_out": ["yes", "no"]}, index=known)
    with pytest.raises(InputError, match=said):
        write_exports(["warehouse"], scores, tmp_path, ORDER, people)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("version", "ranks"), [(1, True), (2, False), (3, True)])
def test_the_version_that_made_the_scores_must_have_passed_its_test(monkeypatch, version, ranks):
    versions = {
        1: SimpleNamespace(tested={"bias": 0.01, "decile_mape": 0.1}, ranks=True),
        2: SimpleNamespace(tested={"bias": 0.01, "decile_mape": 0.1}, ranks=False),
        3: SimpleNamespace(tested={"bias": 0.5, "decile_mape": 0.1}, ranks=None),
    }
    monkeypatch.setattr(registry, "read_version", versions.get)
    scores = pd.DataFrame({"expected_value": [1.0], "model_version": [version]}, index=["ann"])
    assert _test_of_version(scores) == (version != 3, ranks)


def test_the_customers_column_is_the_one_with_their_ids_not_their_addresses(tmp_path):
    """“Correo electrónico” is a heading of ids in other tables, and “Nº socio” is none."""
    people = "Nº socio,Correo electrónico\n00123,ann@a.com\nA-7,bob@a.com\n"
    found = _written(tmp_path, people, formats=["klaviyo"])
    assert found["Email Address"].tolist() == ["ann@a.com", "bob@a.com"]


def test_orders_are_read_by_the_headings_and_dates_of_a_log(tmp_path):
    scores = pd.DataFrame({"customer_id": ["K-1", "K-2"], "expected_value": [9.0, 8.0]})
    days = [pd.Timestamp.now() - pd.Timedelta(days=number) for number in (12, 10)]
    rows = [f"7;K-1;{days[0]:%d.%m.%Y};9,50", f"8;K-2;{days[1]:%d.%m.%Y};7,00 €", ""]
    text = "\n".join(["Bestellnummer;Kundennummer;Bestelldatum;Betrag", *rows])
    (tmp_path / "bestellungen.csv").write_bytes(text.encode("cp1252"))
    (done,) = pipelines.export(
        scores=scores,
        formats=["google_conversion_adjustments"],
        orders=tmp_path / "bestellungen.csv",
        since=f"{days[1]:%Y-%m-%d}",
        conversion="Kauf",
        currency="EUR",
        out=tmp_path / "out",
    ).values()
    assert pd.read_csv(done.path, dtype="str")["Order ID"].tolist() == ["8"]


def test_lines_without_an_order_id_are_left_out_and_counted(tmp_path):
    """They had been one row with an empty order id."""
    scores = pd.DataFrame({"expected_value": [9.0, 8.0]}, index=pd.Index(["a", "b"], name="customer_id"))
    done = adjusted(["7", None, None, "8"], list("abab"), scores, tmp_path)
    assert (done.rows, done.left_out) == (2, {"lines without an order id": 2})
    assert pd.read_csv(done.path, dtype="str")["Order ID"].tolist() == ["7", "8"]


def test_an_orders_table_that_cannot_be_read_stops_only_the_formats_that_need_it(tmp_path):
    scores = pd.DataFrame({"customer_id": ["K-1", "K-2"], "expected_value": [9.0, 8.0]})
    (tmp_path / "people.csv").write_text("customer_id,email\nK-1,ann@a.com\nK-2,bob@a.com\n")
    (tmp_path / "orders.csv").write_text("order_id,customer_id,date\n7,K-1,yesterday\n8,K-2,2026-04-01\n")
    done = pipelines.export(
        scores=scores,
        formats=["klaviyo", "google_conversion_adjustments"],
        customers=tmp_path / "people.csv",
        orders=tmp_path / "orders.csv",
        out=tmp_path / "out",
    )
    assert done["klaviyo"].rows == 2
    assert (
        "no readable date in 1 of 2 rows, first in row 1 of 'date'" in done["google_conversion_adjustments"]
    )


def test_a_table_for_the_warehouse_has_four_decimals(tmp_path):
    scores = pd.DataFrame({"expected_value": [9.00001234, 8.123456]}, index=["a", "b"]).assign(
        cutoff=pd.Timestamp("2026-07-01")
    )
    write_exports(["warehouse"], scores, tmp_path, ORDER, pd.DataFrame(index=["a", "b"]))
    assert pd.read_csv(tmp_path / "warehouse.csv")["expected_value"].tolist() == [9.0, 8.1235]


def test_a_phone_number_is_completed_once_for_all_formats(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(identities, "normalise_phone", lambda text, code: seen.append(text) or "")
    people = pd.DataFrame({"phone": ["030 12", "n/a"]}, index=pd.Index(["a", "b"], name="customer_id"))
    scores = pd.DataFrame({"expected_value": [9.0, 8.0]}, index=people.index)
    formats = ["google_customer_match", "meta_value_audience"]
    people["email"] = ["ann@a.com", "bob@a.com"]
    told = write_exports(formats, scores, tmp_path, ExportOrder("EUR", "49"), people)
    assert [told[name].lost_phones for name in formats] == [1, 1]
    assert seen == ["030 12", "n/a"]
