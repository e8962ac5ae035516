"""Figures by name, drawn from a log, the newest training and, for changes, earlier scores: `cltv plot`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go

from cltv_ml import decisions
from cltv_ml.actions.changes import compute_changes
from cltv_ml.data import Cleaned, compute_months, compute_seasonality
from cltv_ml.data.quality import compute_cohort_activity, compute_gap_histogram, compute_spend_histogram
from cltv_ml.decisions import Costs
from cltv_ml.errors import InputError, unknown_name
from cltv_ml.evaluation import diagnostics, explain, tables
from cltv_ml.evaluation.drift import compute_drift, sketch
from cltv_ml.evaluation.horizons import compute_curve
from cltv_ml.evaluation.learning import compute_learning
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.features import CATALOGUE as FEATURES
from cltv_ml.files import atomic
from cltv_ml.pipelines.inputs import load, read_scores, with_currency
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.plot_inputs import Material, Wanted
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import render_html, section, summarise
from cltv_ml.reporting.sections.customers import compute_tiers
from cltv_ml.reporting.sections.doubts import purchase_groups
from cltv_ml.reporting.what_if import ASSUMED, assumed_cost
from cltv_ml.settings import Plot, Settings
from cltv_ml.tracking import newest_training

Needs = Literal["data", "training", "earlier scores"]


@dataclass(frozen=True)
class Recipe:
    """What a figure needs, its table, and its arguments apart from table and currency."""

    needs: Needs
    table: Callable[[Material], pd.DataFrame]
    options: Callable[[Material, pd.DataFrame], dict[str, Any]] = lambda *_: {}


@with_bar
def plot(
    settings: Settings | None = None, *, progress: Progress = silent, **options: Any
) -> tuple[go.Figure, Path]:
    """Draw one figure of the catalogue to a file; return the figure and the file.

    Raises
    ------
    InputError
        There is no such figure, or what it is drawn from is missing or empty; the message says what.
    """
    settings = Plot.of(settings, options)
    check_name(settings.name)
    path = settings.out or Path("out") / f"{settings.name}.html"
    if path.suffix not in (".html", ".json"):
        raise InputError(f"cannot draw to {str(path)!r}; use a name that ends in .html or .json.")
    before = None if settings.before is None else read_scores(settings.before)
    cleaned = load(settings, progress)
    settings = with_currency(settings, cleaned)
    same = ("experiment", "currency", "customer", "feature", "model", "metric")
    wanted = Wanted(before=before, **{name: getattr(settings, name) for name in same})
    progress(f"drawing {settings.name}", 0.3)
    drawn = draw(settings.name, cleaned, wanted)
    with atomic(path) as temporary:
        temporary.write_text(_render(settings.name, drawn, path.suffix), encoding="utf-8")
    return drawn, path


def _render(name: str, drawn: go.Figure, suffix: str) -> str:
    if suffix == ".json":
        return str(drawn.to_json())
    title = str(drawn.layout.title.text)
    return render_html(summarise(title, "", [section("", figures={sentence(name): drawn})]))


def draw(name: str, cleaned: Cleaned, wanted: Wanted) -> go.Figure:
    """Return a figure of the catalogue by name.

    Raises
    ------
    InputError
        There is no such figure, or what it is drawn from is missing or empty; the message says what.
    """
    check_name(name)
    recipe, plot, material = RECIPES[name], plots.CATALOGUE[name], Material(cleaned, wanted)
    table = recipe.table(material)
    if table.empty:
        raise InputError(f"this log has nothing that the figure {name!r} could show; choose another figure.")
    options = recipe.options(material, table)
    if "currency" in inspect.signature(plot).parameters:
        options["currency"] = wanted.currency
    return plot(table, **options)


def check_name(name: str) -> None:
    """Raise InputError if there is no figure of this name, before anything is read."""
    if name in ELSEWHERE:
        raise InputError(f"the figure {name!r} needs {ELSEWHERE[name]} draws it.")
    if name not in RECIPES:
        raise unknown_name("figure", name, RECIPES)


def catalogue() -> pd.DataFrame:
    """Return `figure`, `needs` and `shows` (one sentence) of every figure."""
    rows = [(name, recipe.needs, sentence(name)) for name, recipe in RECIPES.items()]
    return pd.DataFrame(rows, columns=["figure", "needs", "shows"])


def sentence(name: str) -> str:
    """Return a sentence on a figure's content.

    >>> sentence("drift")
    'Drift of each feature since the model was trained.'
    """
    return str(sys.modules[plots.CATALOGUE[name].__module__].__doc__)


def _tracking(m: Material) -> pd.DataFrame:
    return diagnostics.compute_tracking(m.fitted.purchases_, m.log, m.result.window)


def _conditional(m: Material, by: Literal["frequency", "recency"]) -> pd.DataFrame:
    expected = m.fitted.predict_table(m.X)["expected_purchases"]
    bought = m.log.target(m.result.window, m.X.index, "purchases")
    return diagnostics.compute_conditional(expected, bought, m.X, by)


def _grid(m: Material) -> pd.DataFrame:
    return diagnostics.compute_history_grid(m.fitted.purchases_, m.X, f"{m.result.window.horizon}d")


def _alive_history(m: Material) -> pd.DataFrame:
    name = m.wanted.customer or diagnostics.typical_customer(m.X)
    days = m.log.frame.loc[m.log.frame["customer_id"] == name, "timestamp"]
    if days.empty:
        raise InputError(f"the log has no customer {name!r}; give a customer_id of the log with --customer.")
    last = m.end - pd.Timedelta(days=1)
    return diagnostics.compute_alive_history(m.fitted.purchases_, list(days), last)


def _value_curve(m: Material) -> pd.DataFrame:
    if m.wanted.customer:
        return compute_curve(m.today, customer=m.wanted.customer)
    return compute_curve(m.today, newest_training.champion_spreads(m.wanted.experiment))


def _importance(m: Material) -> pd.DataFrame:
    return explain.compute_importance(m.result.models[m.champion], m.X, m.result.y_true)


def _dependence(m: Material) -> pd.DataFrame:
    model = m.result.models[m.champion]
    feature = m.wanted.feature or str(_importance(m)["feature"].iloc[0])
    names = [str(name) for name in model.feature_names_in_]
    return explain.compute_dependence(model, m.X[names], feature)


def _learning(m: Material) -> pd.DataFrame:
    """Return the learning curve of the champion, or of the best model that learns from labelled windows."""
    ranked = [m.champion, *m.result.scores["gini"].sort_values(ascending=False).index]
    models = filter(None, map(m.result.models.get, ranked))
    model = next((candidate for candidate in models if candidate.needs_labels), None)
    if model is None:
        raise InputError(
            "the newest training has no model that learned from labelled windows, because the log is too "
            "short; train on a longer log or with a shorter horizon."
        )
    return compute_learning(m.log, m.result.window, model, [str(name) for name in model.feature_names_in_])


def _feature_unit(_: Material, dependence: pd.DataFrame) -> dict[str, Any]:
    feature = dependence["feature"].iloc[0]
    return {"unit": FEATURES[feature].unit if feature in FEATURES else ""}


def _champion_first(m: Material, _: pd.DataFrame) -> dict[str, Any]:
    return {"show": m.champion}


def _group_bias(m: Material) -> pd.DataFrame:
    return tables.compute_bias_by_group(m.result.y_true, m.result.values[m.champion], purchase_groups(m.X))


def _rfm(m: Material) -> pd.DataFrame:
    rfm = decisions.compute_rfm(m.log, m.end)
    return decisions.apply_rfm(rfm, decisions.fit_rfm(rfm))


def _segments(m: Material) -> pd.DataFrame:
    return decisions.profile_segments(m.log, _rfm(m)["segment"], cutoff=m.end)


def _goods(m: Material) -> Literal["category", "product_id"]:
    if "category" in m.log.columns:
        return "category"
    if "product_id" in m.log.columns:
        return "product_id"
    raise InputError("this figure shows products; map a column to product_id or category.")


def _campaign(m: Material) -> pd.DataFrame:
    """Return the campaign with which the report's controls start."""
    cost = assumed_cost(float(m.today["expected_value"].sum()), len(m.today))
    uplift, margin = ASSUMED["uplift"] / 100, ASSUMED["margin"] / 100
    return decisions.profit_curve(
        decisions.compute_treatment(m.today, uplift=uplift, margin_rate=margin, cost=cost)
    )


def _discount_profit(m: Material) -> pd.DataFrame:
    customers = pd.DataFrame(
        {
            "slope": decisions.customer_slopes(m.log, decisions.fit_response(m.log)),
            "margin_rate": decisions.customer_margin_rates(
                decisions.compute_margins(m.log, "customer_id", costs=Costs())
            ),
            "order_value": m.X_today["monetary_value"].where(m.X_today["monetary_value"] > 0),
            "expected_purchases": m.today["expected_purchases"],
        }
    )
    return decisions.profit_by_depth(customers.dropna())


def _batch_totals(m: Material) -> pd.DataFrame:
    judged = [result for result in reversed(m.windows) if m.champion in result.models]
    rows = [
        (result.window.cutoff, float(result.values[m.champion].sum()), float(result.y_true.sum()))
        for result in judged
    ]
    return pd.DataFrame(rows, columns=["cutoff", "predicted", "realised"])


#: Figures that need more than a log and a training, by what they are about and the command that draws them.
ELSEWHERE = {
    **dict.fromkeys(("truth_series", "segment_shares", "batch_so_far"), "scored batches; `cltv monitor`"),
    "qini_curve": "a past randomised campaign; `cltv act --campaign`",
    **dict.fromkeys(("shop_forecast", "plan_against_actual"), "the whole shop's forecast; `cltv forecast`"),
    "payback_curve": "costs of winning customers; `cltv acquisition`",
    **dict.fromkeys(("cohort_table", "cohort_continuation"), "cohorts by the first purchase; `cltv cohorts`"),
}

#: By name, in the order of the catalogue.
RECIPES: dict[str, Recipe] = {
    "revenue_over_time": Recipe("data", lambda m: compute_months(m.log)),
    "season_profile": Recipe("data", lambda m: compute_seasonality(m.log)),
    "cohort_retention": Recipe("data", lambda m: compute_cohort_activity(m.log)),
    "cohort_revenue": Recipe("data", lambda m: compute_cohort_activity(m.log)),
    "concentration_curve": Recipe("data", lambda m: decisions.compute_audit(m.log).curve),
    "value_deciles": Recipe("data", lambda m: decisions.compute_audit(m.log).deciles),
    "base_changes": Recipe("data", lambda m: decisions.compute_audit(m.log).periods),
    "change_by_part": Recipe("data", lambda m: decisions.compute_audit(m.log).changes),
    "cohort_path": Recipe("data", lambda m: decisions.compute_audit(m.log).cohorts),
    "cohort_stack": Recipe("data", lambda m: decisions.compute_audit(m.log).cohorts),
    "spend_distribution": Recipe("data", lambda m: compute_spend_histogram(m.log)),
    "purchase_gaps": Recipe("data", lambda m: compute_gap_histogram(m.log)),
    "quality_waterfall": Recipe("data", lambda m: m.cleaned.report.rules),
    "frequency_fit": Recipe(
        "training", lambda m: diagnostics.compute_frequency_fit(m.fitted.purchases_, m.X)
    ),
    "weekly_tracking": Recipe("training", _tracking),
    "cumulative_tracking": Recipe("training", _tracking),
    "conditional_by_frequency": Recipe("training", lambda m: _conditional(m, "frequency")),
    "conditional_by_recency": Recipe("training", lambda m: _conditional(m, "recency")),
    "purchases_map": Recipe("training", _grid),
    "alive_map": Recipe("training", _grid),
    "alive_history": Recipe("training", _alive_history),
    "rate_heterogeneity": Recipe("training", lambda m: diagnostics.compute_rates(m.fitted.purchases_)),
    "spend_fit": Recipe("training", lambda m: diagnostics.compute_spend_fit(m.fitted.spend_, m.X)),
    "decile_calibration": Recipe("training", lambda m: m.stack(tables.compute_deciles), _champion_first),
    "gains_curve": Recipe(
        "training",
        lambda m: tables.compute_gains(m.result.y_true, m.result.values),
        _champion_first,
    ),
    "gains_difference": Recipe(
        "training",
        lambda m: tables.compute_gains(m.result.y_true, m.result.values),
        _champion_first,
    ),
    "metric_ranges": Recipe(
        "training",
        lambda m: tables.compute_metric_ranges(pd.concat([one.results for one in m.windows])),
        lambda m, _: {"metric": m.wanted.metric},
    ),
    "group_bias": Recipe("training", _group_bias),
    "predicted_against_realised": Recipe(
        "training", lambda m: m.stack(tables.compute_realised), _champion_first
    ),
    "interval_coverage": Recipe(
        "training", lambda m: tables.compute_coverage(m.result.y_true, m.result.predictions[m.champion])
    ),
    "importances": Recipe("training", _importance),
    "contributions": Recipe(
        "training", lambda m: explain.compute_contributions(m.result.models[m.champion], m.X)
    ),
    "dependence": Recipe("training", _dependence, _feature_unit),
    "learning": Recipe("training", _learning),
    "tier_pyramid": Recipe("training", lambda m: compute_tiers(m.today)),
    "rfm_map": Recipe("data", _rfm),
    "segment_sizes": Recipe("data", _segments),
    "migration_sankey": Recipe("earlier scores", lambda m: compute_changes(m.cleaned, m.before).flows),
    "value_waterfall": Recipe("earlier scores", lambda m: compute_changes(m.cleaned, m.before).change),
    "value_curve": Recipe("training", _value_curve, lambda m, _: {"customer": m.wanted.customer}),
    "campaign_profit": Recipe("training", _campaign),
    "discount_response": Recipe("data", lambda m: decisions.fit_response(m.log)),
    "discount_profit": Recipe("training", _discount_profit),
    "cross_sell_matrix": Recipe("data", lambda m: decisions.find_associations(m.log, _goods(m))),
    "margin_bars": Recipe("data", lambda m: decisions.compute_margins(m.log, _goods(m))),
    "drift": Recipe("training", lambda m: compute_drift(sketch(m.X), m.X_today)),
    "batch_totals": Recipe("training", _batch_totals),
}
