"""Rows binned into quantiles for XGBoost, once for all fits on them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import xgboost as xgb

from cltv_ml.models.feature_files import Batches, StoredRows
from cltv_ml.models.fit_cache import digest_of
from cltv_ml.side_by_side import is_inside

#: Rows in memory, or rows of files that are read in batches.
Matrix: TypeAlias = np.ndarray | StoredRows


@dataclass(frozen=True)
class Examples:
    """Rows to learn from."""

    matrix: Matrix
    labels: np.ndarray
    #: How often each row counts, once if None.
    weight: np.ndarray | None = None
    #: The booster's starting value for each row.
    margin: np.ndarray | None = None
    #: Which columns hold the codes of categories ("c"), where any does.
    types: list[str] | None = None

    @cached_property
    def digest(self) -> bytes:
        """The digest of rows in memory, without their labels."""
        return digest_of(repr(self.types), np.asarray(self.matrix), self.margin, self.weight)


@dataclass
class _Kept:
    """Binned rows with the labels that they have, and those that the fits need which use them at the moment."""

    wanted: bytes
    users: int = 0
    bins: xgb.QuantileDMatrix | None = None
    labels: bytes = b""
    changing: threading.Lock = field(default_factory=threading.Lock)

    def labelled(self, rows: Examples) -> xgb.QuantileDMatrix:
        """Return the binned rows with the labels that are wanted."""
        with self.changing:
            if self.bins is None:
                self.bins = _bin(rows)
            elif self.labels != self.wanted:
                self.bins.set_label(rows.labels)
            self.labels = self.wanted
            return self.bins


@dataclass(frozen=True)
class _Cache:
    """Binned rows by the digest of what they were made of, of matrices of at most so many cells."""

    kept: dict[bytes, _Kept]
    most_cells: float


@contextmanager
def shared_bins(most_cells: float = np.inf) -> Iterator[None]:
    """Cache binned rows inside this context: fits on equal rows, weights and margins bin them once.

    Binning costs as much as about eighty rounds. The trials of a tuning share their rows, and a model of the amount
    shares them with one of buying at all, whose labels are put in place of the others. Rows are equal when their
    digests are, so models need not know of the cache; fits may run in several threads. Rows of more than `most_cells`
    cells are not kept: one takes about ten bytes. A nested context changes nothing.
    """
    global _cached_bins
    outermost = _cached_bins is None
    if outermost:
        _cached_bins = _Cache({}, most_cells)
    try:
        yield
    finally:
        if outermost:
            _cached_bins = None


_cached_bins: _Cache | None = None
_sharing = threading.Lock()


@contextmanager
def binned(rows: Examples) -> Iterator[xgb.QuantileDMatrix]:
    """Yield the binned rows, which get no other labels meanwhile; while fits with others use them, binned again."""
    cached = _cached_bins
    if cached is None or isinstance(rows.matrix, StoredRows) or rows.matrix.size > cached.most_cells:
        yield _bin(rows)
        return
    labels = digest_of("labels", rows.labels)
    with _sharing:
        kept = cached.kept.setdefault(rows.digest, _Kept(labels))
        shares = kept.wanted == labels or not kept.users
        if shares:
            kept.wanted, kept.users = labels, kept.users + 1
    try:
        yield kept.labelled(rows) if shares else _bin(rows)
    finally:
        with _sharing:
            kept.users -= shares


def _bin(rows: Examples) -> xgb.QuantileDMatrix:
    matrix, labels, weight, types = rows.matrix, rows.labels, rows.weight, rows.types
    how: dict[str, Any] = {"max_bin": 256, "nthread": 1 if is_inside() else None}
    if types is not None:
        how["enable_categorical"] = True
    if isinstance(matrix, StoredRows):
        return xgb.QuantileDMatrix(Batches(matrix, labels, weight, types), **how)
    return xgb.QuantileDMatrix(
        matrix, labels, weight=weight, base_margin=rows.margin, feature_types=types, **how
    )
