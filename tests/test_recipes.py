"""Recipes for schedulers: imported with stand-ins for the schedulers, and run with a stand-in for `cltv`."""

import contextlib
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import typer
import yaml

from cltv_ml.cli import app

DEPLOY = Path(__file__).parents[1] / "deploy"
RECIPES = sorted((DEPLOY / "recipes").glob("*.py"))
BODIES = {"airflow_weekly": "week", "dagster_weekly": "customer_values", "prefect_weekly": "week"}


class _Stub(ModuleType):
    """A scheduler of which every name is a decorator, with options or without, or a record of its arguments."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "Failure":
            return RuntimeError
        if name == "AssetSelection":
            return SimpleNamespace(assets=lambda *assets: assets)
        return self._decorate if name in ("dag", "task", "asset", "flow") else SimpleNamespace

    def _decorate(self, *given, **options):
        if given:
            self.__dict__.setdefault("bodies", {})[given[0].__name__] = given[0]
            return given[0]
        return self._decorate


@pytest.fixture(params=RECIPES, ids=lambda path: path.stem)
def recipe(request, monkeypatch):
    """The body of a recipe's task, with the words that it calls and a status that it gets."""
    called = SimpleNamespace(words=None, status=0)

    def run(words, **options):
        called.words = words
        return SimpleNamespace(returncode=called.status)

    monkeypatch.setattr(subprocess, "run", run)
    stub = _Stub("stub")
    for name in ("airflow", "airflow.sdk", "dagster", "prefect"):
        with contextlib.suppress(KeyError):
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, name, stub)
    if request.param.stem.startswith("dagster"):
        stub.__dict__["define_asset_job"] = lambda name, selection: name
    spec = importlib.util.spec_from_file_location(request.param.stem, request.param)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, request.param.stem, module)
    spec.loader.exec_module(module)
    called.body = stub.__dict__["bodies"][BODIES[request.param.stem]]
    return called


def _understood(words):
    command = typer.main.get_command(app).commands[words[0]]
    with command.make_context("cltv", list(words[1:])):
        return True


def test_a_recipe_calls_a_command_that_exists(recipe):
    recipe.body()
    assert Path(recipe.words[0]).name == "cltv"
    assert recipe.words[1:] == ["weekly", "--config", "shop.toml"]


def test_results_of_monitoring_are_no_failure(recipe):
    for recipe.status in (0, 3, 4):
        recipe.body()


def test_a_failure_is_one(recipe):
    for recipe.status in (1, 2, 137):
        with pytest.raises(RuntimeError, match=f"status {recipe.status}"):
            recipe.body()


@pytest.fixture(scope="module")
def action():
    [job] = yaml.safe_load((DEPLOY / "recipes" / "github-weekly.yml").read_text())["jobs"].values()
    return job


def test_the_action_s_call_is_understood(action):
    [call] = re.findall(r"cltv (weekly .*?) \|\|", action["steps"][-1]["run"])
    words = shlex.split(call.replace("--config shop.toml", ""))
    assert _understood(words)


@pytest.mark.parametrize(("status", "wanted"), [(0, 0), (3, 0), (4, 0), (2, 2), (1, 1)])
def test_the_action_fails_where_the_job_does(action, tmp_path, status, wanted):
    program = tmp_path / "cltv"
    program.write_text(f"#!/bin/sh\nexit {status}\n")
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    done = subprocess.run(["bash", "-e", "-c", action["steps"][-1]["run"]], env=environment, check=False)
    assert done.returncode == wanted


def test_the_bill_of_materials_holds_every_dependency_with_a_licence(tmp_path):
    subprocess.run([sys.executable, DEPLOY / "sbom.py", tmp_path], check=True, capture_output=True)
    found = json.loads((tmp_path / "sbom.json").read_text())
    names = {one["name"] for one in found["components"]}
    assert found["bomFormat"] == "CycloneDX"
    assert names >= {"duckdb", "mlflow", "pandas", "xgboost", "flask"}
    assert not {"pytest", "mkdocs", "ruff"} & names
    assert all(one["licenses"][0]["license"]["name"] for one in found["components"])
