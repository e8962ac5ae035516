"""Cohorts and the audit as pipelines: files, pages, sentences."""

import re

import mlflow
import numpy as np
import pandas as pd
import pytest
from pages import SENTENCES, columns_shown, lost_numbers

from cltv_ml import pipelines
from cltv_ml.data import clean, simulate
from cltv_ml.errors import InputError
from cltv_ml.pipelines.left_out import describe_left_out, describe_returned
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import unbroken

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(scope="module")
def log():
    return simulate(200, days=300, seed=3).log


def test_an_audit_writes_every_table_and_a_page(log, tmp_path):
    found = pipelines.audit(data=log, out=tmp_path / "audit", currency="EUR")
    for name, file in found.files.items():
        assert len(pd.read_csv(file)) == len(found.audit.tables[name]), name
    page = found.page.read_text()
    for question in ("How different are customers?", "How do they change?", "Do the numbers agree?"):
        assert question in page
    assert any("counts as new there" in note for note in found.notes)


def test_every_number_on_the_pages_of_a_log_is_in_a_file_next_to_it(log, costs, tmp_path):
    found = pipelines.audit(data=log, out=tmp_path / "audit", currency="EUR")
    assert lost_numbers(found.page, found.page.parent.rglob("*.csv"), tags=SENTENCES) == []
    found = pipelines.acquisition(data=log, costs=costs, out=tmp_path / "acquisition", currency="EUR")
    assert lost_numbers(found.page, found.page.parent.rglob("*.csv"), tags=SENTENCES) == []
    pipelines.check(data=log, html=tmp_path / "check" / "check.html", currency="EUR")
    assert (
        lost_numbers(tmp_path / "check" / "check.html", (tmp_path / "check").rglob("*.csv"), tags=SENTENCES)
        == []
    )
    found = pipelines.cohorts(data=log, out=tmp_path / "cohorts" / "cohorts.csv", per="month", currency="EUR")
    assert lost_numbers(found.page, found.page.parent.rglob("*.csv"), tags=SENTENCES) == []


def test_amounts_of_a_column_have_the_same_digits_and_files_at_most_four(log, costs, tmp_path):
    found = [
        pipelines.audit(data=log, out=tmp_path / "audit", currency="EUR", margin_rate=0.3),
        pipelines.acquisition(
            data=log, costs=costs, out=tmp_path / "acquisition", currency="EUR", margin_rate=0.3
        ),
        pipelines.cohorts(data=log, out=tmp_path / "cohorts" / "cohorts.csv", per="month", currency="EUR"),
    ]
    for one in found:
        for place, column in enumerate(columns_shown(one.page)):
            amounts = [re.search(r"-?[\d,]+(\.\d\d)?(?: to|$)", cell) for cell in column]
            digits = {bool(amount[1]) for amount in amounts if amount and "." in "".join(column)}
            assert len(digits) < 2, (one.page.name, place, column)
    for file in tmp_path.rglob("*.csv"):
        assert not re.search(r"\d\.\d{5}", file.read_text(encoding="utf-8")), file


def test_lines_that_are_set_aside_are_counted_in_rows_and_money(log, costs, tmp_path):
    guests = pd.DataFrame({"customer_id": None, "timestamp": log["timestamp"].iloc[:40], "amount": 25.0})
    fees = log.tail(3).assign(amount=-7.5, customer_id="nobody else", order_id=["r1", "r2", "r3"])
    raw = pd.concat([log, guests, fees], ignore_index=True)
    expected = (
        f"43 of the {len(raw):,} lines read, worth 977.50 EUR, are left out: no customer (40 lines, 1,000 EUR), "
        "return without a purchase (3 lines, -22.50 EUR)."
    )
    for found in (
        pipelines.audit(data=raw, out=tmp_path / "audit", currency="EUR"),
        pipelines.cohorts(data=raw, out=tmp_path / "cohorts.csv", currency="EUR"),
        pipelines.acquisition(data=raw, costs=costs, out=tmp_path / "acquisition", currency="EUR"),
        pipelines.forecast(data=raw, horizon=91, out=tmp_path / "forecast.csv", currency="EUR"),
    ):
        assert expected in found.notes[0]
    assert "lines read" not in " ".join(pipelines.audit(data=log, out=tmp_path / "audit").notes)


def test_sales_without_a_customer_are_told_above_one_in_a_hundred():
    days = pd.date_range("2024-01-01", periods=100)
    shop = pd.DataFrame(
        {"customer_id": [f"c{day % 7}" for day in range(100)], "timestamp": days, "amount": 5.0}
    )
    told = {
        count: describe_left_out(
            clean(shop.assign(customer_id=shop["customer_id"].mask(shop.index < count))), "EUR"
        )
        for count in (0, 3)
    }
    assert told[0] == []
    assert told[3] == [
        "3 of the 100 lines read, worth 15.00 EUR, are left out: no customer (3 lines, 15.00 EUR). The command "
        "`cltv data check` explains them."
    ]


def test_customers_who_returned_everything_are_counted():
    raw = pd.DataFrame(
        {
            "customer_id": ["12345.0", "12345", "BOB@x.io", "bob@x.io", "12345.0", "777"],
            "timestamp": pd.to_datetime(
                ["2024-01-01", "2024-01-05", "2024-01-03", "2024-01-04"] + ["2024-01-06"] * 2
            ),
            "amount": [10.0, 20.0, 9.0, -9.0, -10.0, 5.0],
            "order_id": ["a", "b", "c", "c", "a", "d"],
        }
    )
    assert describe_returned(clean(raw)) == [
        "1 customer returned everything they bought and is not counted among the customers won."
    ]
    assert describe_returned(clean(raw.head(2))) == []


def test_an_audit_says_the_days_of_the_log_and_none_before_it(log, tmp_path):
    page = pipelines.audit(data=log, out=tmp_path / "audit").page.read_text(encoding="utf-8")
    first, last = log["timestamp"].min(), log["timestamp"].max()
    assert f"<p>{unbroken(f'{first:%Y-%m-%d} to {last:%Y-%m-%d}, by ')}" in page


@pytest.mark.parametrize(
    ("calendar", "told"),
    [
        (False, "9 of the 91 days of the quarter to 2024-03-31"),
        (True, "30 of the 91 days of 2024-Q1 and 5 of the 91 days of 2024-Q2"),
    ],
)
def test_an_audit_tells_how_many_days_of_a_period_the_log_covers(calendar, told, tmp_path):
    days = pd.DataFrame(
        {"customer_id": list("abab"), "amount": 5.0, "timestamp": ["2024-03-02", "2024-04-05"] * 2}
    )
    if not calendar:  # nine days and a whole quarter
        days["timestamp"] = ["2024-03-23", "2024-06-30"] * 2
    found = pipelines.audit(data=days, per="quarter", calendar=calendar, out=tmp_path)
    assert any(f"The log covers only {told}" in note for note in found.notes), found.notes


def test_an_audit_of_a_single_period_says_so(log, tmp_path):
    first = log[log["timestamp"] < log["timestamp"].min() + pd.Timedelta(days=20)]
    found = pipelines.audit(data=first, mapping={"cost": "cost"}, out=tmp_path)
    assert any(note.endswith("one period, so there is nothing to compare yet.") for note in found.notes)
    found = pipelines.audit(data=first, mapping={"cost": "cost"}, per="year", out=tmp_path)
    assert any("nothing to compare yet; choose shorter periods." in note for note in found.notes)
    assert "How do they change?" not in found.page.read_text()


def test_an_audit_refuses_a_file_as_its_folder(log, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="must be a folder"):
        pipelines.audit(data=log, out=tmp_path / "taken")


def test_acquisition_and_cohorts_state_that_old_customers_look_new_where_the_log_begins_later(tmp_path):
    log = simulate(1500, days=700, seed=4).log
    later = log[log["timestamp"] >= log["timestamp"].min() + pd.Timedelta(days=300)]
    table = pd.DataFrame({"month": [*later["timestamp"].dt.strftime("%Y-%m").unique()], "cost": 50.0})
    for part, told in ((log, False), (later, True)):
        costs = table if told else table.head(1)
        found = pipelines.acquisition(data=part, costs=costs, out=tmp_path / f"acquisition{told}")
        grouped = pipelines.cohorts(data=part, out=tmp_path / f"cohorts{told}.csv")
        for notes in (found.notes, grouped.notes):
            assert any("first 91 days had bought before" in note for note in notes) == told, notes
        if told:  # the costs and the customers of the end of October to January do not count
            assert found.tables["cac"]["cost"].iloc[0] == 50.0 * (len(table) - 4)


@pytest.fixture(scope="module")
def costs(log):
    months = log["timestamp"].dt.strftime("%Y-%m").drop_duplicates().sort_values()
    return pd.DataFrame(
        [(month, channel, 50.0) for month in months for channel in ("web", "app", "")],
        columns=["month", "channel", "cost"],
    )


def test_acquisition_writes_every_table_and_a_page(log, costs, tmp_path):
    found = pipelines.acquisition(data=log, costs=costs, out=tmp_path / "acquisition", currency="EUR")
    cac = found.tables["cac"].set_index("channel")
    assert cac["cost"].drop("all channels").sum() == cac.at["all channels", "cost"] == costs["cost"].sum()
    assert cac["customers"].drop("all channels").sum() == log["customer_id"].nunique()
    assert "payback" in found.tables["returns"]  # without rows, as no margin is known
    assert all(len(pd.read_csv(file)) == len(found.tables[name]) for name, file in found.files.items())
    assert "Customer value against acquisition cost" in found.page.read_text()
    assert any("no channel" in note for note in found.notes)


def test_acquisition_tells_revenue_next_to_contribution_and_keeps_a_run(log, costs, tmp_path):
    found = pipelines.acquisition(data=log, costs=costs, out=tmp_path, experiment="won")
    value = found.tables["value"]
    whole = value[value["channel"] == "all channels"].set_index("age")
    first = (
        log["timestamp"].dt.normalize()
        == log.groupby("customer_id")["timestamp"].transform("min").dt.normalize()
    )
    assert whole.at[1, "revenue_realised"] == pytest.approx(log.loc[first, "amount"].sum() / 200)
    left = (log["amount"] - log["cost"])[first].sum() / 200
    assert whole.at[1, "realised"] == pytest.approx(left)
    assert (value["revenue_lower"] <= value["revenue_expected"]).all()
    (run,) = mlflow.search_runs(experiment_names=["won"], output_format="list")
    assert run.data.metrics["cac"] == pytest.approx(found.tables["cac"]["cac"].iloc[0])
    assert run.data.metrics["value_over_cost"] == pytest.approx(found.tables["returns"]["ratio"].iloc[0])
    client = mlflow.MlflowClient()
    kept = client.load_table(run.info.experiment_id, "tables/value.json", run_ids=[run.info.run_id])
    assert kept["expected"].tolist() == pytest.approx(value["expected"].tolist())


def test_a_few_lines_without_a_cost_are_filled_and_told_and_money_still_adds_up(log, costs, tmp_path):
    gaps = log.assign(cost=log["cost"].where(log.index % 20 > 0))
    audit = pipelines.audit(data=gaps, out=tmp_path / "audit")
    cohorts = pipelines.cohorts(data=gaps, out=tmp_path / "cohorts.csv")
    won = pipelines.acquisition(data=gaps, costs=costs, out=tmp_path / "acquisition")
    for found in (audit, cohorts, won):
        assert any(
            "have no cost: they get the margin of the customer's other lines" in n for n in found.notes
        )
    assert cohorts.table["revenue"].sum() == pytest.approx(log["amount"].sum(), abs=0.001)
    assert cohorts.table["margin"].sum() == pytest.approx(audit.audit.periods["margin"].sum(), abs=0.001)
    own = gaps.dropna(subset="cost").groupby("customer_id")[["cost", "amount"]].sum()
    rate = (own["cost"] / own["amount"]).reindex(gaps["customer_id"].unique())
    rate = rate.fillna(own["cost"].sum() / own["amount"].sum())
    spent = gaps["cost"].fillna(gaps["amount"] * gaps["customer_id"].map(rate)).sum()
    assert cohorts.table["margin"].sum() == pytest.approx(log["amount"].sum() - spent, abs=0.01)


def test_a_margin_rate_counts_for_categories_that_have_none_of_their_own(log, costs, tmp_path):
    rates = pd.DataFrame({"category": [log["category"].min()], "margin_rate": [0.5]})
    bare = log.drop(columns="cost")
    found = pipelines.audit(data=bare, category_margins=rates, margin_rate=0.2, out=tmp_path)
    own = log["category"] == log["category"].min()
    assert found.audit.periods["margin"].sum() == pytest.approx(
        0.5 * log.loc[own, "amount"].sum() + 0.2 * log.loc[~own, "amount"].sum(), abs=0.05
    )


def test_acquisition_without_a_margin_holds_nothing_against_cost(log, costs, tmp_path):
    found = pipelines.acquisition(data=log.drop(columns="cost"), costs=costs, out=tmp_path)
    assert found.tables["returns"].empty
    assert any("not compared with cost" in note for note in found.notes)
    assert "Revenue in 365 days" in found.page.read_text(encoding="utf-8")


def test_acquisition_reads_channels_from_a_table_of_customers(log, costs, tmp_path):
    customers = pd.DataFrame({"customer_id": log["customer_id"].unique(), "channel": "web"})
    customers.to_csv(tmp_path / "customers.csv", index=False)
    costs[costs["channel"] == "web"].to_csv(tmp_path / "costs.csv", index=False)
    found = pipelines.acquisition(
        data=log, costs=tmp_path / "costs.csv", customers=tmp_path / "customers.csv", out=tmp_path / "out"
    )
    assert found.tables["cac"]["channel"].tolist() == ["all channels", "web"]


def test_acquisition_takes_any_column_of_channels_and_ids_of_another_spelling(log, costs, tmp_path):
    ids = pd.Series(log["customer_id"].unique())
    customers = pd.DataFrame({"ref": ids.str.upper(), "UTM source": "Web"})
    spent = costs[costs["channel"] == "web"].assign(channel="Web")
    found = pipelines.acquisition(
        data=log, costs=spent, customers=customers, channel="utm_source", out=tmp_path / "out"
    )
    assert found.tables["cac"]["channel"].tolist() == ["all channels", "Web"]
    with pytest.raises(InputError, match="the table of customers has no column 'medium'; available:"):
        pipelines.acquisition(data=log, costs=spent, customers=customers, channel="medium", out=tmp_path)


def test_campaigns_are_compared_where_customers_name_theirs_and_told_elsewhere(log, costs, tmp_path):
    ids = pd.Series(log["customer_id"].unique())
    people = pd.DataFrame({"customer_id": ids, "utm_campaign": np.where(ids.index % 2, "spring", "sale")})
    month = f"{log['timestamp'].min():%Y-%m}"
    spent = pd.DataFrame({"month": month, "campaign": ["spring", "sale"], "cost": [30.0, 10.0]})
    found = pipelines.acquisition(
        data=log, costs=spent, customers=people, channel="utm_campaign", out=tmp_path
    )
    cac = found.tables["cac"].set_index("channel")["cost"]
    assert cac.to_dict() == {"all channels": 40.0, "sale": 10.0, "spring": 30.0}
    notes = pipelines.acquisition(data=log, costs=spent, out=tmp_path).notes
    assert any(note.startswith("The costs of 2 campaigns were summed.") for note in notes)


def test_costs_without_any_channel_are_told_in_one_sentence(log, costs, tmp_path):
    whole = costs.groupby("month", as_index=False)["cost"].sum()
    found = pipelines.acquisition(data=log, costs=whole, out=tmp_path / "whole", margin_rate=0.3)
    assert "The costs have no channel, so only the total cost per customer is known." in found.notes
    assert not any("do not mention" in note or "of the cost of" in note for note in found.notes)
    assert found.tables["months"]["customers"].dtype == "int64"


def test_spellings_of_one_channel_count_as_one_and_are_told(log, costs, tmp_path):
    plain = pipelines.acquisition(data=log, costs=costs, out=tmp_path / "plain", margin_rate=0.3)
    spelled = log.assign(channel=log["channel"].where(log.index % 3 > 0, log["channel"].str.upper()))
    found = pipelines.acquisition(data=spelled, costs=costs, out=tmp_path / "spelled", margin_rate=0.3)
    for name, table in plain.tables.items():
        channels = (
            found.tables[name].assign(channel=lambda own: own["channel"].str.lower())
            if "channel" in table
            else found.tables[name]
        )
        pd.testing.assert_frame_equal(
            channels.sort_values([*channels.columns[:2]], ignore_index=True),
            table.sort_values([*table.columns[:2]], ignore_index=True),
            check_dtype=False,
        )
    assert any(note.startswith("Spellings of one channel count as one: ") for note in found.notes)


def test_a_channel_without_costs_is_told_to_count_as_free(log, costs, tmp_path):
    spent = costs[costs["channel"] == "web"]
    notes = pipelines.acquisition(data=log, costs=spent, out=tmp_path).notes
    others = sorted(set(log["channel"].dropna()) - {"web"})
    assert (
        f"The costs do not mention {', '.join(others[:3])}, so winning these customers counts as free."
        in notes
    )


def test_costs_of_orders_that_change_nothing_without_a_margin_are_named(log, costs, tmp_path):
    found = pipelines.acquisition(data=log.drop(columns="cost"), costs=costs, per_order=2.0, out=tmp_path)
    assert "Without a margin, --per-order changed nothing." in found.notes


def test_months_in_which_a_channel_has_no_costs_are_told_to_count_as_free(log, costs, tmp_path):
    months = sorted(costs["month"].unique())
    spent = costs[(costs["channel"] != "web") | (costs["month"] != months[2])]
    notes = pipelines.acquisition(data=log, costs=spent, out=tmp_path).notes
    first = log.loc[log.groupby("customer_id")["timestamp"].idxmin()]
    free = (first["channel"] == "web") & (first["timestamp"].dt.strftime("%Y-%m") == str(months[2])[:7])
    said = f"{free.sum():,} customers were won in months in which the costs mention other channels but not theirs"
    assert any(said in note and f"such as web in {str(months[2])[:7]}" in note for note in notes)
    assert not any(
        "not theirs" in n for n in pipelines.acquisition(data=log, costs=costs, out=tmp_path).notes
    )


def test_a_channel_column_without_its_table_is_one_sentence(log, costs, tmp_path):
    with pytest.raises(ValueError, match="'source' is a column of the table of customers, but none is given"):
        pipelines.acquisition(data=log, costs=costs, channel="source", out=tmp_path)


def test_an_age_that_is_not_followed_is_one_sentence(log, costs, tmp_path):
    with pytest.raises(InputError, match="age must be one of"):
        pipelines.acquisition(data=log, costs=costs, age=100, out=tmp_path)


def test_small_cohorts_are_told_outside_the_page_too(log, tmp_path):
    people = pd.DataFrame({"customer_id": log["customer_id"].unique()})
    people["club"] = np.where(np.arange(len(people)) < 7, "gold", "none")
    notes = pipelines.cohorts(data=log, by="club", customers=people, out=tmp_path / "clubs.csv").notes
    assert (
        "These cohorts have fewer than 30 customers and are drawn in grey; read them with care: gold."
        in notes
    )
    few = log[log["customer_id"].isin(people["customer_id"][:40])]
    coarser = "Most months won fewer than 30 customers; cohorts by quarter (first_quarter) join three months."
    by_month = {"data": few, "by": "first_month", "out": tmp_path / "months.csv"}
    assert coarser in pipelines.cohorts(**by_month).notes
    assert coarser not in pipelines.cohorts(**by_month | {"by": "first_quarter"}).notes


def test_cohorts_are_grouped_by_an_attribute_of_a_table(log, tmp_path):
    ids = log["customer_id"].drop_duplicates()
    people = pd.DataFrame({"customer_id": ids, "region": np.where(np.arange(len(ids)) % 2, "north", "south")})
    found = pipelines.cohorts(data=log, by="region", customers=people, out=tmp_path / "cohorts.csv")
    assert set(found.table["cohort"]) == {"north", "south"}
    assert found.table["revenue"].sum() == pytest.approx(log["amount"].sum())


def test_attributes_that_cannot_be_used_are_one_sentence(log, tmp_path):
    first = log["customer_id"].iloc[0]
    people = pd.DataFrame({"customer_id": [first, first], "region": "north"})
    wrong = {
        "the table of customers has no column 'colour'": {"by": "colour", "customers": people},
        "rows differ for": {
            "by": "region",
            "customers": people.assign(region=["north", "south"]),
        },
        "Unknown grouping 'region'": {"by": "region"},
        "horizons must increase": {"horizons": ["1y", "30d"]},
    }
    for sentence, options in wrong.items():
        with pytest.raises(InputError, match=sentence):
            pipelines.cohorts(data=log, out=tmp_path / "cohorts.csv", **options)


def test_small_cohorts_are_grey():
    cohorts = pd.DataFrame(
        {
            "cohort": ["a", "b"],
            "customers": [29, 30],
            "period": 0,
            "complete": True,
            "cumulative_revenue_per_customer": [1.0, 2.0],
        }
    )
    names = [trace.name for trace in plots.cohort_table(cohorts).data]
    assert names[1] == "fewer than 30 customers"
    assert len(names) == 2
    begun = cohorts.assign(
        complete=cohorts["customers"] == 30
    )  # a map without values stopped the page's script
    assert len(plots.cohort_table(begun).data) == 1


@pytest.mark.parametrize(("cost", "said"), [(0.0, []), (1e6, ["200 customers came through"])])
def test_a_page_of_costs_without_channels_says_who_pays_back(log, tmp_path, cost, said):
    months = log["timestamp"].dt.strftime("%Y-%m").unique()
    costs = pd.DataFrame({"month": months, "cost": cost})
    log = log.drop(columns=["channel"], errors="ignore")
    page = pipelines.acquisition(data=log, costs=costs, margin_rate=0.3, out=tmp_path).page.read_text("utf-8")
    assert re.findall(r"[\d,]+ customers came through", page) == said
    assert ">nan" not in page


def test_cohorts_of_less_than_a_period_say_that_none_is_complete(tmp_path):
    days = pd.date_range("2024-01-01", periods=3)
    month = pd.DataFrame({"customer_id": list("aab"), "timestamp": days, "amount": 9.0})
    found = pipelines.cohorts(data=month, out=tmp_path / "cohorts.csv")
    assert found.table["revenue"].sum() == 27.0
    assert "observed for a whole month, so" in found.page.read_text(encoding="utf-8")


def test_costs_in_a_currency_of_their_own_are_told_where_the_logs_is_not_stated(log, costs, tmp_path):
    spent = costs.assign(currency="usd")
    notes = pipelines.acquisition(data=log, costs=spent, out=tmp_path).notes
    assert any(
        "The costs are in USD. The amounts of the log are assumed to be in the same currency" in note
        for note in notes
    )
    notes = pipelines.acquisition(data=log, costs=spent, out=tmp_path, currency="USD").notes
    assert not any("same currency" in note for note in notes)
    with pytest.raises(InputError, match="the costs are in USD, but the log is in EUR"):
        pipelines.acquisition(data=log, costs=spent, out=tmp_path, currency="EUR")


def test_a_folder_takes_the_table_under_its_usual_name(log, tmp_path):
    """`cltv cohorts --out out` was refused, unlike `cltv score --out out`."""
    found = pipelines.cohorts(data=log, out=tmp_path)
    assert (found.file, found.page) == (tmp_path / "cohorts.csv", tmp_path / "cohorts.html")
    assert found.file.is_file()
    shown = found.page.read_text(encoding="utf-8")
    assert all(asked in shown for asked in ("Do customers come back?", "What should you not rely on?"))


def test_figures_of_a_shop_that_still_wins_customers_go_on_where_its_old_ones_are_observed(log, tmp_path):
    """Figures by channel or by first order were empty, because the newest customer had not finished a month."""
    found = pipelines.cohorts(data=log, by="first_channel", out=tmp_path)
    shown = found.table[found.table["complete"] | (found.table["observed"] >= 30)]
    assert not shown.loc[shown["period"] > 1, "complete"].any()
    drawn = plots.cohort_table(found.table, measure="retention").data[0]
    assert np.isfinite(np.asarray(drawn.z, dtype=float)).sum() == len(shown) > 14
    # Month 4 is the last that half of the 200 customers have finished, among the channels that show it.
    fourth = shown[shown["period"] == 4]
    assert fourth["observed"].sum() >= 100
    share = (fourth["retention"] * fourth["observed"]).sum() / fourth["observed"].sum()
    assert f"{share:.0%} of {fourth['observed'].sum():,} customers bought again." in found.page.read_text(
        "utf-8"
    )
