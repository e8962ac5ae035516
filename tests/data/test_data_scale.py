import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import QuestionsError, clean, read
from cltv_ml.sources.synthetic import simulate


def _shop(**columns):
    """Lines of twenty products in quantities of 1 to 6; `price` is per item, `cost` six tenths of it."""
    rng = np.random.default_rng(0)
    product, quantity = rng.integers(0, 20, 300), rng.integers(1, 7, 300)
    price = 2.0 + product
    frame = pd.DataFrame(
        {
            "customer": rng.integers(0, 40, 300).astype(str),
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 300), "D"),
            "order_id": [f"o{number}" for number in range(300)],
            "sku": product.astype(str),
            "qty": quantity,
        }
    )
    return frame.assign(**{name: make(price, quantity) for name, make in columns.items()})


def test_a_price_that_grows_with_the_quantity_is_the_amount():
    raw = read(_shop(price=lambda price, quantity: price * quantity))
    assert raw.mapping["amount"] == "price"
    assert "unit_price" not in raw.mapping


def test_a_price_that_does_not_is_the_unit_price():
    assert read(_shop(price=lambda price, quantity: price)).mapping["unit_price"] == "price"


def test_a_price_between_asks_for_the_flag():
    with pytest.raises(ValueError, match="--mapping unit_price=price or --mapping amount=price"):
        read(_shop(price=lambda price, quantity: price * np.sqrt(quantity)))


def test_a_cost_per_item_is_multiplied_by_the_quantity():
    frame = _shop(total=lambda price, quantity: price * quantity, cost=lambda price, quantity: 0.6 * price)
    log = clean(frame).log
    assert (log["cost"] / log["amount"]).round(6).unique().tolist() == [0.6]


def test_a_cost_per_line_stays_as_it_is():
    shop = _shop(
        total=lambda price, quantity: price * quantity, cost=lambda price, quantity: 0.6 * price * quantity
    )
    log = clean(shop).log
    assert (log["cost"] / log["amount"]).round(6).unique().tolist() == [0.6]


def test_without_products_the_cost_is_compared_with_the_amount():
    frame = _shop(total=lambda price, quantity: price * quantity, cost=lambda price, quantity: 0.6 * price)
    assert read(frame.drop(columns="sku")).mapping["unit_cost"] == "cost"


@pytest.mark.parametrize("heading", ["unit_cost", "Einkaufspreis", "cost price"])
def test_a_cost_per_line_under_the_heading_of_a_unit_cost_is_not_multiplied(heading):
    shop = _shop(
        total=lambda price, quantity: price * quantity,
        **{heading: lambda price, quantity: 0.6 * price * quantity},
    )
    raw = read(shop)
    log = clean(raw).log
    assert (log["cost"] / log["amount"]).round(6).unique().tolist() == [0.6]
    assert any(f"{heading!r} grows with the quantity" in note for note in raw.notes)


def test_where_no_product_repeats_the_cost_is_compared_with_the_price():
    frame = _shop(price=lambda price, quantity: price, cost=lambda price, quantity: 0.6 * price)
    own_products = frame.assign(sku=[f"p{row}" for row in range(len(frame))])
    for shop in (frame.drop(columns="sku"), own_products):
        assert read(shop).mapping["unit_cost"] == "cost"


def test_a_cost_that_follows_the_amount_and_not_the_quantity_is_not_multiplied():
    """The lines of the simulated shop differ in price within a product, whatever their quantity."""
    lines = simulate(300, days=300).log
    assert clean(lines).log["cost"].sum() == pytest.approx(lines["cost"].sum())


def test_a_cost_of_too_few_lines_asks_whether_it_is_per_item():
    rng = np.random.default_rng(0)
    frame = _shop(total=lambda price, quantity: price * quantity, cost=lambda price, quantity: 0.6 * price)
    few = frame.assign(cost=frame["cost"] * rng.uniform(0.8, 1.2, len(frame)))[:12]
    with pytest.raises(ValueError, match="--mapping unit_cost=cost or --mapping cost=cost"):
        read(few)
    assert read(few.assign(qty=1)).mapping["cost"] == "cost"
    assert read(few, {"cost": "cost"}).mapping["cost"] == "cost"


def test_what_the_user_says_is_not_questioned():
    frame = _shop(price=lambda price, quantity: price * quantity)
    assert read(frame, {"unit_price": "price"}).mapping["unit_price"] == "price"


@pytest.mark.parametrize("heading", ["item-price", "unit_price", "Einzelpreis"])
def test_a_line_s_total_under_the_heading_of_a_unit_price_is_the_amount(heading):
    raw = read(_shop(**{heading: lambda price, quantity: price * quantity}))
    assert raw.mapping["amount"] == heading
    assert any("grows with the quantity" in note for note in raw.notes)


def test_a_price_per_item_called_amount_is_multiplied_by_the_quantity():
    raw = read(_shop(amount=lambda price, quantity: price))
    assert raw.mapping["unit_price"] == "amount"


def test_six_lines_decide_where_they_agree_exactly():
    frame = pd.DataFrame(
        {
            "customer": list("abcabc"),
            "date": "2024-01-31",
            "order": list("123456"),
            "sku": list("xxxyyy"),
            "qty": [1, 2, 3, 1, 2, 4],
            "item price": [5.0, 10.0, 15.0, 7.0, 14.0, 28.0],
        }
    )
    assert clean(frame).report.money_kept == 79.0


def test_an_amount_that_no_product_s_price_explains_stays():
    rng = np.random.default_rng(1)
    assert (
        read(_shop(amount=lambda price, quantity: rng.gamma(2, 20, len(price)))).mapping["amount"] == "amount"
    )


@pytest.mark.parametrize(("per_line", "name"), [(True, "amount"), (False, "unit_price")])
def test_numbers_of_items_called_amount_are_the_quantity(per_line, name):
    frame = _shop(SALES_PRICE=lambda price, quantity: price * 7 * (quantity if per_line else 1))
    raw = read(frame.assign(ASSET=frame["SALES_PRICE"] * 0.8).rename(columns={"qty": "AMOUNT"}))
    assert (raw.mapping["quantity"], raw.mapping[name]) == ("AMOUNT", "SALES_PRICE")


@pytest.mark.parametrize("heading", ["Land", "ccy", "Unit of money", "Devisencode"])
def test_a_column_of_currency_codes_is_recognised_under_any_heading(heading):
    frame = pd.DataFrame({"customer": list("abc"), "date": "2024-01-31", "amount": [1.0, 2.0, 4.0]})
    frame[heading] = ["EUR", "usd", "SEK"]
    assert read(frame).mapping["currency"] == heading
    with pytest.raises(ValueError, match="contains the currencies"):
        clean(frame)


def test_a_cost_between_that_the_mapping_names_is_told_and_not_asked_about():
    shop = _shop(
        total=lambda price, quantity: price * quantity,
        cost=lambda price, quantity: 0.6 * price * np.sqrt(quantity),
    )
    with pytest.raises(ValueError, match="may be money per item or per line"):
        read(shop)
    raw = read(shop, {"cost": "cost"})
    assert raw.mapping["cost"] == "cost"
    assert any("multiplied by 1.41" in note and "read as cost" in note for note in raw.notes)


@pytest.mark.parametrize("heading", ["Purchase Price", "EK", "Item Cost", "Prix d'achat", "Landed cost"])
def test_what_an_item_cost_is_known_by_its_heading(heading):
    lines = pd.DataFrame(
        {
            "customer": ["a", "b", "c"],
            "date": ["2025-01-05", "2025-01-06", "2025-01-07"],
            "qty": [1, 2, 3],
            "price": [10.0, 20.0, 30.0],
            heading: [6.0, 12.0, 18.0],
        }
    )
    assert read(lines).mapping["unit_cost"] == heading


def test_products_with_one_quantity_each_say_nothing():
    lines = pd.DataFrame({"sku": ["A", "B"] * 240, "qty": [1, 2] * 240, "price": np.tile([9.5, 1.0], 240)})
    lines = lines.assign(customer_id="a", date="2024-01-31")
    assert clean(read(lines)).report.money_kept == 240 * 11.5


@pytest.mark.parametrize("whole", [slice(300, 400), slice(0, 100)])
def test_a_part_of_a_file_that_counts_cents_is_a_question(tmp_path, whole):
    amounts = [f"{5 + n * 37 % 211 / 4 + 0.01:.2f}" for n in range(400)]
    amounts[whole] = [f"{float(amount) * 100:.0f}" for amount in amounts[whole]]
    lines = [f"C{n % 40},2024-0{1 + n % 9}-05,{amount}" for n, amount in enumerate(amounts)]
    path = tmp_path / "sales.csv"
    path.write_text("\n".join(["customer,date,amount", *lines, ""]))
    with pytest.raises(
        QuestionsError, match=f"of the rows (before|from) {'101' if whole.start == 0 else '301'} "
    ):
        read(path)
    assert read(path, changes={"money_unit": ["1"]}).table.count() == 400


def test_whole_prices_at_the_end_of_a_file_are_no_question(tmp_path):
    lines = [f"C{n % 40},2024-0{1 + n % 9}-05,{20 + n % 7 + (0.5 if n < 300 else 0)}" for n in range(400)]
    path = tmp_path / "sales.csv"
    path.write_text("\n".join(["customer,date,amount", *lines, ""]))
    assert clean(read(path)).report.rows_kept == 400


def test_other_notes_are_said_to_state_money_without_the_unit_of_a_rule(tmp_path):
    path = tmp_path / "payments.csv"
    lines = [f"C{n % 9},2024-01-{1 + n % 28:02},{1000 + 37 * n},{900 + 33 * n}" for n in range(60)]
    path.write_text("\n".join(["customer,date,total,earnings", *lines]))
    notes = clean(read(path, changes={"money_unit": 0.01})).report.notes
    assert any("with 'earnings', and" in note for note in notes)
    [told] = [note for note in notes if "rule money_unit" in note]
    assert told.endswith("notes that compare columns state money as the file has it.")


def test_a_cost_that_customers_pay_is_no_cost():
    raw = read(_shop(total=lambda price, quantity: price * quantity, item_cost=lambda price, quantity: price))
    assert "unit_cost" not in raw.mapping
    assert any("not read as a cost" in note for note in raw.notes)
    low = read(
        _shop(total=lambda price, quantity: price * quantity, item_cost=lambda price, quantity: 0.6 * price)
    )
    assert low.mapping["unit_cost"] == "item_cost"


def test_amounts_that_another_column_writes_with_decimals_are_cents():
    shop = _shop(total=lambda price, quantity: 100 * price * quantity - 1)
    shop["total_formatted"] = [f"${cents / 100:,.2f}" for cents in shop["total"]]
    cleaned = clean(read(shop))
    assert cleaned.report.money_kept == pytest.approx(shop["total"].sum() / 100)
    assert any("100 times those in 'total_formatted'" in note for note in cleaned.report.notes)
    assert clean(read(shop, rules={"money_unit": 1})).report.money_kept == shop["total"].sum()
    taxed = shop.rename(columns={"total_formatted": "total_tax"})
    assert clean(read(taxed)).report.money_kept == shop["total"].sum()
