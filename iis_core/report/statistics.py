"""Intervals, tests and their correction, on sums over the objects of each image.

Objects of one image are not independent, so images are what is drawn again and what is swapped. Every number of a
report is a ratio of sums over objects: of clicks and objects for NoC, of drops and clicks for drops.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95
RESAMPLES = 9999
_AT_ONCE = 1_000_000
"""How many numbers are drawn at once, so that memory does not grow with the number of images."""

Pair = tuple[int, int]
"""(first, other), as places among the ratios; a difference is other - first."""


class Interval(NamedTuple):
    """A confidence interval.

    Attributes:
        low: its lower end.
        high: its upper end.
    """

    low: float
    high: float

    def scale(self, by: float) -> Interval:
        """Return the interval of the number times `by`."""
        return Interval(self.low * by, self.high * by)


def sum_by_image(values: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Sum over the objects of each image.

    Args:
        values: float (k, objects).
        images: int (objects,), the place of each object's image, from 0.

    Returns:
        float (k, images).
    """
    return np.stack([np.bincount(images, row) for row in values])


def bootstrap(
    parts: np.ndarray, wholes: np.ndarray, pairs: Sequence[Pair] = (), seed: int = 0
) -> list[Interval | None]:
    """Estimate 95 % intervals of ratios of sums and of differences between them, by drawing images again.

    All ratios see the same draws. The intervals are bias-corrected and accelerated (BCa): NoC is skewed and capped, so
    that its interval is not symmetric, and percentiles alone would lie too far on the short side.

    Args:
        parts: float (k, images), the dividends.
        wholes: float (k, images), the divisors.
        pairs: of ratios whose difference is wanted.
        seed: of the draws.

    Returns:
        An interval for each ratio, then for each pair; None where there is a single image, or where all images say
            the same, so that there is nothing to learn from drawing them again.

    Source: Efron 1987, Better bootstrap confidence intervals; Davison, Hinkley 1997, section 3.8 (clusters).
    """
    count = parts.shape[1]
    if count < 2:
        return [None] * (len(parts) + len(pairs))

    def compute_ratios(places: np.ndarray, axis: int = -1) -> np.ndarray:
        times = _count_draws(places.reshape(-1, places.shape[-1]), count)
        ratios = (times @ parts.T) / (times @ wholes.T)
        differences = [ratios[:, other] - ratios[:, first] for first, other in pairs]
        return np.stack([*ratios.T, *differences]).reshape(-1, *places.shape[:-1])

    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (np.arange(count),),
            compute_ratios,
            vectorized=True,
            batch=max(1, _AT_ONCE // count),
            n_resamples=RESAMPLES,
            confidence_level=LEVEL,
            method="BCa",
            random_state=np.random.default_rng(seed),
        ).confidence_interval
    ends = zip(found.low.tolist(), found.high.tolist(), strict=True)
    return [Interval(low, high) if np.isfinite([low, high]).all() else None for low, high in ends]


def permute(parts: np.ndarray, wholes: np.ndarray, pairs: Sequence[Pair], seed: int = 0) -> list[float]:
    """Test whether ratios differ: how often is the difference as large where the two are swapped in random images?

    Args:
        parts: as for `bootstrap`.
        wholes: as for `bootstrap`.
        pairs: of ratios to compare.
        seed: of the draws; with few images all swaps are tried instead.

    Returns:
        The two-sided p-value of each pair; 1 where there is a single image.
    """
    if parts.shape[1] < 2:
        return [1.0] * len(pairs)
    firsts, others = np.array(pairs).reshape(-1, 2).T
    halves = [
        ((each[others] - each[firsts]).T / 2, (each[others] + each[firsts]).sum(1) / 2) for each in (parts, wholes)
    ]
    count = parts.shape[1]

    def compute_differences(signs: np.ndarray, axis: int = -1) -> np.ndarray:
        (part, part_sum), (whole, whole_sum) = ((signs @ half, total) for half, total in halves)
        return np.asarray(_divide(part_sum + part, whole_sum + whole) - _divide(part_sum - part, whole_sum - whole))

    found = stats.permutation_test(
        (np.ones(count),),
        compute_differences,
        permutation_type="samples",
        vectorized=True,
        batch=max(1, _AT_ONCE // count),
        n_resamples=RESAMPLES,
        random_state=np.random.default_rng(seed),
    )
    return [float(p) for p in np.atleast_1d(found.pvalue)]


def correct_by_holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number, so that at most one in twenty families has any that is below 0.05 by chance.

    Args:
        p_values: those of one family of comparisons.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, float)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return corrected.tolist()


def _count_draws(places: np.ndarray, count: int) -> np.ndarray:
    """Count how often each of `count` images is drawn; float (draws, count) of int (draws, any)."""
    rows = np.arange(len(places))[:, None] * count
    return np.bincount((places + rows).ravel(), minlength=len(places) * count).reshape(-1, count).astype(float)


def _divide(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide; where there is nothing to divide by, the ratio is 0."""
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))
