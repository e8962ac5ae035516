"""The sliders of the lists, dragged with the mouse and moved by keys in a headless Chromium."""

import numpy as np
import pandas as pd
import pytest
from browser import CHROMIUM, Browser
from pages import recompute_totals

from cltv_ml.reporting.list_totals import compute_list_totals
from cltv_ml.reporting.report import render_html, section, summarise

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on the path")

#: Where a control's slider lies in the window, what the fields hold, and the lists that the page shows.
_PLACE = """(() => {{
  const field = document.querySelector(".list-totals input[name={}]");
  const slider = field.closest(".control").querySelector("input[type=range]");
  slider.scrollIntoView({{ block: "center" }});
  const box = slider.getBoundingClientRect();
  return {{ left: box.left, top: box.top + box.height / 2, width: box.width,
    at: (slider.value - slider.min) / (slider.max - slider.min) }};
}})()"""
_SEEN = """(() => {
  const box = document.querySelector(".list-totals");
  return { fields: Object.fromEntries([...box.querySelectorAll("input[name]")].map((one) => [one.name, one.value])),
    lists: box.lists, rows: [...box.querySelectorAll("tbody tr")].map((row) => row.innerText) };
})()"""

#: Half the width of a slider's thumb in Chromium.
_THUMB = 8


@pytest.fixture(scope="module")
def lists():
    rng = np.random.default_rng(0)
    candidates = {
        name: pd.DataFrame({"cost": 1.0, "expected_profit": rng.gamma(1, size, 90) - 1})
        for name, size in (("mail", 4.0), ("call", 9.0))
    }
    return compute_list_totals(candidates, cost=1.0, currency="EUR")


@pytest.fixture
def page(lists, tmp_path):
    """The page of two lists, opened."""
    part = section("x", tables={"t": pd.DataFrame({"a": [1]})})
    file = tmp_path / "page.html"
    file.write_text(render_html(summarise("t", "s", [{**part, "list_totals": lists}])), encoding="utf-8")
    browser = Browser(tmp_path / "profile")
    browser.open(f"file://{file}")
    browser.wait("document.querySelector('.list-totals tbody tr') !== null")
    yield browser
    assert browser.faults == []
    browser.close()


def drag(page, name, to):
    """Drag a slider's thumb to a share of its way, in five steps with the button held down."""
    place = page.wait(_PLACE.format(name))
    x = [place["left"] + _THUMB + share * (place["width"] - 2 * _THUMB) for share in (place["at"], to)]
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x[0], y=place["top"])
    held = {"button": "left", "y": place["top"], "clickCount": 1}
    page.call("Input.dispatchMouseEvent", type="mousePressed", x=x[0], **held)
    for step in np.linspace(x[0], x[1], 6)[1:]:
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=float(step), buttons=1, **held)
    page.call("Input.dispatchMouseEvent", type="mouseReleased", x=x[1], **held)


def assert_shows_what_python_computes(seen, lists):
    wanted = {name: float(value) if value else None for name, value in seen["fields"].items()}
    told = recompute_totals(lists["inputs"], wanted)
    assert [one["customers"] for one in seen["lists"]] == told["customers"].tolist()
    assert [one["profit"] for one in seen["lists"]] == pytest.approx(told["expected_profit"].tolist())
    assert seen["rows"][-1].split("\t")[1] == f"{told['customers'].sum()}"


def shown_amounts(rows, column):
    texts = [row.split("\t")[column].removesuffix(" EUR").replace(",", "") for row in rows]
    return np.array([float(text or 0) for text in texts])


def test_a_dragged_slider_moves_its_field_and_the_lists(page, lists):
    start = page.wait(_SEEN)
    assert start["fields"]["budget"] == ""
    shares = {"margin": 0.3, "effect": 0.5, "cost": 0.75, "budget": 0.1}
    for name, share in shares.items():
        drag(page, name, share)
        seen = page.wait(_SEEN)
        control = next(one for one in lists["controls"] if one["name"] == name)
        step, most = float(control["step"]), float(control["most"])
        assert float(seen["fields"][name]) == pytest.approx(share * most, abs=step + 0.02 * most)
        assert_shows_what_python_computes(seen, lists)
        assert seen["rows"] != start["rows"]
        moved = shown_amounts(seen["rows"], 3) - shown_amounts(start["rows"], 3)
        moved = np.where(np.abs(moved) >= 1000, moved.round(), moved)  # large amounts are shown without cents
        assert shown_amounts(seen["rows"], 4) == pytest.approx(moved, abs=1e-9)
    drag(page, "budget", 0.0)
    seen = page.wait(_SEEN)
    assert [one["customers"] for one in seen["lists"]] == [0, 0]  # a budget of nothing treats nobody
    drag(page, "budget", 1.0)
    seen = page.wait(_SEEN)
    assert seen["fields"]["budget"] == ""  # the end of the slider is no limit
    assert_shows_what_python_computes(seen, lists)


def test_keys_move_a_slider_and_a_field_moves_its_slider(page, lists):
    page.wait("(document.querySelector('.list-totals input[name=margin]').focus(), true)")
    page.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
    page.call("Input.dispatchKeyEvent", type="keyUp", key="Tab", code="Tab", windowsVirtualKeyCode=9)
    for _ in range(4):
        key = {"key": "ArrowLeft", "code": "ArrowLeft", "windowsVirtualKeyCode": 37}
        page.call("Input.dispatchKeyEvent", type="keyDown", **key)
        page.call("Input.dispatchKeyEvent", type="keyUp", **key)
    seen = page.wait(_SEEN)
    assert seen["fields"]["margin"] == "80"
    assert_shows_what_python_computes(seen, lists)
    page.wait("(document.querySelector('.list-totals input[name=margin]').select(), true)")
    page.wait("(document.querySelector('.list-totals input[name=margin]').focus(), true)")
    page.call("Input.insertText", text="50")
    assert page.wait(_PLACE.format("margin"))["at"] == 0.25
    assert_shows_what_python_computes(page.wait(_SEEN), lists)
