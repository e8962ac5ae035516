"""Pages of the results, written only from the CSV files: experiments, README, a figure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.benchmark import attributes_table, rows
from experiments.benchmark.cases import RESULTS, ROOT
from experiments.benchmark.champions_table import FAR, LOST_GINI, SETS, summarise_champions
from experiments.benchmark.forecast_table import BAND_HEAD, HEAD, band_lines, forecast_lines, truth_sentence
from experiments.benchmark.leaderboard import draw_critical_difference, label, title
from experiments.benchmark.level_table import summarise_level
from experiments.benchmark.lifetime_table import LIFETIME_HEAD, lifetime_lines

PAGE = ROOT / "experiments" / "README.md"
FIGURE = RESULTS / "critical_difference.svg"


#: README's rows: our champion, the best of each peer, and the two rules that a shop has anyway.
README_MODELS = ("champion", "pymc_pareto_nbd", "lifetimes_bg_nbd", "plain_xgboost", "same_rate", "rfm_score")
_README_METRICS = {"gini": "Gini", "bias": "absolute bias of the total", "decile_mape": "decile error"}


def readme_table(table: pd.DataFrame) -> str:
    """Return README's table: six models with one number per cell, each a mean over the windows that all models have."""
    rated = table[table["metric"].isin(_README_METRICS) & table["model"].isin(README_MODELS)].dropna(
        subset=["value"]
    )
    rated = rated.assign(value=rated["value"].abs(), window=rated["task"] + " " + rated["cutoff"])
    models = [model for model in README_MODELS if model in set(rated["model"])]
    common = rated.groupby("window")["model"].nunique() == len(models)
    shared = rated[rated["window"].isin(common.index[common])]
    means = shared.pivot_table("value", "model", "metric", aggfunc="mean")
    body = [
        [
            label(model),
            f"{means.at[model, 'gini']:.3f}",
            f"{means.at[model, 'bias']:.0%}",
            f"{means.at[model, 'decile_mape']:.2f}",
        ]
        for model in models
    ]
    foot = (
        f"Means over the {int(common.sum())} public test windows that every model could predict and "
        "none had seen. The Gini measures the ranking of customers: 1 is best. For the other two 0 is best. "
        f"{_origin(shared)} Every window, interval and miss: [experiments/README.md](experiments/README.md)."
    )
    return _markdown(["model", *_README_METRICS.values()], body) + "\n\n" + foot


def experiments_page() -> str:
    """Return experiments/README.md."""
    names = ("quality", "champions", "level", "forecast", "lifetime", "attributes", "exactness", "speed")
    quality, champions, level, shop, lifetime, known, exact, speed = (rows.read(name) for name in names)
    parts = [_INTRODUCTION]
    if len(quality):
        parts += ["## Quality", _origin(quality), "![Average ranks](results/critical_difference.svg)"]
        parts += _quality_parts(quality)
    if len(champions):
        parts += ["## Trainings", _origin(champions), _CHAMPIONS, *_champions_parts(champions)]
    if len(level.dropna(subset=["value"])):
        parts += ["## Level", _origin(level), _LEVEL, _level_table(level)]
    if len(shop.dropna(subset=["value"])):
        parts += ["## Whole shop", _origin(shop), _SHOP, _markdown(HEAD, forecast_lines(shop))]
        if len(simulated := shop[shop["protocol"] == "simulated"]):
            parts += [_BANDS, _markdown(BAND_HEAD, band_lines(simulated)), truth_sentence(simulated)]
    if len(lifetime.dropna(subset=["value"])):
        parts += [
            "## Lifetime",
            _origin(lifetime),
            _LIFETIME,
            _markdown(LIFETIME_HEAD, lifetime_lines(lifetime)),
        ]
    if len(known.dropna(subset=["value"])):
        lines = attributes_table.attribute_lines(known)
        parts += ["## Attributes", _origin(known), _ATTRIBUTES, _markdown(attributes_table.HEAD, lines)]
    if len(exact):
        parts += ["## Exactness", _origin(exact), _exact_table(exact)]
    if len(speed):
        parts += ["## Speed", _origin(speed), _speed_table(speed)]
    return "\n\n".join(parts) + "\n"


def write_all() -> None:
    """Write the page, the figure and README's table from the CSV files."""
    quality = rows.read("quality")
    if len(quality.dropna(subset=["value"])):
        FIGURE.write_text(draw_critical_difference(quality), encoding="utf-8")
        readme = ROOT / "README.md"
        readme.write_text(fill(readme.read_text(encoding="utf-8"), readme_table(quality)), encoding="utf-8")
    PAGE.write_text(experiments_page(), encoding="utf-8")


_MARKS = re.compile(r"(<!-- benchmark quality -->\n).*?(<!-- end of benchmark quality -->)", re.S)


def fill(text: str, table: str) -> str:
    """Return the text with the table between its marks; the text itself if it has none."""
    return _MARKS.sub(lambda marks: f"{marks[1]}\n{table}\n\n{marks[2]}", text)


def between_marks(path: Path) -> str:
    """Return the text between the marks of a file; raise ValueError if it has none."""
    match = _MARKS.search(path.read_text(encoding="utf-8"))
    if match is None:
        raise ValueError(
            f"{path.name} has no marks <!-- benchmark quality --> and <!-- end of benchmark quality -->."
        )
    return match[0].removeprefix(match[1]).removesuffix(match[2]).strip()


def _quality_parts(table: pd.DataFrame) -> list[str]:
    parts = []
    shown = ["gini", "bias", "decile_mape", "mae"]
    for (task, cutoff), window in table.dropna(subset=["value"]).groupby(["task", "cutoff"], sort=False):
        first = window.iloc[0]
        head = [
            "model",
            "Gini [95%]",
            "Gini less champion's [paired 95%]",
            "bias",
            "decile error",
            "MAE",
            "s",
        ]
        ranked = window[window["metric"] == "gini"].sort_values("value", ascending=False)["model"]
        body = [
            _quality_row(window[window["model"] == model].set_index("metric"), model, shown)
            for model in ranked
        ]
        parts += [
            f"### {title(task)}, {first['horizon']:.0f} days from {cutoff}",
            f"{first['customers']:,.0f} customers, {first['protocol']}.{_chosen(window)}",
            _markdown(head, body),
        ]
    notes = table[table["value"].isna()]
    if len(notes):
        listed = [
            f"- {row.task}{'' if pd.isna(row.cutoff) else ' ' + row.cutoff}, {row.model}: {row.note}"
            for row in notes.itertuples()
        ]
        parts += ["### What gave no number", "\n".join(listed)]
    return parts


def _quality_row(by_metric: pd.DataFrame, model: str, shown: list[str]) -> list[str]:
    gini = by_metric.loc["gini"]
    gap = (
        ""
        if pd.isna(gini["difference"])
        else (f"{gini['difference']:+.3f} [{gini['difference_lower']:+.3f}, {gini['difference_upper']:+.3f}]")
    )
    return [
        label(model),
        f"{gini['value']:.3f} [{gini['lower']:.3f}, {gini['upper']:.3f}]",
        gap,
        f"{by_metric.at['bias', 'value']:+.1%}",
        f"{by_metric.at['decile_mape', 'value']:.3f}",
        f"{by_metric.at['mae', 'value']:,.2f}",
        f"{gini['seconds']:.1f}",
    ]


def _chosen(window: pd.DataFrame) -> str:
    parameters = window.loc[window["model"] == "champion", "parameters"]
    match = re.search(r'"is": "(\w+)"', str(parameters.iloc[0])) if len(parameters) else None
    return f" The champion, chosen before the window began, is {label(match[1])}." if match else ""


def _level_table(table: pd.DataFrame) -> str:
    head = [
        "log",
        "windows",
        "level",
        "worst",
        "bottom-up",
        "best single",
        "which",
        "in the interval",
        "goal",
    ]
    body = [
        [
            title(row.task),
            f"{row.windows}",
            f"{row.mean:.1%}",
            f"{row.worst:.1%}",
            f"{row.bottom_up:.1%}",
            f"{row.best:.1%}",
            str(row.candidate),
            f"{row.covered:.0%}",
            "" if pd.isna(row.goal) else f"{row.goal:.1%}{'' if row.mean <= row.goal else ': missed'}",
        ]
        for row in summarise_level(table).itertuples()
    ]
    return _markdown(head, body)


def _exact_table(table: pd.DataFrame) -> str:
    head = ["data", "model", "quantity", "cltv_ml", "published", "difference", "source"]
    body = [
        [
            row.task,
            row.model,
            row.metric,
            f"{row.value:.6g}",
            f"{row.reference:.6g}",
            f"{row.difference:+.1e}",
            row.note,
        ]
        for row in table.itertuples()
    ]
    return _markdown(head, body)


def _speed_table(table: pd.DataFrame) -> str:
    head = ["what", "subject", "CPU s", "held against", "ratio", "peak MB"]
    body = [
        [
            row.task,
            row.model,
            f"{row.value:.2f}" if pd.notna(row.value) else "–",
            str(row.note) if pd.notna(row.note) else "",
            f"{row.difference:.2f}" if pd.notna(row.difference) else "",
            f"{row.memory_mb:,.0f}" if pd.notna(row.memory_mb) else "",
        ]
        for row in table.itertuples()
    ]
    return _markdown(head, body)


def _origin(table: pd.DataFrame) -> str:
    commits = ", ".join(sorted(table["commit"].dropna().unique()))
    machines = "; ".join(sorted(table["machine"].dropna().unique()))
    return f"Measured at commit {commits} on {machines}."


def _markdown(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


_SHOP = """Revenue of all customers, known and to come, from rolling origins. SeasonalNaive is last year's revenue of
the same weeks; AutoETS and AutoARIMA are statsforecast's on weekly and on monthly sums (twelfths of 364 days). The
error of weeks is the mean absolute error of single weeks over the mean week."""

_BANDS = """Simulated shops that win customers with a trend, a season and weekdays: 800 days of log, 91 days forecast,
share of totals and of single weeks within the bands."""

_LEVEL = """Mean absolute bias of the total that known customers spend, over the windows of each log. *level* is the
forecast that trainings use; *bottom-up* is one of its candidates, the sum of a probabilistic model's values; *best
single* is the candidate with the smallest mean in hindsight. *In the interval* is the share of windows whose total lay
in the 90% interval."""


def _champions_parts(table: pd.DataFrame) -> list[str]:
    """Return a table for each set, then the trainings that ended in an error."""
    head = [
        *(
            "log",
            "days from",
            "champion",
            "Gini",
            "best",
            "best of histories",
            "naive",
            "bias",
            "decile error",
        ),
        *("its best", "coverage", "missed"),
    ]
    parts = []
    for purpose in SETS:
        set_rows = table[table["task"].str.startswith(f"{purpose} ") & table["value"].notna()]
        if len(set_rows):
            body = [_champion_row(row) for row in summarise_champions(set_rows).itertuples()]
            parts += [f"### Set to {purpose}", _markdown(head, body)]
    refused = table[table["metric"] == "none"]
    if len(refused):
        parts.append("\n".join(f"- {title(row.task)}: {row.note}" for row in refused.itertuples()))
    return parts


def _champion_row(row: Any) -> list[str]:
    return [
        row.task.split(" ", 1)[1].replace("_", " "),
        f"{row.horizon:.0f} from {row.cutoff}",
        row.champion,
        *(f"{value:.3f}" for value in (row.gini, row.best, row.histories, row.naive)),
        f"{row.bias:+.1%}",
        f"{row.decile:.2f}",
        f"{row.best_decile:.2f}",
        f"{row.coverage:.0%}",
        row.missed,
    ]


_CHAMPIONS = f"""Each row is one `cltv train` at its defaults, with fewer competing models. The champion is chosen
before the window is read. *Best* is the best Gini of any competitor, *best of histories* that of the models without
labels, *its best* the smallest decile error among orders as good as the best. *Missed*: a Gini more than
{LOST_GINI:g} below the best, a total more than {FAR:.0%} off, or intervals that hold other than 84 to 95% of the
customers. Faults were looked for on the set to choose on, measured before the changes that it led to; the set to
report on was run once, after them ([LOG.md](LOG.md))."""

_LIFETIME = """Values of a Tweedie model that learned from 91-day labels alone, carried on by `models.future_value`.
*Bias* is that of the total; *coverage* is the share of customers within their 90% interval. Simulated customers'
discounted lifetime profit is known. *Decile error* is the mean relative error of the tenths of customers by forecast,
*decile gap* their errors in money over the total."""

_ATTRIBUTES = """Order of customers by a Tweedie model that learned from tables about them (attributes, campaign
contacts, first orders), next to the same model without, and on a simulated shop next to the expectation by the true
rates. Means of two seeds. *Missed*: the whole paired interval lies below zero, or the Gini below 95% of the truth's."""

_INTRODUCTION = """# Experiments

This page is written by `python -m experiments` from the files in [results](results); do not edit it.

```sh
python -m experiments quality      # predictions against peers on public data; goes on where it was interrupted
python -m experiments champions    # whole trainings, as a user sees them, on windows that nobody has looked at
python -m experiments level        # forecasts of the total on public data and simulated shops
python -m experiments forecast     # forecasts of all customers' revenue at rolling origins
python -m experiments lifetime     # values beyond the horizon that was learned from, and known lifetimes
python -m experiments attributes   # what tables about customers bring, on public data and next to a known truth
python -m experiments exactness    # parameters, likelihoods and customer checks against published numbers
python -m experiments speed        # time, CPU and memory against peers and bare engines; --small is what CI runs
```

Tasks are entries of [benchmark/tasks.toml](benchmark/tasks.toml), models are files in
[benchmark/models](benchmark/models), peers live in environments of their own
([benchmark/peers/requirements.txt](benchmark/peers/requirements.txt)). A data set that is not on the machine is skipped
with the command that brings it. [LOG.md](LOG.md) tells what was tried, failures too."""
