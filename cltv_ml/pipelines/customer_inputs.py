"""Tables about customers and protected columns, read from a command's settings for a clean log."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TypeVar

import pandas as pd

from cltv_ml.customers import (
    CleanedShop,
    CustomerSources,
    CustomerTables,
    describe_attributes,
    describe_contacts,
    read_customers,
)
from cltv_ml.customers.kinds import plain_name
from cltv_ml.data import Cleaned, Rules
from cltv_ml.features import attribute_columns
from cltv_ml.log import Log
from cltv_ml.settings import Act, Backtest, Build, Check, Customers, Settings, Source, Train, Tune, Windowed
from cltv_ml.tracking.local_registry import champion_protected
from cltv_ml.windows import earliest_cutoff, to_cutoff, to_horizons

logger = logging.getLogger("cltv_ml")

_Windowed = TypeVar("_Windowed", Backtest, Train)

#: What `protected` states where no column is protected, not even the champion's; an empty list states nothing.
NO_COLUMN = ["none"]


def with_tables(
    cleaned: Cleaned,
    settings: Source,
    rules: Rules,
    *,
    headings: Mapping[str, str] | None = None,
    learned: Sequence[str] | None = None,
) -> CleanedShop:
    """Return a clean log with the tables about its customers and the protected columns that the settings name.

    `headings` are the columns of the log's source, each with its name in the log. If a model has chosen its features
    (`learned`), attributes are read as these need them.
    """
    if not isinstance(settings, Customers):
        return CleanedShop.of(cleaned)
    sources, protected = tables_of(settings), _champion_protected(settings)
    if not sources.given and not protected:
        return CleanedShop.of(cleaned)
    earliest = _earliest(settings, cleaned)
    customers = read_customers(
        Log(cleaned.log),
        CustomerSources(**{**vars(sources), "inherited": protected}),
        earliest=earliest,
        rules=rules,
        wanted=None if learned is None else attribute_columns(learned),
        headings=headings,
    )
    _tell_of_customers(customers, learns=earliest is not None)
    _tell_of_champion(customers, settings, protected)
    return CleanedShop.of(cleaned, customers)


def tables_of(settings: Customers) -> CustomerSources:
    """Return the tables and protected columns that the settings name in addition to the log."""
    return CustomerSources(
        customers=settings.customers if settings.names_customers else None,
        attributes=settings.attributes,
        contacts=settings.contacts if settings.names_contacts else None,
        contact_columns=settings.contact_columns,
        protected=() if settings.protected == NO_COLUMN else tuple(settings.protected),
    )


def with_protected(settings: _Windowed, cleaned: CleanedShop) -> _Windowed:
    """Return the settings with the protected columns that the data have, the champion's among them."""
    if settings.protected == NO_COLUMN:
        return settings
    return settings.model_copy(update={"protected": cleaned.customers.hidden})


def _champion_protected(settings: Settings) -> list[str]:
    """Return the champion's protected columns where a command keeps to them.

    Actions always do, a training where it states none of its own.
    """
    learns = isinstance(settings, Train | Tune | Backtest) and not settings.protected
    return champion_protected() if learns or isinstance(settings, Act) else []


def _earliest(settings: Source, cleaned: Cleaned) -> pd.Timestamp | None:
    """Return the first cutoff at which a command could train; None if it does not train."""
    if isinstance(settings, Build):
        return min(map(to_cutoff, settings.cutoff))
    if not isinstance(settings, Windowed | Check) or not len(cleaned.log):
        return None
    return earliest_cutoff(Log(cleaned.log).first, to_horizons(settings.horizon)[0])


def _tell_of_customers(customers: CustomerTables, *, learns: bool) -> None:
    """Log how attributes were read and which are left out; the command line shows it on stderr."""
    if customers.attributes is not None and customers.coverage is not None:
        for sentence in describe_attributes(customers.attributes, customers.coverage, learns=learns):
            logger.warning("Customers %s", sentence)
    if customers.contacts is not None and customers.contact_coverage is not None:
        for sentence in describe_contacts(customers.contacts, customers.contact_coverage):
            logger.warning("Contacts  %s", sentence)


def _tell_of_champion(customers: CustomerTables, settings: Customers, champions: Sequence[str]) -> None:
    """Log which columns are protected because the champion's training protected them."""
    of_champion, stated = (
        {plain_name(name, 0) for name in names} for names in (champions, settings.protected)
    )
    inherited = [name for name in customers.hidden if plain_name(name, 0) in of_champion - stated]
    if inherited:
        ending = "" if isinstance(settings, Act) else "; --protected states others, or none"
        logger.warning("Protected by the champion's training: %s%s.", ", ".join(inherited), ending)
