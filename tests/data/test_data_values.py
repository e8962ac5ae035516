"""Every kind of source, every column, every odd value: the line is kept or set aside with its reason, to the cent."""

import decimal

import duckdb
import numpy as np
import pandas as pd
import pytest

from cltv_ml.columns.rules import REASONS
from cltv_ml.data import clean, read

COLUMNS = ["customer_id", "timestamp", "amount", "order_id", "product_id", "quantity"]
MAPPING = {name: name for name in COLUMNS}
ODD = {
    "number": [None, np.nan, np.inf, -np.inf, 0.0, -7.0, 1e300, -1e300, 1e-300, 2.0**53 + 2],
    "text": [
        None,
        "",
        " ",
        "nan",
        "NULL",
        "inf",
        "-inf",
        "1e400",
        "\x00",
        "\u202e",
        "=1+1",
        "12,34,5",
        "ä" * 99,
        "🙂",
        "\\N",
    ],
    "time": [None, pd.NaT, "0001-01-01", "9999-12-31", "2025-02-30", "infinity", "1970-01-01", "2300-01-01"],
}
KINDS = {"customer_id": ("text", "number"), "timestamp": ("time", "text"), "amount": ("number", "text")}
KINDS |= {"order_id": ("text", "number"), "product_id": ("text",), "quantity": ("number", "text")}


def orders():
    """Return twelve plain orders of 10.00."""
    rows = [(f"c{n % 4}", f"2025-01-{n + 1:02} 10:00:00", 10.0, f"o{n}", f"p{n % 3}", 2.0) for n in range(12)]
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(COLUMNS, object))


def as_frame(frame, folder):
    return frame


def as_csv(frame, folder):
    frame.map(lambda value: value if value is None or value == value else "nan").to_csv(
        folder / "odd.csv", index=False
    )
    return folder / "odd.csv"


def as_json(frame, folder):
    frame.astype(str).to_json(folder / "odd.json", orient="records")
    return folder / "odd.json"


def as_parquet(frame, folder):
    typed = frame.copy()
    for name in ("amount", "quantity"):
        typed[name] = pd.to_numeric(typed[name], errors="coerce")
    for name in ("customer_id", "timestamp", "order_id", "product_id"):
        typed[name] = [None if value is None or value != value else str(value) for value in typed[name]]
    typed.to_parquet(folder / "odd.parquet")
    return folder / "odd.parquet"


def as_excel(frame, folder):
    clean_text = frame.map(lambda value: value.replace("\x00", "") if isinstance(value, str) else value)
    clean_text.map(
        lambda value: str(value) if isinstance(value, float) and not np.isfinite(value) else value
    ).to_excel(folder / "odd.xlsx", index=False)
    return folder / "odd.xlsx"


def as_database(frame, folder):
    path = folder / "odd.duckdb"
    path.unlink(missing_ok=True)
    texts = frame.map(
        lambda value: None if value is None or value != value else str(value).replace("\x00", "")
    )
    with duckdb.connect(str(path)) as con:
        con.register("odd_frame", texts)
        con.execute("create table odd as from odd_frame")
    return f"duckdb:///{path}"


@pytest.mark.parametrize("write", [as_frame, as_csv, as_json, as_parquet, as_excel, as_database])
def test_odd_values_are_set_aside_with_a_reason_and_sums_agree_to_the_cent(write, tmp_path):
    frame = orders()
    odd = [(column, value) for column in COLUMNS for kind in KINDS[column] for value in ODD[kind]]
    for number, (column, value) in enumerate(odd):
        row = {**orders().iloc[number % 12].to_dict(), "order_id": f"x{number}", column: value}
        frame.loc[len(frame)] = row
    cleaned = clean(read(write(frame.astype(object), tmp_path), MAPPING, changes={"unsigned_returns": False}))
    report, quarantine = cleaned.report, cleaned.quarantine
    assert report.rows_in == len(cleaned.log) + len(quarantine)
    assert report.rows_in >= len(frame) - 1  # Excel and CSV hold no lines that are wholly blank
    assert set(quarantine["rule"]) <= set(REASONS)
    assert quarantine["reason"].str.len().min() > 10
    assert np.isfinite(cleaned.log["amount"]).all()
    assert cleaned.log["customer_id"].str.strip().ne("").all()
    assert cleaned.log["timestamp"].notna().all()
    parts = (report.money_kept, report.money_quarantined, report.money_netted, report.money_capped)
    assert round(sum(parts), 2) == round(report.money_in, 2)
    assert round(cleaned.log["amount"].sum(), 2) == round(report.money_kept, 2)


def test_a_decimal_that_even_pandas_cannot_print_is_set_aside():
    reasons = {"customer_id": "missing_customer", "timestamp": "bad_date", "amount": "bad_amount"}
    for column, reason in reasons.items():
        frame = orders()
        frame.loc[5, column] = decimal.Decimal("sNaN")
        cleaned = clean(read(frame, MAPPING))
        assert (len(cleaned.log), cleaned.quarantine["rule"].tolist()) == (11, [reason]), column


def test_half_a_character_keeps_customers_apart():
    frame = orders()
    frame.loc[[4, 5], "customer_id"] = ["\ud83d", "\ud83e"]
    assert {"\\ud83d", "\\ud83e"} < set(clean(read(frame, MAPPING)).log["customer_id"])


@pytest.mark.slow
@pytest.mark.parametrize(("column", "kind"), [(name, kind) for name in COLUMNS for kind in KINDS[name]])
def test_one_odd_value_alone_never_costs_other_lines(column, kind):
    wrong = []
    for number, value in enumerate(ODD[kind]):
        frame, first = orders(), number % 12
        frame.loc[first, column] = value
        cleaned = clean(read(frame, MAPPING, changes={"unsigned_returns": False}))
        others = cleaned.log[cleaned.log["order_id"] != f"o{first}"]
        if abs(others["amount"].sum() - 110.0) > 10.005:
            wrong.append((value, first, others["amount"].sum(), cleaned.quarantine["rule"].tolist()))
    assert not wrong
