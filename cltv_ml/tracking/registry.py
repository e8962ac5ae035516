"""The model registry: versions of one name, and the aliases that point at them.

`challenger` is the newest training, `champion` is the model in use, `previous` is what a rollback restores. MLflow
moves one alias atomically but has no compare-and-swap: moves are made under the store's lock, and the aliases are read
again afterwards. The intended move is first written to a tag of the model: if the command is stopped, the next one
finds the tag and finishes the move (`settle`).
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import mlflow
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from cltv_ml.addresses import without_secrets
from cltv_ml.errors import InputError
from cltv_ml.tracking import checksums, lease, store
from cltv_ml.tracking.store_names import INTENT, PENDING, REGISTERED_NAME

#: A version's tag: whether its training's test shows that it ranks customers better than chance, "yes" or "no".
BEATS_CHANCE = "test_beats_chance"

_ABOUT = (
    "What each customer will be worth within the horizon. `champion` is the model in use, `challenger` is "
    "the newest training, `previous` is what `cltv rollback` brings back; `cltv promote` compares "
    "challenger and champion on a window that neither has seen. Each version's description is its model "
    "card."
)


@dataclass(frozen=True)
class Version:
    """A registered version: its horizon, the end of its training data, and the model that was tested for it.

    `candidate` is the address of the same model as fitted for its training's comparison, before `test_cutoff`; None if
    the training did not record it. `spreads` are the arguments of `models.Spread` by days ahead, for measured totals.
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
    spreads: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def tested(self) -> dict[str, float]:
        """Bias and decile error on the test window of its training, if they were measured."""
        return {
            name: float(self.tags[f"test_{name}"])
            for name in ("bias", "decile_mape", "bias_chance", "decile_chance")
            if f"test_{name}" in self.tags
        }

    @property
    def ranks(self) -> bool | None:
        """Whether the test showed that it ranks customers better than chance; None if that was not recorded."""
        return {"yes": True, "no": False}.get(self.tags.get(BEATS_CHANCE, ""))


def register(
    model_uri: str, tags: Mapping[str, str], card: str = "", name: str = REGISTERED_NAME, run_id: str = ""
) -> int:
    """Register a logged model with tags and a description; return its version, which has no alias yet.

    Its tags contain the checksums of its files. Until `publish` it is marked as pending on the run of its training: if
    that run fails, `settle` deletes the version.
    """
    settle(name)
    sums = {checksums.OWN: checksums.compute(model_uri)}
    if "candidate" in tags:
        sums[checksums.TESTED] = checksums.compute(tags["candidate"])
    pending = {PENDING: run_id} if run_id else {}
    with contextlib.redirect_stderr(io.StringIO()):  # MLflow prints what this returns
        registered = mlflow.register_model(model_uri, name, tags={**tags, **sums, **pending})
    client = MlflowClient()
    client.update_model_version(name, registered.version, card)
    if not client.get_registered_model(name).description:
        client.update_registered_model(name, _ABOUT)
    return int(registered.version)


def publish(version: int, name: str = REGISTERED_NAME) -> str:
    """Give a version its alias and return the alias: `challenger`, or `champion` if there is none yet.

    Where a later version challenges already, it stays, and the alias returned is empty: of two trainings at once the
    one that registered first may end last.
    """
    with store.store_lock():
        alias = "champion" if alias_version(name, "champion") is None else "challenger"
        superseded = (alias_version(name, alias) or 0) > version
        if not superseded:
            _move(name, {alias: version})
        _unmark(name, version)
    settle(name)  # deletes what a repeated request registered twice
    return "" if superseded else alias


def settle(name: str = REGISTERED_NAME) -> None:
    """Finish what a stopped command began: a move of aliases, or a version without an alias.

    A move that contradicts a later choice is dropped. A version whose training failed is deleted; one whose training
    finished gets its alias. MLflow's client repeats a request whose response was lost, so a server may register one
    model twice: the copy is deleted.
    """
    client = MlflowClient()
    try:
        tags = client.get_registered_model(name).tags
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return
        raise
    if INTENT in tags:
        with store.store_lock():
            intent = client.get_registered_model(name).tags.get(INTENT)  # its command may have been at work
            if intent:
                _finish_move(name, json.loads(intent))
    for version in client.search_model_versions(f"name = '{name}'"):
        if PENDING in version.tags:
            _settle_pending(name, int(version.version), version.tags[PENDING])


def _settle_pending(name: str, version: int, run_id: str) -> None:
    client = MlflowClient()
    status = _outcome(run_id)
    if status == "RUNNING":
        return
    with store.store_lock():
        pending = client.get_model_version(name, str(version))
        if not pending.aliases and (status != "FINISHED" or _is_copy(pending)):
            client.delete_model_version(name, str(version))
            return
        newest = alias_version(name, "challenger") or alias_version(name, "champion") or 0
        if not pending.aliases and newest < version:
            _move(name, {"challenger" if alias_version(name, "champion") else "champion": version})
        _unmark(name, version)


def _is_copy(version: ModelVersion) -> bool:
    """Whether another version of the same files is registered and no longer pending."""
    return any(
        other.source == version.source and PENDING not in other.tags
        for other in MlflowClient().search_model_versions(f"name = '{version.name}'")
    )


def _outcome(run_id: str) -> str:
    """Return a run's status; FAILED if its process or the run no longer exists.

    A finished run counts as RUNNING while another process holds it, because that is about to give its version an alias.
    """
    try:
        run = MlflowClient().get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return "FAILED"
        raise
    over = lease.is_over(run.data.tags, run.info.start_time / 1000)
    if run.info.status == "RUNNING" and over:
        return "FAILED"
    if not over and run.data.tags.get(lease.HOLDER, lease.holder()) != lease.holder():
        return "RUNNING"
    return str(run.info.status)


def _version_exists(name: str, version: int) -> bool:
    try:
        MlflowClient().get_model_version(name, str(version))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
    return True


def _unmark(name: str, version: int) -> None:
    client = MlflowClient()
    if PENDING in client.get_model_version(name, str(version)).tags:
        client.delete_model_version_tag(name, str(version), PENDING)


def _move(name: str, to: Mapping[str, int | None], tags: Sequence[tuple[int, str, str]] = ()) -> None:
    """Point aliases at versions, or remove them (None), and tag versions; the next command completes a broken move."""
    intent = {
        "from": {alias: alias_version(name, alias) for alias in to},
        "to": dict(to),
        "tags": [list(tag) for tag in tags],
    }
    MlflowClient().set_registered_model_tag(name, INTENT, json.dumps(intent))
    _finish_move(name, intent)


def _finish_move(name: str, intent: Mapping[str, Any]) -> None:
    """Move the aliases of an intent if each is still at its old or new version, else none; delete the intent."""
    client = MlflowClient()
    now = {alias: alias_version(name, alias) for alias in intent["to"]}
    stands = all(now[alias] in (before, intent["to"][alias]) for alias, before in intent["from"].items())
    if stands and all(_version_exists(name, version) for version in intent["to"].values() if version):
        for alias, version in intent["to"].items():
            if version is not None:
                client.set_registered_model_alias(name, alias, str(version))
            elif now[alias] is not None:
                client.delete_registered_model_alias(name, alias)
        for number, key, value in intent["tags"]:
            client.set_model_version_tag(name, str(number), key, value)
    client.delete_registered_model_tag(name, INTENT)


def alias_version(name: str, alias: str) -> int | None:
    """Return the version that an alias points at; None if there is no such model or alias."""
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
        There is none; the message lists what exists instead.
    """
    settle(name)
    version = alias_version(name, alias)
    if version is not None:
        return version
    existing = sorted(
        int(entry.version) for entry in MlflowClient().search_model_versions(f"name = '{name}'")
    )
    if not existing:
        raise InputError(f"no model {name!r} is registered in {_place()}; run `cltv train` first.")
    raise InputError(
        f"model {name!r} in {_place()} has versions {existing} but no alias {alias!r} (deleting a "
        "version also deletes its aliases); run `cltv rollback` for the previous champion, or `cltv train` "
        "for a new one."
    )


def _place() -> str:
    """Return the registry's address without login: the store's, unless MLFLOW_REGISTRY_URI names another."""
    return without_secrets(mlflow.get_registry_uri())


def read_version(number: int, name: str = REGISTERED_NAME) -> Version:
    """Return the description of a version.

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
        spreads=card.get("spreads", {}),
    )


def promote(version: int, expected: int | None, name: str = REGISTERED_NAME) -> None:
    """Point `champion` at a version and `previous` at the champion so far, `expected`.

    Raises
    ------
    InputError
        The champion is not `expected`: the alias was moved in the meantime.
    """
    settle(name)
    with store.store_lock():
        _check_champion(name, expected)
        to: dict[str, int | None] = {} if expected is None else {"previous": expected}
        to["champion"] = version
        if alias_version(name, "challenger") == version:
            to["challenger"] = None
        _move(name, to, [(version, "promoted_from", str(expected or ""))])
        _check_champion(name, version)  # a process on another machine holds another lock


@store.explained()
def rollback() -> tuple[int | None, int]:
    """Point `champion` back at `previous`; return the version it pointed at and the one it points at now.

    `previous` is then the champion before that one, so a second call goes back one step further.

    Raises
    ------
    InputError
        There is no previous champion.
    """
    client, name = MlflowClient(), REGISTERED_NAME
    settle(name)
    with store.store_lock():
        champion, previous = alias_version(name, "champion"), alias_version(name, "previous")
        if previous is None or previous == champion:
            raise InputError(
                f"model {name!r} in {_place()} has no previous champion to go back to; "
                "choose a version in the MLflow UI and give it the alias champion."
            )
        before = client.get_model_version(name, str(previous)).tags.get("promoted_from", "")
        further = int(before) if before and _version_exists(name, int(before)) else None
        tags = [] if champion is None else [(champion, "rolled_back_to", str(previous))]
        _move(name, {"champion": previous, "previous": further}, tags)
        _check_champion(name, previous)
    return champion, previous


def _check_champion(name: str, expected: int | None) -> None:
    champion = alias_version(name, "champion")
    if champion != expected:
        raise InputError(
            f"the champion changed in the meantime from {_version(expected)} to {_version(champion)}; "
            "nothing else was changed. Compare again with `cltv promote --dry-run`."
        )


def _version(number: int | None) -> str:
    return "no version" if number is None else f"version {number}"
