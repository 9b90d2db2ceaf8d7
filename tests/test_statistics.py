"""Intervals and tests against cases whose truth is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from iis_core.report.statistics import bootstrap, correct_by_holm, permute, sum_by_image

EXPERIMENTS, IMAGES = 1000, 80


def draw_objects(most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Values of objects whose true mean is 3, skewed, alike within an image; and their images."""
    rng = np.random.default_rng(seed)
    images = np.repeat(np.arange(IMAGES), rng.integers(1, most + 1, IMAGES))
    shared = rng.exponential(2, (EXPERIMENTS, IMAGES))[:, images]
    return shared + rng.exponential(1, (EXPERIMENTS, len(images))), images


def coverage(values: np.ndarray, images: np.ndarray) -> float:
    sums = sum_by_image(values, images)
    wholes = np.broadcast_to(np.bincount(images).astype(float), sums.shape)
    intervals = bootstrap(sums, wholes)
    return float(np.mean([each is not None and each.low <= 3 <= each.high for each in intervals]))


@pytest.mark.parametrize("most", [1, 5])
def test_intervals_cover_the_true_mean_in_95_of_100_experiments(most: int) -> None:
    values, images = draw_objects(most, seed=most)
    assert 0.93 < coverage(values, images) < 0.97


def test_intervals_that_take_objects_of_one_image_for_independent_do_not() -> None:
    values, images = draw_objects(5, seed=5)
    assert coverage(values, np.arange(len(images))) < 0.88


def draw_pairs(gain: float) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """Sums of two models in images with one to five objects; the second is better by `gain` per object."""
    rng = np.random.default_rng(7)
    objects = rng.integers(1, 6, IMAGES).astype(float)
    difficulty = rng.exponential(2, (EXPERIMENTS, IMAGES))
    first, other = (objects * (difficulty + rng.exponential(1, (EXPERIMENTS, IMAGES))) for _ in range(2))
    parts = np.concatenate([first, other + gain * objects])
    return parts, np.broadcast_to(objects, parts.shape), [(i, EXPERIMENTS + i) for i in range(EXPERIMENTS)]


def test_p_values_are_uniform_where_there_is_no_difference() -> None:
    p_values = np.array(permute(*draw_pairs(0)))
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert 0.035 < np.mean(p_values < 0.05) < 0.065


def test_p_values_are_small_where_there_is_a_difference() -> None:
    assert np.mean(np.array(permute(*draw_pairs(0.6))) < 0.05) > 0.8


def test_intervals_of_differences_cover_the_true_difference() -> None:
    parts, wholes, pairs = draw_pairs(0.6)
    differences = bootstrap(parts, wholes, pairs)[len(parts) :]
    assert 0.93 < np.mean([each is not None and each.low <= 0.6 <= each.high for each in differences]) < 0.97


def test_with_few_images_all_swaps_are_tried() -> None:
    first, other = np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 2.5, 5, 4.5, 9])
    swaps = [np.mean(signs * (other - first)) for signs in itertools.product([1, -1], repeat=5)]
    expected = np.mean(np.abs(swaps) >= abs(np.mean(other - first)))
    assert permute(np.stack([first, other]), np.ones((2, 5)), [(0, 1)]) == [pytest.approx(expected)]


def test_images_are_swapped_with_all_that_is_in_them() -> None:
    """Shares of clicks: the number of clicks goes with its image."""
    parts, wholes = np.array([[1.0, 0], [4, 4]]), np.array([[10.0, 10], [5, 20]])
    shares = [
        (parts[a, 0] + parts[b, 1]) / (wholes[a, 0] + wholes[b, 1]) for a, b in itertools.product([0, 1], repeat=2)
    ]
    differences = [shares[3] - shares[0], shares[2] - shares[1], shares[1] - shares[2], shares[0] - shares[3]]
    expected = np.mean(np.abs(differences) >= abs(differences[0]) - 1e-12)
    assert permute(parts, wholes, [(0, 1)]) == [pytest.approx(expected)]


def test_an_interval_of_a_ratio_agrees_with_scipy_on_pairs_of_sums() -> None:
    rng = np.random.default_rng(3)
    part, whole = rng.random(40), rng.uniform(1, 5, 40)
    (found,) = bootstrap(part[None], whole[None])
    expected = stats.bootstrap(
        (part, whole), lambda p, w, axis: p.sum(axis) / w.sum(axis), paired=True
    ).confidence_interval
    assert found == pytest.approx(tuple(expected), rel=0.02)


def test_results_depend_on_the_seed_alone() -> None:
    parts, wholes, _ = draw_pairs(0)
    few = parts[[0, EXPERIMENTS]], wholes[[0, EXPERIMENTS]], [(0, 1)]
    assert bootstrap(*few, seed=1) == bootstrap(*few, seed=1) != bootstrap(*few, seed=2)
    assert permute(*few, seed=1) == permute(*few, seed=1) != permute(*few, seed=2)


def test_one_image_and_images_that_all_say_the_same_have_no_interval() -> None:
    assert bootstrap(np.ones((2, 1)), np.ones((2, 1)), [(0, 1)]) == [None] * 3
    same, different = np.full(9, 2.0), np.arange(9.0)
    intervals = bootstrap(np.stack([same, different, different]), np.ones((3, 9)), [(1, 2), (0, 1)])
    assert [each is None for each in intervals] == [True, False, False, True, False]
    assert permute(np.stack([same, same]), np.ones((2, 9)), [(0, 1)]) == [1]


def test_holm_corrects_by_rank_and_never_changes_the_order() -> None:
    assert correct_by_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert correct_by_holm([0.9, 0.8]) == [1, 1]
    assert correct_by_holm([0.02]) == [0.02]
    assert correct_by_holm([]) == []
