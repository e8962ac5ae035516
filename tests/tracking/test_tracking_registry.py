"""Aliases move whole or not at all, whoever moves them."""

import multiprocessing
import os

import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.tracking import registry


@pytest.fixture
def versions(store, tmp_path):
    """Three versions without files; the first is champion."""
    client = MlflowClient()
    client.create_registered_model("cltv")
    for number in (1, 2, 3):
        client.create_model_version("cltv", f"file://{tmp_path}/{number}")
    client.set_registered_model_alias("cltv", "champion", "1")
    return client


def aliases():
    return {alias: registry.alias_version("cltv", alias) for alias in ("champion", "previous", "challenger")}


def test_a_promotion_remembers_the_champion_before_it(versions):
    registry.promote(2, expected=1)
    assert aliases() == {"champion": 2, "previous": 1, "challenger": None}


def test_a_promoted_challenger_is_no_challenger_any_more(versions):
    versions.set_registered_model_alias("cltv", "challenger", "2")
    registry.promote(2, expected=1)
    assert aliases()["challenger"] is None


def test_a_newer_challenger_stays_one(versions):
    versions.set_registered_model_alias("cltv", "challenger", "3")
    registry.promote(2, expected=1)
    assert aliases()["challenger"] == 3


def test_a_promotion_is_refused_when_the_champion_moved_meanwhile(versions):
    registry.promote(2, expected=1)
    with pytest.raises(ValueError, match="expected to be version 1 and is version 2 now"):
        registry.promote(3, expected=1)
    assert aliases() == {"champion": 2, "previous": 1, "challenger": None}


def test_a_promotion_that_is_killed_half_way_leaves_a_champion_and_can_be_repeated(versions, monkeypatch):
    whole = MlflowClient.set_registered_model_alias

    def killed(self, name, alias, version):
        if alias == "champion":
            raise KeyboardInterrupt
        whole(self, name, alias, version)

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", killed)
    with pytest.raises(KeyboardInterrupt):
        registry.promote(2, expected=1)
    assert aliases()["champion"] == 1
    monkeypatch.undo()
    registry.promote(2, expected=1)
    assert aliases() == {"champion": 2, "previous": 1, "challenger": None}


def test_a_rollback_restores_the_previous_champion_and_then_the_one_before(versions):
    registry.promote(2, expected=1)
    registry.promote(3, expected=2)
    assert registry.rollback() == (3, 2)
    assert aliases() == {"champion": 2, "previous": 1, "challenger": None}
    assert registry.rollback() == (2, 1)
    assert aliases() == {"champion": 1, "previous": None, "challenger": None}


def test_a_rollback_without_a_previous_champion_is_one_sentence(versions):
    with pytest.raises(ValueError, match="has no previous champion to go back to"):
        registry.rollback()


def test_a_rollback_brings_a_champion_back_whose_version_was_deleted(versions):
    registry.promote(2, expected=1)
    versions.delete_model_version("cltv", "2")  # MLflow deletes its aliases with it
    assert aliases()["champion"] is None
    assert registry.rollback() == (None, 1)
    assert aliases()["champion"] == 1


def test_a_registry_without_champion_says_what_it_holds(versions):
    versions.delete_registered_model_alias("cltv", "champion")
    with pytest.raises(ValueError, match=r"has versions \[1, 2, 3\] but no alias 'champion'"):
        registry.resolve()


def test_an_empty_registry_says_how_to_fill_it(store):
    with pytest.raises(ValueError, match=r"no model 'cltv' is registered in sqlite.*run `cltv train` first"):
        registry.resolve()


def test_two_promotions_at_once_leave_one_consistent_result(versions, store):
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.Queue()
    racers = [context.Process(target=_race, args=(store, number, start, results)) for number in (2, 3)]
    for racer in racers:
        racer.start()
    found = [results.get(timeout=120) for _ in racers]
    for racer in racers:
        racer.join()
    assert sorted(found) == ["moved", "promoted"]
    left = aliases()
    assert left["champion"] in (2, 3)
    assert left["previous"] == 1


def _race(store, number, start, results):
    os.environ["MLFLOW_TRACKING_URI"] = store
    from cltv_ml.tracking import registry, store

    store.open_store()
    start.wait()
    try:
        registry.promote(number, expected=1)
        results.put("promoted")
    except ValueError:
        results.put("moved")
