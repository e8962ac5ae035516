"""Columns of text as categories: codes of the levels that enough customers share, the rare ones joined."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from cltv_ml.models.base import is_numeric
from cltv_ml.ranges import range_codes

#: By column the code of each level that was learned; rare levels share one code.
Categories: TypeAlias = Mapping[str, Mapping[str, int]]

#: Most levels of a column that keep a code of their own; the less frequent are joined with the rare ones.
MOST_CODES = 200

#: Fewest customers with a level at each cutoff; with fewer the level is rare.
MIN_LEVEL_CUSTOMERS = 20

#: From this many rows on, codes follow the order of the levels' mean labels and are read as numbers. With fewer rows,
#: splits into sets of levels rank customers better; with more, both rank alike, and sets take up to four times as
#: long.
MANY_ROWS = 50_000

#: Pseudo-rows at the overall mean label that are added to each level before levels are put in order.
PRIOR_ROWS = 60


def learn_categories(X: pd.DataFrame, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the codes of the levels of each named column that holds text.

    >>> X = pd.DataFrame({"country": ["UK"] * 30 + ["FR"] * 20 + ["IS", "MT", None], "orders": 1.0})
    >>> learn_categories(X, ["country", "orders"])
    {'country': {'UK': 0, 'FR': 1, 'IS': 2, 'MT': 2}}
    """
    texts = [
        name
        for name in names
        if name in X and isinstance(X[name], pd.Series) and not is_numeric(X[name].dtype)
    ]
    cutoffs = X.index.get_level_values("cutoff").nunique() if "cutoff" in X.index.names else 1
    return {name: code_levels(X[name].dropna().astype(str).value_counts(), cutoffs) for name in texts}


def code_levels(counts: pd.Series, cutoffs: int = 1) -> dict[str, int]:
    """Return the code of each level, given how many rows of how many cutoffs hold it.

    Ranges of a number have codes in ascending order, however rare they are.

    >>> code_levels(pd.Series({"25-44": 30, "45+": 8, "under 25": 20}))
    {'under 25': 0, '25-44': 1, '45+': 2}
    """
    if ranges := range_codes(map(str, counts.index)):
        return ranges
    counts = counts.sort_index().sort_values(ascending=False, kind="stable")
    spelling = first_spelling(counts.index)
    joined = (
        counts.groupby(counts.index.map(spelling), sort=False)
        .sum()
        .sort_values(ascending=False, kind="stable")
    )
    common = int((joined >= MIN_LEVEL_CUSTOMERS * cutoffs).sum())
    own = min(common, MOST_CODES)
    codes = {level: min(place, own) for place, level in enumerate(joined.index)}
    return {str(level): codes[spelling[level]] for level in counts.index}


def first_spelling(levels: Iterable[str]) -> dict[str, str]:
    """Return each level's canonical form: the first level that differs only in case, blanks, and `-` or `_` in words.

    >>> sorted(set(first_spelling(["Paid search", "PAID SEARCH ", "paid_search", "A", "A-", "B 2"]).values()))
    ['A', 'A-', 'B 2', 'Paid search']
    """
    first: dict[str, str] = {}
    return {level: first.setdefault(_plainly(level), level) for level in levels}


def as_spelled(levels: Iterable[Any], known: Collection[str]) -> dict[Any, Any]:
    """Return each level as the known one that `first_spelling` takes for the same, or unchanged if there is none.

    >>> as_spelled(["MARRIED", "widowed"], ["Married"])
    {'MARRIED': 'Married', 'widowed': 'widowed'}
    """
    by_folded = {_plainly(level): level for level in reversed(list(known))}
    exact = set(known)
    return {level: level if level in exact else by_folded.get(_plainly(level), level) for level in levels}


def _plainly(level: Any) -> str:
    return " ".join(re.sub(r"(?<=[^\W\d_])[-_ ]+(?=[^\W\d_])", " ", str(level).casefold()).split())


def in_order(
    column: pd.Series, labels: np.ndarray, levels: Mapping[str, int], expected: np.ndarray | None = None
) -> dict[str, int]:
    """Return the levels with new codes, which ascend with the mean label of the rows that share a code.

    With `expected`, each row's forecast without the categories, codes ascend with the ratio of labels to forecasts:
    the order then shows what a level adds to the purchase history.

    >>> column, labels = pd.Series(["UK", "FR"] * 100), np.tile([3.0, 1.0], 100)
    >>> in_order(column, labels, {"UK": 0, "FR": 1})
    {'UK': 1, 'FR': 0}
    """
    codes = _codes(column, levels)
    there = ~np.isnan(codes)
    places, width = codes[there].astype(np.int64), max(levels.values(), default=-1) + 1
    expected = np.ones(len(labels)) if expected is None else expected
    total = np.bincount(places, labels[there], width) + PRIOR_ROWS * labels.mean()
    usual = np.bincount(places, expected[there], width) + PRIOR_ROWS * expected.mean()
    ranks = np.argsort(np.argsort(total / usual, kind="stable"))
    return {level: int(ranks[code]) for level, code in levels.items()}


def without_order(categories: Categories) -> list[str]:
    """Return the columns whose levels have no order of their own, unlike ranges of a number.

    >>> without_order({"age": {"under 25": 0, "25+": 1}, "country": {"UK": 0, "FR": 1}})
    ['country']
    """
    return [name for name, levels in categories.items() if not range_codes(levels)]


def encode(X: pd.DataFrame, categories: Categories) -> pd.DataFrame:
    """Return customers with codes in place of the levels; a level that was never seen is missing.

    >>> encode(pd.DataFrame({"country": ["UK", "atlantis", None]}), {"country": {"UK": 0}})["country"].tolist()
    [0.0, nan, nan]
    """
    coded = {
        name: pd.Series(_codes(X[name], levels), index=X.index)
        for name, levels in categories.items()
        if name in X
    }
    return X.assign(**coded) if coded else X


def learned_levels(model: Any) -> dict[str, set[str]]:
    """Return the levels that a fitted model, or a model that it combines, has learned from, by feature.

    >>> class Trees:
    ...     categories_ = {"country": {"UK": 0, "FR": 1}}
    >>> sorted(learned_levels(Trees())["country"])
    ['FR', 'UK']
    """
    levels = {name: set(codes) for name, codes in getattr(model, "categories_", {}).items()}
    for name, coding in getattr(model, "coding_", {}).items():
        if "others" in coding:
            levels[name] = {*coding["levels"], *coding["others"]}
    inner = getattr(model, "model_", None)
    for part in [*getattr(model, "members_", ()), *([] if inner is None else [inner])]:
        for name, more in learned_levels(part).items():
            levels[name] = levels.get(name, set()) | more
    return levels


def feature_types(names: Sequence[str], sets: Collection[str], width: int) -> list[str] | None:
    """Return XGBoost's types of `width` columns, of which the first have these names.

    `sets` are those that are split into sets of levels; None where there are none.
    """
    if not sets:
        return None
    types = ["c" if name in sets else "q" for name in names]
    return types + ["q"] * (width - len(types))


def _codes(column: pd.Series, levels: Mapping[str, int]) -> np.ndarray:
    places, distinct = pd.factorize(column)
    spelled = as_spelled(map(str, distinct), levels)
    codes = [levels.get(spelled[str(level)], np.nan) for level in distinct]
    return np.array([*codes, np.nan], dtype=np.float64)[places]
