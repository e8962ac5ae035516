from types import SimpleNamespace

import pandas as pd
import pytest

from cltv_ml import pipelines
from cltv_ml.data import simulate
from cltv_ml.models import Level, PooledValue
from cltv_ml.pipelines.forecast import _doubts_about
from cltv_ml.pipelines.train_notes import _grouping_note, _level_note, disagreement, with_log_end
from cltv_ml.reporting.sections import TrainingNotes
from cltv_ml.windows import Window

END = pd.Timestamp("2024-05-01")


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("attribute_text_home_shop", "BG/NBD by group: 2 groups by home shop."),
        ("T", "BG/NBD by group: 2 cohorts of customers of about the same age."),
        ("", "BG/NBD by group: no grouping predicted earlier windows better than one group of all."),
    ],
)
def test_a_note_says_how_customers_are_grouped(column, said):
    model = PooledValue()
    model.grouped_by_, model.values_ = column, {"": None, "a": None, "b": None}
    assert _grouping_note(model) == said


def test_the_notes_have_the_doubts_about_the_total_from_the_end_of_the_log_once():
    table = pd.DataFrame({"candidate": ["a, season", "a"], "total": [100.0, 200.0], "weight": [0.5, 0.5]})
    level = Level(140.0, 0.1, 5.0, table, pd.DataFrame(), season_seen=True, notes=("closed", "peak"))
    notes = with_log_end(TrainingNotes(["closed"], ["remark"]), level, END, "EUR")
    assert notes.remarks == ["remark"]
    assert notes.doubts[0] == "closed"
    assert notes.doubts[1].startswith(
        "Two forecasts of the total from 2024-05-01 on disagree: 100.00 EUR (a with season) and 200.00 EUR (a). "
    )
    assert notes.doubts[2:] == ["peak"]
    tested = [disagreement(level, END - pd.Timedelta(days=91), "EUR")[0], "opened"]
    later = with_log_end(TrainingNotes(["closed", *tested]), level, END, "EUR")
    assert later.doubts == [*notes.doubts, *tested]
    told = _doubts_about(level, END, "EUR")
    assert told[0].startswith(
        "Existing customers: two forecasts of the total from 2024-05-01 on disagree: 100.00"
    )
    assert told[1:] == ["closed", "peak"]


def test_a_log_in_whose_last_horizon_nobody_bought_is_told():
    (told,) = with_log_end(TrainingNotes(), None, END, "EUR").doubts
    assert told.startswith("Nobody bought in the last horizon before 2024-05-01")


def test_a_training_tells_what_has_happened_since_the_cutoff_of_its_test_window(filling, tmp_path):
    log = simulate(200, days=300, seed=3).log[["customer_id", "timestamp", "amount"]]
    last = log["timestamp"].max()
    large = pd.DataFrame({"customer_id": ["big"], "timestamp": [last], "amount": [0.9 * log["amount"].sum()]})
    with filling(tmp_path):
        outcome = pipelines.train(
            data=pd.concat([log, large]),
            horizon=60,
            models="same_rate,bg_nbd_gamma_gamma",
            out=tmp_path / "out",
            force=True,
        )
    told = f"47% of the revenue of the year before {last.normalize() + pd.Timedelta(days=1):%Y-%m-%d}"
    assert [told in note for note in outcome.notes].count(True) == 1


def test_forecasts_with_a_comma_in_their_name_are_not_split_in_the_note_on_the_total():
    table = pd.DataFrame({"candidate": ["bottom-up", "bottom-up, season"], "weight": [0.35, 0.65]})
    level = SimpleNamespace(total=10.0, interval=lambda: (8.0, 12.0), table=table, record=[None, None])
    result = SimpleNamespace(level=level, window=Window("2024-01-01", 30))
    assert "(bottom-up with season 65%, bottom-up 35%)." in _level_note(result, "EUR")[0]
