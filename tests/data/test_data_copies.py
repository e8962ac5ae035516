"""Documents that repeat the sale of another document are asked about, whatever they are called."""

import pandas as pd
import pytest

from cltv_ml.data import QuestionsError, answer, clean, read


def documents(copies, kind, *, days, column="Art", other="Beleg", amount=None):
    """Return twelve sales and copies of the first ones, dated some days later, of two kinds."""
    sales = [
        (
            f"{n}",
            f"c{n % 5}",
            pd.Timestamp("2025-01-05") + pd.Timedelta(days=9 * n),
            other,
            amount or 20.5 + n,
        )
        for n in range(12)
    ]
    later = pd.Timedelta(days=days)
    sales += [
        (f"9{no}", customer, day + later, kind, money) for no, customer, day, _, money in sales[:copies]
    ]
    return pd.DataFrame(sales, columns=["Nummer", "Kunde", "Datum", column, "Betrag"])


def first_answers(source, mapping=None, rules=None):
    with pytest.raises(QuestionsError) as asked:
        clean(read(source, mapping, changes=rules))
    return [question.answers[0] for question in asked.value.questions]


def test_two_kinds_of_documents_of_one_sale_are_asked_about():
    invoices = documents(6, "Rechnung", days=2, other="Faktura", column="Belegart")
    assert first_answers(invoices, {"type": "Belegart"}) == ["type=Rechnung:ignore"]
    mapping, rules = answer(["type=Rechnung:ignore"], {"type": "Belegart"}, {})
    assert clean(read(invoices, mapping, changes=rules)).report.rows_kept == 12


@pytest.mark.parametrize(("days", "reading"), [(-2, "ignore"), (0, "ignore"), (6, "refund")])
def test_the_first_answer_reads_copies_by_their_day(days, reading):
    coded = documents(6, 2, days=days, other=3, column="SOPT")
    assert first_answers(coded) == ["type=SOPT"]
    assert first_answers(coded, {"type": "SOPT"}) == [f"type=3:counts,type=2:{reading}"]


@pytest.mark.parametrize(
    "source",
    [
        documents(6, "web", days=40, other="shop", column="Kanal"),
        documents(6, "web", days=1, other="shop", column="Kanal", amount=9.99),
        documents(6, "web", days=1, other="shop", column="Kanal").assign(
            Betrag=lambda table: [money + (n % 2) for n, money in enumerate(table["Betrag"])]
        ),
        documents(4, "web", days=1, other="shop", column="Kanal"),
    ],
    ids=["months apart", "one price", "other amounts", "too few"],
)
def test_what_customers_buy_twice_is_no_copy(source):
    assert len(clean(read(source)).log) == len(source)
