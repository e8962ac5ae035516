"""The project's own files agree with each other."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml

import cltv_ml
from cltv_ml.serving.packaging import REQUIREMENTS
from tests.long_tests import FIRST_CASE, LONG

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]}


@pytest.fixture(scope="module")
def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


@pytest.fixture(scope="module")
def conda():
    listed = yaml.safe_load((ROOT / "conda.yaml").read_text())["dependencies"][-1]["pip"]
    return dict(line.split("==") for line in listed)


def test_conda_environment_lists_the_package_dependencies(conda, dependencies):
    assert set(conda) == dependencies


def test_every_installation_leaves_out_the_libraries_for_several_gpus():
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["override-dependencies"]
    left_out = {re.match(r"[\w-]+", line)[0] for line in overrides}
    wanted = {re.match(r"[\w-]+", line)[0] for line in requires("xgboost") if line.startswith("nvidia")}
    assert wanted <= left_out
    for name in ("README.md", "deploy/Dockerfile", ".ci/python"):
        [numbers] = re.findall(r"nvidia-nccl-cu%d; [^\"]*\" ([\d ]*\d)", (ROOT / name).read_text())
        assert {f"nvidia-nccl-cu{number}" for number in numbers.split()} == left_out, name


def test_conda_environment_has_the_pins_of_the_constraints_file(conda, pins):
    assert conda == {name: pins[name] for name in conda}


def test_every_dependency_is_pinned(dependencies, pins):
    assert dependencies <= set(pins)


def test_a_logged_model_asks_for_every_dependency_of_the_package(dependencies):
    assert set(REQUIREMENTS) == dependencies


def test_constraints_hold_exact_pins_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9._-]+==[\w.!+]+", line)] == []


def test_package_citation_and_release_notes_name_one_version():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    cited = str(yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"])
    assert cltv_ml.__version__ == newest == cited


def test_the_parts_of_a_versions_release_notes_stand_once():
    for notes in re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1:]:
        parts = re.findall(r"^### (\w+)$", notes, re.MULTILINE)
        assert parts == sorted(set(parts), key=["New", "Changed", "Fixed"].index), notes[:40]
        entries = re.findall(r"^- .*", notes, re.MULTILINE)
        assert len(entries) == len(set(entries)), notes[:40]


def test_entry_points_of_the_project_are_typed():
    project = yaml.safe_load((ROOT / "MLproject").read_text())
    assert {"main", "score", "test", "report"} <= set(project["entry_points"])
    for entry in project["entry_points"].values():
        assert all("type" in parameter for parameter in entry.get("parameters", {}).values())


def test_every_test_that_is_left_out_of_the_quick_run_exists():
    folder = Path(__file__).parent
    gone = []
    for name in (*LONG, *FIRST_CASE):
        file, _, test = name.partition("::")
        path = folder / file
        if not path.exists() or (test and f"def {test}(" not in path.read_text(encoding="utf-8")):
            gone.append(name)
    assert gone == []


def test_no_room_holds_more_than_a_fifth_of_the_code_nor_a_file_more_than_350_lines():
    lines = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in ROOT.glob("cltv_ml/**/*.py")
    }
    rooms: dict[str, int] = {}
    for path, count in lines.items():
        rooms[path.relative_to(ROOT).parts[1]] = rooms.get(path.relative_to(ROOT).parts[1], 0) + count
    shares = {room: count / sum(lines.values()) for room, count in rooms.items()}
    assert max(shares.values()) <= 0.19, shares
    assert max(lines.values()) <= 350, max(lines, key=lambda path: lines[path])
