"""Models as MLflow saves them: damaged files are one sentence, and our own pins are not compared again."""

import json

from mlflow.utils import requirements_utils

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
