"""Checksums of a model's files, stored as tags of its version and compared before any file is imported."""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cltv_ml.errors import InputError

#: The version's tags for its own files, and for those of the model that was tested in its place.
OWN, TESTED = "cltv_ml.checksums", "cltv_ml.candidate_checksums"

#: The field of a model's description for the checksums of the files that it reads.
METADATA = "checksums"

_MODEL_META = "registered_model_meta"  # MLflow's, which names the version and is written where it is fetched
_CODE_FOLDER = "code"
_NOT_RUN = "None of its code was run."

logger = logging.getLogger(__name__)

#: The copies that this process has compared already.
_verified: set[Path] = set()


def compute(uri: str) -> str:
    """Return the checksums of a logged model's files as JSON: one per file, one per folder of code.

    Compiled code is left out because it is never used: `verified` copies the model without it.
    """
    return json.dumps(_checksums(_fetch(uri)), sort_keys=True)


def verified(uri: str, expected: str | None, subject: str) -> Path:
    """Return a copy of a logged model's files that match its checksums; it is deleted when the process ends.

    The copy itself is compared and loaded, so nothing can change in between. A version that this package did not
    register has no checksums, and nothing is compared.

    Raises
    ------
    InputError
        A file is missing, was changed or has been added.
    """
    return copied(_fetch(uri), expected, subject)


def copied(source: Path, expected: str | None, subject: str, subfolder: str = "") -> Path:
    """Return a copy of the files in a folder, compared as `verified` does for an address.

    Parameters
    ----------
    subfolder
        The only folder inside it that is copied; all others are compared in place.

    Raises
    ------
    InputError
        As for `verified`; the temporary folder cannot take the files.
    """
    copy = _folder() / hashlib.sha256(f"{source / subfolder} {expected}".encode()).hexdigest()[:16]
    shutil.rmtree(copy, ignore_errors=True)
    sums = None if expected is None else _sums_in_tag(expected, subject)
    if sums is not None and subfolder:
        _compare_folder(sums, source, subject, _NOT_RUN)
        sums = _sums_below(sums, subfolder)
    compiled = shutil.ignore_patterns("__pycache__", "*.pyc")
    try:
        shutil.copytree(source / subfolder, copy, ignore=compiled, symlinks=True)
    except shutil.Error as error:  # it lists the files, each with its reason
        *_, reason = error.args[0][0]
        raise InputError(
            f"{subject} cannot be copied to the temporary folder {tempfile.gettempdir()} "
            f"({str(reason).partition(': ')[0]}); free some space "
            "there, or choose another one with the variable TMPDIR."
        ) from error
    if sums is not None:
        _compare_folder(sums, copy, subject, _NOT_RUN, subfolder)
    _verified.add(copy)
    return copy


def of_files(folder: Path) -> dict[str, str]:
    """Return the checksums of the files that a model reads, as stored in its description."""
    return _checksums(folder)


def check_loaded(folder: Path, files: Path, name: str, version: str, within: str = "") -> None:
    """Compare a model that MLflow loads before its files are read; its code has already been imported.

    Its files are compared with its description and, if it is registered in a store that this process knows, with the
    tags of its version. A result of `verified` is not compared again.

    Parameters
    ----------
    within
        For a model inside a registered model, its folder there.

    Raises
    ------
    InputError
        A file is missing, was changed or has been added.
    """
    if folder in _verified:
        return
    import mlflow

    own = (mlflow.models.Model.load(folder).metadata or {}).get(METADATA)
    if own is not None:
        _compare_folder(own, files, f"the model in {folder}", "None of these files was read.")
    if not (name and version and mlflow.is_tracking_uri_set()):
        return
    try:
        expected = mlflow.MlflowClient().get_model_version(name, version).tags.get(OWN)
    except (mlflow.MlflowException, OSError) as error:
        logger.warning(
            "the checksums of model %s, version %s, could not be read (%s), so its code was not compared",
            name,
            version,
            " ".join(str(error).split()),
        )
        return
    if expected is not None:
        subject = f"version {version} of model {name!r}"
        sums = _sums_below(_sums_in_tag(expected, subject), within)
        _compare_folder(sums, folder, subject, "Its files were not read.", within)


def _sums_in_tag(tag: str, subject: str) -> dict[str, str]:
    """Return the checksums in a version's tag; InputError where somebody has changed it."""
    try:
        sums = json.loads(tag)
    except ValueError:
        sums = None
    if not isinstance(sums, dict):
        raise InputError(f"{subject} has a damaged tag {OWN}; restore the tag, or train again. {_NOT_RUN}")
    return sums


def _sums_below(sums: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return the checksums of the files in a folder; all of them if the name is empty."""
    return {path: sum_ for path, sum_ in sums.items() if path.startswith(f"{folder}/" if folder else "")}


def _compare_folder(
    sums: Mapping[str, str], folder: Path, subject: str, advice: str, within: str = ""
) -> None:
    present = _checksums(folder, within)
    differing = sorted(name for name in {*sums, *present} if sums.get(name) != present.get(name))
    if differing:
        changes = ", ".join(f"{name} {_what_changed(name, sums, present)}" for name in differing[:5])
        raise InputError(
            f"{subject} has changed since it was registered: {changes}{' ...' if differing[5:] else ''}; "
            f"restore its files, or train again. {advice}"
        )


def _what_changed(name: str, wanted: Mapping[str, str], present: Mapping[str, str]) -> str:
    if name not in present:
        return "is missing"
    return "was changed" if name in wanted else "was added"


def _checksums(folder: Path, within: str = "") -> dict[str, str]:
    """Return a SHA-256 per file, by path; all files of a folder of code share one."""
    sums: dict[str, str] = {}
    codes: dict[str, hashlib._Hash] = {}
    for path in sorted(folder.rglob("*")):
        name = Path(within, path.relative_to(folder))
        if path.name == _MODEL_META or "__pycache__" in name.parts or path.suffix == ".pyc":
            continue
        if path.is_symlink():
            sums[name.as_posix()] = f"link to {os.readlink(path)}"
        elif path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if _CODE_FOLDER in name.parts[:-1]:
                top = Path(*name.parts[: name.parts.index(_CODE_FOLDER) + 1]).as_posix()
                line = f"{name.as_posix()} {digest}\n".encode(
                    "utf-8", "surrogateescape"
                )  # a name may be no UTF-8
                codes.setdefault(top, hashlib.sha256()).update(line)
            else:
                sums[name.as_posix()] = digest
    return sums | {name: digest.hexdigest() for name, digest in codes.items()}


def _fetch(uri: str) -> Path:
    from cltv_ml.tracking import store  # late: scoring reads a store on this machine without MLflow

    return store.fetch_artifacts(f"the model {uri}", artifact_uri=uri)


@functools.cache
def _folder() -> Path:
    """Return this process's folder for copies."""
    folder = Path(tempfile.mkdtemp(prefix="cltv-models-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
