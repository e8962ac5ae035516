"""The public data sets known by name, each with its mapping, its cleaning settings and its traps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cltv_ml.data.rules import Rules


@dataclass(frozen=True)
class Dataset:
    """A named data set.

    Parameters
    ----------
    name, about, licence
        What it is, who made it, on what terms.
    traps
        What in it misleads, one sentence each.
    mapping, rules
        How its columns map to the standard names and how it is cleaned.
    file
        Name of the Parquet file inside the package.
    """

    name: str
    about: str
    licence: str
    traps: tuple[str, ...]
    mapping: Mapping[str, str]
    rules: Rules = field(default_factory=Rules)
    file: str = ""

    def locate(self) -> Path:
        """Return the path of its file."""
        return Path(__file__).with_name(self.file)


_CDNOW = Dataset(
    name="cdnow",
    about=(
        "All purchases until June 1998 of the 23,570 customers whose first purchase at the online music "
        "shop CDNOW fell into the first quarter of 1997: 69,659 rows, 2,500,315.63 USD. Collected and made "
        "public for research by Peter Fader and Bruce Hardie."
    ),
    licence="public research data of Fader and Hardie",
    traps=(
        "One acquisition cohort: tenure says almost nothing, and later customers are older than any here.",
        "80 purchases cost nothing; they are purchases all the same in the published counts.",
        "2,068 rows fall on a day on which the customer bought already; models count days.",
        "255 rows equal another in every column; without order number or time of day two equal purchases "
        "on a day are no sign of a double reading, so they are kept, as in all published figures.",
    ),
    mapping={
        "customer_id": "customer_id",
        "timestamp": "date",
        "amount": "dollar_value",
        "quantity": "number_of_cds",
    },
    rules=Rules(off=("exact_duplicate",)),
    file="cdnow.parquet",
)

#: The data sets by name.
DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in (_CDNOW,)}
