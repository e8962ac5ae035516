"""The column of the customer table with the channel that won each customer."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from cltv_ml.columns.headings import plain_heading, plain_text
from cltv_ml.customers.groups import UNKNOWN
from cltv_ml.customers.tables import CustomerTables

#: Headings of the channel that won a customer, the most certain first.
_CHANNEL_HEADINGS = (
    "acquisition channel|akquisekanal|akquisitionskanal|canal d'acquisition|canal de adquisición|canale di acquisizione"
    "|acquisitiekanaal|first channel|marketing channel|marketingkanal|channel|kanal|canal|canale|kanaal|kanał|kanál"
)


def channels_won(
    tables: CustomerTables, cutoff: pd.Timestamp, customers: pd.Index, named: Collection[str] = ()
) -> pd.Series | None:
    """Return the channel that won each customer, named by its column; None if no column of the table is one.

    The column is recognised by its heading, in several languages. If costs name channels, a column that contains all of
    them takes precedence over one that does not, whatever its heading.

    Parameters
    ----------
    named
        Channels that costs name.
    """
    groups = tables.groups(cutoff, customers, len(customers))
    plain = {column: plain_heading(column) for column in groups}
    headed = [
        column
        for heading in _CHANNEL_HEADINGS.split("|")
        for column in groups
        if plain[column] == plain_text(heading)
    ]
    candidates = [*headed, *(column for column in groups if column not in headed)]
    wanted = {plain_text(channel) for channel in named}
    fitting = [
        column for column in candidates if wanted and wanted <= set(map(plain_text, groups[column].unique()))
    ]
    chosen = next(iter([*fitting, *headed]), None)
    return None if chosen is None else groups[chosen].replace(UNKNOWN, None).rename(chosen)


def describe_channels(channels: pd.Series | None) -> list[str]:
    """Return a sentence on the column that names customers' channels; empty if there is none.

    >>> describe_channels(pd.Series(["ads"], name="Kanal"))
    ['The column Kanal of the customers table is taken as the channel that won each customer.']
    """
    if channels is None:
        return []
    return [
        f"The column {channels.name} of the customers table is taken as the channel that won each customer."
    ]
