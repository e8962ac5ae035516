"""The statements that reading and cleaning send to the engine: on a small table each is planned longer than it runs."""

import duckdb
import pandas as pd

from cltv_ml.data import clean, read

#: Statements of reading and cleaning a plain file: 65 on 2026-11-30, and some room for further checks.
MOST = 67


def noting(sent, run):
    """Return a method of the connection that notes its statement."""

    def send(self, query, *arguments, **options):
        sent.append(query)
        return run(self, query, *arguments, **options)

    return send


def test_a_plain_file_is_read_and_cleaned_in_few_statements(tmp_path, monkeypatch):
    lines = [
        (f"c{i % 3}", f"o{i}", f"2024-0{1 + i % 8}-1{i % 7}", f"{10 + i}.50", 1 + i % 3, f"p{i % 4}")
        for i in range(8)
    ]
    names = ["customer_id", "order_id", "date", "amount", "quantity", "product"]
    pd.DataFrame(lines, columns=names).to_csv(tmp_path / "plain.csv", index=False)
    sent: list[str] = []
    for name in ("execute", "sql"):
        monkeypatch.setattr(
            duckdb.DuckDBPyConnection, name, noting(sent, getattr(duckdb.DuckDBPyConnection, name))
        )
    cleaned = clean(read(tmp_path / "plain.csv"))
    assert (len(cleaned.log), cleaned.report.money_kept) == (8, 8 * 10.5 + sum(range(8)))
    assert 20 < len(sent) <= MOST, "\n".join(sent)
