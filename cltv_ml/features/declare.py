"""Declaration of a feature: a name, a unit, a sentence, and one expression over one customer's rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from cltv_ml.errors import InputError
from cltv_ml.features.grains import GRAINS, Grain
from cltv_ml.features.macros import MACROS

# fmt: off
#: Functions that mean the same in every engine and do not depend on the order of rows.
FUNCTIONS = frozenset({
    "abs", "avg", "bool_and", "bool_or", "cast", "coalesce", "count", "count_if", "exp", "floor", "greatest",
    "least", "ln", "max", "max_by", "median", "min", "min_by", "nullif", "round", "sqrt", "sum",
})
_AGGREGATES = frozenset({
    "avg", "bool_and", "bool_or", "count", "count_if", "max", "max_by", "median", "min", "min_by", "sum",
    "@first_text", "@last_text", "@latest", "@slope", "@spread", "@squares",
})
#: Words that would open another table, another customer or another row order.
FORBIDDEN = frozenset({
    "distinct", "except", "exists", "from", "group", "having", "intersect", "into", "join", "lateral", "limit",
    "order", "over", "partition", "qualify", "select", "table", "union", "values", "window", "with", "within",
})
_KEYWORDS = frozenset({
    "and", "as", "between", "bigint", "case", "double", "else", "end", "false", "filter", "in", "integer", "is",
    "like", "not", "null", "or", "string", "then", "true", "when", "where",
})
# fmt: on
_TOKEN = re.compile(r"\s+|'[^'\\]*'|@?[A-Za-z_]\w*|\d+(?:\.\d+)?(?:e-?\d+)?|<=|>=|<>|!=|[-+*/%(),<>=]")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Feature:
    """One column of the customer table, as declared by `feature`."""

    name: str
    unit: str
    dtype: Literal["number", "text"]
    grain: str
    sql: str
    doc: str
    window: int | None
    fill: float | None
    #: False if the value grows with the customer's age or the length of the log.
    age_safe: bool = True

    @cached_property
    def words(self) -> frozenset[str]:
        """The columns (or, at grain `customer`, the features) that the expression reads."""
        tokens = {token.lower() if token.startswith("@") else token for token in _tokens(self.sql)}
        names = {token for token in tokens if _IDENTIFIER.fullmatch(token)}
        return frozenset(name for name in names if name.lower() not in FUNCTIONS | _KEYWORDS)

    @cached_property
    def needs(self) -> frozenset[str]:
        """Inputs beyond the required columns: log columns, or `table.column`.

        >>> feature("margin_rate", unit="share", grain="order", doc="Margin over spend.",
        ...         sql="@ratio(sum(margin), sum(amount))")[0].needs
        frozenset({'cost'})
        """
        grain = GRAINS[self.grain]
        return frozenset({grain.requires} - {""}).union(*(grain.needs(word) for word in self.words))


def feature(
    name: str,
    *,
    unit: str,
    grain: str,
    sql: str,
    doc: str,
    windows: Sequence[int] = (),
    fill: float | None = None,
) -> tuple[Feature, ...]:
    """Return the declared feature, one per window length where `windows` names some.

    Parameters
    ----------
    name, doc
        May hold `{w}`, the window length in days.
    unit
        Unit of the result. In the expression money is in whole ten-thousandths and quantities in whole thousandths,
        so that sums are exact; a unit that starts with `currency` or `items` converts the result to currency units or
        items. `"text"` declares a text feature, which has no unit.
    grain
        Meaning of one row: see `cltv_ml.features.grains.GRAINS`. At `customer` the expression combines other
        features; at any other grain it is an aggregate over the customer's rows before the cutoff.
    sql
        The expression: columns of the grain, a few functions and `@` abbreviations: `@last(w)` is true
        within `w` days before the cutoff, `@ratio(a, b)` is missing where b is zero, `@spread(x)` is the
        sample standard deviation, `@slope(y, x)` the least-squares slope, `@cutoff` a day number,
        `@since_last` the days since the last purchase, `@squares(x)` the sum of squares,
        `@days_to_quarter(q)` the days to the next such quarter of the year, `@first_text(x, moment)` and
        `@last_text(x, moment)` the text of the first or last moment, `@latest(x)` the last known value.
    fill
        The value of customers without such rows; missing if None.

    Raises
    ------
    InputError
        The expression could see another table, another customer or the future, or the declaration is
        incomplete; the message names the feature and the word.

    >>> [one.name for one in feature("orders_{w}d", unit="orders", grain="order", windows=(7, 30),
    ...     sql="count_if(is_first and @last({w}))", doc="Orders in the last {w} days.")]
    ['orders_7d', 'orders_30d']
    >>> feature("peek", unit="", grain="order", sql="(select max(amount) from log)", doc="No.")
    Traceback (most recent call last):
    cltv_ml.errors.InputError: feature 'peek': 'select' is not allowed in an expression, ...
    """
    declared = tuple(
        Feature(
            name=name.replace("{w}", str(window)),
            unit="" if unit == "text" else unit,
            dtype="text" if unit == "text" else "number",
            grain=grain,
            sql=sql.replace("{w}", str(window)),
            doc=doc.replace("{w}", str(window)),
            window=window,
            fill=fill,
        )
        for window in windows or (None,)
    )
    for one in declared:
        _check_declaration(one)
    return declared


def age_dependent_feature(name: str, **declaration: Any) -> tuple[Feature, ...]:
    """Return what `feature` does, for a value that grows with the customer's age or the length of the log.

    Models that compare customers of different cutoffs leave such features out.

    >>> age_dependent_feature("orders", unit="orders", grain="order", sql="count(*)", doc="All.")[0].age_safe
    False
    """
    return tuple(replace(one, age_safe=False) for one in feature(name, **declaration))


def _check_declaration(declared: Feature) -> None:
    who = f"feature {declared.name!r}"
    reserved = FUNCTIONS | FORBIDDEN | _KEYWORDS | {"customer_id", "cutoff"}
    if declared.name != "T" and (
        not re.fullmatch(r"[a-z][a-z0-9_]*", declared.name) or declared.name in reserved
    ):
        raise InputError(
            f"{who}: a name consists of lower-case letters, digits and underscores and is not an SQL keyword."
        )
    if not declared.doc.strip().endswith("."):
        raise InputError(
            f"{who}: doc must be a sentence that states what the number means, got {declared.doc!r}."
        )
    if declared.grain not in GRAINS:
        raise InputError(f"{who}: unknown grain {declared.grain!r}. Available: {sorted(GRAINS)}.")
    odd = sorted(set(_TOKEN.sub("", declared.sql)))
    if odd or "--" in declared.sql or "/*" in declared.sql:
        raise InputError(
            f"{who}: an expression must not contain {odd or 'a comment'}; write one SQL expression."
        )
    tokens = [token for token in _tokens(declared.sql) if token.strip()]
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        _check_word(who, token, following == "(", GRAINS[declared.grain])
    if declared.grain != "customer":
        _check_aggregated(who, tokens)


def _check_word(who: str, token: str, called: bool, grain: Grain) -> None:
    word = token.lower()
    if word.startswith("@"):
        if token[1:] not in MACROS or called != bool(MACROS[token[1:]]):
            raise InputError(f"{who}: unknown abbreviation {token!r}. Available: {_macro_names()}.")
    elif not _IDENTIFIER.fullmatch(token) or word in _KEYWORDS:
        return
    elif word in FORBIDDEN:
        raise InputError(
            f"{who}: {token!r} is not allowed in an expression, which describes one customer's own past and no "
            f"other table, customer or row order. Not allowed are {sorted(FORBIDDEN)}."
        )
    elif called and word not in FUNCTIONS:
        raise InputError(
            f"{who}: {token!r} is not allowed in an expression; only these functions mean the same on every "
            f"engine and read only the customer's own past: {sorted(FUNCTIONS)}."
        )
    elif called and grain.name == "customer" and word in _AGGREGATES:
        raise InputError(f"{who}: {token!r} would mix customers; at grain 'customer' combine features only.")
    elif not called and grain.columns and token not in grain.columns:
        raise InputError(
            f"{who}: {token!r} is not allowed in an expression; grain {grain.name!r} has the columns "
            f"{sorted(grain.columns)}, and no other table is available."
        )


def _check_aggregated(who: str, tokens: list[str]) -> None:
    """Every column must stand inside an aggregate (or its filter), and every bracket be closed."""
    inside = [False]
    for before, token in zip(["", *tokens], tokens, strict=False):
        word = token.lower()
        if token == "(":
            inside.append(inside[-1] or before.lower() in _AGGREGATES | {"filter"})
        elif token == ")":
            inside.pop()
        elif _IDENTIFIER.fullmatch(token) and word not in FUNCTIONS | _KEYWORDS and not inside[-1]:
            raise InputError(
                f"{who}: {token!r} is used outside an aggregate such as sum({token}), but a customer has "
                "many values of it."
            )
        if not inside:
            break
    if len(inside) != 1:
        raise InputError(f"{who}: a bracket is not closed or not opened in {' '.join(tokens)!r}.")


def _tokens(sql: str) -> list[str]:
    return _TOKEN.findall(sql)


def _macro_names() -> list[str]:
    return [f"@{name}" + ("(...)" if count else "") for name, count in sorted(MACROS.items())]
