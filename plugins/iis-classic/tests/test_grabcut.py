"""classic/grabcut keeps the contract and segments what is easy."""

from __future__ import annotations

import pytest
import torch

from iis_core import UserError, interact, load_model, load_robot
from iis_core.loop import initialize
from iis_core.testing import check
from iis_core.testing.inputs import images, targets


def test_it_keeps_the_contract() -> None:
    results = check("classic/grabcut")
    assert {result.check: result.status for result in results if result.status != "passed"} == {}


def test_a_bright_object_needs_two_clicks_at_most() -> None:
    target = targets(4, 90, 120)
    for step in interact(load_model("classic/grabcut"), load_robot("ritm"), images(4, 90, 120), target, interactions=2):
        last = step
    for i, element in enumerate(last.elements):
        mask, true, certain = last.y[i] > 0.5, target[element] == 1, target[element] != -1
        assert (mask & true).sum() / ((mask | true) & certain).sum() > 0.95


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (300, 500)])
@pytest.mark.parametrize("sign", ["positive", "negative", "both"])
def test_clicked_pixels_always_get_their_label(size: tuple[int, int], sign: str) -> None:
    height, width = size
    corner, centre = (0, 0), (height - 1, width // 2)
    positives = [centre] if sign != "negative" else []
    negatives = [corner] if sign != "positive" and corner not in positives else []
    model, x = load_model("classic/grabcut"), torch.rand(1, 3, height, width)
    z, _ = initialize(model, x, torch.zeros(1, 1, height, width, dtype=torch.int8))
    y, _ = model(x, z, [[positives]], [[negatives]])
    assert all(y[0, 0, row, col] == 1 for row, col in positives)
    assert all(y[0, 0, row, col] == 0 for row, col in negatives)


def test_negative_clicks_alone_give_an_empty_mask() -> None:
    model, x = load_model("classic/grabcut"), images(1, 50, 60)
    z, _ = initialize(model, x, torch.zeros(1, 1, 50, 60, dtype=torch.int8))
    assert not model(x, z, [[[]]], [[[(5, 5)]]])[0].any()


def test_an_image_of_one_colour_is_answered() -> None:
    model, x = load_model("classic/grabcut"), torch.full((1, 3, 50, 60), 0.5)
    z, _ = initialize(model, x, torch.zeros(1, 1, 50, 60, dtype=torch.int8))
    assert model(x, z, [[[(25, 30)]]], [[[(0, 0)]]])[0][0, 0, 25, 30] == 1


def test_an_initial_mask_is_corrected_by_a_click() -> None:
    target = targets(1, 90, 120)
    mask = (target == 1).float()
    mask[:, :, :20, :20] = 1
    model, x = load_model("classic/grabcut"), images(1, 90, 120)
    z, _ = initialize(model, x, torch.zeros_like(target), mask)
    y, _ = model(x, z, [[[]]], [[[(10, 10)]]])
    assert y[0, 0, 10, 10] == 0
    assert ((y > 0.5) & (target == 1)).sum() > 0.9 * (target == 1).sum()


@pytest.mark.parametrize("wrong", [{"device": "cuda"}, {"working_size": 0}, {"iterations": 0}, {"near": float("nan")}])
def test_what_it_cannot_do_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        load_model("classic/grabcut", **wrong)
