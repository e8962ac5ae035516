"""Training rows on disk: Parquet files that trees read in batches, whatever their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import xgboost as xgb

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_columns
from cltv_ml.models.categories import code_levels, encode

#: Rows of a batch, at most.
BATCH_ROWS = 65_536

#: Columns of the files that are not features.
_KEY_COLUMNS = ("cutoff", "customer_id")
_LABEL_PREFIX = "label_"


@dataclass(frozen=True)
class FeatureFiles:
    """The files of `features.write_features(..., horizon=...)`, in place of `X` and `y` of a tree model's `fit`.

    Each fit reads them several times, a batch at a time, so a panel larger than memory can be learned from.
    Memory holds one label per row, and one byte per row and feature: XGBoost's binned values.

    Parameters
    ----------
    folder
        Parquet files below folders `cutoff=YYYY-MM-DD`, written by DuckDB or Spark.
    label
        The column to learn.

    Raises
    ------
    InputError
        The folder holds no Parquet file, or the files lack the label.

    >>> FeatureFiles("none")
    Traceback (most recent call last):
    cltv_ml.errors.InputError: 'none' has no Parquet files; write them with
    write_features(log, cutoffs, 'none', horizon=...).
    """

    folder: str | Path
    label: str = "label_value"
    _data: pa.dataset.Dataset = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        files = sorted(Path(self.folder).rglob("*.parquet"))
        if not files:
            raise InputError(
                f"{str(self.folder)!r} has no Parquet files; write them with write_features(log, cutoffs, "
                f"{str(self.folder)!r}, horizon=...)."
            )
        cutoff = pa.dataset.partitioning(pa.schema([("cutoff", pa.timestamp("us"))]), flavor="hive")
        data = pa.dataset.dataset(
            [str(file) for file in files],
            partitioning=cutoff,
            partition_base_dir=str(self.folder),
            format="parquet",
        )
        if self.label not in data.schema.names:
            labels = [name for name in data.schema.names if name.startswith(_LABEL_PREFIX)]
            raise InputError(
                f"{str(self.folder)!r}: the files lack {self.label!r}; their labels are {labels}."
            )
        object.__setattr__(self, "_data", data)

    def __len__(self) -> int:
        return int(self._data.count_rows())

    @property
    def columns(self) -> list[str]:
        """The names of the numeric features."""
        return [
            column.name
            for column in self._data.schema
            if column.name not in _KEY_COLUMNS
            and not column.name.startswith(_LABEL_PREFIX)
            and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type))
        ]

    def __getitem__(self, name: str) -> pd.Series:
        """Return a column of text."""
        return pd.Series(self._data.to_table(columns=[name])[name].to_pandas())

    def labels(self) -> np.ndarray:
        """Return the label of each row, shape (n,)."""
        column = self._data.to_table(columns=[self.label])[self.label]
        return np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan))

    def categories(self, names: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return the codes of the levels of each named column that holds text."""
        schema, codes = self._data.schema, {}
        cutoffs = self.cutoffs().nunique()
        for name in (name for name in names if name in schema.names and _is_text(schema.field(name).type)):
            counts = self._data.to_table(columns=[name])[name].drop_null().value_counts()
            levels = pd.Series(counts.field("counts").to_numpy(), index=counts.field("values").to_pylist())
            codes[name] = code_levels(levels, cutoffs)
        return codes

    def cutoffs(self) -> pd.DatetimeIndex:
        """Return the cutoff of each row; one cutoff for all where the files name none."""
        if "cutoff" not in self._data.schema.names:
            return pd.DatetimeIndex([pd.Timestamp(0)] * len(self))
        return pd.DatetimeIndex(self._data.to_table(columns=["cutoff"])["cutoff"].to_pandas())

    def batches(self, names: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Yield the named columns a batch at a time, in the order of `labels`."""
        for batch in self._data.to_batches(columns=list(names), batch_size=BATCH_ROWS):
            if len(batch):
                yield batch.to_pandas()


@dataclass(frozen=True)
class StoredRows:
    """Rows of files to iterate over, all or those chosen by a mask: the counterpart of a matrix in memory.

    Iteration raises the errors of `check_columns`.
    """

    model: Any
    files: FeatureFiles
    names: Sequence[str]
    chosen: np.ndarray

    def __len__(self) -> int:
        return int(self.chosen.sum())

    def __getitem__(self, mask: np.ndarray) -> StoredRows:
        chosen = self.chosen.copy()
        chosen[chosen] = mask
        return replace(self, chosen=chosen)

    def __iter__(self) -> Iterator[np.ndarray]:
        done = 0
        for batch in self.files.batches(self.names):
            chosen_rows = batch[self.chosen[done : done + len(batch)]]
            done += len(batch)
            if len(chosen_rows):
                yield check_columns(
                    self.model, encode(chosen_rows, self.model.categories_), self.names, np.float32
                )


class Batches(xgb.DataIter):
    """XGBoost's iterator over rows of files, with the label and the weight of each."""

    def __init__(
        self, rows: StoredRows, labels: np.ndarray, weight: np.ndarray | None, types: list[str] | None = None
    ) -> None:
        super().__init__(release_data=False)
        self._rows, self._labels, self._weight, self._types = rows, labels, weight, types
        self.reset()

    def reset(self) -> None:
        """Start over."""
        self._matrices, self._done = iter(self._rows), 0

    def next(self, input_data: Callable[..., Any]) -> bool:
        """Pass the next batch to XGBoost; return False after the last one."""
        matrix = next(self._matrices, None)
        if matrix is None:
            return False
        these = slice(self._done, self._done + len(matrix))
        self._done = these.stop
        weight = None if self._weight is None else self._weight[these]
        input_data(data=matrix, label=self._labels[these], weight=weight, feature_types=self._types)
        return True


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
