"""Tables of costs as advertisers and shops export them."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.customers import (
    CustomerSources,
    channels_won,
    read_acquisition_costs,
    read_costs,
    read_customers,
)
from cltv_ml.customers.cost_currency import check_cost_currency
from cltv_ml.data import Rules
from cltv_ml.errors import InputError
from cltv_ml.log import Log
from cltv_ml.money import code_of

EXPORTS = {
    "source_id,dt,costs\n1,2025-03-04,12.50\n2,2025-03-05,7.50\n": 20.0,
    "Day,Campaign,Currency code,Cost\n2025-03-04,Brand,EUR,12.50\n2025-03-05,Brand,EUR,7.50\n": 20.0,
    "Reporting starts,Campaign name,Amount spent (EUR)\n2025-03-01,Spring,20\n": 20.0,
    "Monat;Kanal;Kosten\n03.2025;ads;1.250,50\n03.2025;seo;99,50\n": 1350.0,
    "Mois;Source;Dépenses\n2025-03;ads;1 250,50\n": 1250.5,
    'Month,Source / medium,Spend\nMar 2025,google / cpc,"1,250.50"\n': 1250.5,
    "yearmonth,channel,ad_spend\n202503,ads,20\n": 20.0,
    "Datum;Quelle;Werbekosten\n31.03.2025;ads;20,00\n": 20.0,
    "Kanal;Mär 25;März 2025;Summe\nads;1.250,50;20,00;1.270,50\nseo;-;;0,00\n": 1270.5,
    "Marketing,2025-03,03/2025\nads,10,20\nseo,1,2\n": 33.0,
    "Year,Month,Channel,Cost (k)\n2025,3,ads,1.5\n2025,March,seo,0.5\n": 2000.0,
    "Start date,End date,Cost\n2025-03-01,2025-03-31,50\n": 50.0,
    "Woche;Kanal;Betrag\nKW 10 2025;ads;70,00\nKW 11 2025;ads;70,00\n": 140.0,
    "Monat;Kosten Google;Meta (Facebook)\n03.2025;100,50;39,50\n": 140.0,
    "Zeitraum;Kanal;Kosten\n01.03.2025 - 31.03.2025;ads;140,00\n": 140.0,
    "Date range,Cost\n2025-03-01 to 2025-03-09,40\n2025-03-10 to 2025-03-31,100\n": 140.0,
}


def test_exports_of_costs_are_read_with_their_month_and_sum(tmp_path):
    for number, (text, total) in enumerate(EXPORTS.items()):
        path = tmp_path / f"{number}.csv"
        path.write_text(text, encoding="utf-8")
        found = read_costs(path)
        when = "month" if "month" in found else "date"
        assert found["cost"].sum() == total, text
        assert set(found[when].dt.strftime("%Y-%m")) == {"2025-03"}, text


def test_the_currency_of_a_heading_is_that_of_the_costs():
    for heading in ("Amount spent (EUR)", "Cost EUR"):
        assert read_costs(pd.DataFrame({"month": ["2025-03"], heading: [1.0]}))["currency"].tolist() == [
            "EUR"
        ]
    signs = pd.DataFrame({"month": ["2025-03"] * 2, "cost": ["€5.50", "£6.00"]})
    assert read_costs(signs)["currency"].tolist() == ["EUR", "GBP"]
    assert code_of(read_costs(signs.assign(cost="kr 5"))["currency"].iloc[0]) == "kr"
    assert read_costs(pd.DataFrame({"month": ["2025-03"], "Spend ($)": [1.0]}))["currency"].tolist() == ["$"]
    both = pd.DataFrame({"month": ["2025-03"], "Cost EUR": [1.0], "currency": ["USD"]})
    assert read_costs(both)["currency"].tolist() == ["USD"]


def test_costs_in_another_currency_are_refused_and_signs_may_be_that_of_the_log():
    def costs(cost, **more):
        return read_costs(pd.DataFrame({"month": ["2025-03"], "cost": [cost], **more}))

    ours = [
        ("$100", "USD"),
        ("$100", "CAD"),
        ("CA$100", "CAD"),
        ("$100", "$"),
        ("US$ 5", "$"),
        ("100 kr", "SEK"),
        ("100 kr.", "DKK"),
    ]
    ours += [("¥100", "JPY"), ("100 €", "€"), ("100", "GBP"), ("100", ""), ("$100", "")]
    for cost, currency in ours:
        check_cost_currency(costs(cost), currency)
    for written, currency in [("€", "EUR"), ("eur", "EUR"), ("EUR", "€"), (" usd ", "USD")]:
        check_cost_currency(costs(5, currency=[written]), currency)
    for cost, currency in [
        ("$100", "EUR"),
        ("$100", "BRL"),
        ("100 kr", "EUR"),
        ("¥100", "USD"),
        ("CA$100", "USD"),
    ]:
        with pytest.raises(InputError, match=f"but the log is in {currency}; convert"):
            check_cost_currency(costs(cost), currency)
    with pytest.raises(InputError, match="the currency 'EURO', which is not known; write a code such as EUR"):
        check_cost_currency(costs(5, currency=["euro"]), "EUR")


@pytest.mark.parametrize(
    ("headings", "channels", "currencies"),
    [
        (("ads ($)", "Mail ($)"), ["ads", "Mail"], ["$", "$"]),
        (("ads EUR", "Kosten Mail (USD)"), ["ads", "Mail"], ["EUR", "USD"]),
        (("ads R$", "tv_ads [€]"), ["ads", "tv_ads"], ["BRL", "EUR"]),
        (("try", "Mail"), ["try", "Mail"], None),  # a channel, not Turkish lira
    ],
)
def test_the_currency_at_the_end_of_a_channels_heading_is_that_of_its_costs(headings, channels, currencies):
    found = read_costs(pd.DataFrame({"month": ["2025-03"], headings[0]: [5.0], headings[1]: [7.0]}))
    assert found["channel"].tolist() == channels
    assert found["cost"].tolist() == [5.0, 7.0]
    assert (found["currency"].tolist() if "currency" in found else None) == currencies


def test_what_cannot_be_read_is_one_sentence():
    wrong = {
        "need the columns month": pd.DataFrame({"channel": ["ads"], "cost": [1.0]}),
        "could each be the cost": pd.DataFrame({"month": ["2025-03"], "cost": [1.0], "ad spend": [2.0]}),
        "the costs of 'Total' are the sum of those of the other channels": pd.DataFrame(
            {"channel": ["ads", "tv", "Total"], "2025-01": [1, 2, 3], "2025-02": [5, None, 5]}
        ),
        "the costs contain the month 'Total'": pd.DataFrame(
            {"month": ["2025-03", "Total"], "cost": [1.0, 1.0]}
        ),
        "the costs contain the month an empty cell in row 2": pd.DataFrame(
            {"month": ["2025-03", None], "cost": [1.0, 1.0]}
        ),
        "got an empty cell in row 2; correct it": pd.DataFrame(
            {"month": ["2025-03", "2025-04"], "cost": [1.0, None]}
        ),
        "the month '2025-Q1', which is several months": pd.DataFrame({"month": ["2025-Q1"], "cost": [1.0]}),
        "the month '2025', which is several months": pd.DataFrame({"month": [2025], "cost": [1.0]}),
        "heading 'Jan' of the costs names no month": pd.DataFrame(
            {"channel": ["ads"], "Jan": [1.0], "Feb": [2.0]}
        ),
        "Found \\['month', 'budget'\\]; write cost above what was spent": pd.DataFrame(
            {"month": ["2025-03"], "budget": [1.0]}
        ),
        "got 'plenty' for tv in 2025-02; correct": pd.DataFrame(
            {"channel": ["ads", "tv"], "2025-01": ["1", "2"], "2025-02": ["1", "plenty"]}
        ),
        "the month 'May.' for ads; write": pd.DataFrame(
            {"month": ["2025-03", "May?"], "ads": [1, 2], "tv": [3, None]}
        ),
        "got 'plenty' in row 2": pd.DataFrame({"month": ["2025-03", "2025-04"], "cost": ["1.00", "plenty"]}),
    }
    dated = pd.DataFrame({"start date": ["2025-03-01"] * 2, "cost": [1.0, 1.0]})
    wrong["the end date '31.13.2025' in row 2; write"] = dated.assign(Enddatum=["-", "31.13.2025"])
    for sentence, table in wrong.items():
        with pytest.raises(InputError, match=sentence):
            read_costs(table)


def test_a_column_per_channel_names_the_channels_but_other_numbers_are_none():
    across = pd.DataFrame({"month": ["2025-03", "2025-04"], "Google Ads spend": [1, 2], "Mail": [3.5, None]})
    found = read_costs(across)
    assert found[["channel", "cost"]].values.tolist() == [
        ["Google Ads", 1.0],
        ["Mail", 3.5],
        ["Google Ads", 2.0],
    ]
    for other in ("Clicks", "New customers", "Revenue", "Cost CPC"):
        with pytest.raises(InputError, match="need the columns month"):
            read_costs(across.rename(columns={"Mail": other}))
    with pytest.raises(InputError, match="'Total' are the sum of those of the other channels"):
        read_costs(across.assign(Total=[4.5, 2.0]))


def test_one_column_of_numbers_is_a_channel_unless_it_may_be_a_sum():
    """A table of months and one channel had been refused."""
    found = read_costs(pd.DataFrame({"Monthly period": ["2025-01", "2025-02"], "ads": ["100", "120"]}))
    assert found[["channel", "cost"]].to_numpy().tolist() == [["ads", 100.0], ["ads", 120.0]]
    for heading in ("Total", "customers", "Wert", "EUR"):
        with pytest.raises(InputError, match="write cost above what was spent"):
            read_costs(pd.DataFrame({"month": ["2025-01"], heading: ["5"]}))


def test_two_days_in_one_cell_are_the_first_and_the_last():
    spent = pd.DataFrame({"Zeitraum": ["01.03.2025-16.03.2025", "17.03.2025 – 31.03.2025"], "Kosten": [1, 2]})
    found = read_costs(spent)
    assert found["date"].dt.day.tolist() == [1, 17]
    assert found["until"].dt.day.tolist() == [16, 31]


def test_a_cost_until_a_month_lasts_until_its_end():
    spent = pd.DataFrame(
        {"von": ["2024-01", "2024-03"], "bis": ["2024-02", "2024-03"], "Kosten": [60.0, 5.0]}
    )
    until = read_costs(spent)["until"]
    assert until.tolist() == [pd.Timestamp("2024-02-29"), pd.Timestamp("2024-03-31")]


def test_costs_follow_the_rules_of_the_log_on_dates_and_decimals():
    costs = pd.DataFrame({"date": ["04/03/2025"], "cost": ["1.250"]})
    with pytest.raises(
        InputError, match=r"the costs: .* Choose the decimal separator .* write costs as 1250\.00"
    ):
        read_costs(costs)
    found = read_costs(costs, Rules(day_first=True, decimal=",", money_unit=0.01))
    assert found.to_dict("records") == [{"date": pd.Timestamp("2025-03-04"), "cost": 1250.0}]


def test_costs_of_winning_are_read_in_other_languages_with_or_without_a_month():
    each = pd.DataFrame({"Kanal": ["ads", "seo"], "CAC": ["12,50", "3,00"]})
    assert read_acquisition_costs(each)["acquisition_cost"].tolist() == [12.5, 3.0]
    spent = read_acquisition_costs(pd.DataFrame({"Datum": ["31.03.2025"], "Werbekosten": ["20,00"]}))
    assert spent.to_dict("records") == [{"month": pd.Timestamp("2025-03-01"), "cost": 20.0}]
    for table in ({"Ort": ["x"], "Kosten": ["1"]}, {"Kanal": ["ads"], "Kosten": ["1"], "CAC": ["1"]}):
        with pytest.raises(InputError, match=r"either acquisition_cost .* Found \["):
            read_acquisition_costs(pd.DataFrame(table))


def test_the_channel_of_customers_is_found_by_its_heading_or_by_the_channels_of_the_costs():
    customers = [f"c{number}" for number in range(40)]
    table = pd.DataFrame(
        {"customer_id": customers, "Kanal": ["online", "shop"] * 20, "Quelle": ["Google Ads", "seo"] * 20}
    )
    log = Log(
        pd.DataFrame(
            {
                "customer_id": customers,
                "timestamp": pd.Timestamp("2024-03-01") + pd.to_timedelta(range(40), unit="D"),
                "amount": np.linspace(1.0, 9.0, 40),
            }
        )
    )
    tables, end = read_customers(log, CustomerSources(customers=table)), pd.Timestamp("2025-01-01")

    def column(*named: str) -> str:
        return channels_won(tables, end, log.customers, named).name

    assert column() == "Kanal"
    assert column("google_ads", "seo") == "Quelle"
    assert column("tv") == "Kanal"
    nothing = read_customers(log, CustomerSources(customers=table[["customer_id", "Quelle"]]))
    assert channels_won(nothing, end, log.customers) is None


def test_columns_that_are_not_read_are_told_and_those_under_their_own_names_not(caplog):
    read_acquisition_costs(pd.DataFrame({"channel": ["ads"], "acquisition_cost": [1.0]}))
    assert not caplog.records
    read_costs(pd.DataFrame({"month": ["2025-03"], "cost EUR": [5.0], "fees EUR": [1.0], "clicks": [7]}))
    assert [record.getMessage() for record in caplog.records] == [
        "Costs     not read: fees EUR, clicks.",
    ]


def test_thousands_in_a_heading_are_read_as_thousands_however_they_are_written():
    headings = [
        "Kosten in T€",
        "Kosten (Tsd. EUR)",
        "Spend ($000)",
        "Cost £000s",
        "Cost (USD '000)",
        "Spend in €k",
    ]
    table = {"month": ["2025-03", "2025-04"], "channel": ["ads", "tv"]}
    wrong = {
        heading: found
        for heading in headings
        if (found := read_costs(pd.DataFrame(table | {heading: ["1,5", "0,25"]}))["cost"].tolist())
        != [1500.0, 250.0]
    }
    assert not wrong
