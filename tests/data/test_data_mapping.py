import pandas as pd
import pytest

from cltv_ml.columns.orders import find_order
from cltv_ml.columns.proposal import propose_mapping
from cltv_ml.data import DATASETS, read, read_mapping, write_mapping
from cltv_ml.engine import Relation
from cltv_ml.errors import InputError


def proposed(**samples):
    return dict(read(pd.DataFrame({name: [value] for name, value in samples.items()})).mapping)


def test_online_retail_s_names_are_understood():
    mapping = proposed(
        InvoiceNo="536365",
        StockCode="85123A",
        Description="LIGHT",
        Quantity=6,
        InvoiceDate="2010-12-01 08:26",
        UnitPrice=2.55,
        CustomerID=17850.0,
        Country="United Kingdom",
    )
    assert mapping == DATASETS["online_retail"].mapping


def test_a_web_shop_s_export_is_understood():
    assert proposed(
        order_id=1,
        user_id="u1",
        created_at="2024-01-31T10:00:00Z",
        updated_at="2024-02-01T10:00:00Z",
        total_amount="9.50",
        currency="EUR",
        sku="A1",
        qty=1,
    ) == {
        "customer_id": "user_id",
        "timestamp": "created_at",
        "amount": "total_amount",
        "order_id": "order_id",
        "product_id": "sku",
        "quantity": "qty",
        "currency": "currency",
    }


def test_the_purchase_date_is_not_the_shipping_date():
    assert (
        proposed(customer="a", ship_date="2024-02-01", order_date="2024-01-31", revenue=1.5)["timestamp"]
        == "order_date"
    )


def test_a_sum_that_is_no_price_is_never_taken_for_the_amount():
    for heading in (
        "sellerDiscountTotal",
        "total_items_sold",
        "couponValueUsed",
        "PlatformFeeTotalX",
        "value_of_points",
    ):
        with pytest.raises(InputError, match="amount"):
            proposed(customer="a", date="2024-01-31", **{heading: 1.5})


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        (
            {"line_amount": 8.5, "sales_amount": 10.0},
            r"\['line_amount', 'sales_amount'\] could each be the amount",
        ),
        ({"total": 8.5, "revenue": 10.0}, r"\['total', 'revenue'\] could each be the amount"),
    ],
)
def test_two_equally_good_amounts_are_asked_for(columns, asked):
    with pytest.raises(ValueError, match=asked):
        proposed(customer_id="a", date="2024-01-31", **columns)


def test_two_equally_good_dates_and_customers_are_asked_for():
    with pytest.raises(ValueError, match=r"\['order_date', 'sale_date'\] could each be the timestamp"):
        proposed(customer_id="a", order_date="2024-01-31", sale_date="2024-02-28", amount=1)
    with pytest.raises(ValueError, match=r"\['user_id', 'client_id'\] could each be the customer_id"):
        proposed(user_id="a", client_id="b", date="2024-01-31", amount=1)


def test_a_flag_settles_what_the_proposal_asked_and_the_rest_is_proposed():
    frame = pd.DataFrame({"cust": ["a"], "date": ["2024-01-31"], "net": [1.0], "gross": [2.0], "sku": ["x"]})
    assert dict(read(frame, {"amount": "gross"}).mapping) == {
        "customer_id": "cust",
        "timestamp": "date",
        "amount": "gross",
        "product_id": "sku",
    }


def test_a_mapping_that_names_what_is_required_is_taken_as_it_is():
    frame = pd.DataFrame({"customer_id": ["a"], "date": ["2024-01-31"], "amount": [1.0], "sku": ["x"]})
    given = {"customer_id": "customer_id", "timestamp": "date", "amount": "amount"}
    assert dict(read(frame, given).mapping) == given


def test_an_optional_column_can_be_declined():
    frame = pd.DataFrame({"cust": ["a"], "date": ["2024-01-31"], "total": [1.0], "sku": ["x"], "item": ["y"]})
    assert "product_id" not in read(frame, {"product_id": ""}).mapping


def test_a_discount_between_zero_and_one_is_not_taken_for_money():
    assert "discount" not in proposed(customer_id="a", date="2024-01-31", amount=1.0, discount=0.2)


def test_missing_columns_and_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"no column found for customer_id; name it .* Found \['x', 'y'\]"):
        read(pd.DataFrame({"x": [1], "y": [2]}))
    frame = pd.DataFrame({"customer_id": ["a"], "date": ["2024-01-31"], "amount": [1.0]})
    with pytest.raises(
        ValueError, match=r"unknown name 'customer'; did you mean 'customer_id'\? Available: \['amount', "
    ):
        read(frame, {"customer": "customer_id"})
    with pytest.raises(ValueError, match=r"column 'when' for timestamp is not in the source. Found \["):
        read(frame, {"timestamp": "when"})
    with pytest.raises(ValueError, match="column 'amount' is mapped to more than one name"):
        read(frame, {"amount": "amount", "cost": "amount"})


def test_a_saved_proposal_reads_back(tmp_path):
    mapping = {"customer_id": 'the "best" id', "timestamp": "Größe\\n", "amount": "a = b"}
    write_mapping(mapping, tmp_path / "mapping.toml")
    assert read_mapping(tmp_path / "mapping.toml") == mapping


def test_a_toml_mapping_is_read_at_the_door(tmp_path):
    (tmp_path / "mapping.toml").write_text('[mapping]\namount = "gross"\n')
    frame = pd.DataFrame({"cust": ["a"], "date": ["2024-01-31"], "net": [1.0], "gross": [2.0]})
    assert read(frame, tmp_path / "mapping.toml").mapping["amount"] == "gross"
    with pytest.raises(ValueError, match="does not exist; check the path"):
        read(frame, tmp_path / "other.toml")
    (tmp_path / "bad.toml").write_text("[map")
    with pytest.raises(ValueError, match="is not valid TOML"):
        read(frame, tmp_path / "bad.toml")


def test_a_badly_filled_column_of_the_right_name_is_still_proposed():
    kinds = {"customer_id": "text", "order_date": "text", "amount": "text"}
    assert propose_mapping(kinds).mapping["timestamp"] == "order_date"


def test_a_german_export_is_understood():
    frame = pd.DataFrame(
        [["1001", "K001", "31.01.2024 10:15", "A1", "2", "9,50", "EUR"]],
        columns=["Bestellnummer", "Kunden-Nr", "Bestelldatum", "Artikel", "Menge", "Einzelpreis", "Währung"],
    )
    assert dict(read(frame).mapping) == {
        "customer_id": "Kunden-Nr",
        "timestamp": "Bestelldatum",
        "order_id": "Bestellnummer",
        "product_id": "Artikel",
        "quantity": "Menge",
        "unit_price": "Einzelpreis",
        "currency": "Währung",
    }


@pytest.mark.parametrize(
    "headings",
    [
        ["Kundennummer", "Bestelldatum", "Belegnummer", "Umsatz (EUR)"],
        ["N° client", "Date de commande", "N° facture", "Montant (€)"],
        ["ID cliente", "Fecha de compra", "Número de pedido", "Importe [EUR]"],
    ],
)
def test_headings_of_other_languages_with_units_are_proposed(headings):
    kinds = dict(zip(headings, ["text", "timestamp", "text", "number"], strict=True))
    names = ["customer_id", "timestamp", "order_id", "amount"]
    assert propose_mapping(kinds).mapping == dict(zip(names, headings, strict=True))


def test_a_column_that_cannot_be_found_names_the_flag():
    with pytest.raises(ValueError, match="--mapping amount=COLUMN"):
        proposed(customer="a", date="2024-01-31", note="b")


@pytest.mark.parametrize(("heading", "kind"), [("discount", "rate"), ("Discount %", "number")])
def test_a_discount_that_is_a_share_is_no_money(heading, kind):
    kinds = {"customer": "text", "date": "timestamp", "total": "number", heading: kind}
    assert propose_mapping(kinds).mapping["discount_rate"] == heading


def test_columns_that_number_no_purchase_are_asked_about_once_each(monkeypatch):
    asked = []
    monkeypatch.setattr(Relation, "row", lambda self, query: asked.append(query) or (2, 3, 4))
    names = [f"column_{place}" for place in range(12)]
    mapping = {"customer_id": "who", "timestamp": "when", "amount": "money"}
    assert find_order(Relation(None, "lines"), dict.fromkeys(names, "text"), mapping, names) is None
    assert len(asked) == len(names)
