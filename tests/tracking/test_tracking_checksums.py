"""A model is loaded only from files that are those it was registered with."""

import pytest

from cltv_ml.tracking import checksums


@pytest.fixture
def model(tmp_path):
    """A logged model's folder."""
    folder = tmp_path / "model"
    for name, text in {
        "MLmodel": "flavors",
        "artifacts/model/model.json": "{}",
        "artifacts/model/golden.json": "[]",
        "code/cltv_ml/__init__.py": "",
        "code/cltv_ml/engine.py": "x = 1",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_whatever_is_done_to_a_file_is_named_and_refused(model):
    sums = checksums.compute(str(model))
    json, code = model / "artifacts" / "model" / "golden.json", model / "code" / "cltv_ml" / "engine.py"
    damages = {
        "golden.json is missing": json.unlink,
        "golden.json was changed": lambda: json.write_text("", encoding="utf-8"),
        "own.ubj was added": lambda: (json.parent / "own.ubj").write_text("x", encoding="utf-8"),
        "code was changed": lambda: code.write_text("x = 2", encoding="utf-8"),
        "code was changed;": lambda: (code.parent / "sitecustomize.py").write_text("", encoding="utf-8"),
        "MLmodel was changed": lambda: (model / "MLmodel").write_text("loader_module: os", encoding="utf-8"),
        "MLmodel is missing": (model / "MLmodel").unlink,
    }
    passed = []
    kept = {path: path.read_text(encoding="utf-8") for path in model.rglob("*") if path.is_file()}
    for words, damage in damages.items():
        damage()
        try:
            checksums.verified(str(model), sums, "version 1")
            passed.append(words)
        except ValueError as error:
            if words not in str(error):
                passed.append(f"{words}: {error}")
        for path in model.rglob("*"):
            if path.is_file() and path not in kept:
                path.unlink()
        for path, text in kept.items():
            path.write_text(text, encoding="utf-8")
    assert passed == []


def test_what_was_compared_is_what_is_loaded(model):
    copy = checksums.verified(str(model), checksums.compute(str(model)), "version 1")
    (model / "code" / "cltv_ml" / "engine.py").write_text("x = 2", encoding="utf-8")
    assert (copy / "code" / "cltv_ml" / "engine.py").read_text(encoding="utf-8") == "x = 1"


def test_compiled_code_is_neither_compared_nor_loaded(model):
    sums = checksums.compute(str(model))
    cache = model / "code" / "cltv_ml" / "__pycache__"
    cache.mkdir()
    (cache / "engine.cpython-311.pyc").write_bytes(b"anything")
    copy = checksums.verified(str(model), sums, "version 1")
    assert not list(copy.rglob("*.pyc"))


def test_a_version_that_was_registered_without_checksums_is_not_compared(model):
    assert (checksums.verified(str(model), None, "version 1") / "MLmodel").exists()
