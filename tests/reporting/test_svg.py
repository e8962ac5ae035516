"""Small static pictures hold the numbers of the figures they are made from."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.tables import compute_deciles, compute_gains
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.svg import render_svg

rng = np.random.default_rng(2)
TRUTH = pd.Series(rng.gamma(0.5, 30, 500))
FORECAST = pd.DataFrame({"tweedie": TRUTH * 0.5 + rng.gamma(1, 5, 500)})
DECILES = compute_deciles(TRUTH, FORECAST["tweedie"]).assign(model="tweedie")


def parts(figure, tag):
    return ET.fromstring(render_svg(figure)).iter(f"{{http://www.w3.org/2000/svg}}{tag}")


def test_bars_are_as_high_as_their_values():
    bars = [one for one in parts(plots.decile_calibration(DECILES), "rect") if one.get("fill-opacity")]
    heights = np.array([float(bar.get("height")) for bar in bars])
    np.testing.assert_allclose(heights / heights[0], DECILES["realised"] / DECILES["realised"][0], atol=0.005)


def test_lines_run_through_their_points():
    lines = list(parts(plots.gains_curve(compute_gains(TRUTH, FORECAST)), "polyline"))
    assert lines
    ends = [re.findall(r"[\d.]+,([\d.]+)", line.get("points")) for line in lines]
    assert all(float(one[0]) > float(one[-1]) for one in ends)  # from no money at the left to all of it


def test_title_axes_and_names_are_written():
    figure = plots.decile_calibration(DECILES, currency="EUR")
    words = {text.text for text in parts(figure, "text")}
    assert {
        figure.layout.title.text,
        "Mean per customer (EUR)",
        "Tenth of customers, 1 = highest prediction",
    } <= words


def test_a_picture_is_a_few_kilobytes():
    assert len(render_svg(plots.decile_calibration(DECILES))) < 8_000


def test_names_are_escaped():
    figure = theme.figure("a < b & c")
    figure.add_bar(x=[1, 2], y=[3, 4], name="<script>")
    assert "<script>" not in render_svg(figure)


def test_words_and_falling_values_are_drawn_too():
    figure = theme.figure("t")
    figure.add_bar(x=["tea", "milk"], y=[-2.0, np.nan])
    assert len([one for one in parts(figure, "rect") if one.get("fill-opacity")]) == 1


def test_an_empty_figure_is_refused():
    with pytest.raises(ValueError, match="nothing to draw"):
        render_svg(theme.figure("empty"))
