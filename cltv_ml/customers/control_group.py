"""Columns, by heading and value, that state who is in the control group of a test."""

from __future__ import annotations

from collections.abc import Collection

from cltv_ml.columns.headings import plain_text, split_case
from cltv_ml.errors import InputError
from cltv_ml.tables import NO, YES

#: Columns that say it with yes or no.
_CONTROL_COLUMNS = {"control", "control_group", "is_control", "in_control", "holdout"}

#: Words of the headings of a test's arms.
_ARMS = {
    *(
        "control",
        "group",
        "gruppe",
        "groupe",
        "grupo",
        "gruppo",
        "groep",
        "arm",
        "arms",
        "variant",
        "cell",
        "test",
    ),
    *("treatment", "experiment", "holdout", "kontrollgruppe", "testgruppe", "assignment", "condition"),
}

#: Texts, as `plain_text` writes them, that name the control group, and the others.
_WITHHELD = {
    *("control", "control group", "in control", "controls", "holdout", "hold out", "held out", "untreated"),
    *("no treatment", "kontrolle", "kontrollgruppe", "unbehandelt", "temoin", "groupe temoin", "controllo"),
    *("groupe de controle", "grupo de control", "grupo de controle", "gruppo di controllo", "controlegroep"),
}
_TREATED = {
    *("treated", "treatment", "treatment group", "test", "test group", "exposed", "contacted", "behandelt"),
    *("testgruppe", "traite", "tratado", "trattato", "behandeld"),
}


def in_control(heading: str, values: Collection[str]) -> list[str]:
    """Return the values of a column that say that a customer is in the control group.

    Raises
    ------
    InputError
        A value of a column such as `control` says neither yes nor no and names no arm.

    >>> in_control("control", ["yes", "no"]), in_control("Group", ["Control", "Treated"])
    (['yes'], ['Control'])
    >>> in_control("Plan", ["control"])
    []
    """
    plain = plain_text(split_case(heading), "_").strip("_").removeprefix("customer_")
    if not _ARMS & set(plain.split("_")):
        return []
    texts = {value: plain_text(value, " ") for value in values}
    named = [value for value, text in texts.items() if text in _WITHHELD]
    if plain not in _CONTROL_COLUMNS:
        return named
    yes = [value for value in values if value.strip().lower() in YES]
    known = {*named, *yes, *(value for value, text in texts.items() if text in _TREATED)}
    unclear = [value for value in values if value.strip().lower() not in ("", *NO) and value not in known]
    if unclear:
        raise InputError(
            f"{heading} has the value {unclear[0]!r}, which does not say who is in the control group; write yes for "
            "those who are and no for all others, or rename the column."
        )
    return [*named, *yes]
