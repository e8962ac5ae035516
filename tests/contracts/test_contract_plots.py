"""What every figure promises, for whatever stands in the catalogue."""

import functools
import inspect
import re

import pandas as pd
import pytest

from cltv_ml.reporting import plots, theme
from tests.catalogues import for_each

MONEY = [name for name, plot in plots.CATALOGUE.items() if "currency" in inspect.signature(plot).parameters]


def tables():
    """Return the tables to try the figures on, which take a second to compute."""
    from tests.figure_tables import TABLES

    return TABLES


def table(name):
    return tables()[name]


def test_every_figure_has_a_table_to_be_tried_on():
    assert set(tables()) == set(plots.CATALOGUE)


@functools.cache
def draw(name, **currency):
    return plots.CATALOGUE[name](table(name), **currency)


@for_each(plots.CATALOGUE)
def test_figure_has_a_title_and_named_axes(name):
    drawn = draw(name)
    assert drawn.layout.title.text
    if any(trace.type != "sankey" for trace in drawn.data):
        assert drawn.layout.xaxis.title.text
        assert drawn.layout.yaxis.title.text


@for_each(plots.CATALOGUE)
def test_figure_is_not_empty_and_every_trace_has_a_name(name):
    drawn = draw(name)
    assert all(len(trace.x) if trace.type != "sankey" else len(trace.link.value) for trace in drawn.data)
    assert all(trace.name for trace in drawn.data)


@for_each(plots.CATALOGUE)
def test_figure_is_smaller_than_a_megabyte(name):
    drawn = draw(name)
    assert len(drawn.to_json()) < 1_000_000


@for_each(MONEY)
def test_figure_names_the_currency_where_it_shows_money(name):
    assert "Kč" in draw(name, currency="Kč").to_json().encode().decode("unicode_escape")


def test_no_figure_shows_hundredths_of_a_currency_that_has_none():
    drawn = {name: draw(name, currency="JPY") for name in MONEY}
    assert [name for name, one in drawn.items() if ",.2f" in one.to_json()] == []


def test_every_amount_that_hovering_shows_names_its_currency():
    """A number with separators is money unless a counted word follows."""
    bare = {}
    for name in MONEY:
        for trace in draw(name, currency="Kč").data:
            shown = str(getattr(trace, "hovertemplate", None) or "")
            if re.search(r",\.[02]f\}(?! (?:Kč|customers|orders))", shown):
                bare[name] = shown
    assert bare == {}


def test_the_reasons_on_the_axis_are_words():
    figure = plots.quality_waterfall(table("quality_waterfall"))
    assert list(figure.data[0].x) == ["in the source", "unreadable amount", "in the log"]


@for_each(plots.CATALOGUE)
def test_an_entry_of_a_legend_has_the_one_colour_of_what_it_names(name):
    """A legend shows the first bar's colour: green for a profit above six bars of loss."""
    drawn = draw(name)
    named = [] if drawn.layout.showlegend is False else drawn.data
    colours = [trace.marker.color for trace in named if trace.type == "bar" and trace.showlegend is not False]
    assert [colour for colour in colours if not isinstance(colour, str | None)] == []


@pytest.mark.parametrize("name", ["gains_curve", "gains_difference"])
def test_no_two_models_have_the_same_line(name):
    shares = table(name)["share"]
    many = pd.DataFrame({"share": shares, "perfect": 1.0} | {f"model {n}": shares * n for n in range(1, 15)})
    lines = [(trace.line.color, trace.line.dash) for trace in plots.CATALOGUE[name](many).data]
    assert len(set(lines)) == len(lines)


@for_each(plots.CATALOGUE)
def test_figure_leaves_its_table_as_it_was(name):
    before = table(name).copy()
    plots.CATALOGUE[name](table(name))
    pd.testing.assert_frame_equal(table(name), before)


@for_each(plots.CATALOGUE)
def test_figure_is_in_a_file_of_its_own_name(name):
    assert plots.CATALOGUE[name].__module__ == f"cltv_ml.reporting.plots.{name}"


@for_each(plots.CATALOGUE)
def test_figure_has_no_colour_of_its_own_for_page_or_text(name):
    drawn = draw(name)
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
    rates = table("rate_heterogeneity").copy()
    gone = rates["rate"] != "purchases per week"
    rates.loc[gone, "mean"] = 1e-11
    drawn = plots.rate_heterogeneity(rates)
    assert [len(trace.x) > 0 for trace in drawn.data] == [True, False]
    assert drawn.data[1].name.endswith("(practically none)")


def test_probabilities_are_coloured_on_the_whole_scale():
    heat = plots.alive_map(table("alive_map")).data[0]
    assert (heat.zmin, heat.zmax) == (0, 1)


def test_title_of_the_tiers_says_what_the_best_hold():
    assert plots.tier_pyramid(table("tier_pyramid")).layout.title.text.startswith(
        "The best 10% of the customers hold 90%"
    )


def test_a_single_month_is_a_bar_among_days():
    drawn = plots.CATALOGUE["revenue_over_time"](table("revenue_over_time").head(1))
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
    shown = plots.cohort_table(table("cohort_table"), measure="retention").data[0]
    assert 0 < shown.zmin < shown.zmax < 1
