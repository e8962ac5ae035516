"""Journals with all accounts: only the accounts of sales hold what customers bought."""

import pytest

from cltv_ml.data import QuestionsError, clean, read
from tests.data.test_data_by_hand import answered

JOURNAL = """
Date,Journal Entry,Account,Partner,Label,Debit,Credit
2025-01-05,INV/2025/0001,121000 Account Receivable,Ann,INV/2025/0001,44.00,0.00
2025-01-05,INV/2025/0001,400000 Product Sales,Ann,Mug,0.00,40.00
2025-01-05,INV/2025/0001,251000 Tax Received,Ann,Tax,0.00,4.00
2025-02-06,INV/2025/0002,121000 Account Receivable,Bob,INV/2025/0002,55.00,0.00
2025-02-06,INV/2025/0002,400000 Product Sales,Bob,Lamp,0.00,50.00
2025-02-06,INV/2025/0002,251000 Tax Received,Bob,Tax,0.00,5.00
2025-02-09,RINV/2025/0001,121000 Account Receivable,Bob,RINV/2025/0001,0.00,11.00
2025-02-09,RINV/2025/0001,400000 Product Sales,Bob,Lamp,10.00,0.00
2025-02-09,RINV/2025/0001,251000 Tax Received,Bob,Tax,1.00,0.00
2025-02-20,BNK1/2025/0001,101401 Bank,Ann,Payment,44.00,0.00
2025-02-20,BNK1/2025/0001,121000 Account Receivable,Ann,Payment,0.00,44.00
"""


def test_the_sales_of_a_journal_are_on_its_accounts_of_sales(tmp_path):
    customers, money, asked = answered(tmp_path, JOURNAL)
    assert (customers, money) == (2, 80.0)
    assert "type=400000 Product Sales:counts" in asked[0]
    assert "type=121000 Account Receivable:ignore" in asked[0]


def test_a_journal_of_signed_amounts_is_no_list_of_sales(tmp_path):
    path = tmp_path / "lines.csv"
    path.write_text(
        "date,move_name,account_code,customer,amount\n"
        "2025-01-05,INV/1,121000,Ann,40.00\n2025-01-05,INV/1,400000,Ann,-40.00\n"
        "2025-02-06,INV/2,121000,Bob,50.00\n2025-02-06,INV/2,400000,Bob,-50.00\n"
    )
    with pytest.raises(QuestionsError, match="the lines of each 'move_name' sum to zero"):
        clean(read(path))


@pytest.mark.parametrize("heading", ["Type", "Posted as"])
def test_credits_are_offered_as_sales_where_the_kind_of_line_says_so(tmp_path, heading):
    text = """
Date,Transaction,Order,Customer ID,KIND,Debit,Credit
2025-01-05,1,O1,c1,Order amount,,40.00
2025-01-05,2,O1,c1,Commission fees,6.00,
2025-02-06,3,O2,c2,Order amount,,50.00
2025-02-06,4,O2,c2,Commission fees,7.50,
2025-02-09,5,O2,c2,Refund order amount,50.00,
2025-02-09,6,O2,c2,Refund commission fees,,7.50
2025-03-01,7,O3,c2,Order amount,,20.00
"""
    customers, money, asked = answered(tmp_path, text.replace("KIND", heading))
    assert asked[0].removesuffix(f",type={heading}") == "amount=Credit,credit=Debit"
    assert (customers, money) == (2, 60.0)
