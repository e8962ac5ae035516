"""Models as MLflow saves them: damaged files are one sentence, and our own pins are not compared again."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from mlflow.utils import requirements_utils

import cltv_ml
from cltv_ml.models import Tweedie
from cltv_ml.serving import packaging
from cltv_ml.serving.model_files import load_files


def test_only_pins_that_are_not_ours_are_compared_with_what_is_installed(monkeypatch):
    asked = []
    monkeypatch.setattr(requirements_utils, "_check_requirement_satisfied", asked.append)
    pins = packaging.requirements(Tweedie())
    with packaging._unchecked(pins):
        requirements_utils.warn_dependency_requirement_mismatches([*pins, "theirs==1"])
    assert asked == ["theirs==1"]
    requirements_utils.warn_dependency_requirement_mismatches(["numpy==1"])
    assert asked == ["theirs==1", "numpy==1"]


def test_every_damage_of_a_models_files_is_a_sentence(tmp_path):
    state = {
        "class": "Tweedie",
        "arguments": {},
        "learned": {"booster_": {"@booster": {"@file": "booster_0.ubj"}}},
    }
    whole = {"format": 1, "state": state, "card": {}}
    damages = {
        "an empty booster": (json.dumps(whole), b""),
        "a booster of text": (json.dumps(whole), b"no booster"),
        "a booster of another folder": (
            json.dumps(whole).replace("booster_0.ubj", "../booster_0.ubj"),
            b"no booster",
        ),
        "a missing booster": (json.dumps(whole), None),
        "an empty file": ("", b""),
        "half a file": (json.dumps(whole)[:40], b""),
        "a list": ("[]", b""),
        "a number": ("7", b""),
        "objects all the way down": ('{"a":' * 100_000, b""),
        "a state of text": (json.dumps({**whole, "state": "x"}), b""),
        "an unknown class": (json.dumps({**whole, "state": {**state, "class": "Evil"}}), b""),
        "an array of an unknown type": (
            json.dumps({**whole, "state": {**state, "learned": {"a_": {"@array": [1], "dtype": "evil"}}}}),
            b"",
        ),
        "bytes that are no text": (b"\xff\xfe\x00", b""),
    }
    passed = {}
    for name, (text, booster) in damages.items():
        (tmp_path / "model.json").write_bytes(text if isinstance(text, bytes) else text.encode())
        (tmp_path / "booster_0.ubj").unlink(missing_ok=True)
        if booster is not None:
            (tmp_path / "booster_0.ubj").write_bytes(booster)
        try:
            load_files(tmp_path)
            passed[name] = "loaded"
        except (ValueError, FileNotFoundError) as error:
            if type(error).__name__ not in ("InputError", "FileNotFoundError"):
                passed[name] = repr(error)
    assert passed == {}


def test_the_package_next_to_a_model_is_two_files_with_all_of_its_own(tmp_path):
    package = packaging.write_package(tmp_path)
    assert sorted(path.name for path in package.iterdir()) == ["__init__.py", "package.zip"]
    folder = Path(cltv_ml.__file__).parent
    own = {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    with zipfile.ZipFile(package / "package.zip") as archive:
        held = {folder.parent / name: archive.read(name) for name in archive.namelist()}
    assert held == {path: path.read_bytes() for path in own}


def test_the_archived_package_reads_a_log_with_its_tables_of_words_and_formats(tmp_path):
    packaging.write_package(tmp_path)
    script = """
import cltv_ml, pandas as pd
from cltv_ml import build_features, clean, read
from cltv_ml.columns.formats import formats, recognise
from cltv_ml.serving.requests import ServedModel
from cltv_ml.tracking.sqlite_store import EMPTY
lines = pd.DataFrame({"customer_id": ["a", "b"], "timestamp": ["2024-01-01", "2024-02-01"], "amount": ["€1", "€2"]})
print("package.zip" in cltv_ml.__file__, len(formats()), len(EMPTY.read_text()))
print(build_features(clean(read(lines)).log, "2024-02-02", ["spend_total"])["spend_total"].tolist())
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    counted = len(list(Path(cltv_ml.__file__).parent.glob("columns/formats/*.toml")))
    size = len((Path(cltv_ml.__file__).parent / "tracking" / "empty_store.sql").read_text())
    assert (first, second) == (f"True {counted} {size}", "[1.0, 2.0]")
