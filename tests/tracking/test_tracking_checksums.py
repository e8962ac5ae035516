"""A model is loaded only from files that are those it was registered with."""

import os
import resource
import shutil

import pytest
from mlflow.models import Model
from mlflow.tracking import MlflowClient

from cltv_ml.errors import InputError
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


def test_a_file_whose_name_is_no_utf_8_is_refused_like_any_other(model):
    sums = checksums.compute(str(model))
    (model / "code" / os.fsdecode(b"\xff.py")).write_text("x = 1", encoding="utf-8")
    with pytest.raises(ValueError, match="code was changed"):
        checksums.verified(str(model), sums, "version 1")


def test_what_was_compared_is_what_is_loaded(model):
    copy = checksums.verified(str(model), checksums.compute(str(model)), "version 1")
    (model / "code" / "cltv_ml" / "engine.py").write_text("x = 2", encoding="utf-8")
    assert (copy / "code" / "cltv_ml" / "engine.py").read_text(encoding="utf-8") == "x = 1"


def test_a_temporary_folder_that_takes_no_files_is_named(model):
    now, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
    try:
        with pytest.raises(
            InputError, match=r"version 1 cannot be copied to the temporary folder .*too large.* TMPDIR"
        ):
            checksums.copied(model, None, "version 1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (now, most))


def test_one_folder_is_copied_and_all_the_others_are_compared_too(model):
    sums = checksums.compute(str(model))
    copy = checksums.copied(model, sums, "version 1", "artifacts/model")
    assert sorted(path.name for path in copy.iterdir()) == sorted(
        path.name for path in (model / "artifacts" / "model").iterdir()
    )
    (model / "code" / "cltv_ml" / "engine.py").write_text("x = 2", encoding="utf-8")
    with pytest.raises(InputError, match="version 1 has changed since it was registered: code was changed"):
        checksums.copied(model, sums, "version 1", "artifacts/model")


def test_compiled_code_is_neither_compared_nor_loaded(model):
    sums = checksums.compute(str(model))
    cache = model / "code" / "cltv_ml" / "__pycache__"
    cache.mkdir()
    (cache / "engine.cpython-311.pyc").write_bytes(b"anything")
    copy = checksums.verified(str(model), sums, "version 1")
    assert not list(copy.rglob("*.pyc"))


def test_a_version_that_was_registered_without_checksums_is_not_compared(model):
    assert (checksums.verified(str(model), None, "version 1") / "MLmodel").exists()


@pytest.mark.parametrize("tag", ["{", "[1]", ""])
def test_checksums_that_cannot_be_read_refuse_the_version(model, tag):
    with pytest.raises(
        InputError, match=r"version 1 has a damaged tag cltv_ml\.checksums; restore the tag, or"
    ):
        checksums.copied(model, tag, "version 1")


def test_a_model_that_mlflow_loads_is_compared_with_its_own_description(model):
    files = model / "artifacts" / "model"
    Model(metadata={checksums.METADATA: checksums.of_files(files)}).save(model / "MLmodel")
    checksums.check_loaded(model, files, "", "")
    (files / "golden.json").unlink()
    with pytest.raises(InputError, match=r"golden.json is missing; .* None of these files was read"):
        checksums.check_loaded(model, files, "", "")


def test_a_registered_model_that_mlflow_loads_is_compared_with_its_versions_tags(model, store):
    files = model / "artifacts" / "model"
    Model().save(model / "MLmodel")
    client = MlflowClient()
    client.create_registered_model("cltv")
    client.create_model_version("cltv", str(model), tags={checksums.OWN: checksums.compute(str(model))})
    checksums.check_loaded(model, files, "cltv", "1")
    (model / "code" / "cltv_ml" / "engine.py").write_text("x = 2", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"version 1 of model 'cltv' has changed since it was registered: code was changed"
    ):
        checksums.check_loaded(model, files, "cltv", "1")


def test_a_version_that_is_not_in_the_store_is_loaded_with_a_warning(model, store, caplog):
    Model().save(model / "MLmodel")
    checksums.check_loaded(model, model / "artifacts" / "model", "cltv", "7")
    assert "its code was not compared" in caplog.text


def test_a_model_inside_a_registered_one_is_compared_with_its_part_of_the_tags(model, store):
    inside = model / "artifacts" / "inner"
    shutil.copytree(model / "code", inside / "code")
    (inside / "model").mkdir()
    Model().save(inside / "MLmodel")
    client = MlflowClient()
    client.create_registered_model("cltv")
    client.create_model_version("cltv", str(model), tags={checksums.OWN: checksums.compute(str(model))})
    checksums.check_loaded(inside, inside / "model", "cltv", "1", "artifacts/inner")
    (inside / "code" / "cltv_ml" / "engine.py").write_text("x = 2", encoding="utf-8")
    with pytest.raises(InputError, match="artifacts/inner/code was changed"):
        checksums.check_loaded(inside, inside / "model", "cltv", "1", "artifacts/inner")
