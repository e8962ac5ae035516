"""Distinct rows of several columns, against the rows themselves."""

import numpy as np

from cltv_ml.models.distinct_rows import group_rows


def test_rows_of_many_different_values_are_not_taken_for_equal():
    """Of 4,097 values, the last is 2**32 pairs behind the first where the second column has 2**20."""
    first = np.tile(np.arange(4097.0), 2)
    columns = [first, np.full(len(first), 2.0**20 - 1)]
    distinct, place = group_rows(columns)
    assert len(distinct[0]) == 4097
    assert np.array_equal(np.column_stack(distinct)[place], np.column_stack(columns))
