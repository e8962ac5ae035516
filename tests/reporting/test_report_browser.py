"""The report opened in a headless Chromium: no errors, figures with the tables' numbers, working controls."""

import itertools
import json
import re
import struct

import numpy as np
import pandas as pd
import pytest
from headless import CHROMIUM, chromium, complaints, read
from pages import recompute_totals

from cltv_ml.evaluation.tables import compute_deciles
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.list_totals import compute_list_totals
from cltv_ml.reporting.plots.cohort_revenue import map_of_months
from cltv_ml.reporting.report import render_html, section, summarise
from cltv_ml.reporting.what_if import recompute

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on the path")

#: A table of one cell.
ONE = {"t": pd.DataFrame({"a": [1]})}

#: Put at the end: opens what is folded, changes the controls, draws every figure and writes down what is there.
READ = """<script>
(async () => {
  for (const details of document.querySelectorAll("details.more")) details.open = true;
  if (location.hash === "#dark") setTheme("dark"); else setTheme("light");
  await Promise.all(plots.map(draw));
  const box = document.querySelector(".what-if");
  const start = box.campaign;
  for (const [name, value] of Object.entries({ uplift: 20, margin: 40, cost: 0.5, discount: 0, list: 50 })) {
    const field = box.querySelector(`input[name=${name}]`);
    field.value = value;
    field.dispatchEvent(new Event("input"));
  }
  await new Promise((done) => setTimeout(done, 200));
  const search = document.querySelector(".lookup input");
  search.value = JSON.parse(document.querySelector(".lookup script").textContent).rows[3][0];
  search.dispatchEvent(new Event("input"));
  const data = document.querySelector("details.data");
  data.open = true;
  await new Promise((done) => setTimeout(done, 200));
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const linear = parts.map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const written = [...document.querySelectorAll("main *:not(script):not(.plot *)")].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  const contrasts = written.map((element) => {
    const lights = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
    return { text: element.textContent.trim().slice(0, 40), contrast: (lights[0] + 0.05) / (lights[1] + 0.05) };
  });
  const controls = [...document.querySelectorAll("a, button, input, summary, [tabindex]")];
  const unreachable = controls.filter((control) => {
    control.focus();
    return document.activeElement !== control && control.checkVisibility();
  });
  const seen = {
    headings: [...document.querySelectorAll("h1, h2, h3")].map((heading) => Number(heading.tagName[1])),
    contrasts: contrasts.sort((a, b) => a.contrast - b.contrast).slice(0, 3),
    controls: controls.length, unreachable: unreachable.map((control) => control.outerHTML.slice(0, 80)),
    nameless: [...document.querySelectorAll("input")].filter((input) => !input.labels.length).length
      + [...document.querySelectorAll("button, summary, a")].filter((one) => !one.textContent.trim()).length,
    language: document.documentElement.lang,
    faults, start, changed: box.campaign, answer: box.querySelector(".answers").textContent,
    found: document.querySelector(".lookup .answers").textContent,
    cells: data.querySelectorAll("td").length,
    wide: document.documentElement.scrollWidth, window: innerWidth,
    page: getComputedStyle(document.body).backgroundColor,
    figures: plots.map((plot) => ({
      title: plot.closest("figure").querySelector("h3").textContent, svg: plot.querySelectorAll(".main-svg").length,
      text: plot.querySelector(".main-svg").getBoundingClientRect().width, room: plot.clientWidth,
      inside: plot._fullLayout._size.w,
      data: plot._fullData.map((trace) => ({ name: trace.name, visible: trace.visible,
        x: [...(trace.x ?? [])].slice(0, 50), y: [...(trace.y ?? [])].slice(0, 50) })),
      font: plot._fullLayout.font.color,
      cut: [...plot.querySelectorAll(".g-xtitle, .g-ytitle, .ytick text")].some((title) => {
        const [inner, outer] = [title, plot].map((one) => one.getBoundingClientRect());
        return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.bottom > outer.bottom + 1;
      }),
    })),
  };
  show(seen);
})();
</script>"""


#: Put at the end: a dearer treatment and half the margin, and the lists that the page then shows.
LISTS = """<script>
const box = document.querySelector(".list-totals");
for (const [name, value] of Object.entries({ cost: 2, margin: 50, budget: 30 })) {
  const field = box.querySelector(`input[name=${name}]`);
  field.value = value;
  field.dispatchEvent(new Event("input"));
}
const seen = { lists: box.lists, rows: [...box.querySelectorAll("tbody tr")].map((row) => row.innerText) };
show(seen);
</script>"""


@pytest.fixture(scope="module")
def page(summary, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_html(summary), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def desktop(page):
    return read(page, 1280, "light", READ)


@pytest.fixture(scope="module")
def phone(page):
    return read(page, 390, "dark", READ)


def test_no_error_at_either_width(desktop, phone):
    assert desktop["faults"] == phone["faults"] == []


def test_page_never_scrolls_sideways(desktop, phone):
    assert desktop["wide"] <= desktop["window"]
    assert phone["wide"] <= phone["window"]


def test_no_table_scrolls_sideways_on_a_desk(page):
    opened = 'for (const details of document.querySelectorAll("details.more")) details.open = true;'
    wide = "(place) => place.scrollWidth > place.clientWidth + 1"
    names = '[...document.querySelectorAll(".scroll")].filter(WIDE).map((place) => place.getAttribute("aria-label"))'
    script = f"<script>{opened} show({names.replace('WIDE', wide)});</script>"
    assert read(page, 1440, "light", script) == []


def test_every_figure_is_drawn_and_fits_its_place(desktop, phone):
    for seen in (desktop, phone):
        assert len(seen["figures"]) > 20
        for drawn in seen["figures"]:
            assert drawn["svg"] > 0, drawn["title"]
            assert drawn["data"], drawn["title"]
            assert drawn["text"] <= drawn["room"] + 1, drawn["title"]
            assert drawn["inside"] > 0.35 * drawn["room"], drawn["title"]
            assert not drawn["cut"], drawn["title"]


def test_themes_change_page_and_figures(desktop, phone):
    assert desktop["page"] != phone["page"]
    assert {drawn["font"] for drawn in desktop["figures"]} == {"#1c2733"}
    assert {drawn["font"] for drawn in phone["figures"]} == {"#e4e9ee"}


def test_figure_in_the_page_shows_the_numbers_of_its_table(desktop, judged, verdict):
    deciles = compute_deciles(judged.y_true, judged.values[verdict.champion])
    drawn = next(one for one in desktop["figures"] if one["title"].startswith("Each tenth"))
    shown = [trace for trace in drawn["data"] if trace["visible"] is True]
    assert len(shown) == 2
    np.testing.assert_allclose(shown[0]["y"], deciles["realised"])
    np.testing.assert_allclose(shown[1]["y"], deciles["predicted"])


def test_controls_recompute_what_python_computes(desktop, summary):
    inputs = summary["sections"][0]["what_if"]["inputs"]
    expected = recompute(inputs, {"uplift": 20, "margin": 40, "cost": 0.5, "discount": 0})
    np.testing.assert_allclose(desktop["changed"]["profit"], expected["expected_profit"])
    assert desktop["changed"]["best"] == expected["customers"][expected["expected_profit"].idxmax()]
    assert desktop["changed"]["listCost"] == 25
    assert "A list of 50 costs 25.00 Kč" in desktop["answer"]


def test_campaign_at_first_is_the_one_in_the_summary(desktop, summary):
    what_if = summary["sections"][0]["what_if"]
    wanted = {control["name"]: float(control["value"]) for control in what_if["controls"]}
    np.testing.assert_allclose(
        desktop["start"]["profit"], recompute(what_if["inputs"], wanted)["expected_profit"], atol=1e-6
    )


def test_campaign_figure_is_redrawn(desktop):
    drawn = next(
        one for one in desktop["figures"] if one["title"].startswith("Expected profit of the campaign")
    )
    assert drawn["data"][2]["x"] == [50]


def test_customer_on_the_list_is_found(desktop):
    assert desktop["found"].startswith("Rank: 4 ·")


def test_headings_never_skip_a_level(desktop):
    levels = desktop["headings"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_text_stands_out_from_its_ground_in_both_themes(desktop, phone):
    """WCAG 2.2 asks for a contrast of 4.5 for text."""
    for seen in (desktop, phone):
        assert seen["contrasts"][0]["contrast"] >= 4.5, seen["contrasts"]


def test_every_control_is_named_and_reached_by_keyboard(desktop, phone):
    for seen in (desktop, phone):
        assert seen["controls"] > 30
        assert seen["unreachable"] == []
        assert seen["nameless"] == 0
        assert seen["language"] == "en"


def test_figure_is_also_a_table(desktop):
    assert desktop["cells"] > 10


@pytest.mark.slow
@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (500, "dark")])
def test_screenshot_is_a_picture_of_something(page, tmp_path, width, theme):
    picture = tmp_path / "page.png"
    dark = ["--blink-settings=preferredColorScheme=0"] if theme == "dark" else []
    chromium(
        f"--window-size={width},2400",
        "--virtual-time-budget=20000",
        f"--screenshot={picture}",
        *dark,
        f"file://{page}",
    )
    data = picture.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (width, 2400)
    assert len(data) > 60_000


def test_axe_finds_nothing_against_the_report(page):
    assert complaints(page) == []


def test_the_lists_in_the_page_follow_the_reader_s_numbers_as_python_does(tmp_path):
    rng = np.random.default_rng(0)
    candidates = {
        name: pd.DataFrame({"cost": 1.0, "expected_profit": rng.gamma(1, size, 90) - 1})
        for name, size in (("mail", 4.0), ("call", 9.0))
    }
    written = {name: table.assign(control=np.arange(90) % 7 == 0) for name, table in candidates.items()}
    totals = compute_list_totals(candidates, cost=1.0, currency="EUR", written=written)
    page = tmp_path / "page.html"
    page.write_text(
        render_html(summarise("t", "s", [{**section("x", tables=ONE), "list_totals": totals}])), "utf-8"
    )
    seen = read(page, 800, "light", LISTS)
    wanted = recompute_totals(totals["inputs"], {"margin": 50, "effect": 100, "cost": 2, "budget": 30})
    assert [one["customers"] for one in seen["lists"]] == wanted["customers"].tolist()
    assert [one["cost"] for one in seen["lists"]] == [2 * one["customers"] for one in seen["lists"]]
    assert [one["profit"] for one in seen["lists"]] == pytest.approx(wanted["expected_profit"].tolist())
    assert seen["rows"][-1].split("\t")[1] == f"{wanted['customers'].sum()}"


#: The first screen alone, as it is printed.
FIRST_SCREEN = "<style>section, footer { display: none; } header { break-after: auto; }</style></head>"


def printed_pages(page, folder, style="</head>"):
    """Return how many sheets a page takes in print."""
    shown = folder / "shown.html"
    shown.write_text(page.read_text(encoding="utf-8").replace("</head>", style), encoding="utf-8")
    chromium("--virtual-time-budget=30000", f"--print-to-pdf={folder / 'page.pdf'}", f"file://{shown}")
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", (folder / "page.pdf").read_bytes()))


def test_the_first_screen_prints_on_one_page_and_the_rest_on_eight_at_most(page, tmp_path):
    assert printed_pages(page, tmp_path, FIRST_SCREEN) == 1
    assert 2 < printed_pages(page, tmp_path) <= 9


#: Put at the end: draws every figure, as printed or not, and writes down its cells, its width and its names.
MAPS = """<script>
(async () => {
  await Promise.all(plots.map(draw));
  if (%s) await Promise.all(plots.map(printed));
  const names = (plot) => [...plot.querySelectorAll(".ytick text")].map((text) => text.getBoundingClientRect());
  const apart = (boxes) => boxes.slice(1).map((box, i) => Math.abs(box.top - boxes[i].top) - 0.6 * box.height);
  show({ figures: plots.map((plot) => ({ cells: plot.data[0].texttemplate, half: !!plot.closest(".half"),
    width: plot.clientWidth, apart: Math.min(...apart(names(plot))) })), sideways: root.scrollWidth > innerWidth });
})();
</script>"""


def write_maps(folder):
    """Write a page with the cohorts of two years and twenty items bought together."""
    months = pd.DataFrame(np.triu(np.full((24, 24), 0.123))[:, ::-1])
    items = [f"A tin of tea, number {n}" for n in range(20)]
    pairs = [(one, other, 9, 2.0) for one, other in itertools.permutations(items, 2)]
    pairs = pd.DataFrame(pairs, columns=["bought", "also_bought", "orders", "lift"])
    figures = {
        "Cohorts": map_of_months("t", months.set_axis([f"2024-{n}" for n in months]), "{:.1%}", "%{x}"),
        "Pairs": plots.cross_sell_matrix(pairs),
    }
    page = folder / "page.html"
    page.write_text(render_html(summarise("t", "s", [section("x", tables=ONE, figures=figures)])), "utf-8")
    return page


def test_two_years_of_cohorts_have_their_numbers_on_a_phone(tmp_path):
    seen = read(write_maps(tmp_path), 390, "light", MAPS % "false")
    assert seen["figures"][0]["cells"] in ("%{text}", ["%{text}"])
    assert (seen["figures"][0]["width"] > 600, seen["sideways"]) == (True, False)


def test_names_of_many_items_do_not_overlap_in_print(tmp_path):
    pairs = read(write_maps(tmp_path), 1000, "light", MAPS % "true")["figures"][1]
    assert (pairs["half"], pairs["apart"] > 0) == (False, True)


def test_names_are_cut_to_their_width_as_python_does(page):
    names = ["北海道産じゃがいも", "tea from Assam", "tea"]
    script = f"<script>show({json.dumps(names)}.map((name) => cut(name, 9)));</script>"
    assert read(page, 390, "light", script) == theme.short_names(names, longest=9)


#: Put at the end: opens the data of every figure, and writes down the rows of each table.
DATA = """<script>
(async () => {
  const folded = [...document.querySelectorAll("details.data")];
  for (const one of folded) one.open = true;
  await Promise.all(plots.map(draw));
  await new Promise((done) => setTimeout(done, 200));
  const texts = (row) => [...row.cells].map((cell) => cell.textContent);
  show(folded.map((one) => [...one.querySelectorAll("tr")].map(texts)));
})();
</script>"""


def test_the_data_of_a_figure_are_what_it_tells_not_where_it_draws(tmp_path):
    """Lifts on a logarithmic scale, shares drawn to the left, names at places 0, 1, 2, and a bar at the total."""
    pairs = pd.DataFrame(
        {"bought": ["tea", "jam"], "also_bought": ["jam", "tea"], "orders": 4, "lift": [8.0, 8.0]}
    )
    margins = pd.DataFrame(
        {"revenue": [1e7], "contribution_margin": [3581663.12], "contribution_rate": [0.36]}
    )
    rules = {
        "rule": ["cancellation"],
        "rows_before": [9],
        "money_before": [90.0],
        "rows": [2],
        "money": [20.0],
    }
    months = pd.DataFrame({"month": pd.to_datetime(["2024-01-01"]), "revenue": [9.5], "orders": [2]}).assign(
        customers=1, new_customers=1
    )
    figures = [
        plots.cross_sell_matrix(pairs),
        plots.margin_bars(
            margins.set_axis(pd.Index(["A long name of a product, in full"], name="product_id"))
        ),
        plots.tier_pyramid(pd.DataFrame({"tier": ["high"], "customers": [3], "expected_value": [9.0]})),
        plots.quality_waterfall(pd.DataFrame(rules)),
        plots.revenue_over_time(months),
    ]
    file = tmp_path / "page.html"
    part = section("x", tables=ONE, figures={f"Figure {n}": figure for n, figure in enumerate(figures)})
    file.write_text(render_html(summarise("t", "s", [part])), encoding="utf-8")
    lifts, bars, tiers, lines, money = read(file, 1200, "light", DATA)
    assert lifts[0] == ["", "Bought", "Also bought", "times chance"]
    assert lifts[1:] == [["lift", "jam", "jam", ""], ["lift", "jam", "tea", "8"], *lifts[3:]]
    assert bars[1] == ["contribution margin", "3581663.12", "A long name of a product, in full"]
    assert tiers[1] == ["customers", "1", "high"]
    assert [row[-1] for row in lines[1:]] == ["9", "-2", "7"]
    assert money[:2] == [["", "Month", "Revenue (currency units) / Orders"], ["revenue", "2024-01-01", "9.5"]]


def test_the_data_of_a_figure_tell_the_ends_of_its_error_bars(tmp_path):
    judged = {"start": pd.to_datetime(["2024-01-01"]), "expected": [10.0], "actual": [12.0]}
    plan = pd.DataFrame(judged).assign(lower_80=8.0, upper_80=13.5)
    file = tmp_path / "page.html"
    part = section("x", tables=ONE, figures={"Figure": plots.plan_against_actual(plan)})
    file.write_text(render_html(summarise("t", "s", [part])), encoding="utf-8")
    [[heads, *rows]] = read(file, 1200, "light", DATA)
    assert heads[-2:] == ["Lower end", "Upper end"]
    assert {row[2]: row[3:] for row in rows} == {"10": ["8", "13.5"], "12": ["", ""]}
