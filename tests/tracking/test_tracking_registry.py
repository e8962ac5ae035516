"""Aliases move whole or not at all, whoever moves them."""

import multiprocessing
import os
import subprocess
import sys

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.tracking import lease, registry


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
    with pytest.raises(ValueError, match="changed in the meantime from version 1 to version 2"):
        registry.promote(3, expected=1)
    assert aliases() == {"champion": 2, "previous": 1, "challenger": None}


#: Everything of MLflow's by which the registry writes.
WRITES = (
    "set_registered_model_alias",
    "delete_registered_model_alias",
    "set_registered_model_tag",
    "delete_registered_model_tag",
    "set_model_version_tag",
    "delete_model_version_tag",
)


def stopped_at(monkeypatch, number, work):
    """Do some work that is stopped before its write `number`; return whether it came so far."""
    left = [number]

    def counted(whole):
        def write(self, *given, **named):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return whole(self, *given, **named)

        return write

    with monkeypatch.context() as patch:
        for name in WRITES:
            patch.setattr(MlflowClient, name, counted(getattr(MlflowClient, name)))
        try:
            work()
        except KeyboardInterrupt:
            return True
    return False


def test_a_promotion_stopped_at_any_write_is_done_or_undone_by_the_next_command(versions, monkeypatch):
    before = {"champion": 1, "previous": None, "challenger": 2}
    after = {"champion": 2, "previous": 1, "challenger": None}
    ends, stops = [], 0
    while True:
        for alias, version in before.items():
            if version:
                versions.set_registered_model_alias("cltv", alias, str(version))
            else:
                versions.delete_registered_model_alias("cltv", alias)
        stopped = stopped_at(monkeypatch, stops, lambda: registry.promote(2, expected=1))
        registry.resolve()
        ends.append(aliases())
        if not stopped:
            break
        stops += 1
    assert stops >= 5
    assert ends[0] == before
    assert [end for end in ends if end not in (before, after)] == []
    assert registry.rollback() == (2, 1)


def test_a_rollback_stopped_at_any_write_is_done_or_undone_by_the_next_command(versions, monkeypatch):
    ends, stops = [], 0
    while True:
        for number, before in ((2, "1"), (3, "2")):
            versions.set_model_version_tag("cltv", str(number), "promoted_from", before)
        versions.set_registered_model_alias("cltv", "champion", "3")
        versions.set_registered_model_alias("cltv", "previous", "2")
        stopped = stopped_at(monkeypatch, stops, registry.rollback)
        registry.resolve()
        ends.append((aliases()["champion"], aliases()["previous"]))
        if not stopped:
            break
        stops += 1
    assert stops >= 4
    assert set(ends) == {(3, 2), (2, 1)}


def test_a_stopped_promotion_does_not_undo_what_somebody_chose_since(versions, monkeypatch):
    stopped_at(monkeypatch, 2, lambda: registry.promote(2, expected=1))
    versions.set_registered_model_alias("cltv", "champion", "3")
    registry.settle()
    assert aliases()["champion"] == 3
    assert versions.get_registered_model("cltv").tags == {}


def pending(client, status):
    """Return a version without alias whose training's run has a status."""
    run = client.create_run("0", tags=lease.tags())
    if status != "RUNNING":
        client.set_terminated(run.info.run_id, status)
    client.set_model_version_tag("cltv", "3", "cltv_ml.pending", run.info.run_id)
    return run.info.run_id


def test_a_version_whose_training_failed_is_deleted(versions):
    pending(versions, "FAILED")
    registry.settle()
    assert sorted(one.version for one in versions.search_model_versions("name = 'cltv'")) == [1, 2]


def test_a_version_whose_training_was_killed_is_deleted(versions):
    run_id = pending(versions, "RUNNING")
    versions.set_tag(run_id, lease.HOLDER, lease.holder() + "0")  # another start than this process's
    registry.settle()
    assert sorted(one.version for one in versions.search_model_versions("name = 'cltv'")) == [1, 2]


def test_a_version_whose_training_is_still_at_work_is_left_alone(versions):
    pending(versions, "RUNNING")
    registry.settle()
    assert len(versions.search_model_versions("name = 'cltv'")) == 3
    assert aliases()["challenger"] is None


def test_a_version_that_another_process_is_about_to_publish_is_left_to_it(versions):
    """Two first trainings at once: the one had settled the other's version between its run's end and its alias."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        boot, space, *_ = lease.holder().split(":")
        holder = f"{boot}:{space}:{other.pid}:{lease._started(other.pid)}"
        versions.set_tag(pending(versions, "FINISHED"), lease.HOLDER, holder)
        registry.settle()
        assert aliases()["challenger"] is None
        other.communicate(b"\n")
    registry.settle()
    assert aliases()["challenger"] == 3


def test_a_training_stopped_before_it_gave_its_version_an_alias_has_it_given(versions):
    pending(versions, "FINISHED")
    registry.settle()
    assert aliases() == {"champion": 1, "previous": None, "challenger": 3}
    assert "cltv_ml.pending" not in versions.get_model_version("cltv", "3").tags


def test_a_version_does_not_take_the_place_of_a_later_challenger(versions):
    assert registry.publish(3) == "challenger"
    assert registry.publish(2) == ""  # registered before, ended after
    assert aliases() == {"champion": 1, "previous": None, "challenger": 3}


def test_a_model_that_a_repeated_request_registered_twice_is_one_version(versions):
    run_id = pending(versions, "FINISHED")
    source = versions.get_model_version("cltv", "3").source
    copy = {"cltv_ml.pending": run_id}
    versions.create_model_version("cltv", source, tags=copy)  # the server answered too late
    assert registry.publish(4) == "challenger"
    assert aliases() == {"champion": 1, "previous": None, "challenger": 4}
    assert sorted(one.version for one in versions.search_model_versions("name = 'cltv'")) == [1, 2, 4]
    versions.create_model_version("cltv", source, tags=copy)  # and this request arrived after all of it
    registry.settle()
    assert aliases() == {"champion": 1, "previous": None, "challenger": 4}
    assert sorted(one.version for one in versions.search_model_versions("name = 'cltv'")) == [1, 2, 4]


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


def test_a_registry_elsewhere_is_the_one_that_messages_name(store, monkeypatch):
    monkeypatch.setattr(mlflow, "get_registry_uri", lambda: "postgresql://me:secret@registry/models")
    with pytest.raises(ValueError, match=r"no model 'cltv' is registered in postgresql://\S*models; run"):
        registry.resolve()
