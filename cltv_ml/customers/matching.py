"""Matching of ids in a table about customers to those of the log, across spellings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from cltv_ml.errors import InputError
from cltv_ml.tables import ids_among

#: Ways in which two exports spell the same id, the nearest first.
SPELLINGS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "as they are written": lambda ids: ids,
    "without leading zeros": lambda ids: ids.str.replace(r"^0+(?=\d)", "", regex=True),
    "without case": lambda ids: ids.str.lower(),
    "by letters and digits only": lambda ids: (
        ids.str.lower().str.replace(r"[^0-9a-z]", "", regex=True).str.replace(r"^0+(?=\d)", "", regex=True)
    ),
}


@dataclass(frozen=True)
class Coverage:
    """Overlap of a table about customers with the log's customers."""

    #: Customers of the log, and those of them with a row.
    customers: int
    covered: int
    #: Customers of the table who are not in the log.
    strangers: int
    #: The spelling in which ids were compared: a key of `SPELLINGS`.
    spelling: str = "as they are written"

    @property
    def sentence(self) -> str:
        """The coverage in words."""
        share = self.covered / max(self.customers, 1)
        digits = 0 if share in (0, 1) or 0.01 <= share <= 0.99 else 1
        text = f"{self.covered:,} of {self.customers:,} customers in the log ({share:.{digits}%}) have a row"
        if self.strangers:
            text += f"; {self.strangers:,} customers in the table are not in the log"
        if self.spelling != "as they are written":
            text += f"; ids were compared {self.spelling}"
        return f"{text}."


def match_customers(
    table: pa.Table, customers: pd.Index, subject: str = "customers"
) -> tuple[pa.Table, Coverage]:
    """Return a table with `customer_id` in the log's spelling, and its coverage of the log's customers.

    Ids are compared in a looser spelling only if that matches over 2% more customers.

    Raises
    ------
    InputError
        No customer of the table is in the log, or two ids of the log are the same in the spelling that matches.

    >>> table = pa.table({"customer_id": ["7", "8"], "text_country": ["UK", "FR"]})
    >>> matched, coverage = match_customers(table, pd.Index(["0007", "0008", "0009"]))
    >>> matched["customer_id"].to_pylist(), coverage.covered, coverage.spelling
    (['0007', '0008'], 2, 'without leading zeros')
    """
    table_ids = pd.Series(table["customer_id"].to_pandas().astype("str"))
    log_ids = pd.Series(customers.astype("str"))
    if not len(table_ids) or not len(log_ids):
        return table, Coverage(len(log_ids), 0, table_ids.nunique())
    distinct = pd.Series(table_ids.unique())
    matches = _matches_by_spelling(distinct, log_ids)
    best = max(matches.values())
    if not best:
        raise InputError(
            f"{subject}: no customer in the table is in the log. Ids in the log look like {log_ids.iloc[0]!r}, ids "
            f"in the table like {table_ids.iloc[0]!r}. Name the column with the log's ids with --attribute "
            "COLUMN=customer_id."
        )
    spelling = next(name for name in matches if matches[name] >= 0.98 * best)
    spell = SPELLINGS[spelling]
    _check_distinct(log_ids, spell(log_ids), distinct, spell(distinct), spelling, subject)
    spelled = table_ids
    if spelling != "as they are written":
        log_spelling = pd.Series(log_ids.to_numpy(), index=spell(log_ids))
        spelled = spell(table_ids).map(log_spelling).where(lambda ids: ids.notna(), table_ids)
    column = table.column_names.index("customer_id")
    matched = table.set_column(column, "customer_id", pa.array(spelled, pa.string()))
    return matched, Coverage(len(log_ids), matches[spelling], len(distinct) - matches[spelling], spelling)


def _matches_by_spelling(distinct: pd.Series, log_ids: pd.Series) -> dict[str, int]:
    """Return how many ids of the table are in the log, by spelling, up to the one that matches nearly all."""
    matches: dict[str, int] = {}
    for name, spell in SPELLINGS.items():
        matches[name] = int(ids_among(spell(distinct), spell(log_ids)).sum())
        # from here on no looser spelling matches over 2% more
        if matches[name] >= 0.98 * min(len(distinct), len(log_ids)):
            break
    return matches


def _check_distinct(
    log_ids: pd.Series,
    spelled_log_ids: pd.Series,
    table_ids: pd.Series,
    spelled_table_ids: pd.Series,
    spelling: str,
    subject: str,
) -> None:
    """Raise InputError if a spelling merges two customers."""
    for ids, plain, where in ((log_ids, spelled_log_ids, "log"), (table_ids, spelled_table_ids, "table")):
        twice = ids[plain.duplicated(keep=False)]
        if len(twice):
            raise InputError(
                f"{subject}: ids match the log's only {spelling}, but the {where} has both {twice.iloc[0]!r} "
                f"and {twice.iloc[1]!r}. Export both files with the same spelling of ids."
            )
