"""The other pages opened in a headless Chromium: axe finds nothing, on a phone and on a desk."""

import numpy as np
import pandas as pd
import pytest
from headless import CHROMIUM, complaints, read

from cltv_ml import pipelines
from cltv_ml.data import clean, simulate
from cltv_ml.decisions import compute_audit
from cltv_ml.decisions.shop_plan import Parts, PlanTerms, compute_equity, compute_scenarios
from cltv_ml.evaluation.batch_outcome import Check
from cltv_ml.log import Log
from cltv_ml.reporting import sections
from cltv_ml.reporting.report import render_html, section, summarise
from cltv_ml.reporting.scenarios import build_scenarios
from cltv_ml.reporting.sections.audit import audit_facts, audit_sections
from cltv_ml.reporting.sections.forecast import equity_section, forecast_section, scenarios_section

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on the path")


def _forecast():
    days = pd.date_range("2024-01-01", periods=4, freq="30D")
    periods = pd.DataFrame({"start": days[:-1], "until": days[1:], "days": 30})
    whole = pd.DataFrame({"start": days[:1], "until": days[-1:], "span": "horizon"})
    spans = pd.concat([periods.assign(span="period"), whole])
    rows = [
        (part, measure)
        for measure in ("revenue", "orders", "customers")
        for part in ("known", "new", "total")
    ]
    bands = pd.concat([spans.assign(part=part, measure=measure) for part, measure in [*rows, ("new", "won")]])
    for number, name in enumerate(
        ["lower_95", "lower_80", "lower_50", "expected", "upper_50", "upper_80", "upper_95"]
    ):
        bands[name] = 10.0 + number
    parts = Parts(*np.random.default_rng(0).uniform(1, 50, (7, 3)))
    terms = PlanTerms(0.4, 0.03, 1.0, 2.0, 0.1)
    table = compute_scenarios(parts, terms, np.array([30, 60, 90]), 0.5)
    equity = compute_equity(parts, terms, np.array([30, 60, 90]))
    return [
        forecast_section(bands, periods.assign(revenue=9.0, orders=2, customers=2, won=1), notes=["A note."]),
        scenarios_section(table, build_scenarios(parts, terms, periods, 0.5, bands), 0.5),
        equity_section(equity, terms, periods),
    ]


def _monitoring():
    drift = pd.DataFrame({"feature": ["recency", "T"], "psi": [0.3, 0.05]}).assign(
        psi_lower=0.0, psi_upper=1.0, shift=0.2, missing=0.0, missing_before=0.0
    )
    shares = pd.DataFrame({"segment": ["high", "low"], "before": [0.2, 0.8], "share": [0.3, 0.7]}).assign(
        lower=0.1, upper=0.9
    )
    checks = [Check("bias", 0.3, "watch", "30% too high."), Check("log age", 0, "ok", "Fresh.")]
    return sections.monitoring_sections(
        checks, drift, shares, pd.DataFrame(), pd.DataFrame(), files={"drift": "drift.csv"}
    )


def test_axe_finds_nothing_against_the_other_pages(tmp_path):
    audit = compute_audit(Log(clean(simulate(60, days=500, seed=1).log).log), "year")
    parts = [*_monitoring(), *_forecast(), *audit_sections(audit)]
    for part in parts:
        part["figures"] = part["figures"][:1]  # the report's own test draws many more
    page = tmp_path / "page.html"
    page.write_text(render_html(summarise("Pages", "of a shop", parts, audit_facts(audit))), encoding="utf-8")
    assert complaints(page) == []


def test_axe_finds_nothing_against_the_pages_of_a_log(tmp_path, store):
    log = simulate(300, days=400, seed=3).log
    months = log["timestamp"].dt.strftime("%Y-%m").unique()
    costs = pd.DataFrame(
        [(month, channel, 50.0) for month in months for channel in ("web", "app", "")],
        columns=["month", "channel", "cost"],
    )
    pages = [
        pipelines.cohorts(data=log, out=tmp_path / "cohorts.csv").page,
        pipelines.acquisition(data=log, costs=costs, out=tmp_path / "acquisition").page,
        tmp_path / "check.html",
    ]
    pipelines.check(data=log, html=pages[-1])
    assert {page.name: complaints(page) for page in pages} == {page.name: [] for page in pages}


def test_a_day_in_a_cell_stays_next_to_the_words_before_it_on_a_phone(tmp_path):
    """“to 2025-09-29” had become two cells, the day under the name of its column."""
    table = pd.DataFrame({name: ["to 2025-09-29"] for name in "abcdefgh"})
    page = tmp_path / "page.html"
    page.write_text(render_html(summarise("t", "s", [section("x", tables={"t": table})])), encoding="utf-8")
    script = """<script>
const days = [...document.querySelectorAll("td .unbroken")];
show(days.map((day) => day.getBoundingClientRect().left - day.closest("td").getBoundingClientRect().left));
</script>"""
    assert min(read(page, 390, "light", script)) > 100
