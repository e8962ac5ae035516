"""Every amount of money on a page has its currency: found by multiplying the money of a shop."""

import importlib
import re
from types import SimpleNamespace

import pandas as pd
import pytest

from cltv_ml import pipelines
from cltv_ml.data import Rules, change_rules, clean, simulate
from cltv_ml.pipelines import inputs, pages
from cltv_ml.settings import Audit, Cohorts

pytestmark = pytest.mark.usefixtures("store")

#: What the money of the second shop is multiplied by; nothing else of it changes.
FACTOR = 7.0

NUMBER = re.compile(r"(?<![\w.-])[+-]?\d[\d,]*(?:\.\d+)?(?!\d*%)")


def _texts(summary):
    """Yield each text of a page with the caption and column above it."""
    for fact in summary["facts"]:
        yield "", fact["value"]
        yield "", fact["note"]
    for answer in summary["answers"]:
        yield from (("", sentence) for sentence in answer["sentences"])
    waiting = [*summary["sections"]]
    while waiting:
        part = waiting.pop()
        waiting += part["details"]
        yield from (("", sentence) for sentence in [*part["sentences"], *part["warnings"]])
        for table in part["tables"]:
            for row in table["rows"]:
                yield from (
                    (f"{table['caption']} {name}", cell)
                    for name, cell in zip(table["head"], row, strict=True)
                )


def _bare_amounts(once, multiplied):
    """Return the texts with a number that grows with the shop's money and no currency near it, and all such numbers."""
    bare, amounts = [], 0
    for (above, text), (_, other) in zip(_texts(once), _texts(multiplied), strict=True):
        for number, grown in zip(NUMBER.finditer(text), NUMBER.finditer(other), strict=False):
            before, after = (float(found[0].replace(",", "")) for found in (number, grown))
            if before and abs(after / before - FACTOR) < 0.2 and abs(after) > 1:
                amounts += 1
                near = text[number.start() : number.end() + 25]
                bare += [text] if "EUR" not in f"{above} {near}" else []
    return bare, amounts


def _money_columns(once, multiplied):
    """Return the columns of numbers that grow with the shop's money, and whether each row of theirs names EUR."""
    numbers = once.select_dtypes("number")
    grown = (numbers.ne(0) & (multiplied[numbers.columns] / numbers - FACTOR).abs().lt(0.01)).where(
        numbers.abs() > 1, False
    )
    amounts = grown.any(axis=1)
    named = "currency" in once and once.loc[amounts, "currency"].eq("EUR").all()
    return [*grown.columns[grown.any()]], bool(named)


def test_every_amount_on_the_pages_of_a_shop_has_its_currency(tmp_path, monkeypatch):
    written, write_page = [], pages.write_page

    def keep(summary, path, **options):
        written.append(summary)
        return write_page(summary, path, **options)

    for module in (
        "pages",
        "cohorts",
        "forecast",
    ):  # those of the audit and of acquisition are written by pages
        monkeypatch.setattr(importlib.import_module(f"cltv_ml.pipelines.{module}"), "write_page", keep)
    log = simulate(200, days=420, seed=3).log
    months = log["timestamp"].dt.strftime("%Y-%m").drop_duplicates()
    costs = pd.DataFrame([(month, name, 50.0) for month in months for name in ("web", "")])
    costs.columns = ["month", "channel", "cost"]
    for factor in (1.0, FACTOR):
        shop = log.assign(**{name: log[name] * factor for name in ("amount", "cost", "discount")})
        folder, currency = tmp_path / f"{factor:.0f}", {"currency": "EUR"}
        pipelines.audit(data=shop, out=folder / "audit", **currency)
        pipelines.acquisition(
            data=shop, costs=costs.assign(cost=50 * factor), out=folder / "acquisition", **currency
        )
        pipelines.cohorts(data=shop, out=folder, **currency)
        pipelines.forecast(data=shop, horizon="13w", out=folder, **currency)
    half = len(written) // 2
    assert half == 4
    found = [_bare_amounts(once, more) for once, more in zip(written, written[half:], strict=False)]
    assert sum(amounts for _, amounts in found) > 100
    assert [bare for bare, _ in found] == [[]] * half
    tables = {file.relative_to(tmp_path / "1") for file in (tmp_path / "1").rglob("*.csv")}
    tables = {file for file in tables if not file.parent.name.endswith("_tables")}
    with_money = {
        file: _money_columns(*(pd.read_csv(tmp_path / of / file) for of in "17")) for file in tables
    }
    assert sum(bool(money) for money, _ in with_money.values()) > 10
    assert [file for file, (money, named) in with_money.items() if money and not named] == []


def _orders(**columns):
    days = pd.date_range("2025-01-05", periods=6, freq="17D")
    return pd.DataFrame(
        {"Customer": list("ababca"), "Date": days, "Amount": [10.0, 20, 30, 15, 5, 8], **columns}
    )


@pytest.mark.parametrize(
    ("columns", "rules", "stated"),
    [
        ({"Currency": ["eur"] * 6}, {}, "EUR"),
        ({"Currency": ["€"] * 6}, {}, "EUR"),
        ({}, {}, ""),
        ({"Amount": ["€ 10.00", "€ 20.00", "1,030.00 €", "-€15.00", "€ 5.00", None]}, {}, "EUR"),
        ({"Amount": ["zł 10.00", "10.00", *["5.00 zł"] * 4]}, {}, ""),
        ({"Amount": ["$10.00"] * 6}, {}, ""),
        ({"Currency": ["EUR", "USD"] * 3}, {"rates": {"USD": 0.9, "EUR": 1.0}}, "EUR"),
        ({"Currency": ["EUR", "USD"] * 3}, {"rates": ["usd:0.9,eur:1"]}, "EUR"),
        ({"Currency": ["EUR", "USD"] * 3}, {"rates": {"USD": 0.8, "EUR": 0.9}}, ""),
        ({"Currency": ["USD"] * 6}, {"rates": {"USD": 0.01}}, "USD"),
        ({"Currency": ["USD"] * 6}, {"rates": {"USD": 0.9}}, ""),
    ],
)
def test_a_cleaning_reports_the_currency_that_every_line_states(columns, rules, stated):
    assert clean(_orders(**columns), change_rules(Rules(), rules)).report.currency == stated


def test_a_currency_in_the_headings_of_money_is_stated_too():
    """Unit Price (INR) had left every page and file without a currency."""
    for heading, stated in {
        "Amount (INR)": "INR",
        "Amount EUR": "EUR",
        "amount_usd": "USD",
        "Amount": "",
    }.items():
        assert clean(_orders().rename(columns={"Amount": heading})).report.currency == stated
    both = _orders(**{"Cost (USD)": 1.0}).rename(columns={"Amount": "Amount (EUR)"})
    assert clean(both).report.currency == ""
    signs = _orders(Amount=["$ 10.00"] * 6).rename(columns={"Amount": "Amount (CAD)"})
    assert clean(signs).report.currency == "CAD"


def test_pages_of_a_log_that_states_its_currency_name_it(tmp_path):
    """They had no currency until somebody gave --currency."""
    page = tmp_path / "check.html"
    pipelines.check(data=_orders(Currency=["CHF"] * 6), html=page)
    assert "88.00 CHF" in page.read_text(encoding="utf-8")
    pipelines.check(data=_orders(Currency=["CHF"] * 6), html=page, currency="francs")
    assert "88.00 francs" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("stated", "of_log", "shown"), [("USD", "EUR", "USD"), ("", "EUR", "EUR"), ("", "", "CHF")]
)
def test_pages_of_a_logs_own_money_take_the_champions_currency_last(monkeypatch, stated, of_log, shown):
    monkeypatch.setattr(inputs, "champion_currency", lambda: "CHF")
    cleaned = SimpleNamespace(report=SimpleNamespace(currency=of_log))
    wanted = [kind.of(None, {"data": "cdnow", "currency": stated}) for kind in (Audit, Cohorts)]
    assert [inputs.with_currency(one, cleaned).currency for one in wanted] == [shown, shown]
