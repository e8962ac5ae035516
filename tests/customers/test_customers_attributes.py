"""Tables about customers at the door: kinds, identifiers, ids of another spelling, columns that know the future."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.customers import CustomerSources, describe_attributes, describe_scored, read_customers
from cltv_ml.customers.attributes import read_attributes
from cltv_ml.customers.closeness import closeness
from cltv_ml.customers.matching import Coverage, match_customers
from cltv_ml.data import Rules
from cltv_ml.errors import InputError
from cltv_ml.log import Log

N = 60


def people(**columns) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [f"{number:04d}" for number in range(N)], **columns})


def reason(found, column) -> str:
    return next(one.reason for one in found.account if one.column == column)


def test_a_column_without_any_value_is_not_told_as_read():
    found = read_attributes(people(plan="basic", size=pd.Series([None] * N, dtype="float")), learns=False)
    told = describe_attributes(found, Coverage(N, N, 0), learns=False)
    assert "Read: plan=category." in told
    assert "Columns without any value: size." in told


def test_a_table_without_what_the_model_learned_from_is_not_said_to_meet_a_model_without_attributes():
    found = read_attributes(people(plan="basic"), wanted=["text_country"], learns=False)
    coverage = Coverage(N, N, 0)
    told = "The model learned from none of the table's columns, so this table changes no score."
    assert describe_scored(found, coverage, ["text_country"])[1] == told
    assert "learned from no attribute" in describe_scored(found, coverage, [])[1]


@pytest.fixture(scope="module")
def log() -> Log:
    """Sixty customers with one to five purchases over a year."""
    rng = np.random.default_rng(0)
    rows = [
        (
            f"{number:04d}",
            pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(day)),
            float(rng.integers(5, 90)),
        )
        for number in range(N)
        for day in [number % 20, *rng.integers(21, 365, rng.integers(0, 5))]
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"])
    return Log(table.astype({"customer_id": "str"}))


def test_ids_with_other_signs_between_are_found_by_their_values():
    ids = pd.Index([f"ACC-{number:03d}" for number in range(N)])
    table = people(country=["UK", "FR"] * 30).assign(customer_id=[f"acc{number:03d}" for number in range(N)])
    found = read_attributes(table.rename(columns={"customer_id": "Account Number"}), customers=ids)
    assert found.table.num_rows == N


def test_the_user_may_say_what_a_column_is():
    found = read_attributes(people(code=[1, 2] * 30), {"code": "number"})
    assert found.table.column_names == ["customer_id", "number_code"]
    assert read_attributes(people(code=[1, 2] * 30), {"code": "none"}).used == ()


def test_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="'code' cannot be 'colour'; use --attribute code=KIND with one of"):
        read_attributes(people(code=[1, 2] * 30), {"code": "colour"})


def test_a_named_column_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="column 'kode' is not in the table"):
        read_attributes(people(code=[1, 2] * 30), {"kode": "number"})


def test_customers_twice_without_a_date_are_refused():
    twice = pd.concat([people(country="UK"), people(country="FR")])
    with pytest.raises(ValueError, match=r"rows differ for 60 customers.*COLUMN=valid_from"):
        read_attributes(twice)


def test_equal_rows_and_rows_without_a_customer_are_set_aside():
    table = pd.concat([people(country=["UK", "FR"] * 30), people(country=["UK", "FR"] * 30).head(2)])
    table.iloc[5, 0] = None
    found = read_attributes(table)
    assert found.quarantine["rule"].value_counts().to_dict() == {"exact_duplicate": 2, "missing_customer": 1}


def test_dated_rows_are_read_as_states():
    table = people(country=["UK", "FR"] * 30, valid_from="2024-02-01")
    found = read_attributes(pd.concat([table, table.assign(country="DE", valid_from="2024-05-01")]))
    assert found.dated
    assert len(found.table) == 2 * N


def test_no_column_of_ids_is_asked_for():
    with pytest.raises(ValueError, match=r"no column is clearly the customer id.*COLUMN=customer_id"):
        read_attributes(pd.DataFrame({"country": ["UK", "FR"], "age": [1, 2]}))


def test_ids_are_found_by_their_values_where_no_heading_says_so(log):
    table = people(country=["UK", "FR"] * 30, email=[f"{number}@x.io" for number in range(N)])
    for heading in ("panelist_ref", "External ID", "Cust Ref."):
        known = read_customers(log, CustomerSources(customers=table.rename(columns={"customer_id": heading})))
        assert known.coverage.covered == N, heading
        assert any(heading in note for note in known.attributes.notes), heading


def test_a_column_of_numbers_holds_ids_under_the_heading_that_they_have_in_the_log():
    log = Log(
        pd.DataFrame(
            {
                "customer_id": [str(1000 + n) for n in range(N)],
                "timestamp": pd.Timestamp("2024-01-05"),
                "amount": 10.0,
            }
        )
    )
    table = people(country=["UK", "FR"] * 30)
    table = table.assign(customer_id=[1000 + number for number in range(N)]).rename(
        columns={"customer_id": "Zebra"}
    )
    sources = CustomerSources(customers=table.assign(line=table["Zebra"]))
    with pytest.raises(ValueError, match="no column is clearly the customer id"):
        read_customers(log, sources)
    known = read_customers(log, sources, headings={"zebra": "customer_id"})
    assert known.coverage.covered == N


def test_two_columns_that_hold_ids_are_asked_about(log):
    table = people(country=["UK", "FR"] * 30).rename(columns={"customer_id": "a"}).assign(b=lambda t: t["a"])
    with pytest.raises(ValueError, match=r"The values of \['a', 'b'\] are ids of the log"):
        read_customers(log, CustomerSources(customers=table))


def test_a_counter_that_equals_numeric_ids_by_chance_is_asked_about():
    ids = [str(number) for number in range(N)]
    log = Log(pd.DataFrame({"customer_id": ids, "timestamp": pd.Timestamp("2024-01-01"), "amount": 1.0}))
    table = pd.DataFrame({"position": range(N), "country": ["UK", "FR"] * 30})
    with pytest.raises(ValueError, match=r"The values of \['position'\] are ids of the log"):
        read_customers(log, CustomerSources(customers=table))
    known = read_customers(
        log, CustomerSources(customers=table.rename(columns={"position": "household_key"}))
    )
    assert known.coverage.covered == N


def test_contacts_find_ids_by_their_values_too(log):
    contacts = pd.DataFrame({"cust_ref": [f"{number:04d}" for number in range(N)], "sent_at": "2024-05-01"})
    known = read_customers(log, CustomerSources(contacts=contacts))
    assert known.contact_coverage.covered == N
    assert any("--contact cust_ref=none turns this off" in note for note in known.contacts.notes)


def test_columns_that_say_when_a_row_ended_are_no_attribute(log):
    early = people(tier=["gold", "silver"] * 30, valid_from="2023-01-01", thru="2024-03-31", newest="N")
    late = people(tier=["silver", "gold"] * 30, valid_from="2024-04-01", thru="9999-12-31", newest="Y")
    found = read_customers(
        log, CustomerSources(customers=pd.concat([early, late])), earliest=pd.Timestamp("2024-02-01")
    ).attributes
    assert [one.column for one in found.used] == ["tier"]
    assert "how long a row was valid" in reason(found, "thru")


def test_ids_without_their_leading_zeros_are_matched_and_told(log):
    stripped = people(country=["UK", "FR"] * 30).assign(customer_id=range(N))
    known = read_customers(log, CustomerSources(customers=stripped))
    assert known.coverage.covered == N
    assert "without leading zeros" in known.coverage.sentence


def test_ids_are_brought_to_the_forms_of_the_log():
    ids = [f"c{number}" for number in range(200)]
    log = Log(pd.DataFrame({"customer_id": ids, "timestamp": pd.Timestamp("2024-01-01"), "amount": 1.0}))
    one = CustomerSources(
        customers=pd.DataFrame({"customer_id": ["C0", *ids[1:]], "country": ["UK", "FR"] * 100})
    )
    assert read_customers(log, one, rules=Rules(id_forms=("blanks", "case"))).coverage.covered == 200


def test_ids_that_a_loose_spelling_makes_one_are_asked_about():
    table = read_attributes(pd.DataFrame({"customer_id": ["7", "8"], "country": ["UK", "FR"]})).table
    with pytest.raises(ValueError, match="the log has both '07' and '007'"):
        match_customers(table, pd.Index(["07", "007", "08"]))


def test_no_overlap_at_all_is_refused_with_both_spellings(log):
    strangers = people(country=["UK", "FR"] * 30).assign(customer_id=[f"X-{number}" for number in range(N)])
    with pytest.raises(
        ValueError, match=r"no customer in the table is in the log\. Ids in the log look like '0000'"
    ):
        read_customers(log, CustomerSources(customers=strangers))


def test_customers_without_a_row_and_rows_without_a_customer_are_counted(log):
    some = people(country=["UK", "FR"] * 30).head(30)
    some = pd.concat([some, some.head(2).assign(customer_id=["x", "y"])])
    sentence = read_customers(log, CustomerSources(customers=some)).coverage.sentence
    assert "30 of 60 customers in the log (50%) have a row" in sentence
    assert "2 customers in the table are not in the log" in sentence


def test_facts_of_the_log_are_left_out_of_a_snapshot(log):
    grouped = log.frame.groupby("customer_id")
    spend, last = grouped["amount"].sum(), grouped["timestamp"].max()
    snapshot = people(
        worth=spend.to_numpy() * 1.1,
        band=pd.qcut(spend, 4, labels=list("abcd")).astype(str).to_numpy(),
        gone=(last < "2024-07-01").to_numpy().astype(int),
        seen=last.to_numpy(),
        LTV=np.arange(N) % 7,
        sessions=np.arange(N) % 11,
        emails_opened_30d=np.arange(N) % 5,
        country=["UK", "FR"] * 30,
    )
    found = read_customers(
        log, CustomerSources(customers=snapshot), earliest=pd.Timestamp("2024-02-01")
    ).attributes
    assert [one.column for one in found.used] == ["country"]
    assert all("valid_from" in one.reason for one in found.account if one.reason)


def test_behaviour_and_forecasts_are_known_by_their_headings_in_other_languages(log):
    leaks = [
        "amountSpent",
        "Predicted CLV",
        "pLTV",
        "Expected Date Of Next Order",
        "F Score",
        "Member Rating",
        "Sales YTD",
        "Total refunded",
        "Purchase probability",
        "updated_at",
        "LastModifiedDate",
        "Umsatz gesamt",
        "Letzter Besuch",
        "Bestellanzahl",
        "Dernière commande",
        "Panier moyen",
        "Número de pedidos",
        "Última compra",
        "Ticket medio",
        "Ultimo acquisto",
        "Omzet totaal",
        "Laatste bestelling",
        "Liczba zamówień",
        "Senaste köp",
        "Son sipariş",
        "累計購入金額",
        "最終購入日",
        "구매 횟수",
        "最近购买",
        "Количество заказов",
        "آخر طلب",
    ]
    honest = [
        "Customer since",
        "Account opened",
        "Consumer order type",
        "Number of children",
        "Lifetime member",
        "Last school",
    ]
    values = {heading: [f"w{number % 3}" for number in range(N)] for heading in [*leaks, *honest]}
    found = read_customers(
        log, CustomerSources(customers=people(**values)), earliest=pd.Timestamp("2024-02-01")
    ).attributes
    assert [one.column for one in found.used] == honest


def test_the_user_may_say_that_a_heading_misleads_and_values_still_decide(log):
    spend = log.frame.groupby("customer_id")["amount"].sum().to_numpy()
    table = people(points=[1, 2, 3] * 20, **{"Lifetime Value": spend})

    def reasons(stated):
        sources = CustomerSources(customers=table, attributes=stated)
        found = read_customers(log, sources, earliest=pd.Timestamp("2024-02-01")).attributes
        return {one.column: one.reason for one in found.account}

    assert "if it does not: --attribute points=number." in reasons({})["points"]
    kept = reasons({"points": "number", "Lifetime Value": "number"})
    assert kept["points"] == ""
    assert "it follows each customer's spend" in kept["Lifetime Value"]


def test_values_that_only_active_customers_have_tell_who_left_and_are_left_out(log):
    last = log.frame.groupby("customer_id")["timestamp"].max().to_numpy()
    active = last >= np.datetime64("2024-07-01")
    snapshot = people(app=np.where(active, ["ios", "web"] * 30, None), country=["UK", "FR"] * 30)
    day = pd.Timestamp("2024-02-01")
    found = read_customers(log, CustomerSources(customers=snapshot), earliest=day).attributes
    assert [one.column for one in found.used] == ["country"]
    assert "whether it has a value follows each customer's last purchase in the log" in reason(found, "app")
    assert found.notes == ()
    found = read_customers(log, CustomerSources(customers=snapshot[active]), earliest=day).attributes
    assert any(
        "Who has a row follows each customer's last purchase in the log" in note for note in found.notes
    )


def test_rows_dated_by_an_export_are_told(log):
    export = people(country=["UK", "FR"] * 30, valid_from="2024-12-31")
    found = read_customers(
        log, CustomerSources(customers=export), earliest=pd.Timestamp("2024-02-01")
    ).attributes
    assert any(
        "The first row of 60 of 60 customers is valid only from more than 30 days" in note
        for note in found.notes
    )


def test_a_dated_table_is_trusted(log):
    known = log.frame[log.frame["timestamp"] < "2024-07-01"].groupby("customer_id")["amount"].sum()
    dated = [people(total_spent=0.0, valid_from="2024-01-01")]
    dated += [people(valid_from="2024-07-01").assign(total_spent=known.to_numpy())]
    found = read_customers(
        log, CustomerSources(customers=pd.concat(dated)), earliest=pd.Timestamp("2024-02-01")
    ).attributes
    assert [one.column for one in found.used] == ["total_spent"]


def test_a_sign_up_before_the_first_purchase_is_no_leak(log):
    first = log.frame.groupby("customer_id")["timestamp"].min()
    snapshot = people(signup=(first - pd.Timedelta(days=3)).to_numpy())
    found = read_customers(
        log, CustomerSources(customers=snapshot), earliest=pd.Timestamp("2024-01-10")
    ).attributes
    assert [one.column for one in found.used] == ["signup"]


def test_an_unrelated_column_is_not_close_to_a_fact():
    rng = np.random.default_rng(0)
    fact = pd.Series(rng.normal(size=500))
    assert closeness(pd.Series(rng.normal(size=500)), fact) < 0.2
    assert closeness(pd.Series(rng.choice([f"city {n}" for n in range(60)], 500)), fact) < 0.4
    assert closeness(pd.Series(["a", "b", "b", "a"] * 20), pd.Series([1.0, 2.0, 3.0, 4.0] * 20)) == 0


def test_protected_columns_are_kept_from_models_and_grouped_all_the_same(log):
    table = people(gender=["f", "m"] * 30, country=["UK", "FR"] * 30)
    known = read_customers(log, CustomerSources(customers=table, protected=["Gender"]))
    assert known.of(log).attributes.column_names == ["customer_id", "text_country"]
    groups = known.groups(pd.Timestamp("2024-06-01"), log.customers)
    assert groups["gender"].value_counts().to_dict() == {"f": 30, "m": 30}


def test_a_protected_column_of_the_log_is_dropped():
    log = Log(
        pd.DataFrame(
            {"customer_id": ["a"], "timestamp": [pd.Timestamp(0)], "amount": [1.0], "channel": ["x"]}
        )
    )
    assert "channel" not in read_customers(log, CustomerSources(protected=["channel"])).of(log).columns


def test_a_protected_column_is_found_by_its_heading_in_the_source(log):
    log = Log(log.frame.assign(channel="web"))
    given, headings = (
        CustomerSources(protected=["Sex", "Note"]),
        {"Sex": "channel", "Note": "", "Kunde": "customer_id"},
    )
    known = read_customers(log, given, earliest=pd.Timestamp("2024-02-01"), headings=headings)
    assert known.protected == ("channel", "Note")
    assert "channel" not in known.of(log).columns


def test_a_protected_column_that_is_nowhere_is_refused_before_a_model_learns(log):
    given = CustomerSources(protected=["gendre"])
    with pytest.raises(InputError, match="no column 'gendre' to protect; check its spelling"):
        read_customers(log, given, earliest=pd.Timestamp("2024-02-01"), headings={"gender": ""})
    assert read_customers(log, given).protected == ("gendre",)


def test_a_model_reads_its_attributes_as_the_kinds_that_it_knows():
    table = people(zip=range(N), other=1)
    found = read_attributes(table, wanted=["text_zip"])
    assert found.table.column_names == ["customer_id", "text_zip"]


def test_of_columns_that_a_model_was_not_trained_on_nothing_is_told():
    table = people(country=["UK", "unknown"] * 30, hobby=["chess", "prefer not to say"] * 30, age="34 years")
    found = read_attributes(table, wanted=["text_country"], learns=False)
    assert found.table.column_names == ["customer_id", "text_country"]
    assert [note[:16] for note in found.notes] == ["Column 'country'"]
    assert reason(found, "hobby") == "the model was not trained on it."


def test_business_keys_are_ids_where_the_log_counts_its_customers():
    ids = pd.Index([str(number) for number in range(5000, 5060)])
    table = pd.DataFrame({"dim_customer_sk": range(120), "customer_bk": [*ids, *ids], "tier": "gold"})
    table["row_effective_dt"] = ["2022-12-01"] * 60 + ["2024-02-01"] * 60
    table["row_expiry_dt"], table["hash_diff"] = "9999-12-31", [f"h{number}" for number in range(120)]
    found = read_attributes(table.assign(tier=["gold", "silver", "bronze"] * 40), customers=ids)
    assert found.dated
    assert [one.column for one in found.used] == ["tier"]


def test_ids_that_are_numbers_are_found_under_headings_that_begin_with_the_word_for_id():
    ids = pd.Index([f"{number:05d}" for number in range(N)])
    for heading in ("Nº cliente", "ID klienta", "Código de cliente", "No. Klant"):
        table = people(DNI=[f"{number}X" for number in range(N)]).rename(columns={"customer_id": heading})
        found = read_attributes(table.assign(tier=["a", "b"] * 30), customers=ids)
        assert found.table["customer_id"][1].as_py() == "0001", heading


def test_thousands_of_an_attribute_are_told_instead_of_asked():
    table = people(income=[f"{number}.500 €" for number in range(10, 10 + N)])
    found = read_attributes(table)
    assert found.table["number_income"][0].as_py() == 10500
    assert any("'10.500' was read as 10500, but it could be 10.500" in note for note in found.notes)


def test_customers_with_several_rows_are_asked_about_with_the_dates_that_could_tell():
    table = pd.concat([people(tier="gold", since="2024-01-01"), people(tier="silver", since="2024-06-01")])
    with pytest.raises(ValueError, match=r"COLUMN=valid_from, .* Columns with dates: \['since'\]"):
        read_attributes(table)


def test_columns_in_other_scripts_are_found_again_whatever_their_order():
    table = people(channel=["TV", "SNS"] * (N // 2), born=["1980-05-01", "1990-07-02"] * (N // 2)).rename(
        columns={"channel": "チャネル", "born": "生年月日"}
    )
    learned = read_attributes(table)
    names = [attribute.name for attribute in learned.used]
    swapped = read_attributes(table[list(table.columns[::-1])], wanted=names)
    assert len(names) == 2
    assert swapped.table.select(["customer_id", *names]).equals(learned.table.select(["customer_id", *names]))


def test_small_shares_of_customers_with_a_row_are_not_rounded_to_none_or_all():
    assert "3 of 1,500 customers in the log (0.2%)" in Coverage(1500, 3, 0).sentence
    assert "1,499 of 1,500 customers in the log (99.9%)" in Coverage(1500, 1499, 0).sentence
    assert "(0%)" in Coverage(1500, 0, 0).sentence
    assert "(100%)" in Coverage(1500, 1500, 0).sentence
