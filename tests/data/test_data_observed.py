import pandas as pd
import pytest

from cltv_ml.data import Rules, clean
from cltv_ml.log import Log
from cltv_ml.serving.scoring import check_as_of

SALES = pd.DataFrame({"customer": ["a", "b"], "date": ["2025-01-05", "2025-06-20"], "amount": [1.0, 2.0]})


def test_days_without_a_sale_at_the_end_count_where_the_data_are_complete():
    log = clean(SALES, Rules(observed_until="2025-06-30")).log
    assert Log.of(log).last == pd.Timestamp("2025-06-30")
    assert check_as_of(log, None) == pd.Timestamp("2025-07-01")
    assert check_as_of(log, "2025-07-01") == pd.Timestamp("2025-07-01")


def test_without_it_a_later_day_is_refused_and_the_flag_named():
    with pytest.raises(ValueError, match="--observed-until"):
        check_as_of(clean(SALES).log, "2025-07-01")


def test_sales_after_the_last_complete_day_are_refused():
    with pytest.raises(ValueError, match="lies before the log's last sale on 2025-06-20"):
        clean(SALES, Rules(observed_until="2025-06-10"))
