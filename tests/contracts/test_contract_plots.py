"""What every figure promises, for whatever stands in the catalogue."""

import functools
import inspect
import re

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import compute_months, compute_seasonality, simulate
from cltv_ml.data.quality import compute_cohort_activity, compute_gap_histogram, compute_spend_histogram
from cltv_ml.decisions import compute_audit, compute_cohorts
from cltv_ml.decisions import qini_curve as compute_qini_curve
from cltv_ml.evaluation import diagnostics
from cltv_ml.evaluation.explain import compute_contributions
from cltv_ml.evaluation.horizons import compute_curve
from cltv_ml.evaluation.tables import (
    compute_bias_by_group,
    compute_coverage,
    compute_deciles,
    compute_gains,
    compute_metric_ranges,
    compute_realised,
)
from cltv_ml.features import build_features
from cltv_ml.log import Log
from cltv_ml.models import BGNBD, GammaGamma, ProbabilisticValue
from cltv_ml.reporting import plots, theme
from cltv_ml.windows import Window

rng = np.random.default_rng(2)
TRUTH = pd.Series(rng.gamma(0.5, 30, 500) * (rng.random(500) < 0.5))
FORECAST = pd.DataFrame({"bg_nbd_gamma_gamma": TRUTH * 0.5 + 3, "tweedie": rng.gamma(1, 20, 500)})
INTERVALS = pd.DataFrame({"expected_value": TRUTH, "value_lower": TRUTH * 0.5, "value_upper": TRUTH + 9})

LOG = simulate(400, days=300, seed=1).log
WINDOW = Window("2022-07-01", "13w")
X = build_features(LOG, WINDOW.cutoff, ["frequency", "recency", "T", "monetary_value"])
PURCHASES = BGNBD().fit(X)
EXPECTED = pd.Series(PURCHASES.expected_purchases(X, 91), index=X.index)
BOUGHT = Log.of(LOG).target(WINDOW, X.index, "purchases")
GAINS = compute_gains(TRUTH, FORECAST)
COHORTS = compute_cohort_activity(LOG)
AUDIT = compute_audit(LOG)
TRACKING = diagnostics.compute_tracking(PURCHASES, LOG, WINDOW)
GRID = diagnostics.compute_history_grid(PURCHASES, X, 91)
RESULTS = pd.DataFrame(
    {"model": ["tweedie", "tweedie", "same_rate"], "metric": "gini", "value": [0.7, 0.75, 0.6]}
)
TIERS = pd.DataFrame({"customers": [10, 90], "expected_value": [900.0, 100.0]}, index=["high", "low"])
PAIRS = [("tea", "honey with a very long name from the north"), ("tea", "milk")]

#: One table for each figure of the catalogue.
TABLES = {
    "revenue_over_time": compute_months(LOG),
    "season_profile": compute_seasonality(LOG),
    "cohort_retention": COHORTS,
    "cohort_revenue": COHORTS,
    "cohort_table": compute_cohorts(LOG),
    "concentration_curve": AUDIT.curve,
    "value_deciles": AUDIT.deciles,
    "base_changes": AUDIT.periods,
    "change_by_part": AUDIT.changes,
    "cohort_path": AUDIT.cohorts,
    "cohort_stack": AUDIT.cohorts,
    "shop_forecast": pd.DataFrame(
        {
            "start": pd.to_datetime(["2024-01-01", "2024-01-08"] * 2),
            "span": "period",
            "part": ["known", "known", "total", "total"],
            "measure": "revenue",
            "expected": [8.0, 7.0, 9.0, 10.0],
            **{f"lower_{band}": [7.0, 6.0, 8.0, 9.0] for band in (50, 80, 95)},
            **{f"upper_{band}": [9.0, 8.0, 10.0, 11.0] for band in (50, 80, 95)},
        }
    ),
    "cohort_continuation": pd.DataFrame(
        {
            "cohort": ["2024-01", "2024-01", "2024-02", "2024-02"],
            "customers": [40, 40, 20, 20],
            "to_date": [30.0, 30.0, 20.0, 20.0],
            "days": [91, 365, 91, 365],
            "expected": [5.0, 9.0, 4.0, 8.0],
            "lower": [4.0, 7.0, 2.0, 4.0],
            "upper": [6.0, 12.0, 6.0, 12.0],
        }
    ),
    "payback_curve": pd.DataFrame(
        {
            "channel": ["ads", "ads"],
            "age": [30, 60],
            "customers": 40,
            "seen": [40, 0],
            "realised": [5.0, np.nan],
            "expected": [5.0, 8.0],
            "lower": [4.0, 6.0],
            "upper": [6.0, 10.0],
            "cac": 6.0,
        }
    ),
    "plan_against_actual": pd.DataFrame(
        {
            "start": pd.to_datetime(["2024-01-01", "2024-01-08"]),
            "expected": [9.0, 10.0],
            "lower_80": [8.0, 9.0],
            "upper_80": [10.0, 11.0],
            "actual": [9.5, 8.0],
        }
    ),
    "spend_distribution": compute_spend_histogram(LOG),
    "purchase_gaps": compute_gap_histogram(LOG),
    "quality_waterfall": pd.DataFrame(
        {"rule": ["bad_amount", "duplicate"], "rows_before": [90, 80], "rows": [10, 0], "money": [5.0, 0.0]}
    ),
    "frequency_fit": diagnostics.compute_frequency_fit(PURCHASES, X),
    "weekly_tracking": TRACKING,
    "cumulative_tracking": TRACKING,
    "conditional_by_frequency": diagnostics.compute_conditional(EXPECTED, BOUGHT, X, "frequency"),
    "conditional_by_recency": diagnostics.compute_conditional(EXPECTED, BOUGHT, X, "recency"),
    "purchases_map": GRID,
    "alive_map": GRID,
    "alive_history": diagnostics.compute_alive_history(PURCHASES, ["2022-01-05", "2022-02-01"], "2022-06-30"),
    "rate_heterogeneity": diagnostics.compute_rates(PURCHASES),
    "spend_fit": diagnostics.compute_spend_fit(GammaGamma().fit(X), X),
    "decile_calibration": pd.concat(
        [compute_deciles(TRUTH, FORECAST[name]).assign(model=name) for name in FORECAST]
    ),
    "gains_curve": GAINS,
    "gains_difference": GAINS,
    "metric_ranges": compute_metric_ranges(RESULTS.assign(cutoff=range(3))),
    "group_bias": compute_bias_by_group(TRUTH, FORECAST["tweedie"], pd.Series(["a", "b"] * 250)),
    "predicted_against_realised": pd.concat(
        [compute_realised(TRUTH, FORECAST[name]).assign(model=name) for name in FORECAST]
    ),
    "value_curve": compute_curve(
        pd.DataFrame({"expected_value_30d": [1.0, 2.0], "expected_value_91d": [2.0, 5.0]})
    ).assign(lower=[0, 2, 5], upper=[0, 4, 9]),
    "interval_coverage": compute_coverage(TRUTH, INTERVALS),
    "importances": pd.DataFrame({"feature": ["recency", "T"], "importance": [0.3, 0.1], "spread": 0.01}),
    "contributions": compute_contributions(ProbabilisticValue(horizon=91).fit(X), X),
    "dependence": pd.DataFrame({"feature": "recency", "value": [1, 5], "predicted": [2.0, 8.0]}),
    "learning": pd.DataFrame(
        {
            "origins": [1, 2],
            "rows": [400, 750],
            "gini": [0.5, 0.6],
            "bias": [0.1, 0.0],
            "decile_mape": [0.3, 0.2],
        }
    ),
    "tier_pyramid": TIERS.rename_axis("tier"),
    "rfm_map": pd.DataFrame(
        {
            "recency_score": [5, 5, 1],
            "frequency_score": [5, 5, 1],
            "spend": [9.0, 8.0, 1.0],
            "segment": ["Champions", "Champions", "Lost"],
        }
    ),
    "segment_sizes": TIERS.rename_axis("segment").assign(revenue=[80.0, 20.0], revenue_share=[0.8, 0.2]),
    "migration_sankey": pd.DataFrame(
        {
            "before": ["high", "high", "low"],
            "after": ["high", "low", "low"],
            "customers": [5, 2, 9],
            "share": [5 / 7, 2 / 7, 1.0],
        }
    ),
    "value_waterfall": pd.DataFrame(
        {"part": ["new", "lost", "total"], "customers": [3, 2, 5], "change": [30.0, -10.0, 20.0]}
    ),
    "campaign_profit": pd.DataFrame(
        {
            "customers": [1, 2, 3],
            "cost": [1.0, 2, 3],
            "expected_profit": [5.0, 6, -1],
            "profit_lower": [3.0, 3, -5],
            "profit_upper": [7.0, 9, 3],
        }
    ),
    "qini_curve": compute_qini_curve(rng.random(900) < 0.3, np.arange(900) % 2, rng.random(900)).assign(
        arm="mail"
    ),
    "discount_response": pd.DataFrame(
        {"weeks": [90, 60, 30], "slope": [2.0, 3.0, 1.0]}, index=["all", "tea", "milk"]
    ),
    "discount_profit": pd.DataFrame({0.0: [0.0, 0.0, 0.0], 0.1: [1.0, -2.0, -3.0], 0.2: [0.5, np.nan, -4.0]}),
    "cross_sell_matrix": pd.DataFrame(PAIRS, columns=["bought", "also_bought"])
    .pipe(
        lambda one: pd.concat([one, one.rename(columns={"bought": "also_bought", "also_bought": "bought"})])
    )
    .assign(orders=30, lift=2.5, lift_lower=1.8),
    "margin_bars": pd.DataFrame(
        {"revenue": [9.0, 5.0], "contribution_margin": [4.0, -2.0], "contribution_rate": [0.4, -0.4]},
        index=pd.Index(["tea", "milk"], name="product_id"),
    ),
    "drift": pd.DataFrame({"feature": ["recency", "T"], "psi": [0.3, 0.05]}),
    "segment_shares": pd.DataFrame(
        {
            "segment": ["high", "low"],
            "before": [0.2, 0.8],
            "share": [0.3, 0.7],
            "lower": [0.2, 0.6],
            "upper": [0.4, 0.8],
        }
    ),
    "truth_series": pd.DataFrame(
        {
            "cutoff": pd.to_datetime(["2024-01-01", "2024-04-01"]),
            "bias": [0.1, -0.1],
            "bias_lower": [0.0, -0.2],
            "bias_upper": [0.2, 0.1],
        }
    ),
    "batch_so_far": pd.DataFrame(
        {
            "cutoff": pd.to_datetime(["2024-01-01"] * 2),
            "day": [0, 7],
            "expected": [0.0, 9.0],
            "realised": [0.0, 8.0],
        }
    ),
    "batch_totals": pd.DataFrame(
        {"cutoff": pd.to_datetime(["2024-01-01"]), "predicted": [100.0], "realised": [90.0]}
    ),
}


MONEY = [name for name, plot in plots.CATALOGUE.items() if "currency" in inspect.signature(plot).parameters]


def test_every_figure_has_a_table_to_be_tried_on():
    assert set(TABLES) == set(plots.CATALOGUE)


@pytest.fixture(params=plots.CATALOGUE)
def name(request):
    return request.param


@functools.cache
def draw(name):
    return plots.CATALOGUE[name](TABLES[name])


@pytest.fixture
def drawn(name):
    return draw(name)


def test_figure_has_a_title_and_named_axes(drawn):
    assert drawn.layout.title.text
    if any(trace.type != "sankey" for trace in drawn.data):
        assert drawn.layout.xaxis.title.text
        assert drawn.layout.yaxis.title.text


def test_figure_is_not_empty_and_every_trace_has_a_name(drawn):
    assert all(len(trace.x) if trace.type != "sankey" else len(trace.link.value) for trace in drawn.data)
    assert all(trace.name for trace in drawn.data)


def test_figure_is_smaller_than_a_megabyte(drawn):
    assert len(drawn.to_json()) < 1_000_000


@pytest.mark.parametrize("name", MONEY)
def test_figure_names_the_currency_where_it_shows_money(name):
    plot = plots.CATALOGUE[name]
    assert "Kč" in plot(TABLES[name], currency="Kč").to_json().encode().decode("unicode_escape")


def test_no_figure_shows_hundredths_of_a_currency_that_has_none():
    drawn = {name: plots.CATALOGUE[name](TABLES[name], currency="JPY") for name in MONEY}
    assert [name for name, one in drawn.items() if ",.2f" in one.to_json()] == []


def test_every_amount_that_hovering_shows_names_its_currency():
    """A number with separators is money unless a counted word follows."""
    bare = {}
    for name in MONEY:
        for trace in plots.CATALOGUE[name](TABLES[name], currency="EUR").data:
            shown = str(getattr(trace, "hovertemplate", None) or "")
            if re.search(r",\.[02]f\}(?! (?:EUR|customers|orders))", shown):
                bare[name] = shown
    assert bare == {}


def test_the_reasons_on_the_axis_are_words():
    figure = plots.quality_waterfall(TABLES["quality_waterfall"])
    assert list(figure.data[0].x) == ["in the source", "unreadable amount", "in the log"]


def test_figure_leaves_its_table_as_it_was(name):
    before = TABLES[name].copy()
    plots.CATALOGUE[name](TABLES[name])
    pd.testing.assert_frame_equal(TABLES[name], before)


def test_figure_is_in_a_file_of_its_own_name(name):
    assert plots.CATALOGUE[name].__module__ == f"cltv_ml.reporting.plots.{name}"


def test_figure_has_no_colour_of_its_own_for_page_or_text(drawn):
    layout = drawn.to_plotly_json()["layout"]
    assert not {"paper_bgcolor", "plot_bgcolor", "font"} & set(layout)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_colour_stands_out_from_the_page(mode):
    """WCAG 2.2 asks for a contrast of 3 for graphics and 4.5 for text."""
    layout = theme.template(mode).layout
    assert min(_contrast(colour, layout.paper_bgcolor) for colour in theme.PALETTE) > 3
    assert _contrast(layout.font.color, layout.paper_bgcolor) > 7


def _contrast(one, other):
    lights = sorted(_luminance(colour) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour):
    parts = [int(part, 16) / 255 for part in re.findall("..", colour.lstrip("#"))]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_rate_of_practically_nobody_leaves_the_other_s_scale_alone():
    rates = TABLES["rate_heterogeneity"].copy()
    gone = rates["rate"] != "purchases per week"
    rates.loc[gone, "mean"] = 1e-11
    drawn = plots.rate_heterogeneity(rates)
    assert [len(trace.x) > 0 for trace in drawn.data] == [True, False]
    assert drawn.data[1].name.endswith("(practically none)")


def test_probabilities_are_coloured_on_the_whole_scale():
    heat = plots.alive_map(GRID).data[0]
    assert (heat.zmin, heat.zmax) == (0, 1)


def test_title_of_the_tiers_says_what_the_best_hold():
    assert plots.tier_pyramid(TABLES["tier_pyramid"]).layout.title.text.startswith(
        "The best 10% of the customers hold 90%"
    )


def test_a_single_month_is_a_bar_among_days():
    drawn = plots.CATALOGUE["revenue_over_time"](TABLES["revenue_over_time"].head(1))
    (bar,) = [trace for trace in drawn.data if trace.type == "bar"]
    first, last = drawn.layout.xaxis.range
    assert (last - first).days == 40
    assert pd.Timedelta(milliseconds=bar.width) == pd.Timedelta(days=20)


def test_tiers_flow_from_the_highest_down_and_leavers_last():
    flows = pd.DataFrame(
        {
            "before": ["(new)", "high", "low", "medium"],
            "after": ["low", "medium", "high", "low"],
            "customers": 1,
        }
    ).assign(share=1.0)
    node = plots.migration_sankey(flows).data[0].node
    assert list(node.label) == ["high", "medium", "low", "(new)", "high", "medium", "low"]
    assert list(node.y) == pytest.approx([0.125, 0.375, 0.625, 0.875, 0.125, 0.375, 0.75])


def test_the_first_period_takes_no_colours_of_a_retention_map():
    cohorts = compute_cohorts(LOG)
    table = plots.cohort_table(cohorts, measure="retention").data[0]
    assert 0 < table.zmin < table.zmax < 1
