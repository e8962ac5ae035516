"""A report that travels names no customer."""

import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting.redact import redact
from cltv_ml.reporting.report import render_html, section, summarise

IDS = ["ann@x.io", "Müller & Söhne", "K-0042", "17850", "Walk-in Anna Maria", "=1+2|b", "a/b;c", "17", "李雷"]


def report(ids):
    table = pd.DataFrame({"Customer": ids, "Orders": ["17"] * len(ids)})
    drawn = go.Figure(
        go.Scatter(x=np.arange(len(ids)), y=np.arange(len(ids)), text=[f"<b>{one}</b>" for one in ids])
    )
    told = [f"Customer {ids[0]} has 17 of 40 orders.", f"'{ids[1]}' and {', '.join(ids[2:7])} bought most."]
    part = section(
        "Who", told, tables={"The first": table}, figures={"All": drawn}, warnings=[f"customer {ids[-2]}."]
    )
    part["lookup"] = {"head": ["Customer", "Rank"], "rows": [[one, "1"] for one in ids]}
    return summarise("Shop", "", [part], {"Largest": (ids[4], f"before {ids[3]}")})


def test_no_id_is_left_in_any_place_of_a_page_and_its_data():
    summary = redact(report(IDS), IDS)
    told = json.dumps(summary, ensure_ascii=False) + render_html(summary)
    assert [one for one in IDS if one != "17" and one.casefold() in told.casefold()] == []
    assert '["17", "1"]' not in told
    assert "customer 17." not in told


def test_numbers_that_look_like_a_short_id_stay():
    part = redact(report(IDS), IDS)["sections"][0]
    assert part["sentences"][0] == "Customer 3 has 17 of 40 orders."
    assert [row[1] for row in part["tables"][0]["rows"]] == ["17"] * len(IDS)


def test_a_customer_has_one_number_throughout_and_no_two_share_one():
    part = redact(report(IDS), IDS)["sections"][0]
    numbers = [row[0] for row in part["tables"][0]["rows"]]
    assert [row[0] for row in part["lookup"]["rows"]] == numbers
    assert len(set(numbers)) == len(IDS)


def test_a_report_without_ids_is_as_it_was():
    summary = report(["of", "no", "such", "one", "is", "known", "here", "at", "all"])
    summary["sections"][0] |= {"tables": [], "lookup": None}
    assert redact(summary, ["ann@x.io"]) == summary
