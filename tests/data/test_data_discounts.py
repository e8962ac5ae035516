"""Discounts as money or as percents: what the lines' own numbers say."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import QuestionsError, change_rules, clean, read

LINES = pd.DataFrame(
    {
        "Bestellnr": [f"B{number}" for number in range(12)],
        "Datum": pd.date_range("2024-01-05", periods=12, freq="9D"),
        "Kunde": [f"K{number % 5}" for number in range(12)],
        "Artikel": ["Tee", "Kanne", "Tasse"] * 4,
        "Menge": [1, 2, 3, 1] * 3,
        "Preis": [12.5, 24.9, 8.0] * 4,
        "Rabatt": [0, 10, 20, 5] * 3,
    }
)
WHOLE = LINES["Menge"] * LINES["Preis"]


@pytest.mark.parametrize("kind", ["percents", "money"])
def test_the_amount_tells_whether_a_discount_is_money_or_a_share(kind):
    off = WHOLE * LINES["Rabatt"] / 100 if kind == "percents" else LINES["Rabatt"]
    paid = (WHOLE - off).round(2)
    raw = read(LINES.assign(Gesamt=paid))
    assert raw.mapping.get("discount_rate" if kind == "percents" else "discount") == "Rabatt"
    cleaned = clean(raw)
    assert cleaned.report.money_kept == pytest.approx(paid[paid > 0].sum(), abs=0.01)
    kept = cleaned.log.set_index("order_id")["discount"]
    assert kept.sum() == pytest.approx(off[paid > 0].sum(), abs=0.05)
    assert any("'Rabatt' contains percentages" in note for note in cleaned.report.notes) == (
        kind == "percents"
    )


def test_a_discount_is_asked_about_where_the_total_is_quantity_times_price():
    mapping = {"discount": "Rabatt", "amount": "Gesamt"}
    lines = LINES.assign(Gesamt=WHOLE, Rabatt=LINES["Rabatt"] / 10)
    with pytest.raises(QuestionsError, match="'Rabatt' contains discounts") as asked:
        clean(read(lines, mapping))
    assert asked.value.questions[0].answers[0] == "price_discounted=false"
    kept = clean(read(lines, mapping, changes={"price_discounted": ["false"]})).report.money_kept
    assert kept == pytest.approx((WHOLE - LINES["Rabatt"] / 10).sum())


def test_the_money_of_each_status_is_after_the_discount_that_was_subtracted():
    lines = LINES.assign(Rabatt=LINES["Rabatt"] / 10, Status=["bezahlt", "bezahlt", "storniert"] * 4)
    notes = " ".join(clean(read(lines, changes={"price_discounted": ["false"]})).report.notes)
    paid = (WHOLE - LINES["Rabatt"] / 10)[lines["Status"] == "bezahlt"].sum()
    assert f"bezahlt (8 lines, {paid:,.2f})" in notes


def test_the_users_word_outranks_the_lines():
    paid = (WHOLE * (1 - LINES["Rabatt"] / 100)).round(2)
    assert read(LINES.assign(Gesamt=paid), {"discount": "Rabatt"}).mapping["discount"] == "Rabatt"


def test_a_discount_of_whole_orders_next_to_amounts_of_lines_is_told():
    source = pd.DataFrame(
        {
            "order": [1, 1, 2, 2, 3],
            "date": pd.to_datetime(["2025-01-15", "2025-01-15", "2025-01-16", "2025-01-16", "2025-02-16"]),
            "customer": ["a", "a", "b", "b", "b"],
            "sku": ["A", "B", "A", "C", "C"],
            "line_total": [20.0, 22.0, 20.0, 30.0, 30.0],
            "order_discount": [4.0, 4.0, 0.0, 0.0, 3.0],
        }
    )
    notes = " ".join(clean(read(source)).report.notes)
    assert "'order_discount' has one discount per order, 7.00 in total" in notes


def test_percentages_next_to_a_price_are_told_unless_they_are_those_of_something_else():
    lines = LINES.drop(columns="Rabatt").assign(LinePercent=[0, 10, 0] * 4, VatPercent=[19, 7, 19] * 4)
    notes = [note for note in read(lines).notes if "percentages" in note]
    assert len(notes) == 1
    assert "'LinePercent' has percentages on 4 of 12 lines" in notes[0]
    discounted = clean(read(lines, {"discount_rate": "LinePercent"})).report.money_kept
    assert discounted == pytest.approx((WHOLE * (1 - lines["LinePercent"] / 100)).sum())


@pytest.mark.parametrize("heading", ["Rabatt", "item_discount"])
def test_a_discount_next_to_a_price_that_was_named_as_the_amount_is_told(heading):
    lines = LINES.drop(columns="Menge").rename(columns={"Rabatt": heading})
    notes = " ".join(clean(read(lines, {"amount": "Preis"})).report.notes)
    assert (
        f"{heading!r} has a discount on some lines, 105.00 in total, which is not subtracted from 'Preis'"
        in notes
    )


@pytest.mark.parametrize("percent", ["10%", "10 %"])
def test_percentages_next_to_money_in_one_column_are_asked_about(percent):
    off = [["0", percent, "2.50"][number % 3] for number in range(12)]
    with pytest.raises(
        QuestionsError, match=r"percentages \(4 lines.* and plain numbers \(4 lines, such as '2\.50'\)"
    ):
        clean(read(LINES.assign(Rabatt=off), {"discount": "Rabatt"}))
    assert clean(read(LINES.assign(Rabatt=off), {"discount": None})).report.money_kept == pytest.approx(
        WHOLE.sum()
    )


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"Einheit": ["kg", "g"] * 6}, "'Einheit' says that quantities are in g on 6 lines, kg on 6 lines"),
        ({"Menge (g)": LINES["Menge"] * 250}, r"'Menge (g)' says that quantities are in g"),
        ({"Einheit": ["kg", "St"] * 6}, ""),
    ],
    ids=["column", "heading", "whole"],
)
def test_quantities_in_small_units_times_a_price_are_told(columns, told):
    lines = LINES.drop(columns=["Rabatt", *(["Menge"] if "Menge (g)" in columns else [])]).assign(**columns)
    notes = " ".join(
        clean(read(lines, {"quantity": "Menge (g)" if "Menge (g)" in columns else "Menge"})).report.notes
    )
    assert told in notes
    assert ("convert the quantities" in notes) == bool(told)


def test_prices_of_a_product_with_and_without_a_discount_show_whether_it_is_taken_off():
    rng = np.random.default_rng(3)
    lines = pd.concat([LINES] * 20, ignore_index=True).assign(
        Bestellnr=[f"B{number}" for number in range(240)],
        Menge=rng.integers(1, 4, 240),
        Rabatt=rng.choice([0, 0, 1.5, 2.25], 240),
    )
    with pytest.raises(QuestionsError, match="price_discounted"):  # list prices: money or percentages
        clean(read(lines))
    for off, kind in ((lines["Rabatt"], "of an item"), (lines["Rabatt"] / lines["Menge"], "of a line")):
        cleaned = clean(read(lines.assign(Preis=lines["Preis"] - off)))
        assert cleaned.report.money_kept == pytest.approx((lines["Menge"] * (lines["Preis"] - off)).sum()), (
            kind
        )
        assert cleaned.log["discount"].sum() == pytest.approx((lines["Menge"] * off).sum()), kind
        assert any("already subtracted from 'Preis'" in note for note in cleaned.report.notes), kind


def test_a_discount_that_what_was_given_less_the_change_shows_is_subtracted(tmp_path):
    rows = [(n, 40 + n, 4 * (n % 2), 100, 60 - n + 4 * (n % 2)) for n in range(1, 13)]
    path = tmp_path / "till.csv"
    lines = [
        f"{n},2024-01-{n:02},c{n % 4},{total},{off},{given},{change}" for n, total, off, given, change in rows
    ]
    header = "Receipt,Date,Customer,Total,Discount,Cash,Returned to customer"
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    cleaned = clean(read(path, {"refunded": ""}))
    assert cleaned.log["amount"].sum() == sum(total - off for _, total, off, *_ in rows) == 534.0
    assert "gives 'Cash' less 'Returned to customer'" in " ".join(cleaned.report.notes)


def test_a_discount_that_no_other_column_explains_is_told_and_can_be_subtracted(tmp_path):
    path = tmp_path / "report.csv"
    lines = [f"{n},2024-01-{n:02},c{n % 4},{40 + n},{4 * (n % 2)}" for n in range(1, 13)]
    path.write_text("\n".join(["Receipt,Date,Customer,Sales,Discount", *lines]), encoding="utf-8")
    raw = read(path)
    cleaned = clean(raw)
    assert cleaned.log["amount"].sum() == 558.0
    assert "'Sales' was taken as the money after them" in " ".join(cleaned.report.notes)
    before = clean(raw, change_rules(raw.rules, {"price_discounted": False}))
    assert before.log["amount"].sum() == 534.0
    assert "taken as the money after" not in " ".join(before.report.notes)


def test_money_of_lines_without_an_amount_is_asked_about(tmp_path):
    path = tmp_path / "book.csv"
    sold = [f"s{n},2024-01-{n:02},c{n % 5},{40 + n}.50,0" for n in range(1, 16)]
    back = [f"r{n},2024-01-{n + 5:02},c{n % 5},0,{40 + n}.50" for n in range(1, 6)]
    path.write_text("\n".join(["Doc No,Date,Customer,Sales,Side B", *sold, *back]), encoding="utf-8")
    with pytest.raises(QuestionsError, match="5 lines, nearly all with 0 in 'Sales'") as asked:
        read(path)
    assert any(question.answers[:1] == ("credit=Side B",) for question in asked.value.questions)
    cleaned = clean(read(path, {"credit": "Side B"}))
    assert cleaned.log["amount"].sum() == sum(n + 40.5 for n in range(6, 16))
    assert clean(read(path, {"credit": ""})).log["amount"].sum() == sum(n + 40.5 for n in range(1, 16))


def test_cash_given_with_its_change_is_no_question_of_what_was_paid(tmp_path):
    path = tmp_path / "till.csv"
    lines = [
        f"{n},2024-01-{n:02},c{n % 4},{31 + n},{9 + (10 - n) % 10},{40 + n + (10 - n) % 10}"
        for n in range(1, 13)
    ]
    path.write_text(
        "\n".join(["Venda,Data,Cliente,Valor líquido,Troco,Valor recebido", *lines]), encoding="utf-8"
    )
    assert clean(read(path)).log["amount"].sum() == sum(31 + n for n in range(1, 13))
