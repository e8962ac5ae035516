"""The sliders of a shop's plan compute in the page what the table of scenarios does in Python."""

import numpy as np
import pandas as pd
import pytest
from headless import CHROMIUM, read

from cltv_ml.decisions.shop_plan import Parts, PlanTerms, compute_scenarios
from cltv_ml.reporting.report import render_html, summarise
from cltv_ml.reporting.scenarios import build_scenarios
from cltv_ml.reporting.sections.forecast import scenarios_section

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on the path")

#: Put at the end: moves one slider after another, and writes down the plan of each.
MOVE = """<script>
const box = document.querySelector(".scenarios");
const found = {}, unchanged = box.querySelector(".answers").textContent;
for (const [name, value] of Object.entries({ arrivals: -20, retention: 2, basket: 5, cost: 10 })) {
  const field = box.querySelector(`input[name=${name}]`);
  field.value = value;
  field.dispatchEvent(new Event("input"));
  found[name] = { revenue: box.plan.total, equity: box.plan.equity };
  field.value = 0;
  field.dispatchEvent(new Event("input"));
}
show({ found, unchanged, faults });
</script>"""


def test_sliders_compute_what_the_scenarios_do(tmp_path):
    values = np.random.default_rng(0).uniform(1, 50, (7, 3))
    names = ("known", "first", "repeat", "won", "known_orders", "first_orders", "repeat_orders")
    parts = Parts(**dict(zip(names, values, strict=True)))
    terms = PlanTerms(0.4, 0.03, 1.0, 2.0, 0.1)
    days = pd.date_range("2024-01-01", periods=4, freq="30D")
    periods = pd.DataFrame({"start": days[:-1], "until": days[1:], "days": 30})
    bands = periods.assign(span="period", part="total", measure="revenue", expected=1.0)
    for band in (50, 80, 95):
        bands[f"lower_{band}"], bands[f"upper_{band}"] = 0.5, 2.0
    table = compute_scenarios(parts, terms, np.array([30, 60, 90]), 0.5)
    page = tmp_path / "page.html"
    part = scenarios_section(table, build_scenarios(parts, terms, periods, 0.5, bands), 0.5)
    page.write_text(render_html(summarise("Plan", "", [part])), encoding="utf-8")
    seen = read(page, 1200, "light", MOVE)
    assert seen["faults"] == []
    assert "(" not in seen["unchanged"]  # "(+0.00)" stood behind each total
    told = table.set_index("scenario")
    rows = ("arrivals -20%", "retention +2 points", "basket +5%", "acquisition cost +10%")
    for slider, row in zip(("arrivals", "retention", "basket", "cost"), rows, strict=True):
        for measure in ("revenue", "equity"):
            assert seen["found"][slider][measure] == pytest.approx(told.at[row, measure], rel=1e-6), row
