"""Figures by name and the report anew, from a log and the training that MLflow holds."""

import contextlib
import importlib
import json
import os
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import clean, read, simulate
from cltv_ml.errors import InputError
from cltv_ml.evaluation.tables import compute_deciles
from cltv_ml.pipelines.plot_inputs import Material, Wanted
from cltv_ml.reporting import plots
from cltv_ml.tracking import newest_training

figures = importlib.import_module("cltv_ml.pipelines.plot")
MAPPING = {"customer_id": "Kunde", "timestamp": "Datum", "amount": "Umsatz"}
DATA = [name for name, recipe in figures.RECIPES.items() if recipe.needs == "data"]
MODELS = [name for name, recipe in figures.RECIPES.items() if recipe.needs != "data"]
#: Figures that a log of dates and amounts cannot fill.
GOODS = ("discount_profit",)
#: Figures of a training with several horizons, drawn in test_horizons.
HORIZONS = ("value_curve",)


@pytest.fixture(scope="module")
def material(trained, scored):
    """Return what figures are drawn from after a training, with nine tenths of its scores as the earlier ones."""
    with contextlib.chdir(trained.folder), patch.dict(os.environ, trained.environment):
        cleaned = clean(read("orders.csv", MAPPING))
        before = scored.set_index("customer_id").sample(frac=0.9, random_state=0)
        yield Material(cleaned, Wanted("shop", before=before))


def test_every_figure_of_the_catalogue_can_be_asked_for():
    assert {*figures.RECIPES, *figures.ELSEWHERE} == set(plots.CATALOGUE)


@pytest.fixture(scope="module")
def simulated():
    return clean(simulate(300, days=300, seed=1).log)


@pytest.mark.parametrize("name", [name for name in DATA if name != "cross_sell_matrix"])
def test_figure_of_the_data_needs_no_training(name, simulated, monkeypatch):
    monkeypatch.setattr(newest_training, "replay", lambda *_: pytest.fail("asked MLflow"))
    assert figures.draw(name, simulated, Wanted()).data


def test_a_figure_with_nothing_to_show_says_so(simulated):
    with pytest.raises(ValueError, match="has nothing that the figure 'cross_sell_matrix' could show"):
        figures.draw("cross_sell_matrix", simulated, Wanted())


@pytest.mark.parametrize("name", [name for name in MODELS if name not in (*GOODS, *HORIZONS)])
def test_figure_of_a_training_is_drawn(name, material):
    recipe = figures.RECIPES[name]
    table = recipe.table(material)
    assert len(table)
    assert plots.CATALOGUE[name](table, **recipe.options(material, table)).data


def test_a_curve_asks_for_several_horizons(material):
    for name in HORIZONS:
        with pytest.raises(InputError, match="the newest training has one horizon; train with several"):
            figures.RECIPES[name].table(material)


def test_replayed_training_has_the_metrics_of_the_training(material, trained):
    written = pd.read_csv(trained.folder / "out" / "comparison.csv")
    told = written.pivot(index="model", columns="metric", values="value")
    found = material.result.scores
    np.testing.assert_allclose(found, told.loc[found.index, found.columns], rtol=1e-9)


def test_figure_shows_the_numbers_of_the_replayed_training(material, trained):
    done = trained.cltv(
        "plot",
        "decile_calibration",
        "--data",
        "orders.csv",
        *trained.mapping,
        "--experiment",
        "shop",
        "--out",
        "deciles.json",
        "--json",
    )
    assert json.loads(done.stdout) == {"figure": "decile_calibration", "file": "deciles.json"}
    drawn = json.loads((trained.folder / "deciles.json").read_text())
    shown = [trace for trace in drawn["data"] if trace["visible"] is True]
    deciles = compute_deciles(material.result.y_true, material.result.values[material.champion])
    assert len(shown) == 2
    assert len(shown[0]["x"]) == len(deciles) or shown[0]["x"]["bdata"]


def test_another_log_is_refused(material):
    lines = material.log.frame
    some = lines[lines["customer_id"].str.endswith("17")]
    with pytest.raises(ValueError, match="customers before 1997-12-30, but the newest training of"):
        newest_training.replay(some, "shop")


def test_an_unknown_figure_is_refused_before_anything_is_read(trained):
    done = trained.cltv("plot", "pie", "--data", "nowhere.csv")
    assert done.returncode == 2
    assert "Unknown figure 'pie'" in done.stderr


def test_a_change_without_earlier_scores_asks_for_them(trained):
    words = ("plot", "value_waterfall", "--data", "orders.csv", *trained.mapping, "--experiment", "shop")
    done = trained.cltv(*words)
    assert done.returncode == 2
    assert "--before" in done.stderr


@pytest.mark.parametrize(
    ("form", "start"), [("html", "<!DOCTYPE html>"), ("markdown", "# Customer"), ("json", "{")]
)
def test_report_is_printed_in_each_format(trained, form, start):
    done = trained.cltv("report", "--experiment", "shop", "--format", form, "--out", "-")
    assert done.stdout.startswith(start)


def _changed(report):
    """Return the first sentence on what changed, which the first screen gives too."""
    part = next(part for part in report["sections"] if part["title"] == "What changed since last time")
    answer = next(answer for answer in report["answers"] if answer["question"] == f"{part['title']}?")
    assert answer["sentences"] == part["sentences"]
    return part["sentences"][0]


def test_report_tells_what_changed_and_finds_customers_on_request(scored, trained):
    earlier = scored.assign(cutoff=pd.Timestamp("1998-06-01"), expected_value=scored["expected_value"] * 2)
    earlier.to_parquet(trained.folder / "earlier.parquet")
    plain = trained.cltv("report", "--experiment", "shop", "--format", "json", "--out", "-")
    words = ("--before", "earlier.parquet", "--lookup", "5", "--currency", "GBP")
    asked = trained.cltv(
        "report",
        "--experiment",
        "shop",
        "--format",
        "json",
        "--out",
        "-",
        "--scores",
        "out/scores.parquet",
        *words,
    )
    before, after = json.loads(plain.stdout), json.loads(asked.stdout)
    assert "went down by" in _changed(after)
    assert [len(part["lookup"]["rows"]) for part in after["sections"] if part["lookup"]] == [5]
    assert not any(part["lookup"] for part in before["sections"])


def test_a_report_in_another_currency_than_the_trainings_is_refused(trained):
    done = trained.cltv("report", "--experiment", "shop", "--currency", "DM")
    assert done.returncode == 2
    assert "the amounts of the newest training are in GBP, not DM" in done.stderr


def test_scores_in_the_wrong_order_are_refused(scored, trained):
    scored.assign(cutoff=pd.Timestamp("1999-01-01")).to_parquet(trained.folder / "later.parquet")
    done = trained.cltv("report", "--experiment", "shop", "--before", "later.parquet")
    assert done.returncode == 2
    assert "swap the two files" in done.stderr


def test_newest_earlier_scores_in_the_folder_are_found_without_naming_them(scored, trained):
    folder = trained.folder / "monthly"
    folder.mkdir()
    for cutoff, horizon in (("1998-05-01", 91), ("1998-06-01", 91), ("1998-06-15", 30), ("1998-07-01", 91)):
        path = folder / f"{cutoff}.parquet"
        scored.assign(cutoff=pd.Timestamp(cutoff), horizon=horizon).to_parquet(path)
        told = {"file": path.name, "cutoff": cutoff, "horizon": horizon}
        path.with_suffix(".manifest.json").write_text(json.dumps(told))
    words = ("--format", "json", "--out", "-", "--scores", "monthly/1998-07-01.parquet")
    told = json.loads(trained.cltv("report", "--experiment", "shop", *words).stdout)
    assert _changed(told).startswith("Since 1998-06-01, ")
