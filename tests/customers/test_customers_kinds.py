"""Kinds of columns about customers: what each is read as, and which are never learned from."""

import numpy as np
import pandas as pd

from cltv_ml.customers.attributes import read_attributes
from cltv_ml.customers.groups import group_customers
from tests.customers.test_customers_attributes import N, people, reason


def test_kinds_are_inferred_from_headings_and_values():
    attributes = read_attributes(
        people(
            country=["UK", "FR"] * 30,
            income=np.linspace(1, 2, N),
            member=["yes", "no"] * 30,
            birth_year=[1980, 1990] * 30,
            signup=pd.date_range("2023-01-01", periods=N).astype(str),
            zip=[10115, 20095] * 30,
            size=["1", "2", "5+"] * 20,
        )
    )
    kinds = {one.column: one.kind for one in attributes.account}
    assert kinds == {
        "country": "category",
        "income": "number",
        "member": "yes/no",
        "birth_year": "birth date",
        "signup": "date",
        "zip": "category",
        "size": "category",
    }


def test_what_names_a_person_is_never_learned_from():
    names = {
        "e-mail": [f"a{number}@x.io" for number in range(N)],
        "Phone": "+49 30 1234567",
        "Customer Name": "Ann",
        "street": "High Street 1",
        "ip_address": "10.0.0.1",
        "contact": [f"b{number}@x.io" for number in range(N)],
    }
    consent = ["subscribed", "never"] * 30
    attributes = read_attributes(
        people(**names, country=["UK", "FR"] * 30, email_consent=consent, opted_out=["yes", "no"] * 30)
    )
    assert [one.column for one in attributes.used] == ["country", "email_consent"]
    assert "identifies a person" in reason(attributes, "contact")
    assert "who must not be contacted" in reason(attributes, "opted_out")


def test_a_column_with_a_value_that_opts_out_is_never_learned_from_unless_asked_for():
    heading, few = "Email Marketing Consent", ["SUBSCRIBED", "NEVER_SUBSCRIBED"]
    assert not read_attributes(people(**{heading: few * 30})).account[0].reason
    since = people(**{heading: [*few, "UNSUBSCRIBED"] * 20, "state": ["active", "Opted out"] * 30})
    attributes = read_attributes(since)
    assert not attributes.used
    assert "who must not be contacted" in reason(attributes, heading)
    assert "who must not be contacted" in reason(attributes, "state")
    assert [one.column for one in read_attributes(since, {heading: "category"}).used] == [heading]


def test_columns_that_say_nothing_are_left_out_by_name():
    attributes = read_attributes(people(empty=None, same="x", own=[f"n{number}" for number in range(N)]))
    assert not attributes.used
    assert reason(attributes, "empty") == "every value is missing."
    assert reason(attributes, "same") == "every customer has the same value."
    assert "has a different value" in reason(attributes, "own")


def test_a_column_of_too_many_levels_is_refused_with_advice():
    many = pd.DataFrame(
        {"customer_id": range(6000), "shop": [f"{number % 250:03d}" for number in range(6000)]}
    )
    attributes = read_attributes(many)
    assert "250 of its levels" in reason(attributes, "shop")
    assert "for example towns into regions" in reason(attributes, "shop")


def test_levels_that_too_few_customers_share_are_refused_with_advice():
    few = pd.DataFrame({"customer_id": range(90), "job": [f"job {number % 30}" for number in range(90)]})
    assert "none of its 30 levels is shared by 20 customers" in reason(read_attributes(few), "job")


def test_postcodes_that_few_customers_share_become_areas():
    codes = [f"{area}{number % 97:02d}0" for number in range(150) for area in ("10", "80")]
    table = pd.DataFrame({"customer_id": range(300), "PLZ": codes})
    attributes = read_attributes(table)
    assert attributes.table["text_plz_first_2"].to_pylist()[:2] == ["10", "80"]
    assert any("its first 2 characters are used as the level (2 areas)" in note for note in attributes.notes)
    again = read_attributes(table.head(1), wanted=["text_plz_first_2"])
    assert again.table.to_pylist() == [{"customer_id": "0", "text_plz_first_2": "10"}]


def test_british_postcodes_become_their_outward_code_and_not_first_signs_that_mix_areas():
    inward = [f"{number % 9 + 1}a{'abdefgh'[number % 7]}" for number in range(60)]
    codes = [f"{area} {code}" for code in inward for area in ("m1", "m14", "sw1a")]
    table = pd.DataFrame({"customer_id": range(180), "Postcode": codes})
    attributes = read_attributes(table)
    assert set(attributes.table["text_postcode_outward"].to_pylist()) == {"M1", "M14", "SW1A"}
    assert any("its outward code is used as the level (3 areas)" in note for note in attributes.notes)
    again = read_attributes(table.assign(Postcode="sw1a1aa").head(1), wanted=["text_postcode_outward"])
    assert again.table["text_postcode_outward"].to_pylist() == ["SW1A"]


def test_british_postcodes_of_many_districts_become_the_letters_of_their_area():
    codes = [f"{area}{number % 20 + 1} {number % 9 + 1}AB" for number in range(100) for area in ("M", "SW")]
    attributes = read_attributes(pd.DataFrame({"customer_id": range(200), "Postcode": codes}))
    assert set(attributes.table["text_postcode_letters"].to_pylist()) == {"M", "SW"}
    assert any("its letters are used as the level (2 areas)" in note for note in attributes.notes)


def test_birth_years_of_two_digits_and_codes_for_no_date_are_understood():
    attributes = read_attributes(
        people(
            jahrgang=["45", "99", "02", "80"] * 15,
            birth_month=[1, 12] * 30,
            founded=["1900-01-01", "9999-12-31", "1875-05-01"] * 20,
            enrolled=[20230105, 20231231] * 30,
        )
    )
    days = attributes.table.to_pandas()
    years = pd.to_datetime(days["birth_jahrgang"].head(4), unit="D").dt.year.tolist()
    assert years == [1945, 1999, 2002, 1980]
    assert days["date_founded"].notna().sum() == 20
    assert any("40 of 60 values are not a date between" in note for note in attributes.notes)
    assert days["date_enrolled"].iloc[0] == (pd.Timestamp("2023-01-05") - pd.Timestamp(0)).days
    assert {one.column: one.kind for one in attributes.account}["birth_month"] == "number"


def test_a_birth_date_that_lies_ahead_is_missing_and_told_unless_its_year_has_two_digits():
    attributes = read_attributes(people(dob=["2085-03-01", "01.02.85", "1985-02-01"] * 20))
    born = pd.to_datetime(attributes.table.to_pandas()["birth_dob"], unit="D").dt.year.tolist()
    assert born[1:3] == [1985, 1985]
    assert pd.isna(born[0])
    assert "Column 'dob': 20 of 60 values are not a date or a year in the past, and count as missing." in (
        attributes.notes
    )


def test_a_column_none_of_whose_values_can_be_read_is_left_out():
    attributes = read_attributes(people(born=["x", "y"] * 30), {"born": "birth date"})
    assert reason(attributes, "born") == "none of its values is a date or a year in the past."
    attributes = read_attributes(people(size=["S", "M"] * 30), {"size": "number"})
    assert reason(attributes, "size") == "none of its values is a number."


def test_names_of_companies_and_accounts_are_never_learned_from():
    names = ["cust_nm", "Company", "Account Name", "login", "twitter_handle", "Website", "VAT number"]
    attributes = read_attributes(people(**{name: ["a", "b"] * 30 for name in names}))
    assert attributes.used == ()


def test_whole_numbers_that_tell_rows_apart_are_no_attribute():
    table = people(
        dim_key=np.arange(N) * 7 + 3, row=np.arange(N), age=np.arange(N) % 50 + 18, worth=np.arange(N) ** 2
    )
    attributes = read_attributes(table)
    assert [one.column for one in attributes.used] == ["age", "worth"]
    assert "like a key" in reason(attributes, "dim_key")


def test_numbers_that_are_no_number_or_infinite_do_not_stop_the_reading():
    for odd in (["nan"] * 30 + [str(number) for number in range(30)], ["Infinity"] * N, ["inf", "-inf"] * 30):
        assert len(read_attributes(people(odd=odd)).account) == 1, odd[:2]


def test_answers_that_tell_nothing_are_read_as_blanks():
    answers = ["prefer not to say", "Unknown", "k.A.", "I’d rather not say"] * 5
    asked = people(
        income=[*map(str, range(40)), *answers],
        member=[*(["yes", "no"] * 20), *answers],
        country=[*(["UK", "FR"] * 20), *answers],
        signup=[*pd.date_range("2023-01-01", periods=40).astype(str), *answers],
    )
    blank = asked.mask(asked.isin(answers))
    attributes, expected = read_attributes(asked), read_attributes(blank)
    assert attributes.table.equals(expected.table)
    assert attributes.account == expected.account
    assert "Column 'member': 20 of 60 values" in " ".join(attributes.notes)


def test_a_customer_whose_id_tells_nothing_is_set_aside():
    table = people(country=["UK", "FR"] * 30)
    table.loc[:1, "customer_id"] = "unknown"
    attributes = read_attributes(table)
    assert attributes.quarantine["rule"].tolist() == ["missing_customer"] * 2


def test_numbers_that_may_stand_for_no_answer_are_told_and_kept():
    attributes = read_attributes(
        people(
            age=[20, 30, 999] * 20,
            children=[0, 1, -1] * 20,
            score=[97, 98, 99] * 20,
            balance=[-5, -1, 3] * 20,
        )
    )
    told = " ".join(attributes.notes)
    assert "Column 'age': 20 values are 999, far from the nearest other value, 30" in told
    assert "Column 'children': 20 values are -1, far from the nearest other value, 0" in told
    assert "score" not in told
    assert "balance" not in told
    assert attributes.table["number_age"].to_pylist()[2] == 999.0


def test_dates_written_as_numbers_are_dates_where_the_heading_says_so():
    days = 45_000 + np.arange(N)
    seconds = (days - 25_569) * 86_400
    attributes = read_attributes(
        people(signup=days, created_at=seconds, joined_ts=seconds * 1000, salary=days)
    )
    assert {one.column: one.kind for one in attributes.account} == {
        "signup": "date",
        "created_at": "date",
        "joined_ts": "date",
        "salary": "number",
    }
    table = attributes.table
    assert table["date_signup"].to_pylist() == table["date_created_at"].to_pylist()
    assert table["date_signup"].to_pylist() == table["date_joined_ts"].to_pylist()


def test_postcodes_without_their_leading_zeros_are_told():
    codes = [2139, 10115, 20095] * 100
    attributes = read_attributes(pd.DataFrame({"customer_id": range(300), "zip": codes}))
    assert any("'zip': 100 values have fewer than 5 digits" in note for note in attributes.notes)
    whole = pd.DataFrame({"customer_id": range(300), "zip": [f"{code:05d}" for code in codes]})
    assert not read_attributes(whole).notes


def test_numbers_with_one_unit_are_read_as_numbers():
    ages = [18 + number % 50 for number in range(N)]
    attributes = read_attributes(
        people(
            age=[f"{age} years" if age > 19 else f"{age} year" if age > 18 else "18" for age in ages],
            height=[f"1,{age} m" for age in ages],
            balance=[f"-{age % 7} pt" for age in ages],
            mixed=[f"{age} cm" if age % 2 else f"{age} m" for age in ages],
            start=[f"{age % 12} am" for age in ages],
            shop_code=[f"{age % 3} north" for age in ages],
        )
    )
    table = attributes.table.to_pandas()
    assert list(table.columns) == [
        "customer_id",
        "number_age",
        "number_height",
        "number_balance",
        "text_start",
        "text_shop_code",
    ]
    assert table["number_age"].tolist() == ages
    assert table["number_height"].min() == 1.18
    assert table["number_balance"].min() == -6
    assert any("'age': the values were read as numbers of years" in note for note in attributes.notes)


def test_a_unit_is_removed_at_scoring_as_at_training():
    attributes = read_attributes(
        people(age=["34 years", "34"] * (N // 2)), wanted=["number_age"], learns=False
    )
    assert set(attributes.table["number_age"].to_pylist()) == {34.0}


def test_ranges_of_a_number_are_categories_in_order():
    bands = ["35-44", "75+", "under 35"]
    attributes = read_attributes(people(age=bands * (N // 3), size=["S", "M", "L"] * (N // 3)))
    assert attributes.account_table()["kind"].tolist() == ["category, in order", "category"]
    assert set(attributes.table["text_age"].to_pylist()) == set(bands)


def test_a_column_that_is_blank_for_the_first_customers_has_the_kind_of_its_values(monkeypatch):
    monkeypatch.setattr("cltv_ml.columns.kinds.FIRST", 2)
    ages = pd.DataFrame({"id": list("abcd"), "age": [None, None, "34", "51"]})
    assert [one.kind for one in read_attributes(ages).account] == ["number"]


def test_opt_outs_of_crm_exports_are_not_learned_from():
    marks = ["true", "false"] * 30
    headings = (
        "HasOptedOutOfEmail",
        "DoNotCall",
        "Unsubscribed from all email",
        "Opted out of email: Surveys",
    )
    found = read_attributes(pd.DataFrame({"customer_id": range(60), **dict.fromkeys(headings, marks)}))
    assert {one.column: one.reason[:33] for one in found.account} == dict.fromkeys(
        headings, "it states who must not be contacted"[:33]
    )


def test_groups_of_customers_take_spellings_of_a_level_for_one():
    found = read_attributes(people(channel=["Paid search", "paid_search", "PAID SEARCH", "Referral"] * 15))
    groups = group_customers(
        found, pd.Timestamp("2024-01-01"), pd.Index(found.table["customer_id"].to_pylist())
    )
    assert groups["channel"].str.casefold().str.replace("_", " ").value_counts().to_dict() == {
        "paid search": 45,
        "referral": 15,
    }
    assert groups["channel"].nunique() == 2


def test_ages_that_nobody_has_and_a_birthday_of_too_many_are_told():
    odd = people(
        age=[0, 200, *range(20, 78)],
        Alter=[*range(18, 78)],
        dob=["01.01.1970"] * 25 + [f"{day % 28 + 1:02d}.05.19{60 + day}" for day in range(35)],
        yob=["1900"] * 4 + ["1980", "1990"] * 28,
    )
    notes = [note for note in read_attributes(odd).notes if "leave them blank" in note]
    assert [note[:60] for note in notes] == [
        "Column 'age': 2 of 60 values, such as '0', are not an age of",
        "Column 'yob': 4 of 60 values, such as '1900', are not an age",
        "Column 'dob': 25 values are '01.01.1970', and no other is th",
    ]


def test_a_yes_in_any_case_or_one_letter_and_a_coded_gender_are_read_as_such():
    flags = {"consents": ["Sí", "no", "NO", "sí"], "kunde_aktiv": ["J", "N"] * 2, "gender": [0, 1, 2, 9]}
    found = read_attributes(people(**{name: values * 15 for name, values in flags.items()}))
    kinds = {one.column: one.kind for one in found.account}
    assert kinds == {"consents": "yes/no", "kunde_aktiv": "yes/no", "gender": "category"}
    assert found.table.to_pandas()["flag_kunde_aktiv"].tolist()[:2] == [1.0, 0.0]


def _with_three_levels(headings):
    """Return the attributes of columns with these headings, each with three levels."""
    values = [f"w{number % 3}" for number in range(N)]
    return read_attributes(people(**dict.fromkeys(headings, values)))


def test_identifiers_are_known_by_their_headings_in_other_languages_even_where_customers_share_them():
    headings = [
        "Correo electrónico",
        "Téléphone",
        "Cellulare",
        "Telefoon",
        "電話番号",
        "メールアドレス",
        "手机号",
        "Телефон",
        "Nombre",
        "Cognome",
        "Achternaam",
        "Imię",
        "Příjmení",
        "氏名",
        "姓名",
        "이름",
        "ФИО",
        "Nom du client",
        "billing_first_name",
        "NAME1",
        "Calle",
        "Ulica",
        "住所",
        "Адрес",
        "STRAS",
        "Default Address Company",
        "Signup IP",
        "OPTIN_IP",
        "Steuernummer",
        "NIF",
        "CPF",
        "Codice Fiscale",
        "PESEL",
        "ИНН",
        "GSTIN",
        "STCEG",
        "Kontonummer",
        "Numer konta",
    ]
    found = _with_three_levels(headings)
    assert [one.column for one in found.account if "identifies a person" not in one.reason] == []


def test_what_customers_share_about_addresses_phones_and_names_is_learned_from():
    headings = [
        "Address country",
        "Default Address City",
        "Phone type",
        "Mobile operator",
        "Website language",
        "Email client",
        "Pet name type",
        "Product name",
        "Plan name",
        "Job title",
        "Company size",
        "Street type",
        "都道府県",
        "Ville",
        "Número de hijos",
        "Nombre d'enfants",
    ]
    found = _with_three_levels(headings)
    assert [one.column for one in found.used] == headings
    assert len(read_attributes(people(website=["yes", "no"] * 30)).used) == 1


def test_long_codes_of_persons_written_as_numbers_are_no_quantities():
    rng = np.random.default_rng(0)
    phones, incomes = rng.integers(4915e8, 4918e8, N) * 10 + 3, rng.integers(10_000, 90_000, N) * 10_000
    found = read_attributes(people(Kontakt=phones, Ref=[*phones[1:], phones[1]], pendapatan=incomes))
    assert [one.column for one in found.used] == ["pendapatan"]


def test_kinds_are_known_by_headings_and_values_of_other_languages():
    born, codes = ["1980-05-01", "1991-07-02", "1975-01-30"] * 20, [10115, 75001, 20095] * 20
    dates = dict.fromkeys(
        ["生年月日", "born", "Дата рождения", "Data urodzenia", "생년월일", "Födelsedatum"], born
    )
    areas = dict.fromkeys(["CP", "CAP", "PSTLZ", "郵便番号", "Kod pocztowy"], codes)
    answers = {"Nieuwsbrief": "ja nee", "メルマガ": "はい いいえ", "订阅": "是 否", "Hírlevél": "Igen nem"}
    answers |= {"Ativo": "S N", "Abonné": "O N"}
    flags = {heading: words.split() * 30 for heading, words in answers.items()}
    numbers = {"年齢": ["34歳", "51歳", "7歳"] * 20, "Kontostand": [10, 20, 35] * 20}
    kinds = ({"birth date": dates, "category": areas, "yes/no": flags, "number": numbers}).items()
    found = read_attributes(people(**dates, **areas, **flags, **numbers))
    assert {one.column: one.kind for one in found.account} == {
        column: kind for kind, columns in kinds for column in columns
    }
    assert found.table["number_nianling"].to_pylist()[:3] == [34, 51, 7]
