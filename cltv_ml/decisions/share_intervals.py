"""Intervals of differences between shares, which hold with few customers too."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def share_difference_interval(arms: Iterable[tuple[float, float, int]], z: float) -> tuple[float, float]:
    """Return the bounds of a weighted sum of shares, such as that of one arm less that of another.

    Newcombe's interval (1998, method 10): the distances of each share to its Wilson bounds, added as squares. With 0 of
    30 buyers it knows that the true share may be above zero, where the normal interval has no width.

    Parameters
    ----------
    arms
        Weight, share and number of customers of each arm; the weight of an arm that is subtracted is negative.
    z
        Quantile of the normal distribution, such as 1.96.

    >>> [round(end, 4) for end in share_difference_interval([(1, 56 / 70, 70), (-1, 48 / 80, 80)], 1.96)]
    [0.0524, 0.3339]
    """
    weight, share, count = (np.array(values, dtype=float) for values in zip(*arms, strict=True))
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    ends = weight * (middle - half - share), weight * (middle + half - share)
    below, above = np.minimum(*ends), np.maximum(*ends)
    total = (weight * share).sum()
    return float(total - np.sqrt((below**2).sum())), float(total + np.sqrt((above**2).sum()))
