"""Files on object stores (s3://, gs://, abfs://) and web servers, fetched to be read and sent when complete."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from http.client import HTTPException
from pathlib import Path, PosixPath, PurePosixPath
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit

from cltv_ml.addresses import hide, is_url, without_secrets
from cltv_ml.errors import InputError

#: Schemes of object stores, by the one that Arrow knows.
_STORES = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "abfs": "abfs", "abfss": "abfss", "az": "abfs"}
_REMOTE = re.compile(rf"({'|'.join(_STORES)}|https?):/+(?=.)", re.IGNORECASE)

#: Seconds without an answer after which a web server or Google Cloud is given up, which Arrow tries for 15 minutes.
_TIMEOUT = 60

#: What the names of folders begin with in which files wait until they can be sent.
_WAITING_PREFIX = ".cltv_"

#: Bytes that are copied at a time.
_PIECE = 1 << 22


def is_remote(place: str | Path) -> bool:
    """Return whether a file lies on an object store or a web server; a `Path` keeps one slash of the two.

    >>> is_remote("s3://shop/orders.csv"), is_remote(Path("s3://shop/out")), is_remote("postgresql://host/shop")
    (True, True, False)
    """
    return _REMOTE.match(str(place)) is not None


def address(place: str | Path) -> str:
    """Return the URL of a remote place, also of one that was a `Path`.

    >>> address(Path("s3://shop") / "out" / "report.html")
    's3://shop/out/report.html'
    """
    text = PosixPath.__str__(place) if isinstance(place, RemotePath) else str(place)
    return _REMOTE.sub(lambda match: f"{match[1].lower()}://", text, count=1)


class RemotePath(PosixPath):
    """A path on an object store or a web server, which shows itself as its URL without keys; `address` has all of it.

    >>> str(RemotePath("s3://key:secret@shop/out") / "report.html"), str(Path("s3://shop/out"))
    ('s3://shop/out/report.html', 's3:/shop/out')
    >>> address(RemotePath("s3://key:secret@shop/out") / "report.html")
    's3://key:secret@shop/out/report.html'
    """

    def __str__(self) -> str:
        return without_secrets(address(self))

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def is_file(self, **_: Any) -> bool:
        """Return whether the store has this file; False for a page of the web."""
        return is_file(self)

    def is_dir(self, **_: Any) -> bool:
        """Return whether the store has a folder of this name; False for a page of the web."""
        return _kind_of_place(self) == "Directory"

    def glob(self, pattern: str, **_: Any) -> Generator[RemotePath]:
        """Yield the files of this folder, without those of folders below it, whose names match."""
        url = address(self)
        if url.startswith("http"):
            return
        with _explained_download(url, "read"):
            for name in _files_in(url):
                if fnmatchcase(name, pattern):
                    yield self / name

    def read_text(self, encoding: str | None = None, errors: str | None = None, **_: Any) -> str:
        """Return the text of a copy of the file."""
        with local(self) as file:
            return file.read_text(encoding, errors)


def as_path(place: str | Path) -> Path:
    """Return the path of a file or folder on this machine or a remote one.

    `~/` is the home folder, which a shell does not write out in `--out=~/x`, unless a folder of this name exists.

    Raises
    ------
    InputError
        The place is an address of another kind, which would become the name of a folder; or its name is not UTF-8, as
        the engine expects.
    """
    if is_remote(place):
        return RemotePath(place)
    _check_encoding(str(place))
    text = re.sub(r"^([^/]{2,}:)/+", r"\1//", str(place))  # a `Path` keeps one slash of the two
    if is_url(text) and not Path(text.partition("/")[0]).exists():
        raise InputError(
            f"{without_secrets(text)} is an address, but a file or folder is needed: on this machine, or at s3://, "
            "gs://, abfs:// or https://."
        )
    if str(place).startswith("~/"):  # absolute, since pandas takes `~` for the home folder in any case
        return Path(place).absolute() if Path("~").exists() else Path(os.path.expanduser(place))
    return Path(place)


def _check_encoding(name: str) -> None:
    """Raise InputError where Python and the engine would read or write files of different names."""
    try:
        readable = os.fsencode(name) == name.encode()
    except UnicodeEncodeError:  # one of the two cannot write it
        readable = False
    if not readable:
        raise InputError(
            f"the name '{name.encode(errors='backslashreplace').decode()}' is not UTF-8, or the locale reads names as "
            f"{sys.getfilesystemencoding()}; set PYTHONUTF8=1, or rename the file."
        )


def fetch(place: str | Path, folder: Path) -> Path:
    """Copy a file, a folder or what a pattern matches into `folder`; return the file, or the folder of several.

    Raises
    ------
    InputError
        There is nothing, or it may not be read; no secret of the URL is shown.
    """
    url = address(place)
    target = Path(tempfile.mkdtemp(dir=folder))
    with _explained_download(url, "read"):
        if url.startswith("http"):
            return _download_url(url, target)
        store, path = _store(url)
        above, names = _find_remote(store, path)
        if not names:
            raise InputError(f"{without_secrets(url)}: there is no such file or folder; check the address.")
        for name in names:
            inside = [
                segment for segment in name.removeprefix(above).split("/") if segment not in ("", ".", "..")
            ]
            file = target.joinpath(*inside)
            file.parent.mkdir(parents=True, exist_ok=True)
            with store.open_input_stream(name) as source, file.open("wb") as copy:
                shutil.copyfileobj(source, copy, _PIECE)
    return file if len(names) == 1 else target


def send(file: Path, place: str | Path) -> None:
    """Copy a file to an object store, where it appears when it is complete."""
    url = address(place)
    with _explained_download(url, "written"):
        store, path = _store(url)
        with file.open("rb") as source, store.open_output_stream(path) as target:
            shutil.copyfileobj(source, target, _PIECE)


def is_file(place: str | Path) -> bool:
    """Return whether there is a file on this machine or on an object store; False for a page of the web.

    Raises
    ------
    InputError
        The object store does not answer, or may not be read.
    """
    return _kind_of_place(place) == "File" if is_remote(place) else Path(place).is_file()


def delete(place: str | Path) -> None:
    """Delete a file on this machine or on an object store."""
    if not is_remote(place):
        Path(place).unlink()
        return
    url = address(place)
    with _explained_download(url, "deleted"):
        store, path = _store(url)
        store.delete_file(path)


def waiting_folder(place: str | Path) -> Path:
    """Return the folder of the working folder in which files wait until all of them can be sent to a place."""
    return Path(f"{_WAITING_PREFIX}{hashlib.sha256(address(place).encode()).hexdigest()[:8]}")


def is_waiting(folder: Path) -> bool:
    """Return whether `waiting_folder` named a folder.

    >>> is_waiting(waiting_folder("s3://shop/week")), is_waiting(Path("out"))
    (True, False)
    """
    return folder.name.startswith(_WAITING_PREFIX)


def check_writable(place: str | Path) -> None:
    """Raise InputError where nothing can be sent to: a web server, or a bucket that does not exist."""
    url = address(place)
    with _explained_download(url, "written"):
        store, path = _store(url)
        bucket = path.partition("/")[0]
        if store.get_file_info(bucket).type.name == "NotFound":
            raise InputError(f"{without_secrets(url)}: there is no bucket {bucket!r}; create it first.")


@contextmanager
def local(path: Path) -> Iterator[Path]:
    """Yield a path that can be opened: the path itself, or a copy of what it names for as long as it is needed."""
    if not is_remote(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield fetch(path, Path(folder))


def _store(url: str) -> tuple[Any, str]:
    from pyarrow.fs import FileSystem  # late: most logs lie on a disk

    scheme, _, rest = url.partition("://")
    if scheme not in _STORES:
        raise InputError(
            f"{without_secrets(url)} is a web page, which cannot be written to; use a folder or s3://, gs:// "
            "or abfs://."
        )
    place, *options = re.split(r"\?(?=\w+=)", rest, maxsplit=1)
    if _STORES[scheme] == "gs" and "retry_limit_seconds" not in rest:
        options = ["&".join([*options, f"retry_limit_seconds={_TIMEOUT}"])]
    for sign in "?[]":  # of a pattern
        place = place.replace(sign, quote(sign))
    store, path = FileSystem.from_uri("?".join([f"{_STORES[scheme]}://{place}", *options]))
    return store, unquote(path).rstrip("/")


def _find_remote(store: Any, path: str) -> tuple[str, list[str]]:
    """Return a folder and what a path names in it: itself, the files below it, or those that match it."""
    from pyarrow.fs import FileSelector

    if store.get_file_info(path).type.name == "File":
        return path.rpartition("/")[0], [path]
    pattern = any(sign in path for sign in "*?[")
    above = re.split(r"[*?\[]", path)[0].rpartition("/")[0] if pattern else path
    below = store.get_file_info(FileSelector(above, recursive=True, allow_not_found=True))
    files = [
        entry.path
        for entry in below
        if entry.type.name == "File" and not entry.base_name.startswith((".", "_"))
    ]
    return above, sorted(name for name in files if not pattern or fnmatchcase(name, path))


def _kind_of_place(place: str | Path) -> str:
    """Return what an object store has under a name: File, Directory or NotFound, which a page of the web counts as."""
    url = address(place)
    if url.startswith("http"):
        return "NotFound"
    with _explained_download(url, "read"):
        store, path = _store(url)
        return str(store.get_file_info(path).type.name)


def _files_in(url: str) -> list[str]:
    """Return the names of the files of a folder of an object store, without those of folders below it."""
    from pyarrow.fs import FileSelector

    store, path = _store(url)
    entries = store.get_file_info(FileSelector(path, allow_not_found=True))
    return [entry.base_name for entry in entries if entry.type.name == "File"]


def _download_url(url: str, folder: Path) -> Path:
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    plain = parts._replace(netloc=host).geturl() if at else url
    request = urllib.request.Request(plain, headers={"User-Agent": "cltv_ml"})
    if at:  # unredirected: another host that the server names does not get it
        token = base64.b64encode(unquote(login).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        name = answer.headers.get_filename() or PurePosixPath(unquote(urlsplit(url).path)).name
        file = folder / (PurePosixPath(name).name or "download")
        with file.open("wb") as target:
            shutil.copyfileobj(answer, target, _PIECE)
    return file


@contextmanager
def _explained_download(url: str, outcome: str) -> Iterator[None]:
    """Turn what a store or server answers into one sentence without the URL's secrets."""
    try:
        yield
    except HTTPError as error:
        error.close()
        answer = f"the server says {error.code} {error.reason}"
        raise InputError(f"{without_secrets(url)} cannot be {outcome}: {answer}.") from None
    except InputError:
        raise
    except (
        OSError,
        HTTPException,
        ValueError,
    ) as error:  # the last is an address that the client cannot read
        reason = hide(str(error).strip().splitlines()[0].rstrip("."), url)
        raise InputError(f"{without_secrets(url)} cannot be {outcome}: {reason}.") from None
