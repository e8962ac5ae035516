"""Every known export: its example is recognised and read to the value worked out by hand."""

from pathlib import Path

import pandas as pd
import pytest

from cltv_ml.columns.formats import formats, recognise
from cltv_ml.columns.headings import SYNONYMS
from cltv_ml.columns.levels import READINGS
from cltv_ml.data import change_rules, clean, compute_summary, read
from cltv_ml.errors import InputError

EXAMPLES = Path(__file__).with_name("exports") / "formats"

#: Format -> customers, orders and net revenue of its example, worked out by hand; None where no customer is named.
TRUTH = {
    "adyen_settlements": (2, 3, 50 + (123.45 - 23.45) + 25),
    "airbnb_earnings": (2, 3, 200 + (300 - 50) + 100),
    "amazon_orders": (2, 3, 42 + 20 + 60),
    "amazon_settlements": None,
    "amazon_shipments": (2, 3, 42 + 20 + 60),
    "amazon_transactions": None,
    "bigcommerce_orders": (2, 4, 44 + 60 + (50 - 20) + 10.5),
    "dbt_shopify_orders": (2, 3, 59.9 + 40 + 40),
    "dbt_stripe_balance": (2, 3, 50 + (123.45 - 23.45) + 25),
    "ebay_orders": (2, 3, 50 + 15 + 33.5),
    "ebay_transactions": (1, 2, 50 + 15 - 15 + 33.5),
    "etsy_items": (2, 3, 30 + 10 + 45 + 20),
    "etsy_orders": (2, 3, 45.2 + 25.2 + 25.2),
    "ga4_purchases": (2, 3, 50.5 + (80 - 30) + 25),
    "gumroad_sales": (2, 3, 50 + (80 - 20) + 12.5),
    "hubspot_deals": (2, 3, 5000 + 1500 + 750.5),
    "kaufland_order_units": (2, 3, 19.99 + 19.99 + 500.05),
    "klarna_settlements": None,
    "lazada_orders": (2, 2, 10 + 12 + 40),
    "braintree_transactions": (1, 2, 50 + 15),
    "lightspeed_sales": (2, 3, 44 + 16.5 + 11),
    "magento_items": (2, 2, (40 - 4) + 50),
    "magento_orders": (2, 3, 44 + (60 - 15) + 1010.5),
    "mercadolibre_sales": (2, 3, 50 + 1100 + 25.5),
    "nopcommerce_orders": (2, 2, 50 + (40 - 15)),
    "paypal_activity": (2, 3, 50 + (1080 - 80) + 25.5),
    "prestashop_grid": (2, 3, 44 + 60.5 + 1212.25),
    "prestashop_orders": (2, 3, 44 + 60.5 + 12.25),
    "quickbooks_sales": (2, 3, 250 + (100 - 40) + 150),
    "rakuten_orders": (2, 2, 2000 + 1000),
    "salesforce_opportunities": (3, 3, 12000 + 3000 + 7250.5),
    "sap_documents": (2, 3, 1234.5 + (600 - 100) + 69),
    "shopify_orders": (2, 3, 59.9 + (60 - 20) + 40),
    "shopify_transactions": None,
    "shopware5_orders": (2, 3, 54.9 + 40 + 70),
    "squarespace_orders": (2, 3, 47.8 + (35 - 10) + 20),
    "square_items": (1, 2, 9 + 4 + 4.5),
    "square_transactions": (1, 2, 13 + 9),
    "stripe_charges": (2, 3, 50 + (123.45 - 23.45) + 25),
    "stripe_payments": (2, 3, 50 + 100 + (80 - 30)),
    "tafeng_groceries": (2, 4, 30 + 52 + 180 + 110 + 40),
    "tiktok_orders": (2, 3, 34 + (26 - 6) + 42),
    "woocommerce_analytics": (1, 2, 40 + 30 - 30 + 25),
    "woocommerce_orders": (3, 4, 44 + (30 - 10) + 20 + 12.5),
    "xero_invoices": (2, 3, 250 + (100 - 40) + 150),
}


def example(name):
    [path] = EXAMPLES.glob(f"{name}.*")
    return path


def headings(path):
    delimiter = next(sign for sign in "\t;," if sign in path.read_text(encoding="utf-8").splitlines()[0])
    return [
        heading.strip('"') for heading in path.read_text(encoding="utf-8").splitlines()[0].split(delimiter)
    ]


def test_every_format_has_an_example_with_its_value():
    assert set(formats()) == set(TRUTH) == {path.stem for path in EXAMPLES.iterdir()}


def test_every_example_is_recognised_as_its_own_format():
    found = {name: recognise(headings(example(name))) for name in TRUTH}
    assert {name: known.name if known else None for name, known in found.items()} == {
        name: name for name in TRUTH
    }


def test_every_declaration_uses_the_names_of_mappings_and_the_meanings_of_levels():
    for known in formats().values():
        assert set(known.mapping) <= set(SYNONYMS), known.name
        assert set(known.levels) <= set(known.mapping), known.name
        assert {reading for told in known.levels.values() for reading in told.values()} <= set(READINGS), (
            known.name
        )
        assert known.amount_is in ("order total", "line total"), known.name
        assert all(trap.endswith(".") for trap in known.traps), known.name


def test_no_format_is_recognised_by_common_headings():
    assert recognise(["customer_id", "date", "amount", "order_id", "status", "currency"]) is None


def test_every_example_is_read_to_its_value():
    wrong = []
    for name, truth in TRUTH.items():
        if truth is None:
            continue
        try:
            facts = compute_summary(clean(read(example(name))).log).iloc[0]
        except InputError as error:
            wrong.append(f"{name}: {error}")
            continue
        found = (facts["customers"], facts["orders"], facts["revenue"])
        if found[:2] != truth[:2] or abs(found[2] - truth[2]) > 0.005:
            wrong.append(f"{name}: wanted {truth}, found {found}")
    if wrong:
        pytest.fail("\n".join(wrong))


def test_an_export_without_customers_says_which_one_has_them():
    with pytest.raises(InputError, match=r"Amazon date range report.*no buyer.*all orders report"):
        read(example("amazon_transactions"))


def test_a_mapping_and_a_rule_of_the_users_own_win_over_the_format():
    raw = read(example("shopify_orders"), {"amount": "Subtotal", "cancelled_at": ""})
    assert (raw.mapping["amount"], raw.mapping["payment_status"]) == ("Subtotal", "Financial Status")
    assert "cancelled_at" not in raw.mapping
    pending = change_rules(raw.rules, {"payment_status": "pending:counts"})
    assert clean(raw, pending).report.money_kept == pytest.approx(54.9 + (60 - 20) + 40 + 20)


def test_a_check_says_what_was_recognised_and_by_what():
    notes = clean(read(example("square_items"))).report.notes
    assert notes[0].startswith("Recognised: Square items export, by the columns 'Date', 'Time'")


def test_the_cents_of_a_settlement_report_are_read_as_such_once_the_customer_is_named():
    report = clean(read(example("klarna_settlements"), {"customer_id": "merchant_reference1"})).report
    assert report.money_kept == pytest.approx(50)


def test_a_customer_joined_to_an_export_without_one_is_taken():
    lines = pd.read_csv(example("klarna_settlements"), dtype=str)
    raw = read(lines.assign(customer=lines["merchant_reference1"]))
    assert raw.mapping["customer_id"] == "customer"
    assert clean(raw).report.money_kept == pytest.approx(50)


def test_sap_bills_are_told_from_credits_and_pro_forma_by_the_billing_type(tmp_path):
    path = tmp_path / "bills.csv"
    path.write_text(
        "VBELN,FKDAT,KUNAG,NETWR,WAERK,FKART\n90001,2024-01-02,100,1000.00,EUR,F2\n90002,2024-01-05,101,800.00,EUR,F2\n"
        "90003,2024-02-02,100,300.00,EUR,G2\n90004,2024-02-09,102,461.00,EUR,F8\n90005,2024-03-01,101,200.00,EUR,RE\n"
    )
    facts = compute_summary(clean(read(path)).log).iloc[0]
    assert (facts["customers"], facts["orders"], facts["revenue"]) == (2, 2, 1300)
