"""What a command reads: the log, and of its customers what a model has learned from."""

from itertools import product

import pandas as pd
import pytest

from cltv_ml import pipelines
from cltv_ml.data import clean, read
from cltv_ml.errors import InputError
from cltv_ml.evaluation.progress import silent
from cltv_ml.log import Log
from cltv_ml.models import ALL, COSTLY
from cltv_ml.pipelines import customer_inputs
from cltv_ml.pipelines.act import tell_of_exclusions
from cltv_ml.pipelines.competing import check_competing
from cltv_ml.pipelines.forecast_inputs import read_holiday_names
from cltv_ml.pipelines.inputs import load, read_rates, read_table
from cltv_ml.settings import Act, Backtest, Monitor, Train

SALES = pd.DataFrame({"customer_id": ["a", "b"], "timestamp": ["2024-01-01"] * 2, "amount": [1.0, 2.0]})
PEOPLE = pd.DataFrame({"customer_id": ["a", "b"], "club": ["yes", "no"]})


def test_customers_may_come_as_a_frame():
    known = load(Monitor(data=SALES, customers=PEOPLE), silent).transactions.attributes
    assert known.to_pydict() == {"customer_id": ["a", "b"], "flag_club": [1.0, 0.0]}


def test_attributes_are_read_in_the_kinds_that_a_model_has_learned():
    settings = Monitor(data=SALES, customers=PEOPLE.assign(age=[30, 40]))
    known = load(settings, silent, learned=["attribute_text_club"]).transactions.attributes
    assert known.to_pydict() == {"customer_id": ["a", "b"], "text_club": ["yes", "no"]}


def test_a_clean_log_is_read_with_the_tables_and_without_the_protected_columns(caplog):
    sales = SALES.assign(category=["x", "y"], channel=["web", "shop"])
    people = PEOPLE.assign(channel=["ad", "mail"])
    settings = Monitor(data=clean(read(sales)), customers=people, protected=["channel"])
    shop = load(settings, silent)
    assert list(shop.transactions.frame) == ["customer_id", "timestamp", "amount", "category"]
    assert shop.transactions.attributes.column_names == ["customer_id", "flag_club"]
    assert shop.customers.hidden == ["channel", "channel"]
    assert "2 of 2 customers in the log (100%) have a row" in caplog.text


def test_a_clean_log_is_not_read_by_settings_again():
    with pytest.raises(InputError, match="data is a clean log, so mapping has no effect"):
        load(Monitor(data=clean(read(SALES)), mapping={"amount": "net"}), silent)
    with pytest.raises(InputError, match="data is a clean log, so rules has no effect"):
        pipelines.score(data=clean(read(SALES)), rules={"day_first": "true"})
    told = {"rules": {"day_first": "true"}, "customers": PEOPLE}
    assert load(Monitor(data=clean(read(SALES)), **told), silent).customers.attributes is not None


@pytest.mark.parametrize(
    ("settings", "hidden", "told"),
    [
        (Train(data=SALES.assign(Kind="x"), customers=PEOPLE), ["kind", "club"], True),
        (Act(data=SALES.assign(Kind="x"), customers=PEOPLE, protected=["club"]), ["club"], False),
        (Act(data=SALES, customers=PEOPLE, protected=["none"]), ["club"], True),
        (Train(data=SALES, customers=PEOPLE, protected=["none"]), [], False),
        (Backtest(data=SALES, customers=PEOPLE, protected=[]), ["club"], True),
        (Monitor(data=SALES, customers=PEOPLE), [], False),
    ],
)
def test_the_champions_protected_columns_stay_protected_unless_a_training_states_others(
    monkeypatch, caplog, settings, hidden, told
):
    monkeypatch.setattr(customer_inputs, "champion_protected", lambda: ["kind", "club", "elsewhere"])
    shop = load(settings, silent)
    assert shop.customers.hidden == hidden
    assert ("Protected by the champion's training" in caplog.text) == told


def test_a_model_that_takes_far_longer_than_the_others_is_told_before_the_data_are_read(caplog):
    check_competing(Train(data="none.csv", models="same_rate,pareto_ggg_gamma_gamma"))
    assert "pareto_ggg_gamma_gamma takes far longer than the others to train: two minutes" in caplog.text


def test_the_usual_models_are_not_told_of_as_costly(caplog):
    check_competing(Train(data="none.csv"))
    assert caplog.text == ""
    assert set(COSTLY) <= set(ALL)


def test_a_log_of_which_no_purchase_is_left_is_refused_by_every_command():
    guests = SALES.assign(customer_id="guest")
    horizon = {"horizon": "30d"}
    options = {
        "train": horizon,
        "backtest": horizon,
        "tune": {**horizon, "model": "tweedie"},
        "forecast": horizon,
    }
    for name in ("train", "backtest", "tune", "forecast", "cohorts", "audit", "act"):
        with pytest.raises(
            InputError, match="no purchase is left after cleaning: 2 of 2 lines broke the rule plac"
        ):
            getattr(pipelines, name)(data=guests, **options.get(name, {}))


def test_tables_about_customers_are_read_in_any_encoding_and_with_any_separator(tmp_path):
    for encoding, separator in product(("utf-8", "utf-8-sig", "cp1252", "utf-16"), ",;\t|"):
        file = tmp_path / "kunden.csv"
        lines = (("Kd-Nr", "Name"), ("00042", "Müller, Jörg"), ("00043", "Öztürk; Ayşe".replace("ş", "s")))
        quoted = "\n".join(separator.join(f'"{value}"' for value in line) for line in lines)
        file.write_text(quoted, encoding=encoding)
        table = read_table(file, ["Name"], key="Kd-Nr", as_text=True)
        assert table["Name"].to_dict() == {"00042": "Müller, Jörg", "00043": "Öztürk; Ayse"}, (
            encoding,
            separator,
        )


def test_holidays_of_a_forecast_may_be_in_another_encoding(tmp_path):
    file = tmp_path / "feste.csv"
    file.write_text(
        "date;name\n2024-12-26;Zweiter Weihnachtstag\n2025-10-31;Reformationstag für alle\n", "cp1252"
    )
    assert read_holiday_names(file)["Reformationstag für alle"] == [pd.Timestamp("2025-10-31")]


def test_a_table_of_margin_rates_without_a_row_is_one_sentence():
    with pytest.raises(InputError, match="the table of margin rates has no row"):
        read_rates(pd.DataFrame({"category": [], "margin_rate": []}))


def test_a_category_with_two_margin_rates_is_one_sentence():
    rates = pd.DataFrame({"category": ["tea", "tea"], "margin_rate": [0.1, 0.2]})
    with pytest.raises(InputError, match="the category 'tea' has two margin rates; keep one row"):
        read_rates(rates)


def test_what_no_list_may_show_is_told_where_the_log_has_nothing_of_that_name(caplog):
    log = Log(SALES.assign(category=["FUEL", None], product_id=["GIFT CARD", "mug"]))
    tell_of_exclusions(log, ["FUEL", "GIFT CARD", "fuel,mug"])
    assert [record.getMessage().split(" is neither")[0] for record in caplog.records] == [
        "Exclude   'fuel,mug'"
    ]
