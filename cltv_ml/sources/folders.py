"""Files of a folder or pattern: those that are read as tables, and those that are named but not read."""

from __future__ import annotations

from collections.abc import Iterable
from glob import glob
from pathlib import Path

from cltv_ml.errors import InputError

#: Files and folders that programs and operating systems keep next to tables.
_SYSTEM = {"thumbs.db", "desktop.ini"}
_PROGRAMS = {"_delta_log", "_temporary", "_committed", "__MACOSX", "__pycache__"}

#: What counts as a table inside a folder.
_TABLES = {
    *(".csv", ".tsv", ".txt", ".tab", ".json", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".gz", ".zip"),
    *(".parquet", ".pq", ".feather", ".arrow", ".ipc"),
}

#: What counts as one where there is no other: next to tables, dumps and pages are documentation as often as not.
_ALSO_TABLES = {".sql", ".html", ".htm", ".xml", ".ods"}


def find(path: Path) -> list[Path]:
    """Return the path itself if it exists, else the files that match it as a glob pattern.

    Raises
    ------
    InputError
        A folder holds a file or folder that may not be read.
    """
    if path.is_dir():
        try:
            inside = sorted(file for file in path.rglob("*") if file.is_file())
        except OSError as error:
            raise InputError(
                f"'{error.filename}' in folder {path} cannot be read ({error.strerror}); name the files to read."
            ) from error
        files = [file for file in inside if not _is_hidden(file.relative_to(path))]
        tables = [file for file in files if ending(file) in _TABLES]
        return tables or [file for file in files if ending(file) in _ALSO_TABLES]
    if path.exists():
        return [path]
    return [Path(name) for name in sorted(glob(str(path), recursive=True))]


def _is_hidden(file: Path) -> bool:
    """Whether a file inside a folder is hidden, or in a folder of a program's own, such as `_delta_log`."""
    return any(part.startswith(".") for part in file.parts) or any(
        part.startswith("_") for part in file.parts[:-1]
    )


def _is_own(file: Path) -> bool:
    """Whether a file inside a folder is the user's, not one that a program or an operating system keeps there."""
    kept = file.name.lower() in _SYSTEM or file.name.startswith("_") or _PROGRAMS & set(file.parts)
    return not kept and not any(part.startswith(".") for part in file.parts)


def ending(path: Path) -> str:
    """Return a file's extension in lower case.

    >>> ending(Path("ORDERS.PARQUET"))
    '.parquet'
    """
    return path.suffix.lower()


def tell_of_other_files(path: Path) -> list[str]:
    """Return notes on what a folder has besides the files that are read: other files, links to folders, pipes."""
    own = {entry for entry in path.rglob("*") if _is_own(entry.relative_to(path))}
    files = {entry for entry in own if entry.is_file()}
    links = [entry for entry in own - files if entry.is_symlink() or not entry.is_dir()]
    others = files - set(find(path))
    return [f"{some_names(others)} in the folder were not read; to read one, name its path."] * bool(
        others
    ) + [
        f"{some_names(links)} in the folder were not read, because they are no files but pipes, links to "
        "folders or links to nothing; copy the tables that they mean into the folder."
    ] * bool(links)


def some_names(files: Iterable[Path]) -> str:
    """Return the names of the first files, sorted."""
    names = sorted(file.name for file in files)
    return f"{names[:5]}{', ...' if len(names) > 5 else ''}"
