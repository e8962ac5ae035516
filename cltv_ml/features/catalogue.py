"""The catalogue of all declared features, the default set of a log, and the version of a set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from cltv_ml.features import basket, calendar, campaign, customer, margin, rfm, rhythm, trend
from cltv_ml.features.compile import Plan, summary_first
from cltv_ml.features.declare import Feature

_THEMES = (rfm, rhythm, trend, basket, margin, calendar, customer, campaign)


def assemble(declared: Iterable[Feature]) -> Mapping[str, Feature]:
    """Return the features by name.

    Raises
    ------
    ValueError
        Two features share a name, or one combines a feature that does not exist or itself.
    """
    found: dict[str, Feature] = {}
    for one in declared:
        if one.name.lower() in {name.lower() for name in found}:
            raise ValueError(f"two features are called {one.name!r}; rename one of them.")
        found[one.name] = one
    Plan(tuple(found), found).used  # noqa: B018  follows every combination to its end
    return MappingProxyType(found)


#: Every declared feature, by name.
CATALOGUE: Mapping[str, Feature] = assemble(found for theme in _THEMES for found in theme.FEATURES)


def available(columns: Iterable[str]) -> list[str]:
    """Return the names of the features that a log with these columns can have.

    >>> "frequency" in available(["customer_id", "timestamp", "amount"])
    True
    """
    present = frozenset(columns)
    return [name for name in CATALOGUE if needs(name) <= present]


def default_features(columns: Iterable[str]) -> list[str]:
    """Return the numeric features that stay comparable as customers age, for a log with these columns.

    This is the set that the machine-learning models use. The summary columns of the probabilistic models
    (frequency, recency, T) grow with age, so they are not in it, but every feature table has them.

    >>> "spend_rate_90d" in default_features(["customer_id", "timestamp", "amount"])
    True
    """
    safe = [CATALOGUE[name] for name in available(columns)]
    return [found.name for found in safe if found.age_safe and found.dtype == "number"]


def absent_features(columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the features that a log with these columns cannot have, each with the columns it lacks.

    >>> absent_features(["customer_id", "timestamp", "amount"]).get("frequency")
    """
    present = frozenset(columns)
    lacking = {name: sorted(needs(name) - present) for name in CATALOGUE}
    return {name: missing for name, missing in lacking.items() if missing}


def feature_version(names: Iterable[str]) -> str:
    """Return a hash of what the named features mean: a model carries it, and scoring compares it.

    >>> feature_version(["gap_mean"]) == feature_version(["gap_mean"])
    True
    >>> feature_version(["gap_mean"]) == feature_version(["gap_median"])
    False
    """
    return Plan(summary_first(list(names)), CATALOGUE).version


def needs(name: str) -> frozenset[str]:
    """Return what must be given for a feature: optional log columns, and `table.column` of extra tables.

    >>> sorted(needs("margin_rate")), sorted(needs("country"))
    (['cost'], ['customers.country', 'customers.customer_id'])
    """
    return Plan((name,), CATALOGUE).needs
