"""The MLflow UI as a user sees it after a training: pages with content, pictures that are drawn, a quiet console."""

import json
import sys
import urllib.request
from pathlib import Path

import mlflow
import pytest
from browser import CHROMIUM, Browser
from mlflow.tracking import MlflowClient

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on the path"),
]

#: What MLflow's own pages say in red on any store: no user management, and a layout note of the browser.
_KNOWN = ("/mlflow/users/current", "ResizeObserver loop")

_TEXT = "document.body && document.body.innerText.includes({})"


@pytest.fixture(scope="module")
def trained(shop):
    """A training of two models in an experiment of its own: enough to look at."""
    words = ["--horizon", "26w", "--models", "bg_nbd_gamma_gamma,hybrid", "--out", "seen"]
    done = shop.cltv("train", "--data", "orders.csv", *shop.mapping, *words, "--experiment", "seen")
    assert done.returncode == 0, done.stderr
    return shop


@pytest.fixture(scope="module")
def server(trained, serving):
    """`cltv ui` on a free port; yields its address."""
    words = [sys.executable, "-m", "cltv_ml.cli", "ui"]
    with serving(words, "/health", cwd=trained.folder, env=trained.environment) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture
def page(browser, server, tmp_path):
    """Open a page of the UI; at the end its console must be quiet and its picture more than a blank one."""
    browser.faults.clear()

    def visit(path):
        browser.open(f"{server}/#{path}")
        return browser

    yield visit
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000
    assert [fault for fault in browser.faults if not any(known in fault for known in _KNOWN)] == []


@pytest.fixture(scope="module")
def runs(trained):
    client = MlflowClient(trained.store)
    experiment = client.get_experiment_by_name("seen").experiment_id
    return {run.info.run_name: run for run in client.search_runs([experiment])}


def test_experiment_page_lists_every_model_at_the_top(page, runs):
    experiment = runs["hybrid"].info.experiment_id
    seen = page(f"/experiments/{experiment}/runs?workflowType=machine_learning")
    for name, run in runs.items():
        if run.data.tags["role"] in ("candidate", "summary"):
            seen.wait(_TEXT.format(json.dumps(name[:12])))


def test_compare_view_lines_up_a_tree_with_a_probabilistic_model(page, runs):
    two = [runs["bg_nbd_gamma_gamma"], runs["hybrid"]]
    ids = json.dumps([run.info.run_id for run in two], separators=(",", ":"))
    seen = page(f"/compare-runs?runs={ids}&experiments={json.dumps([two[0].info.experiment_id])}")
    seen.wait(_TEXT.format('"Comparing 2 Runs"'))
    for run in two:
        figure = f"{run.data.metrics['order/gini']:.3f}"[:5]
        seen.wait(_TEXT.format(json.dumps(figure)))
    assert seen.wait("document.querySelectorAll('.js-plotly-plot svg path, .js-plotly-plot canvas').length")


def test_model_page_shows_the_card(page):
    seen = page("/models/cltv/versions/1")
    for text in ("Known limits", "Intended use", "95% interval", "champion"):
        seen.wait(_TEXT.format(json.dumps(text)))


def test_report_artefact_draws_its_figures(page, runs):
    run = next(run for run in runs.values() if run.data.tags["role"] == "summary").info
    seen = page(f"/experiments/{run.experiment_id}/runs/{run.run_id}/artifacts/report.html")
    seen.wait(_TEXT.format('"Customer lifetime value: "'))
    # The figures in sight are drawn with marks of their own, not axes alone.
    assert seen.wait(
        "document.querySelectorAll('.plot .main-svg .trace path, .plot .main-svg .point').length"
    )


def test_small_pictures_are_shown_by_the_ui(page, runs):
    run = runs["hybrid"].info
    for name in ("deciles", "gains"):
        seen = page(f"/experiments/{run.experiment_id}/runs/{run.run_id}/artifacts/figures/{name}.svg")
        seen.wait("[...document.images].some((one) => one.naturalWidth === 640 && one.naturalHeight === 400)")


def test_result_tables_are_shown_by_the_ui(page, runs):
    run = runs["hybrid"].info
    seen = page(f"/experiments/{run.experiment_id}/runs/{run.run_id}/artifacts/tables/deciles.json")
    seen.wait(_TEXT.format('"realised"'))


@pytest.fixture(scope="module")
def plain(trained, serving):
    """MLflow's own server on the store, as somebody starts it who does not know `cltv ui`."""
    words = [sys.executable, "-m", "mlflow", "ui", "--workers", "1", "--backend-store-uri", trained.store]
    with serving(words, "/health", cwd=trained.folder, env=trained.environment) as address:
        yield address


def test_plain_mlflow_ui_tells_the_way_to_the_training_runs(browser, plain, runs):
    """MLflow 3.17 opens a bare link in the view that the browser used last, whatever the experiment's kind."""
    browser.open(f"{plain}/#/experiments/{runs['hybrid'].info.experiment_id}")
    browser.wait(_TEXT.format('"choose Model training at the top left"'), seconds=180)


def test_plain_mlflow_ui_shows_the_card_and_the_numbers_of_a_version(browser, plain):
    browser.open(f"{plain}/#/models/cltv/versions/1")
    for text in ("Known limits", "champion", "gini", "bias"):
        browser.wait(_TEXT.format(json.dumps(text)))


def test_plain_mlflow_ui_hands_out_the_report_and_the_pictures(trained, plain, runs):
    summary = next(run for run in runs.values() if run.data.tags["role"] == "summary").info.run_id
    wanted = {"report.html": summary, "figures/deciles.svg": runs["hybrid"].info.run_id}
    for path, run_id in wanted.items():
        with urllib.request.urlopen(f"{plain}/get-artifact?path={path}&run_uuid={run_id}") as answer:
            body = answer.read()
        stored = mlflow.artifacts.download_artifacts(
            run_id=run_id, artifact_path=path, tracking_uri=trained.store
        )
        assert body == Path(stored).read_bytes(), path
