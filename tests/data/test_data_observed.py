import pandas as pd
import pytest

from cltv_ml.data import Rules, clean, clean_to_parquet, read
from cltv_ml.data.quality import compute_cohort_activity, compute_seasonality, compute_summary
from cltv_ml.decisions.audit import compute_audit
from cltv_ml.decisions.cohorts import compute_cohorts
from cltv_ml.decisions.payback import compute_payback
from cltv_ml.decisions.profile import profile_segments
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
    with pytest.raises(ValueError, match="but the log's last sale is on 2025-06-20"):
        clean(SALES, Rules(observed_until="2025-06-10"))


def test_a_clean_log_in_a_file_says_until_when_it_is_complete(tmp_path):
    rules = Rules(observed_until="2025-06-30")
    clean_to_parquet(read(SALES), tmp_path, rules)
    clean(SALES, rules).log.to_parquet(tmp_path / "pandas.parquet")
    for path in (tmp_path / "log.parquet", tmp_path / "pandas.parquet"):
        assert Log.of(str(path)).last == pd.Timestamp("2025-06-30"), path.name
        assert check_as_of(path, None) == pd.Timestamp("2025-07-01"), path.name


def test_days_without_a_sale_at_the_end_are_days_of_every_table():
    """Two customers who have bought nothing for half a year: months of zeros, not months that nobody has seen."""
    log = clean(SALES, Rules(observed_until="2025-12-31")).log
    summary = compute_summary(log).iloc[0]
    assert (summary["days"], summary["longest_gap"]) == (361, 194)
    assert summary["days_without_orders"] == 359
    activity = compute_cohort_activity(log)
    assert activity.groupby("cohort")["month"].max().tolist() == [11, 6]
    cohorts = compute_cohorts(log, per="month")
    assert cohorts.groupby("cohort")["period"].max().tolist() == [11, 6]
    assert cohorts[cohorts["period"] == 5]["complete"].all()
    audit = compute_audit(log, "quarter", calendar=True)
    assert (audit.periods["name"].iloc[-1], audit.periods["customers"].iloc[-1]) == ("2025-Q4", 0)
    payback = compute_payback(log, 5.0, margin_rate=0.5)
    assert payback.groupby("cohort")["month"].max().tolist() == [12, 7]
    profile = profile_segments(log, pd.Series("all", index=["a", "b"]))
    assert profile["days_since_last"].item() == (361 + 195) / 2
    july = compute_seasonality(log).query("part == 'month' and number == 7").squeeze()
    assert (july["orders"], july["index"]) == (0, 0)
