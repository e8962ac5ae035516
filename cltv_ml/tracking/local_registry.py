"""The registry of a SQLite store, read without MLflow, because importing MLflow takes longer than scoring a shop.

Only complete entries are read: a version with an alias, its tags and the folder of its files. In every other case the
result is None and MLflow is used, which also finishes what a stopped command began.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from cltv_ml.addresses import sqlite_file
from cltv_ml.tracking.store_names import (
    CURRENCY_TAG,
    INTENT,
    PENDING,
    PROTECTED_TAG,
    REGISTERED_NAME,
    store_uri,
)

#: The version of MLflow's tables for which the statements below are written.
SCHEMA = "dc11669786a5"

#: Settings by which MLflow keeps its registry elsewhere, or several in one store.
_ELSEWHERE = ("MLFLOW_REGISTRY_URI", "MLFLOW_WORKSPACE", "MLFLOW_ENABLE_WORKSPACES")

_UNFINISHED = """
    select 1 from registered_model_tags where name = ? and key = ?
    union all select 1 from model_version_tags join model_versions using (name, version, workspace)
        where name = ? and key = ? and current_stage <> 'Deleted_Internal'
    union all select 1 from registered_models where name = ? and workspace <> 'default'
"""
_VERSION = """
    select version, storage_location from registered_model_aliases join model_versions using (name, version, workspace)
    where name = ? and alias = ? and status = 'READY'
"""
_TAGS = "select key, value from model_version_tags where name = ? and version = ?"


@dataclass(frozen=True)
class LocalVersion:
    """A registered version whose files are in a folder of this machine."""

    number: int
    tags: Mapping[str, str]
    folder: Path


def find_local(name: str, alias: str) -> LocalVersion | None:
    """Return the version behind an alias in the present store; None if only MLflow can find it."""
    path = sqlite_file(store_uri())
    if path is None or not path.is_file() or _is_elsewhere():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as store:
            return _read_version(store, name, alias)
    except sqlite3.Error:
        return None


def champion_currency() -> str:
    """Return the currency that the champion's training stated; empty if none is known."""
    return _tag_of_champion(CURRENCY_TAG)


def champion_protected() -> list[str]:
    """Return the columns that the champion's training protected, as they were spelled there."""
    return list(json.loads(_tag_of_champion(PROTECTED_TAG) or "[]"))


def _tag_of_champion(key: str) -> str:
    """Return a tag of the champion, "" if there is none.

    A registry on a server is asked by MLflow; if it does not answer, the command says so where it needs it.
    """
    champion = find_local(REGISTERED_NAME, "champion")
    if champion is None and _is_elsewhere():
        from cltv_ml.tracking import store

        return store.champion_tag(key)
    return "" if champion is None else champion.tags.get(key, "")


def _is_elsewhere() -> bool:
    """Return whether the registry is not in a SQLite file that this module could read."""
    return sqlite_file(store_uri()) is None or any(os.environ.get(setting) for setting in _ELSEWHERE)


def _read_version(store: sqlite3.Connection, name: str, alias: str) -> LocalVersion | None:
    store.execute("begin")  # one state of the store for all that follows
    if store.execute("select version_num from alembic_version").fetchall() != [(SCHEMA,)]:
        return None
    if store.execute(_UNFINISHED, (name, INTENT, name, PENDING, name)).fetchall():
        return None
    rows = store.execute(_VERSION, (name, alias)).fetchall()
    place = urlsplit(rows[0][1] or "") if len(rows) == 1 else None
    if place is None or place.scheme != "file" or place.netloc:
        return None
    folder = Path(url2pathname(place.path))
    number = int(rows[0][0])
    return (
        LocalVersion(number, dict(store.execute(_TAGS, (name, number))), folder) if folder.is_dir() else None
    )
