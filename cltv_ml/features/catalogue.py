"""The catalogue of all declared features, the default set of a log, and the version of a set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.features import basket, calendar, campaign, customer, margin, rfm, rhythm, trend
from cltv_ml.features.calendar import between_feature
from cltv_ml.features.compile import Plan, known_names, summary_first
from cltv_ml.features.customer import attribute_feature, attribute_names
from cltv_ml.features.declare import Feature

_THEMES = (rfm, rhythm, trend, basket, margin, calendar, customer, campaign)


class Catalogue(Mapping[str, Feature]):
    """Declared features by name.

    Features of customer attributes, and those that count purchase days between two dates, are declared by their names
    and not listed.
    """

    def __init__(self, declared: Mapping[str, Feature]) -> None:
        self._declared = dict(declared)

    def __getitem__(self, name: str) -> Feature:
        feature = self._declared.get(name) or attribute_feature(name) or between_feature(name)
        if feature is None:
            raise KeyError(name)
        return feature

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)


def assemble(declared: Iterable[Feature]) -> Catalogue:
    """Return the features by name.

    Raises
    ------
    InputError
        Two features share a name, or a feature combines itself or one that does not exist.
    """
    assembled: dict[str, Feature] = {}
    for feature in declared:
        if feature.name.lower() in {name.lower() for name in assembled}:
            raise InputError(f"two features are called {feature.name!r}; rename one of them.")
        assembled[feature.name] = feature
    Plan(tuple(assembled), assembled).used  # noqa: B018  follows every combination to its end
    return Catalogue(assembled)


#: Every declared feature, by name.
CATALOGUE = assemble(declared for theme in _THEMES for declared in theme.FEATURES)


#: Numeric features of the first order. Models learn from them only if customers have attributes: without attributes
#: they brought no gain.
FIRST_ORDER = ("first_products", "first_discount_share")


def available(columns: Iterable[str]) -> list[str]:
    """Return the names of the features that a log with these columns can have.

    >>> "frequency" in available(["customer_id", "timestamp", "amount"])
    True
    """
    present = frozenset(columns)
    return [*(name for name in CATALOGUE if needs(name) <= present), *attribute_names(present)]


def default_features(columns: Iterable[str]) -> list[str]:
    """Return the numeric features that stay comparable as customers age, for a log with these columns.

    This is the set that the machine-learning models use. The summary columns of the probabilistic models
    (frequency, recency, T) grow with age, so they are not in it, but every feature table has them.

    >>> "spend_rate_90d" in default_features(["customer_id", "timestamp", "amount"])
    True
    """
    safe = [CATALOGUE[name] for name in available(columns) if name not in FIRST_ORDER]
    return [feature.name for feature in safe if feature.age_safe and feature.dtype == "number"]


def text_features(columns: Iterable[str]) -> list[str]:
    """Return the text features that stay comparable as customers age, which tree models learn as categories.

    >>> text_features(["customer_id", "timestamp", "amount", "channel", "customers.text_country"])
    ['first_channel', 'attribute_text_country']
    """
    safe = [CATALOGUE[name] for name in available(columns)]
    return [feature.name for feature in safe if feature.age_safe and feature.dtype == "text"]


def is_text(name: str) -> bool:
    """Return whether a feature is text rather than a number.

    >>> is_text("first_category"), is_text("attribute_text_country"), is_text("frequency")
    (True, True, False)
    """
    return name in CATALOGUE and CATALOGUE[name].dtype == "text"


def model_input(X: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Return features as a stored model reads them: numbers as float64, text as strings, None if missing."""
    columns = {name: _words(X[name]) if is_text(name) else X[name].astype("float64") for name in names}
    return pd.DataFrame(columns, index=X.index)


def _words(column: pd.Series) -> pd.Series:
    words = column.astype(object)
    return words.where(words.notna(), None).map(str, na_action="ignore").astype(object)


def absent_features(columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the features that a log with these columns cannot have, each with the columns it lacks.

    >>> absent_features(["customer_id", "timestamp", "amount"]).get("frequency")
    """
    present = frozenset(columns)
    lacking = {name: sorted(needs(name) - present) for name in CATALOGUE}
    return {name: missing for name, missing in lacking.items() if missing}


def feature_version(names: Iterable[str]) -> str:
    """Return a hash of the meaning of the named features: it is stored with a model, and scoring compares it.

    >>> feature_version(["gap_mean"]) == feature_version(["gap_mean"])
    True
    >>> feature_version(["gap_mean"]) == feature_version(["gap_median"])
    False
    """
    return Plan(summary_first(list(names)), CATALOGUE).version


def needs(name: str) -> frozenset[str]:
    """Return the inputs that a feature needs: optional log columns, and `table.column` of extra tables.

    >>> sorted(needs("margin_rate")), sorted(needs("attribute_text_country"))
    (['cost'], ['customers.customer_id', 'customers.text_country'])
    """
    return Plan((name,), CATALOGUE).needs


def describe(name: str) -> str:
    """Return the declaration of one feature as text, a line per fact.

    Raises
    ------
    InputError
        There is no such feature.

    >>> print(describe("overdue_ratio"))
    overdue_ratio (ratio)
    Days since the last purchase over the customer's own mean gap; missing without a repeat.
    grain: customer
    expression: days_since_last / gap_mean
    comparable as customers age: yes
    needs: customer_id, timestamp, amount
    missing: NaN
    """
    if name not in CATALOGUE:
        raise InputError(f"Unknown feature {name!r}. {known_names(name, CATALOGUE)}")
    feature = CATALOGUE[name]
    return "\n".join(
        [
            f"{name} ({feature.unit or 'text'})",
            feature.doc,
            f"grain: {feature.grain}",
            f"expression: {feature.sql}",
            f"comparable as customers age: {'yes' if feature.age_safe else 'no'}",
            f"needs: {', '.join(['customer_id, timestamp, amount', *sorted(needs(name))])}",
            f"missing: {'NaN' if feature.fill is None else feature.fill}",
        ]
    )


def catalogue_table() -> pd.DataFrame:
    """Return the catalogue as a table, a row per feature: theme, name, unit, comparable, needs, meaning.

    >>> catalogue_table().query("name == 'margin_rate'")["needs"].item()
    'cost'
    """
    rows = [
        {
            "theme": theme.__name__.rpartition(".")[2],
            "name": feature.name,
            "unit": feature.unit or "text",
            "comparable": feature.age_safe,
            "needs": ", ".join(sorted(needs(feature.name))),
            "meaning": feature.doc,
        }
        for theme in _THEMES
        for feature in theme.FEATURES
    ]
    return pd.DataFrame(rows)


def catalogue_page() -> str:
    """Return the documentation page of all features, in Markdown.

    >>> print(catalogue_page()[:23])
    # Features
    <BLANKLINE>
    ## basket
    """
    lines = ["# Features"]
    for theme, rows in catalogue_table().groupby("theme"):
        lines += [
            "",
            f"## {theme}",
            "",
            "| name | unit | comparable | needs | meaning |",
            "|---|---|---|---|---|",
        ]
        for row in rows.drop(columns="theme").itertuples(index=False):
            cells = [f"`{row.name}`", row.unit, "yes" if row.comparable else "no", row.needs, row.meaning]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
