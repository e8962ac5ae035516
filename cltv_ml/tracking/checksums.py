"""Checksums of a model's files: written to its version's tags, compared before anything of it is imported."""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from cltv_ml.errors import InputError

#: The version's tag of its own files, and of the files of the model that was tested in its stead.
OWN, TESTED = "cltv_ml.checksums", "cltv_ml.candidate_checksums"

_NOTE = "registered_model_meta"  # MLflow's, which names the version and is written where it is fetched
_CODE = "code"


def compute(uri: str) -> str:
    """Return the checksums of a logged model's files as JSON: one per file, one per folder of code.

    Compiled code is left out, as it is never used: `verified` copies the model without it.
    """
    return json.dumps(_checksums(_fetch(uri)), sort_keys=True)


def verified(uri: str, expected: str | None, what: str) -> Path:
    """Return a copy of a logged model's files that are those of its checksums; it goes with the process.

    The copy is what is compared and loaded, so nothing can change in between. Without checksums, of a version that
    was not registered by this package, nothing is compared.

    Raises
    ------
    InputError
        A file is missing, was changed or has been added.
    """
    source = _fetch(uri)
    place = _folder() / hashlib.sha256(f"{uri} {expected}".encode()).hexdigest()[:16]
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"), symlinks=True)
    if expected is None:
        return place
    wanted, found = json.loads(expected), _checksums(place)
    differing = sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))
    if differing:
        changes = ", ".join(f"{name} {_change(name, wanted, found)}" for name in differing[:5])
        raise InputError(
            f"{what} is not as it was registered: {changes}{' ...' if differing[5:] else ''}; restore its files, or "
            "train again. Nothing of it was run."
        )
    return place


def _change(name: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    if name not in found:
        return "is missing"
    return "was changed" if name in wanted else "was added"


def _checksums(folder: Path) -> dict[str, str]:
    """Return a SHA-256 per file, by its path; files of a folder of code share one."""
    found: dict[str, str] = {}
    codes: dict[str, hashlib._Hash] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.name == _NOTE or "__pycache__" in name.parts or path.suffix == ".pyc":
            continue
        if path.is_symlink():
            found[name.as_posix()] = f"link to {os.readlink(path)}"
        elif path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if _CODE in name.parts[:-1]:
                top = Path(*name.parts[: name.parts.index(_CODE) + 1]).as_posix()
                codes.setdefault(top, hashlib.sha256()).update(f"{name.as_posix()} {digest}\n".encode())
            else:
                found[name.as_posix()] = digest
    return found | {name: digest.hexdigest() for name, digest in codes.items()}


def _fetch(uri: str) -> Path:
    try:
        return Path(mlflow.artifacts.download_artifacts(uri))
    except (MlflowException, OSError) as error:
        raise InputError(f"the model {uri} cannot be fetched: {' '.join(str(error).split())}") from error


@functools.cache
def _folder() -> Path:
    """Return this process's folder of copies."""
    folder = Path(tempfile.mkdtemp(prefix="cltv-models-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
