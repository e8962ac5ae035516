"""The model registry: versions of one name, and the aliases that point at them.

`challenger` is the newest training, `champion` answers, `previous` is what a rollback restores. MLflow moves one
alias atomically but has no compare-and-swap: moves are made under the store's lock, `previous` first, and what
stands is read again afterwards.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from cltv_ml.errors import InputError
from cltv_ml.tracking import store

#: The name under which models are registered.
REGISTERED_NAME = "cltv"


@dataclass(frozen=True)
class Version:
    """A registered version: what it answers for, until when it was fitted, and what was tested in its stead.

    `candidate` is the address of the same model as the comparison of its training fitted it, before
    `test_cutoff`; None where the training did not write it down.
    """

    number: int
    uri: str
    model: str
    horizon: int
    fitted_until: pd.Timestamp
    features: list[str]
    feature_version: str
    cltv_ml_version: str
    test_cutoff: pd.Timestamp | None
    candidate: str | None
    tags: Mapping[str, str]


def register(
    model_uri: str, tags: Mapping[str, str], card: str = "", name: str = REGISTERED_NAME
) -> tuple[int, str]:
    """Register a logged model with tags and a description; return its version and its alias.

    It becomes `challenger`; where there is no champion to challenge it becomes `champion` at once.
    """
    with contextlib.redirect_stderr(io.StringIO()):  # MLflow prints what this returns
        registered = mlflow.register_model(model_uri, name, tags=dict(tags))
    client, version = MlflowClient(), int(registered.version)
    client.update_model_version(name, str(version), card)
    with store.store_lock():
        alias = "champion" if alias_version(name, "champion") is None else "challenger"
        client.set_registered_model_alias(name, alias, str(version))
    return version, alias


def alias_version(name: str, alias: str) -> int | None:
    """Return the version an alias points at, None where there is no such model or alias."""
    try:
        return int(MlflowClient().get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def resolve(name: str = REGISTERED_NAME, alias: str = "champion") -> int:
    """Return the version behind an alias.

    Raises
    ------
    InputError
        There is none; the message says what is there instead.
    """
    version = alias_version(name, alias)
    if version is not None:
        return version
    others = sorted(int(one.version) for one in MlflowClient().search_model_versions(f"name = '{name}'"))
    if not others:
        raise InputError(f"no model {name!r} is registered in {store.store_name()}; run `cltv train` first.")
    raise InputError(
        f"model {name!r} in {store.store_name()} has versions {others} but no alias {alias!r} (deleting a "
        "version deletes its aliases too); run `cltv rollback` for the previous champion, or `cltv train` for a new "
        "one."
    )


def read_version(number: int, name: str = REGISTERED_NAME) -> Version:
    """Return what is known about a version.

    Raises
    ------
    InputError
        There is no such version, or its files cannot be read.
    """
    uri = f"models:/{name}/{number}"
    try:
        tags = MlflowClient().get_model_version(name, str(number)).tags
        card = mlflow.models.get_model_info(uri).metadata
    except (MlflowException, OSError) as error:
        raise InputError(f"version {number} of model {name!r} cannot be read: {error}") from error
    return Version(
        number=number,
        uri=uri,
        model=str(card["model"]),
        horizon=int(card["horizon"]),
        fitted_until=pd.Timestamp(card["cutoff"]),
        features=list(card["features"]),
        feature_version=str(card["feature_version"]),
        cltv_ml_version=str(card["cltv_ml_version"]),
        test_cutoff=pd.Timestamp(tags["cutoff"]) if "cutoff" in tags else None,
        candidate=tags.get("candidate"),
        tags=tags,
    )


def promote(version: int, expected: int | None, name: str = REGISTERED_NAME) -> None:
    """Point `champion` at a version and `previous` at the champion so far, `expected`.

    Raises
    ------
    InputError
        Another champion than `expected` stands: somebody moved the alias meanwhile.
    """
    client = MlflowClient()
    with store.store_lock():
        _check_champion(name, expected)
        if expected is not None:
            client.set_registered_model_alias(name, "previous", str(expected))
        client.set_registered_model_alias(name, "champion", str(version))
        if alias_version(name, "challenger") == version:
            client.delete_registered_model_alias(name, "challenger")
        client.set_model_version_tag(name, str(version), "promoted_from", str(expected or ""))
        _check_champion(name, version)  # a process on another machine holds another lock


@store.explained()
def rollback(name: str = REGISTERED_NAME) -> tuple[int | None, int]:
    """Point `champion` back at `previous`; return the version it pointed at and the one it points at now.

    `previous` then names the champion before that one, so that a second call goes a step further back.

    Raises
    ------
    InputError
        There is no previous champion.
    """
    client = MlflowClient()
    with store.store_lock():
        champion, previous = alias_version(name, "champion"), alias_version(name, "previous")
        if previous is None or previous == champion:
            raise InputError(
                f"model {name!r} in {store.store_name()} has no previous champion to go back to; "
                "choose a version in the MLflow UI and give it the alias champion."
            )
        client.set_registered_model_alias(name, "champion", str(previous))
        before = client.get_model_version(name, str(previous)).tags.get("promoted_from", "")
        known = {int(one.version) for one in client.search_model_versions(f"name = '{name}'")}
        if before and int(before) in known:
            client.set_registered_model_alias(name, "previous", before)
        else:
            client.delete_registered_model_alias(name, "previous")
        if champion is not None:
            client.set_model_version_tag(name, str(champion), "rolled_back_to", str(previous))
        _check_champion(name, previous)
    return champion, previous


def _check_champion(name: str, expected: int | None) -> None:
    found = alias_version(name, "champion")
    if found != expected:
        raise InputError(
            f"the champion moved meanwhile: it was expected to be {_version(expected)} and is {_version(found)} now; "
            "nothing more was changed, look again with `cltv promote --dry-run`."
        )


def _version(number: int | None) -> str:
    return "no version" if number is None else f"version {number}"
