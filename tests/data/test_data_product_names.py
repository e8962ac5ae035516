"""Names of products, read from the column that names them."""

import pandas as pd

from cltv_ml.data import read, read_product_names
from tests.data.test_data_by_hand import answered, found


def sold(**columns) -> pd.DataFrame:
    return pd.DataFrame(
        {"Customer": ["a", "b", "a", "c"], "Date": "2025-03-01", "Total": [2.0, 3.0, 2.0, 4.0], **columns}
    )


def test_the_most_frequent_name_counts_and_articles_are_spelled_as_in_the_log():
    lines = sold(
        SKU=[" 1001", "1002", "1001", "1001"], Bezeichnung=["Tee", "Marmelade", "Tee", "Tee, damaged"]
    )
    lines = pd.concat([lines.iloc[:3]] * 4 + [lines.iloc[3:]])
    assert read_product_names(read(lines)) == {"1001": "Tee", "1002": "Marmelade"}


def test_a_column_that_says_something_else_on_each_line_names_no_product():
    lines = sold(SKU=["1", "1", "1", "1"], Description=["call back", "gift", "urgent", "paid in shop"])
    assert read_product_names(read(lines)) == {}


def test_without_articles_or_names_there_are_none():
    assert read_product_names(read(sold(Description=["Tea", "Jam", "Tea", "Tea"]))) == {}
    assert read_product_names(read(sold(SKU=["1", "2", "1", "1"]))) == {}


def test_tips_and_gift_cards_are_told_where_prices_are_of_one_item_and_names_stand_beside_numbers(tmp_path):
    text = """
Check,Opened,Guest,SKU,Item,Qty,Price
1,2025-01-05,ann,A1,Soup,2,8.00
1,2025-01-05,ann,T,Tip,1,4.00
2,2025-01-06,bob,A1,Soup,1,8.00
2,2025-01-06,bob,A2,Cake,1,5.00
3,2025-02-07,ann,A2,Cake,3,5.00
3,2025-02-07,ann,G,Gift card redeemed,1,-10.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 38.0)
    assert "'Item' contains 'Tip' (1 line, 4.00), which count as goods" in told
    assert "'Gift card redeemed' (1 line, -10.00), which are subtracted from the goods" in told
    changes = {"non_products": "Tip|Gift card redeemed"}
    assert found(tmp_path, text, mapping={"product_id": "Item"}, changes=changes)[1] == 44.0


def test_numbers_of_items_in_names_are_told_unless_amounts_grow_with_them(tmp_path):
    text = """
Order,Date,Customer,Item,Price
1,2025-01-05,ann,2 x Mug,9.50
1,2025-01-05,ann,1 x Soap,4.00
2,2025-01-06,bob,1 x Mug,9.50
3,2025-02-07,ann,3 x Soap,4.00
"""
    assert "'Item' states numbers of items in its texts, such as '2 x Mug'" in found(tmp_path, text)[2]
    totals = text.replace("2 x Mug,9.50", "2 x Mug,19.00").replace("3 x Soap,4.00", "3 x Soap,12.00")
    assert "numbers of items" not in found(tmp_path, totals)[2]
    packs = text.replace("1 x Mug", "2 x Mug").replace("1 x Soap", "3 x Soap")
    assert "numbers of items" not in found(tmp_path, packs)[2]


def test_tips_in_orders_with_one_total_are_told_without_money_of_their_own(tmp_path):
    text = """
Order,Date,Customer,Item,Order total
1,2025-01-05,ann,Soup,20.00
1,2025-01-05,ann,Tip,20.00
2,2025-01-06,bob,Cake,15.00
2,2025-01-06,bob,Tip,15.00
3,2025-02-07,ann,Cake,10.00
"""
    _, money, told = found(tmp_path, text)
    assert money == 45.0
    assert "'Item' contains 'Tip' or the like on 2 lines of 2 orders, whose totals (35.00) count" in told


def test_names_of_goods_are_known_in_swedish(tmp_path):
    goods = [("Mugg", 9.5), ("Tvål", 4.0), ("Vas", 22.0)]
    lines = [
        f"2025-01-{day:02};{day};kund{day % 4};{name};{1 + (day + place) % 3};{price * (1 + (day + place) % 3):.2f}"
        for day in range(13, 29)
        for place, (name, price) in enumerate(goods)
    ]
    text = "\n".join(["Datum;Kvittonummer;Kund;Namn;Antal;Slutpris (SEK)", *lines])
    customers, money, asked = answered(tmp_path, text)
    assert (customers, asked) == (4, ["amount=Slutpris (SEK)"])
    assert money == sum(float(line.rsplit(";", 1)[1]) for line in lines)
    _, _, told = found(tmp_path, text, mapping={"amount": "Slutpris (SEK)"})
    assert "'Namn'" not in told


def test_gift_cards_are_told_in_exports_that_are_recognised(tmp_path):
    text = """
Name,Email,Financial Status,Created at,Total,Lineitem quantity,Lineitem name,Lineitem price
#1,ann@x.org,paid,2025-01-05 10:00:00,20.00,1,Soap,20.00
#2,bob@x.org,paid,2025-01-06 10:00:00,25.00,1,Gift Card,25.00
#3,ann@x.org,paid,2025-02-07 10:00:00,30.00,1,Mug,30.00
"""
    _, money, told = found(tmp_path, text)
    assert money == 75.0
    assert "'Lineitem name' contains 'Gift Card' (1 line, 25.00), which count as goods" in told
    changes = {"non_products": "Gift Card"}
    assert found(tmp_path, text, mapping={"product_id": "Lineitem name"}, changes=changes)[1] == 50.0
    two = (
        text + "#4,bob@x.org,paid,2025-02-08 10:00:00,35.00,1,Mug,10.00\n#4,bob@x.org,,,,1,Gift Card,25.00\n"
    )
    two += "#5,ann@x.org,paid,2025-02-09 10:00:00,40.00,1,Mug,15.00\n#5,ann@x.org,,,,1,Gift Card,25.00\n"
    assert (
        "'Gift Card' or the like on 3 lines of 3 orders, whose totals (100.00) count"
        in found(tmp_path, two)[2]
    )
