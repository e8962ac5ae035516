"""Customer attributes: the last state before the cutoff, from an extra table `customers` with any columns.

The table has `customer_id`, optionally `valid_from`, the moment from which a row holds (without it a row counts as
known always), and attributes, each in a column `<kind>_<name>`: `text_country`, `number_income`, `flag_member` (1 or
0), and as days since 1970-01-01 `birth_date` and `date_signup`. The name of a feature states which column it reads
and how, so that a stored model needs nothing else to build it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cltv_ml.features.declare import Feature, age_dependent_feature, feature

#: Kinds of attributes, which are the first words of their columns.
KINDS = ("text", "number", "flag", "birth", "date")

_ATTRIBUTE_NAME = re.compile(
    r"attribute_(text|number|flag|age|days_since|days_before_first)_([a-z0-9][a-z0-9_]*)"
)


def attribute_feature(name: str) -> Feature | None:
    """Return the feature of a customer attribute that this name declares, None where it declares none.

    >>> attribute_feature("attribute_text_country").doc, attribute_feature("orders")
    ('Country, as last known before the cutoff.', None)
    """
    match = _ATTRIBUTE_NAME.fullmatch(name)
    if match is None:
        return None
    kind, column = match.groups()
    words = column.replace("_", " ")
    title = words[0].upper() + words[1:]
    if kind == "text":
        sql = f"@latest(text_{column})"
        return feature(
            name,
            unit="text",
            grain="attribute",
            sql=sql,
            doc=f"{title}, as last known before the cutoff.",
        )[0]
    if kind in ("number", "flag"):
        unit, doc = ("", f"{title}, as last known before the cutoff.")
        if kind == "flag":
            unit, doc = "0 or 1", f"{title}: 1 for yes, 0 for no, as last known before the cutoff."
        return feature(name, unit=unit, grain="attribute", sql=f"@latest({kind}_{column})", doc=doc)[0]
    return _of_a_date(name, kind, column, words)


def _of_a_date(name: str, kind: str, column: str, words: str) -> Feature:
    if kind == "age":
        sql = f"(@cutoff - @latest(birth_{column})) / 365.25e0"  # Spark divides by a decimal in six digits
        doc = f"Age in years at the cutoff ({words})."
        return feature(name, unit="years", grain="attribute", sql=sql, doc=doc)[0]
    if kind == "days_since":
        day = f"@latest(date_{column})"
        sql = f"case when {day} < @cutoff then @cutoff - {day} end"
        doc = f"Days from the date {words} to the cutoff; missing where the date is still to come."
        return age_dependent_feature(name, unit="days", grain="attribute", sql=sql, doc=doc)[0]
    sql = f"attribute_days_since_{column} - T - 1"
    doc = f"Days from the date {words} to the first purchase; below zero where the purchase came first."
    return feature(name, unit="days apart", grain="customer", sql=sql, doc=doc)[0]


def attribute_names(columns: Iterable[str]) -> list[str]:
    """Return the features of the attributes among these columns, named `customers.<kind>_<name>`.

    >>> attribute_names(["amount", "customers.customer_id", "customers.text_country", "customers.date_signup"])
    ['attribute_days_before_first_signup', 'attribute_days_since_signup', 'attribute_text_country']
    """
    names = []
    for column in columns:
        kind, _, name = column.removeprefix("customers.").partition("_")
        if not column.startswith("customers.") or kind not in KINDS or not name:
            continue
        if kind == "date":
            names += [f"attribute_days_since_{name}", f"attribute_days_before_first_{name}"]
        else:
            names.append(f"attribute_{'age' if kind == 'birth' else kind}_{name}")
    return sorted(names)


def attribute_columns(names: Iterable[str]) -> list[str]:
    """Return the columns `<kind>_<name>` that the attributes among these features read.

    >>> attribute_columns(["orders", "attribute_age_birthday", "attribute_text_country"])
    ['birth_birthday', 'text_country']
    """
    columns: dict[str, None] = {}
    for name in names:
        match = _ATTRIBUTE_NAME.fullmatch(name)
        if match is not None:
            kind = {"age": "birth", "days_since": "date", "days_before_first": "date"}.get(match[1], match[1])
            columns[f"{kind}_{match[2]}"] = None
    return list(columns)


#: Empty, because the columns of the table decide: `attribute_feature` declares what they allow.
FEATURES: tuple[Feature, ...] = ()
