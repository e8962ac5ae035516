"""Ranking of the models over all windows: average ranks, and how much of them may be chance."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
from scipy import stats

#: Models are ranked by these, a quarter each: order of customers, total, total per tenth, error per customer.
RANKED = {"gini": -1, "bias": 1, "decile_mape": 1, "mae": 1}

LABELS = {
    "champion": "**cltv_ml champion**",
    "same_rate": "same rate as before",
    "rfm_score": "RFM score",
    "plain_xgboost": "XGBoost as commonly written",
    "lifetimes_bg_nbd": "lifetimes BG/NBD × GG",
    "lifetimes_pareto_nbd": "lifetimes Pareto/NBD × GG",
    "pymc_bg_nbd": "pymc-marketing BG/NBD × GG, MAP",
    "pymc_pareto_nbd": "pymc-marketing Pareto/NBD × GG, MAP",
}


def label(model: str) -> str:
    """Return a model's name for readers, ours with the package's name.

    >>> label("tweedie"), label("pareto_nbd_gamma_gamma"), label("rfm_score")
    ('cltv_ml tweedie', 'cltv_ml Pareto/NBD × GG', 'RFM score')
    """
    if model in LABELS:
        return LABELS[model]
    short = model.replace("_gamma_gamma", " × GG")
    for symbol in ("mbg_cnbd", "mbg_nbd", "pareto_nbd", "bg_nbd", "nbd"):
        if short.startswith(symbol):
            head, tail = symbol.split("_", 1) if "_" in symbol else (symbol, "")
            name = "Pareto" if head == "pareto" else head.upper()
            return f"cltv_ml {name}{'/' + tail.upper() if tail else ''}{short[len(symbol) :]}"
    return f"cltv_ml {short.replace('_', ' ')}"


def title(task: str) -> str:
    """Return a task's name for readers.

    >>> title("cdnow_quarter")
    'CDNOW quarter'
    """
    text = task.replace("_", " ").replace("cdnow", "CDNOW")
    return text.replace("online retail", "Online Retail").replace("complete journey", "Complete Journey")


def compute_ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Return each model's mean rank over RANKED per window: models by rows, windows by columns, 1 is best.

    Losses that agree to four digits tie: two libraries that fit the same model do not differ by its last bits. A
    model without an answer for a window shares the last rank there with others that have none.
    """
    judged = table[table["metric"].isin(RANKED)].dropna(subset=["value"])
    windows = judged["task"] + " " + judged["cutoff"]
    size = judged["value"].where(judged["metric"] != "bias", judged["value"].abs())
    loss = (size * judged["metric"].map(RANKED)).map(lambda value: float(f"{value:.4g}"))
    wide = pd.DataFrame(
        {"model": judged["model"], "window": windows, "metric": judged["metric"], "loss": loss}
    ).pivot(index="model", columns=["window", "metric"], values="loss")
    return wide.fillna(np.inf).rank(method="average").T.groupby(level="window").mean().T


def compute_leaderboard(table: pd.DataFrame) -> pd.DataFrame:
    """Return the models by average rank: `rank`, `windows` answered, best first."""
    ranks = compute_ranks(table)
    answered = table[table["metric"] == "gini"].dropna(subset=["value"]).groupby("model").size()
    board = pd.DataFrame({"rank": ranks.mean(axis=1), "windows": answered.reindex(ranks.index)})
    return board.sort_values(["rank", "windows"], kind="stable")


def critical_difference(models: int, windows: int) -> float:
    """Return by how much two average ranks must differ to differ at 5% (Nemenyi; Demsar, 2006).

    >>> round(critical_difference(4, 30), 3)
    0.856
    """
    spread = stats.studentized_range.ppf(0.95, models, np.inf) / np.sqrt(2)
    return float(spread * np.sqrt(models * (models + 1) / (6 * windows)))


def draw_critical_difference(table: pd.DataFrame) -> str:
    """Return the average ranks as SVG, each with half the critical difference to both sides."""
    board = compute_leaderboard(table)
    windows = compute_ranks(table).shape[1]
    half = critical_difference(len(board), windows) / 2
    left, width, row = 330, 470, 26
    low, high = min(1.0, board["rank"].min() - half), max(len(board), board["rank"].max() + half)
    height = 64 + row * len(board)

    def x(rank: float) -> float:
        """Return where a rank lies on the axis, in pixels."""
        return left + (rank - low) / (high - low) * width

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {height}" '
        'font-family="sans-serif" font-size="13">',
        f"<title>Average rank of {len(board)} models over {windows} windows</title>",
        f'<rect width="{left + width + 30}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="20" font-weight="bold">Average rank over {windows} windows, 1 is best. '
        "Models whose bars do not meet differ at 5%.</text>",
    ]
    for tick in range(int(np.ceil(low)), int(high) + 1):
        parts.append(
            f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="32" y2="{height - 22}" stroke="#e6e8eb"/>'
            f'<text x="{x(tick):.1f}" y="{height - 6}" text-anchor="middle" fill="#555555">{tick}</text>'
        )
    for number, (model, rank) in enumerate(board["rank"].items()):
        y = 46 + row * number
        colour = "#1F7FC4" if label(str(model)).strip("*").startswith("cltv_ml") else "#8A8F96"
        parts.append(
            f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{escape(label(str(model)).strip("*"))}</text>'
            f'<line x1="{x(rank - half):.1f}" x2="{x(rank + half):.1f}" y1="{y}" y2="{y}" stroke="{colour}" '
            f'stroke-width="3" stroke-opacity="0.5"/><circle cx="{x(rank):.1f}" cy="{y}" r="5" fill="{colour}"/>'
        )
    return "\n".join([*parts, "</svg>", ""])
