"""The challenger replaces the champion only where both answered for days that neither had seen."""

import importlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml import pipelines
from cltv_ml.cli.promotion import show_decision
from cltv_ml.data import clean, simulate
from cltv_ml.errors import InputError
from cltv_ml.features import build_features, feature_version
from cltv_ml.log import Log
from cltv_ml.models import ProbabilisticValue, SameRate
from cltv_ml.pipelines import own_code
from cltv_ml.serving import packaging
from cltv_ml.serving.registered_model import load_registered
from cltv_ml.tracking import checksums, registry, runs
from cltv_ml.windows import Window

promotion = importlib.import_module("cltv_ml.pipelines.promote")
HORIZON = 91
SUMMARY = ["frequency", "recency", "T", "monetary_value"]


@pytest.fixture(scope="module")
def shop():
    return clean(simulate(400, days=420, seed=5).log)


def put(model, log, cutoff, served=True, **changes):
    """Log a model fitted at a cutoff, with its code where it is to be served, and register it; return its version."""
    X = build_features(log, cutoff, SUMMARY)
    model.fit(X)
    names = [str(name) for name in model.feature_names_in_]
    about = {
        "model": model.name,
        "horizon": int(model.horizon),
        "cutoff": cutoff,
        "features": names,
        "feature_version": feature_version(names),
        "tiers": packaging.tier_cuts(model.predict(X)),
        "customers": len(X),
        "dataset": "simulated",
    }
    with runs.summary_run(runs.open_experiment("cltv"), model.name, {"role": "summary"}):
        info = packaging.log_model(model, packaging.Card(**about | changes), X, served=served)
    version = registry.register(info.model_uri, {"horizon_days": str(model.horizon)})
    return version, registry.publish(version)


@pytest.fixture(scope="module")
def stored(filling, shop, tmp_path_factory):
    """A store with four versions, all fitted before the end."""
    folder = tmp_path_factory.mktemp("promotion")
    with filling(folder):
        assert put(SameRate(HORIZON), shop.log, "2022-10-01") == (1, "champion")
        assert put(ProbabilisticValue(horizon=HORIZON), shop.log, "2022-10-01") == (2, "challenger")
        put(SameRate(30), shop.log, "2022-10-01", served=False)
        put(SameRate(HORIZON), shop.log, "2022-10-01", served=False, feature_version="other")
    return folder


@pytest.fixture
def rivals(stored, restore):
    """Version 1 is champion, it cannot tell customers apart well; nobody challenges it yet."""
    restore(stored)
    client = MlflowClient()
    client.delete_registered_model_alias("cltv", "challenger")
    return client


def challenge(client, number):
    client.set_registered_model_alias("cltv", "challenger", str(number))


def scored_as(monkeypatch, values):
    frames = [pd.DataFrame({"expected_value": one}) for one in values]
    monkeypatch.setattr(promotion, "score_apart", lambda uris, log, cutoff, sums: frames)


def truth_of(shop):
    """What everybody spent in the window that both are compared on."""
    customers = pd.Index(shop.log["customer_id"].unique(), name="customer_id")
    window = Window.latest(shop.log["timestamp"].max() + pd.Timedelta(days=1), HORIZON)
    return Log.of(shop.log).target(window, customers)


def test_the_better_challenger_is_promoted_and_the_move_is_logged(rivals, shop, monkeypatch):
    challenge(rivals, 2)
    truth = truth_of(shop)
    scored_as(monkeypatch, [truth * 0 + truth.mean(), truth + 1])
    before = pipelines.promote(data=shop, dry_run=True)
    assert before.promoted
    assert registry.alias_version("cltv", "champion") == 1
    assert not rivals.search_runs(
        [rivals.get_experiment_by_name("cltv").experiment_id], "tags.role = 'promotion'"
    )
    decision = pipelines.promote(data=shop)
    assert decision.reasons[:-1] == before.reasons
    assert "the challenger passes them" in decision.reasons[-1]
    assert registry.alias_version("cltv", "champion") == 2
    assert registry.alias_version("cltv", "previous") == 1
    experiment = rivals.get_experiment_by_name("cltv").experiment_id
    (run,) = rivals.search_runs([experiment], "tags.role = 'promotion'")
    assert run.data.tags["outcome"] == "promoted"
    assert run.data.metrics["challenger/gini"] > run.data.metrics["champion/gini"]
    assert run.data.tags["second_opinion"] == "passed"
    assert {file.path for file in rivals.list_artifacts(run.info.run_id)} == {
        "pair.json",
        "reasons.txt",
        "settings.toml",
    }


def test_a_second_opinion_of_mlflow_names_the_threshold_that_is_missed_and_decides_nothing(
    rivals, shop, monkeypatch
):
    challenge(rivals, 2)
    truth = truth_of(shop)
    scored_as(monkeypatch, [truth * 0 + 2 * truth.mean(), truth * 1.2 + 1e-6])  # both far above what came
    decision = pipelines.promote(data=shop)
    assert decision.promoted
    assert "the challenger fails them: Metric abs_bias value threshold check failed" in decision.reasons[-1]
    experiment = rivals.get_experiment_by_name("cltv").experiment_id
    (run,) = rivals.search_runs([experiment], "tags.role = 'promotion'")
    below = rivals.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    gini = {one.info.run_name: one.data.metrics["gini"] for one in below}
    assert gini == {
        side: pytest.approx(run.data.metrics[f"{side}/gini"]) for side in ("champion", "challenger")
    }


def test_a_fault_in_the_second_opinion_leaves_the_alias_where_it_was(rivals, shop, monkeypatch):
    challenge(rivals, 2)
    truth = truth_of(shop)
    scored_as(monkeypatch, [truth * 0 + truth.mean(), truth + 1])

    def faulty(values, dataset):
        raise RuntimeError("MLflow's evaluator is broken")

    monkeypatch.setattr(promotion, "second_opinion", faulty)
    with pytest.raises(RuntimeError, match="evaluator is broken"):
        pipelines.promote(data=shop)
    assert registry.alias_version("cltv", "champion") == 1
    experiment = rivals.get_experiment_by_name("cltv").experiment_id
    (run,) = rivals.search_runs([experiment], "tags.role = 'promotion'")
    assert run.info.status == "FAILED"
    assert "outcome" not in run.data.tags


@pytest.mark.slow
def test_each_version_is_scored_by_the_code_it_was_logged_with(rivals, shop, tmp_path):
    place = copied("models:/cltv/1", tmp_path)
    package = place / "code" / "cltv_ml" / "package.zip"
    with zipfile.ZipFile(package) as archive:
        texts = {name: archive.read(name) for name in archive.namelist()}
    text = texts["cltv_ml/models/same_rate.py"].decode()
    assert "    def _predict(self, X" in text
    texts["cltv_ml/models/same_rate.py"] = (
        text.replace("    def _predict(self, X", "    def as_it_was(self, X")
        + ("\n\nSameRate._predict = lambda self, X: 2 * SameRate.as_it_was(self, X)\n")
    ).encode()
    with zipfile.ZipFile(package, "w") as archive:
        for name, content in texts.items():
            archive.writestr(name, content)
    # As if the version had been registered with that code; else it is refused as changed.
    rivals.set_model_version_tag("cltv", "1", checksums.OWN, checksums.compute(str(place)))
    doubled, other = own_code.score_apart(
        [str(place), "models:/cltv/2"], shop.log, pd.Timestamp("2022-10-01")
    )
    X = build_features(shop.log, "2022-10-01", SUMMARY)
    pd.testing.assert_series_equal(
        doubled["expected_value"],
        pd.Series(2 * SameRate(HORIZON).fit(X).predict(X), X.index),
        check_names=False,
        check_dtype=False,
        rtol=1e-9,
    )
    expected = ProbabilisticValue(horizon=HORIZON).fit(X).predict(X)
    pd.testing.assert_series_equal(
        other["expected_value"], pd.Series(expected, X.index), check_names=False, check_dtype=False, rtol=1e-9
    )


def test_a_fault_in_a_version_that_is_scored_keeps_the_trace_of_its_process(rivals, shop, tmp_path):
    place = copied("models:/cltv/1", tmp_path)
    (place / "code" / "cltv_ml" / "__init__.py").write_text("raise KeyError('broken on purpose')")
    with pytest.raises(RuntimeError, match=rf"(?s){place} cannot be scored .*Traceback .*broken on purpose"):
        own_code.score_apart([str(place)], shop.log, pd.Timestamp("2022-10-01"))


def test_what_a_version_refuses_is_its_sentence():
    trace = "Traceback (most recent call last):\n  ...\ncltv_ml.errors.InputError: Missing columns ['cost']."
    refused = own_code._refusal_or_fault("models:/cltv/1", trace)
    assert isinstance(refused, InputError)
    assert str(refused).endswith("it was logged with: Missing columns ['cost'].")


def test_a_fault_in_the_comparison_is_no_refusal(rivals, shop, monkeypatch):
    challenge(rivals, 2)

    def fail(*_):
        raise ValueError("planted")

    monkeypatch.setattr(promotion, "score_apart", fail)
    with pytest.raises(ValueError, match="planted"):
        pipelines.promote(data=shop, force=True)
    assert registry.alias_version("cltv", "champion") == 1


def copied(uri, folder):
    """A version's files, to be changed."""
    return Path(shutil.copytree(mlflow.artifacts.download_artifacts(uri), folder / "version"))


def test_other_horizons_of_both_are_shown_and_decide_nothing(rivals, shop, monkeypatch):
    challenge(rivals, 2)
    truth = truth_of(shop)
    blind, knowing = (
        pd.DataFrame({"expected_value": truth + 1, "expected_value_30d": soon})
        for soon in (truth * 0 + truth.mean(), truth)
    )
    monkeypatch.setattr(promotion, "score_apart", lambda uris, log, cutoff, sums: [blind, knowing])
    decision = pipelines.promote(data=shop, dry_run=True)
    assert not decision.promoted
    assert list(decision.by_horizon.index) == [30]
    assert "Over 30 days, the challenger's Gini is" in decision.reasons[-1]
    assert decision.reasons[-1].endswith("this does not affect the decision.")


def test_a_challenger_for_another_horizon_is_refused(rivals, shop):
    challenge(rivals, 3)
    decision = pipelines.promote(data=shop)
    assert not decision.promoted
    assert "predicts 30 days, the champion 91" in decision.reasons[0]
    assert "train with 91d as the only or the longest horizon" in decision.reasons[0]


def test_a_forced_promotion_moves_the_alias_and_says_so(rivals, shop):
    challenge(rivals, 3)
    decision = pipelines.promote(data=shop, force=True)
    assert decision.promoted
    assert decision.reasons[-1] == "Promoted regardless of the comparison, because of --force."
    assert registry.alias_version("cltv", "champion") == 3


def test_a_challenger_whose_features_are_defined_otherwise_here_is_refused(rivals, shop):
    challenge(rivals, 4)
    assert "the features of the challenger cannot be built here" in pipelines.promote(data=shop).reasons[0]


def test_a_challenger_whose_features_cannot_be_built_does_not_fill_an_empty_place(rivals, shop, capsys):
    challenge(rivals, 4)
    rivals.delete_registered_model_alias("cltv", "champion")
    decision = pipelines.promote(data=shop)
    assert "the features of the challenger cannot be built here" in decision.reasons[0]
    assert registry.alias_version("cltv", "champion") is None
    show_decision(decision)
    assert "there is still no champion" in capsys.readouterr().out


def test_a_challenger_in_another_currency_is_refused(rivals, shop, monkeypatch):
    challenge(rivals, 2)
    truth = truth_of(shop)
    scored_as(monkeypatch, [truth * 0 + truth.mean(), truth + 1])
    rivals.set_model_version_tag("cltv", "2", "currency", "USD")
    assert pipelines.promote(data=shop, dry_run=True).promoted  # the champion's may be the same
    rivals.set_model_version_tag("cltv", "1", "currency", "EUR")
    assert "amounts in USD, the champion in EUR" in pipelines.promote(data=shop, dry_run=True).reasons[0]


def test_a_challenger_that_learned_from_a_column_that_the_champion_protected_is_refused(rivals):
    rivals.set_model_version_tag("cltv", "1", "protected", '["Home town", "cost"]')
    champion, challenger = (registry.read_version(number, "cltv") for number in (1, 2))
    promotion._check_comparable(champion, challenger)
    for feature, column in (("attribute_text_home_town", "Home town"), ("margin_rate", "cost")):
        learned = replace(challenger, features=[*challenger.features, feature])
        with pytest.raises(
            InputError, match=f"learned from {column}, which the champion's training protected"
        ):
            promotion._check_comparable(champion, learned)


def test_models_of_differently_named_data_are_compared_and_both_names_are_told(rivals, shop, monkeypatch):
    challenge(rivals, 2)
    truth = truth_of(shop)
    scored_as(monkeypatch, [truth * 0 + truth.mean(), truth + 1])
    told = "The champion was trained on may.csv, the challenger on june.csv."
    rivals.set_model_version_tag("cltv", "1", "dataset", "may.csv")
    for name, count in (("may.csv", 0), ("june.csv", 1)):
        rivals.set_model_version_tag("cltv", "2", "dataset", name)
        decision = pipelines.promote(data=shop, dry_run=True)
        assert decision.promoted
        assert decision.reasons.count(told) == count


def test_too_few_buyers_are_no_evidence(rivals, shop, monkeypatch):
    challenge(rivals, 2)
    some = pd.Series(1.0, shop.log["customer_id"].unique()[:20]).rename_axis("customer_id")
    scored_as(monkeypatch, [some, some])
    assert "too little data" in pipelines.promote(data=shop).reasons[0]


def test_a_champion_that_moved_during_the_comparison_stays(rivals, shop, monkeypatch):
    challenge(rivals, 2)
    truth = truth_of(shop)

    def somebody_else_is_faster(uris, log, cutoff, sums):
        registry.promote(3, expected=1)
        return [pd.DataFrame({"expected_value": value}) for value in (truth * 0 + 1, truth + 1)]

    monkeypatch.setattr(promotion, "score_apart", somebody_else_is_faster)
    with pytest.raises(ValueError, match="the champion changed in the meantime"):
        pipelines.promote(data=shop)
    assert registry.alias_version("cltv", "champion") == 3
    assert registry.alias_version("cltv", "previous") == 1


def test_a_campaigns_profit_decides_where_it_is_asked_for(rivals, shop, monkeypatch):
    challenge(rivals, 2)
    truth = truth_of(shop)
    best = truth >= truth.quantile(0.9)
    # Both hit the total; one knows the best tenth and nothing more, the other everybody, but that tenth upside down.
    top_only = pd.Series(truth[~best].mean(), truth.index).where(~best, truth)
    upside_down = truth.copy()
    upside_down[best] = truth.nsmallest(best.sum()).to_numpy() + 1e-3
    scored_as(monkeypatch, [upside_down * truth.sum() / upside_down.sum(), top_only])
    campaign = {"objective": "profit", "share": 0.1, "cost": 2.0, "margin_rate": 0.5}
    decision = pipelines.promote(data=shop, dry_run=True, **campaign)
    assert decision.promoted
    assert "difference in profit +" in decision.reasons[0]
    assert decision.reasons[-1] == (
        "The profit is for contacting the 10% of customers ranked highest, at 2 per contact and a margin of 50%."
    )
    assert decision.pair.at["profit", "challenger"] > decision.pair.at["profit", "champion"]


def test_the_same_recipe_on_a_newer_log_takes_over_at_equal_quality(rivals, shop, monkeypatch):
    challenge(rivals, 2)
    truth = truth_of(shop)
    scored_as(monkeypatch, [truth + 1, truth + 1])
    assert not pipelines.promote(data=shop, dry_run=True).promoted  # more complicated, and no better
    read = registry.read_version
    newer = {"model": "same_rate", "fitted_until": pd.Timestamp("2022-11-01")}
    monkeypatch.setattr(
        promotion.registry,
        "read_version",
        lambda number, name: replace(read(number, name), **newer) if number == 2 else read(number, name),
    )
    monkeypatch.setattr(
        promotion,
        "choose_comparison",
        lambda *_: promotion.Comparison(Window("2022-11-26", HORIZON), ("", ""), "as tested"),
    )
    assert "newer at equal quality" in pipelines.promote(data=shop, dry_run=True).reasons[0]


def test_without_a_challenger_there_is_nothing_to_promote(rivals, shop):
    with pytest.raises(ValueError, match="has no challenger"):
        pipelines.promote(data=shop)


def test_a_champion_does_not_challenge_itself(rivals, shop):
    """An alias moved by hand: the comparison took a minute, and --force lost the version to go back to."""
    challenge(rivals, 1)
    with pytest.raises(ValueError, match="version 1 of model 'cltv' is champion and challenger"):
        pipelines.promote(data=shop, force=True)
    assert registry.alias_version("cltv", "previous") is None


def test_an_alias_that_moves_while_a_batch_loads_gives_one_version_throughout(rivals, monkeypatch):
    load = mlflow.pyfunc.load_model

    def moved_meanwhile(uri, **how):
        registry.promote(2, expected=1)
        return load(uri, **how)

    monkeypatch.setattr(mlflow.pyfunc, "load_model", moved_meanwhile)
    model, version = load_registered()
    assert version == 1
    assert model.metadata.metadata["model"] == "same_rate"


def test_a_version_whose_code_was_changed_is_refused_before_it_runs(rivals, tmp_path):
    code = Path(mlflow.artifacts.download_artifacts("models:/cltv/1"), "code", "cltv_ml", "__init__.py")
    before = code.read_text(encoding="utf-8")
    code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n{before}", encoding="utf-8")
    try:
        with pytest.raises(
            ValueError, match=r"has changed since it was registered: code was changed; .* was run"
        ):
            load_registered()
    finally:
        code.write_text(before, encoding="utf-8")
    assert not (tmp_path / "ran").exists()
    assert load_registered()[1] == 1
