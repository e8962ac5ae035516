"""Downloads of the public data sets, checked and stored as Parquet in the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from cltv_ml.columns.source_columns import quote
from cltv_ml.data.datasets import DATASETS
from cltv_ml.data.raw import read
from cltv_ml.engine import literal, quoted
from cltv_ml.errors import InputError, unknown_name
from cltv_ml.files import atomic
from cltv_ml.sources.archives import unpack


def fetch(name: str) -> Path:
    """Return the path of a data set's local file; download it first if necessary.

    Raises
    ------
    InputError
        The name is unknown, the data set is not downloadable, the download failed, or the checksum is wrong.
    """
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    dataset = DATASETS[name]
    path = dataset.find()
    if path is not None:
        return path
    if not dataset.url:
        return dataset.locate()
    folder = Path(tempfile.mkdtemp(prefix="cltv_"))
    try:
        archive = _download(name, dataset.url, folder)
        [book] = unpack(archive, folder)
        _check(book, dataset.sha256)
        target = dataset.downloaded
        raw = read(book, dict(dataset.mapping))
        columns = ", ".join(f"{quote(name)} as {quoted(name)}" for name in raw.columns)
        with atomic(target) as unfinished:
            raw.con.execute(
                f"copy (select {columns} from {raw.table} order by source_row) to {literal(str(unfinished))} "
                "(format parquet, compression zstd)"
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target


def _download(name: str, url: str, folder: Path) -> Path:
    import pooch  # with its network libraries, which only a download needs
    from requests import RequestException

    pooch.get_logger().setLevel("WARNING")
    try:
        return Path(pooch.retrieve(url, known_hash=None, fname=f"{name}.zip", path=folder))
    except (RequestException, OSError) as error:
        raise InputError(
            f"data set {name!r} could not be downloaded from {url} ({type(error).__name__}). Try again, or "
            "put the file into a folder that CLTV_DATA_DIR names."
        ) from error


def _check(path: Path, sha256: str) -> None:
    """Raise InputError if a file's checksum is wrong; the zip around it is not checked, because it may be repacked."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise InputError(
            f"{path.name!r} has the checksum {digest} instead of {sha256}. This is not the file that this "
            "version expects, so it was deleted."
        )
