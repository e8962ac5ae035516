"""What the report says about how sure its comparison is."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.rfm import compute_rfm
from cltv_ml.evaluation.compare import compare_models
from cltv_ml.evaluation.groups import cohort_groups, segment_groups, tenure_groups
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.sections.certainty import (
    PAIRED,
    groups_section,
    interval_section,
    paired_table,
    windows_section,
)
from cltv_ml.reporting.sections.quality import comparison_table


def test_paired_table_has_a_row_per_challenger(judged, verdict):
    table = paired_table(judged, verdict.champion)
    assert len(table) == len(judged.models) - 1
    assert verdict.champion not in " ".join(table["Model"])


def test_paired_cells_are_the_figures_of_the_bootstrap(judged, verdict):
    pairs = compare_models(judged.y_true, judged.values, verdict.champion)
    first = pairs[(pairs["model"] == pairs["model"].iloc[0]) & (pairs["metric"] == "gini")].iloc[0]
    cell = paired_table(judged, verdict.champion)["Gini"].iloc[0]
    assert cell.startswith(f"{first['difference']:+.3f} ({first['lower']:+.3f} to {first['upper']:+.3f})")


def test_the_comparison_begins_with_nothing_for_everybody(judged):
    first = comparison_table(judged).iloc[0]
    assert first["Model"] == "Nothing for everyone"
    assert [first[name] for name in ("Bias", "Gini")] == ["-100.0%", "0.000"]
    assert first["MAE"] == f"{judged.y_true.abs().mean():,.2f}"


def test_a_doubt_is_called_neither_better_nor_worse(judged, verdict):
    for cells in paired_table(judged, verdict.champion).drop(columns="Model").to_numpy():
        for cell in cells:
            low, high = (float(one.rstrip("%")) for one in re.search(r"\((\S+) to (\S+)\)", cell).groups())
            if low < 0 < high:
                assert not cell.endswith(("better", "worse"))


def test_quality_section_says_how_many_lay_within_their_intervals(summary, judged, verdict):
    said = " ".join(sentence for part in summary["sections"] for sentence in part["sentences"])
    assert f"it contained the spend of {judged.scores.at[verdict.champion, 'coverage']:.1%}" in said


def test_the_bias_has_one_interval_on_the_whole_page(summary, judged, verdict):
    parts = [part for page in summary["sections"] for part in (page, *page.get("details", ()))]
    said = " ".join(sentence for part in parts for sentence in part["sentences"])
    told = re.search(r"\(95% interval for chance in spending: (\S+) to (\S+)\)", said).groups()
    shown = [row for table in windows_section(judged)[0]["tables"] for row in table["rows"]]
    label = theme.label(verdict.champion)
    assert f"({told[0]} to {told[1]})" in " ".join(row[-1] for row in shown if row[0] == label)


def test_a_model_without_intervals_has_no_section_about_them(judged, verdict):
    bare = {name: table[["expected_value"]] for name, table in judged.predictions.items()}
    changed = type(judged)(**{**vars(judged), "predictions": bare})
    assert interval_section(changed, verdict.champion) == []


def test_bias_is_shown_by_segment_cohort_and_tenure(cleaned, judged, verdict):
    segments = segment_groups(compute_rfm(cleaned.log, judged.window.cutoff), judged.training.X_now)
    shown = groups_section(segments, judged, verdict.champion)
    assert len(shown["figures"]) == 3


def test_every_customer_has_a_segment_a_cohort_and_a_tenure(cleaned, judged):
    X, cutoff = judged.training.X_now, judged.window.cutoff
    for groups in (
        segment_groups(compute_rfm(cleaned.log, cutoff), X),
        cohort_groups(X, cutoff),
        tenure_groups(X),
    ):
        assert groups.index.equals(X.index)
        assert groups.notna().all()


def test_tenure_groups_are_about_equally_large():
    sizes = tenure_groups(pd.DataFrame({"T": np.arange(100.0)})).value_counts()
    assert sizes.tolist() == [25, 25, 25, 25]


def test_one_cohort_is_one_group():
    assert tenure_groups(pd.DataFrame({"T": [5.0, 5.0]})).tolist() == ["5–5 days", "5–5 days"]


def test_earlier_window_and_test_window_stand_side_by_side_with_intervals(judged):
    table = windows_section(judged)[0]["tables"][0]
    assert table["head"][-1] == "2022-10-01"
    assert len(table["head"]) == 3
    for row in table["rows"]:
        assert re.fullmatch(r"-?\d\.\d{3} \(-?\d\.\d{3} to -?\d\.\d{3}\)", row[1])


def test_metric_by_window_is_the_comparison_s_and_lies_in_its_interval(judged):
    table = windows_section(judged)[0]["tables"][0]
    for row, gini in zip(table["rows"], judged.scores["gini"], strict=True):
        value, low, high = map(float, re.findall(r"-?\d\.\d{3}", row[2]))
        assert value == pytest.approx(gini, abs=5e-4)
        assert low < value < high


def test_no_difference_is_written_as_less_than_nothing():
    """The table of differences had -0.0% next to +0.0%."""
    assert [form.format(-1e-9) for _, form in PAIRED.values()] == ["+0.000", "+0.00", "+0.0%", "+0.0%"]
    assert [form.format(-1234.5) for _, form in PAIRED.values()][1] == "-1,234.50"


def test_no_table_by_window_without_an_earlier_one(judged):
    assert windows_section(replace(judged, validation=None)) == []


def test_groups_of_ages_run_from_the_youngest_to_the_oldest(cleaned, judged, verdict):
    """“124–176 days” had stood before “72–122 days”."""
    segments = segment_groups(compute_rfm(cleaned.log, judged.window.cutoff), judged.training.X_now)
    ages = groups_section(segments, judged, verdict.champion)["figures"][-1]["figure"]["data"][0]["y"]
    begin = [int(age.split("–")[0]) for age in ages]
    assert begin == sorted(begin)


def test_a_long_interval_leaves_room_for_the_other_groups():
    row = {"customers": 30, "predicted": 2.0, "realised": 1.0, "bias": 1.0, "bias_lower": 0.5}
    drawn = plots.group_bias(pd.DataFrame([{**row, "group": "a", "bias_upper": 60.0}]))
    assert drawn.layout.xaxis.range[1] == 4
