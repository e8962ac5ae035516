"""The challenger replaces the champion only where both answered for days that neither had seen."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.data import clean, simulate
from cltv_ml.features import build_features, feature_version
from cltv_ml.models import ProbabilisticValue, SameRate
from cltv_ml.ops import packaging, promotion, registry, tracking
from cltv_ml.ops.loading import load_registered
from cltv_ml.ops.registry import Version
from cltv_ml.windows import Window

HORIZON = 91
SUMMARY = ["frequency", "recency", "T", "monetary_value"]


@pytest.fixture(scope="module")
def shop():
    return clean(simulate(400, days=420, seed=5).log)


def put(model, log, cutoff, **changes):
    """Log a model fitted at a cutoff and register it; return its version."""
    X = build_features(log, cutoff, SUMMARY)
    model.fit(X)
    names = [str(name) for name in model.feature_names_in_]
    about = {
        "model": model.name, "horizon": int(model.horizon), "cutoff": cutoff, "features": names,
        "feature_version": feature_version(names), "tiers": packaging.tier_cuts(model.predict(X)),
        "customers": len(X), "dataset": "simulated",
    }  # fmt: skip
    with tracking.summary_run(tracking.open_experiment("cltv"), model.name, {"role": "summary"}):
        info = packaging.log_model(model, packaging.Card(**about | changes), X)
    return registry.register(info.model_uri, {"horizon_days": str(model.horizon)})


@pytest.fixture
def rivals(store, shop):
    """A champion that cannot tell customers apart well, and a challenger that can, both fitted before the end."""
    assert put(SameRate(HORIZON), shop.log, "2022-10-01") == (1, "champion")
    assert put(ProbabilisticValue(horizon=HORIZON), shop.log, "2022-10-01") == (2, "challenger")
    return MlflowClient()


def version(number, fitted, tested=None, **changes):
    about = {
        "number": number, "uri": f"models:/cltv/{number}", "model": "tweedie", "horizon": 90, "features": SUMMARY,
        "feature_version": "", "cltv_ml_version": "0.1.0", "fitted_until": pd.Timestamp(fitted), "tags": {},
        "test_cutoff": pd.Timestamp(tested) if tested else None, "candidate": f"tested-{number}" if tested else None,
    }  # fmt: skip
    return Version(**about | changes)


def scored_as(monkeypatch, values):
    frames = [pd.DataFrame({"expected_value": one}) for one in values]
    monkeypatch.setattr(promotion, "score_apart", lambda uris, log, cutoff: frames)


def truth_of(shop):
    """What everybody spent in the window that both are compared on."""
    customers = pd.Index(shop.log["customer_id"].unique(), name="customer_id")
    return Window.latest(shop.log["timestamp"].max() + pd.Timedelta(days=1), HORIZON).target(
        shop.log, customers
    )


def days(first, last):
    return pd.DataFrame({"timestamp": pd.to_datetime([first, last])})


def test_versions_are_compared_as_registered_where_a_whole_horizon_follows_both():
    found = promotion.choose_comparison(
        version(1, "2026-01-01"), version(2, "2026-04-01"), days("2025-01-01", "2026-06-29")
    )
    assert found.window.cutoff == pd.Timestamp("2026-04-01")
    assert found.uris == ("models:/cltv/1", "models:/cltv/2")


def test_a_challenger_fitted_to_the_end_is_represented_by_what_its_training_tested():
    found = promotion.choose_comparison(
        version(1, "2026-01-01"), version(2, "2026-04-01", "2025-12-31"), days("2025-01-01", "2026-03-31")
    )
    assert found.window.cutoff == pd.Timestamp("2026-01-01")
    assert found.uris == ("models:/cltv/1", "tested-2")


def test_two_trainings_on_one_log_are_compared_as_they_were_tested():
    rivals = version(1, "2026-04-01", "2025-12-31"), version(2, "2026-04-01", "2025-12-31")
    found = promotion.choose_comparison(*rivals, days("2025-01-01", "2026-03-31"))
    assert found.uris == ("tested-1", "tested-2")


def test_no_window_is_invented_where_one_of_the_two_has_seen_every_day():
    with pytest.raises(
        ValueError, match="champion was fitted until 2026-04-01, the challenger until 2026-04-01"
    ):
        promotion.choose_comparison(
            version(1, "2026-04-01"), version(2, "2026-04-01"), days("2025-01-01", "2026-03-31")
        )


def test_the_better_challenger_is_promoted_and_the_move_is_logged(rivals, shop, monkeypatch):
    truth = truth_of(shop)
    scored_as(monkeypatch, [truth * 0 + truth.mean(), truth + 1])
    before = promotion.promote(shop, dry_run=True)
    assert before.promoted
    assert registry.alias_version("cltv", "champion") == 1
    assert not rivals.search_runs(
        [rivals.get_experiment_by_name("cltv").experiment_id], "tags.role = 'promotion'"
    )
    decision = promotion.promote(shop)
    assert decision.reasons == before.reasons
    assert registry.alias_version("cltv", "champion") == 2
    assert registry.alias_version("cltv", "previous") == 1
    experiment = rivals.get_experiment_by_name("cltv").experiment_id
    (run,) = rivals.search_runs([experiment], "tags.role = 'promotion'")
    assert run.data.tags["outcome"] == "promoted"
    assert run.data.metrics["challenger_gini"] > run.data.metrics["champion_gini"]
    assert {file.path for file in rivals.list_artifacts(run.info.run_id)} == {"pair.json", "reasons.txt"}


@pytest.mark.slow
def test_each_version_is_scored_by_the_code_it_was_logged_with(rivals, shop):
    place = Path(mlflow.artifacts.download_artifacts("models:/cltv/1"))
    code = place / "code" / "cltv_ml" / "models" / "same_rate.py"
    text = code.read_text()
    assert "    def predict(self, X" in text
    code.write_text(text.replace("    def predict(self, X", "    def as_it_was(self, X") + (
        "\n\nSameRate.predict = lambda self, X: 2 * SameRate.as_it_was(self, X)\n"
    ))  # fmt: skip
    uris = ["models:/cltv/1", "models:/cltv/2"]
    doubled, other = promotion.score_apart(uris, shop.log, pd.Timestamp("2022-10-01"))
    X = build_features(shop.log, "2022-10-01", SUMMARY)
    pd.testing.assert_series_equal(
        doubled["expected_value"], pd.Series(2 * SameRate(HORIZON).fit(X).predict(X), X.index),
        check_names=False, check_dtype=False, rtol=1e-9,
    )  # fmt: skip
    expected = ProbabilisticValue(horizon=HORIZON).fit(X).predict(X)
    pd.testing.assert_series_equal(
        other["expected_value"], pd.Series(expected, X.index), check_names=False, check_dtype=False, rtol=1e-9
    )


def test_a_model_that_cannot_be_scored_is_named_with_its_last_words(store, shop):
    put(SameRate(HORIZON), shop.log, "2022-10-01")
    place = Path(mlflow.artifacts.download_artifacts("models:/cltv/1"))
    (place / "code" / "cltv_ml" / "__init__.py").write_text("raise RuntimeError('broken on purpose')")
    with pytest.raises(ValueError, match=r"models:/cltv/1 cannot be scored .* broken on purpose"):
        promotion.score_apart(["models:/cltv/1"], shop.log, pd.Timestamp("2022-10-01"))


def test_a_challenger_for_another_horizon_is_refused(store, shop):
    put(SameRate(HORIZON), shop.log, "2022-10-01")
    put(SameRate(30), shop.log, "2022-10-01")
    decision = promotion.promote(shop)
    assert not decision.promoted
    assert "answers for 30 days, the champion for 91" in decision.reasons[0]


def test_a_forced_promotion_moves_the_alias_and_says_so(store, shop):
    put(SameRate(HORIZON), shop.log, "2022-10-01")
    put(SameRate(30), shop.log, "2022-10-01")
    decision = promotion.promote(shop, force=True)
    assert decision.promoted
    assert decision.reasons[-1] == "Promoted all the same: it was forced."
    assert registry.alias_version("cltv", "champion") == 2


def test_a_challenger_whose_features_are_defined_otherwise_here_is_refused(store, shop):
    put(SameRate(HORIZON), shop.log, "2022-10-01")
    put(SameRate(HORIZON), shop.log, "2022-10-01", feature_version="other")
    assert "cannot build the challenger's features" in promotion.promote(shop).reasons[0]


def test_too_few_buyers_are_no_evidence(store, shop, monkeypatch):
    put(SameRate(HORIZON), shop.log, "2022-10-01")
    put(SameRate(HORIZON), shop.log, "2022-10-01")
    some = pd.Series(1.0, shop.log["customer_id"].unique()[:20]).rename_axis("customer_id")
    scored_as(monkeypatch, [some, some])
    assert "too little data" in promotion.promote(shop).reasons[0]


def test_a_champion_that_moved_during_the_comparison_stays(store, shop, monkeypatch):
    for _ in range(3):
        put(SameRate(HORIZON), shop.log, "2022-10-01")
    truth = truth_of(shop)

    def somebody_else_is_faster(uris, log, cutoff):
        registry.promote(2, expected=1)
        return [pd.DataFrame({"expected_value": value}) for value in (truth * 0 + 1, truth + 1)]

    monkeypatch.setattr(promotion, "score_apart", somebody_else_is_faster)
    with pytest.raises(ValueError, match="the champion moved meanwhile"):
        promotion.promote(shop)
    assert registry.alias_version("cltv", "champion") == 2
    assert registry.alias_version("cltv", "previous") == 1


def test_without_a_challenger_there_is_nothing_to_promote(store, shop):
    put(SameRate(HORIZON), shop.log, "2022-10-01")
    with pytest.raises(ValueError, match="has no challenger"):
        promotion.promote(shop)


def test_an_alias_that_moves_while_a_batch_loads_gives_one_version_throughout(rivals, monkeypatch):
    load = mlflow.pyfunc.load_model

    def moved_meanwhile(uri):
        registry.promote(2, expected=1)
        return load(uri)

    monkeypatch.setattr(mlflow.pyfunc, "load_model", moved_meanwhile)
    model, version = load_registered()
    assert version == 1
    assert model.metadata.metadata["model"] == "same_rate"
