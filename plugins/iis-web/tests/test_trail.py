"""Following a list of clicks gives what predicting it from the start does, with fewer calls."""

from __future__ import annotations

import iis_web.trail
import numpy as np
import pytest
import torch
from iis_web.trail import Trail
from web_disks import Disks, draw_photograph

from iis_core import predict
from iis_core.types import SignedClick

IMAGE = draw_photograph(40, 50)
X = torch.from_numpy(IMAGE).permute(2, 0, 1)[None].float() / 255


def draw_lists(seed: int) -> list[list[SignedClick]]:
    """Lists as they follow from one another by clicking, undoing, moving and deleting."""
    rng = np.random.default_rng(seed)
    clicks: list[SignedClick] = []
    lists = []
    for _ in range(25):
        act = rng.integers(5) if clicks else 0
        click = SignedClick(int(rng.integers(40)), int(rng.integers(50)), bool(rng.integers(2)))
        at = int(rng.integers(len(clicks))) if clicks else 0
        if act < 3:
            clicks = [*clicks[: 10 if act else 11], click]
        elif act == 3:
            clicks = [*clicks[:at], click, *clicks[at + 1 :]]
        else:
            clicks = [*clicks[:at], *clicks[at + 1 :]]
        clicks = list({(each.row, each.col): each for each in clicks}.values())
        lists.append(clicks)
    return lists


@pytest.mark.parametrize("kept_pixels", [1 << 25, 0])
@pytest.mark.parametrize("seed", range(4))
def test_every_answer_is_that_of_a_prediction_from_the_start(
    seed: int, kept_pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iis_web.trail, "_KEPT_PIXELS", kept_pixels)
    trail = Trail(Disks(), X, None, None)
    for clicks in draw_lists(seed):
        step = trail.follow(clicks, lambda: True)
        assert step is not None
        assert step.y is not None
        np.testing.assert_array_equal(step.y[0, 0].numpy(), predict(Disks(), IMAGE, clicks))


def test_it_starts_from_a_mask() -> None:
    start = np.zeros(IMAGE.shape[:2], bool)
    start[5:15, 5:15] = True
    trail = Trail(Disks(), X, torch.from_numpy(start).float()[None, None], None)
    clicks = [SignedClick(30, 40, True)]
    step = trail.follow(clicks, lambda: True)
    assert step is not None
    assert step.y is not None
    np.testing.assert_array_equal(step.y[0, 0].numpy(), predict(Disks(), IMAGE, clicks, start))


def test_only_what_is_new_is_computed() -> None:
    model = Disks()
    trail = Trail(model, X, None, None)
    clicks = [SignedClick(row + 1, row, True) for row in range(6)]
    for length, calls in ((4, 4), (4, 4), (6, 6), (5, 6), (2, 6), (3, 7)):
        trail.follow(clicks[:length], lambda: True)
        assert model.calls == calls


def test_it_stops_between_two_clicks_when_the_answer_is_not_wanted_any_more() -> None:
    model = Disks()
    trail = Trail(model, X, None, None)
    clicks = [SignedClick(row + 1, row, True) for row in range(6)]
    assert trail.follow(clicks, lambda: model.calls < 2) is None
    assert model.calls == 2
    assert trail.follow(clicks, lambda: True) is not None
    assert model.calls == 6


def test_few_predictions_are_kept_of_large_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iis_web.trail, "_KEPT_PIXELS", 3 * 40 * 50)
    trail = Trail(Disks(), X, None, None)
    trail.follow([SignedClick(row + 1, row, True) for row in range(10)], lambda: True)
    assert [step.y is not None for step in trail._steps] == [True, *[False] * 7, *[True] * 3]
