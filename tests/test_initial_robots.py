"""Initial robots: where their clicks fall, and how many they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from iis_core import Region, UserError, load_initial_robot
from iis_core.masks import erode, outer_border

MASK = np.zeros((40, 50), bool)
MASK[10:26, 12:34] = True
OTHERS = np.zeros_like(MASK)
OTHERS[30:36, 5:20] = True
PART = np.zeros_like(MASK)
PART[0:3, 40:45] = True
REGION = Region(MASK.astype(np.int8), OTHERS, (PART,))


def run(name: str, count: int = 3000, region: Region = REGION, n_points: int | None = None, **keywords: object):
    rngs = [np.random.default_rng(i) for i in range(count)]
    return load_initial_robot(name, **keywords)([region] * count, n_points=n_points, rngs=rngs)


def assert_decaying(numbers: list[int], first: int, count: int) -> None:
    shares = 0.8 ** np.arange(count)
    seen = np.bincount(numbers, minlength=first + count)[first : first + count]
    assert seen.sum() == len(numbers)
    assert stats.chisquare(seen, len(numbers) * shares / shares.sum()).pvalue > 1e-3


def test_none_makes_no_click() -> None:
    assert run("none", 2) == ([[], []], [[], []])


def test_random_clicks_anywhere_but_on_ignored_pixels() -> None:
    target = MASK.astype(np.int8)
    target[:, 25:] = -1
    pcs, ncs = run("core/random", region=Region(target), count=2000)
    seen = np.zeros(MASK.shape)
    for click in (click for own in (*pcs, *ncs) for click in own):
        seen[click] += 1
    assert seen.sum() == 2000
    assert not seen[:, 25:].any()
    assert stats.chisquare(seen[:, :25].reshape(8, 5, 5, 5).sum(axis=(1, 3)).ravel()).pvalue > 1e-3


def test_grid_clicks_once_in_every_cell() -> None:
    pcs, ncs = run("grid", 1, rows=4, columns=5)
    cells = sorted((row // 10, col // 10) for row, col in pcs[0] + ncs[0])
    assert cells == [(row, col) for row in range(4) for col in range(5)]
    few_pcs, few_ncs = run("grid", 1, n_points=3, rows=4, columns=5)
    assert len(few_pcs[0] + few_ncs[0]) == 3


def test_ritm_draws_the_number_of_positive_clicks_with_decay() -> None:
    pcs, _ = run("ritm-initial", max_points=6)
    assert_decaying([len(own) for own in pcs], first=1, count=6)


def test_ritm_erodes_the_target_most_of_the_time() -> None:
    pcs, _ = run("ritm-initial", max_points=1)
    inner = erode(MASK, 3)
    share_outside = np.mean([not inner[click] for (click,) in pcs])
    assert share_outside == pytest.approx(0.1 * (1 - inner.sum() / MASK.sum()), abs=0.02)


def test_ritm_clicks_every_required_region() -> None:
    _, ncs = run("ritm-initial", count=200)
    assert all(any(PART[click] for click in own) for own in ncs)


def test_ritm_chooses_the_place_of_negative_clicks_by_weight() -> None:
    _, ncs = run("ritm-initial", region=Region(MASK.astype(np.int8), OTHERS), max_points=1)
    clicks = [click for own in ncs for click in own]
    around = outer_border(MASK, int(np.ceil(0.1 * MASK.sum() ** 0.5)))
    background = (~MASK).sum()
    shares = {
        "others": (OTHERS, 0.4 + 0.1 * OTHERS.sum() / background),
        "around": (around, 0.5 + 0.1 * around.sum() / background),
    }
    for place, expected in shares.values():
        assert np.mean([place[click] for click in clicks]) == pytest.approx(expected, abs=0.04)


def test_ritm_draws_the_number_of_negative_clicks_with_decay_from_none_on() -> None:
    _, ncs = run("ritm-initial", region=Region(MASK.astype(np.int8), OTHERS), max_points=3)
    numbers = [len(own) for own in ncs]
    shares = 0.8 ** np.arange(4) / (0.8 ** np.arange(4)).sum()
    assert numbers.count(0) / len(numbers) == pytest.approx(shares[0], abs=0.03)
    assert max(numbers) == 3


def test_an_empty_target_gets_no_positive_and_a_full_one_no_negative_click() -> None:
    for name in ("core/random", "grid", "ritm-initial"):
        empty = run(name, 50, Region(np.zeros((9, 9), np.int8)))
        full = run(name, 50, Region(np.ones((9, 9), np.int8)))
        assert not any(empty[0])
        assert not any(full[1])
        assert any(empty[1])
        assert all(full[0])


def test_a_mix_draws_each_initial_robot_by_its_weight() -> None:
    pcs, ncs = run("core/mix", robots={"none": 1, "core/random": 1})
    assert np.mean([bool(p or n) for p, n in zip(pcs, ncs, strict=True)]) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(
    ("name", "wrong"), [("core/random", "count"), ("grid", "rows"), ("ritm-initial", "max_points")]
)
def test_impossible_numbers_are_refused(name: str, wrong: str) -> None:
    with pytest.raises(UserError, match=f"{wrong} must be at least 1"):
        load_initial_robot(name, **{wrong: 0})
