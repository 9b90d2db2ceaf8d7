"""Losses: equal to the published ones, blind to ignored pixels, finite everywhere."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from iis_core.models.losses import LOSSES, mark_fine_boundaries

PUBLISHED = {
    "normalised-focal": "nfl_alpha0.5_gamma2",
    "focal": "focal_alpha0.5_gamma2",
    "soft-iou": "soft_iou",
    "bce": "bce",
}

logits = arrays(np.float64, (2, 1, 3, 4), elements=st.floats(-9, 9))
targets = arrays(np.int8, (2, 1, 3, 4), elements=st.sampled_from([-1, 0, 1]))


@pytest.mark.skipif("IIS_SHARED" not in os.environ, reason="needs the reference outputs: set IIS_SHARED")
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_losses_and_their_gradients(name: str) -> None:
    published = np.load(Path(os.environ["IIS_SHARED"]) / "reference" / "vendor" / "ritm_losses.npz")
    prediction = torch.from_numpy(published["pred"]).requires_grad_()
    found = LOSSES[name](prediction, torch.from_numpy(published["label"]).to(torch.int8))
    found.mean().backward()
    assert found.detach().numpy() == pytest.approx(published[PUBLISHED[name]], rel=1e-6)
    gradient = published[f"{PUBLISHED[name]}_grad"]
    assert prediction.grad is not None
    assert prediction.grad.numpy() == pytest.approx(gradient, rel=1e-5, abs=1e-5 * float(np.abs(gradient).max()))


@given(x=logits, target=targets, other=logits, name=st.sampled_from(sorted(LOSSES)))
@settings(deadline=None)
def test_ignored_pixels_change_nothing_and_samples_are_apart(
    x: np.ndarray, target: np.ndarray, other: np.ndarray, name: str
) -> None:
    loss, truth = LOSSES[name], torch.from_numpy(target)
    changed = torch.from_numpy(np.where(target == -1, other, x)).requires_grad_()
    expected = loss(torch.from_numpy(x), truth)
    found = loss(changed, truth)
    assert found.shape == (2,)
    assert found.detach().numpy() == pytest.approx(expected.numpy(), abs=1e-12)
    found.sum().backward()
    assert changed.grad is not None
    assert not changed.grad[truth == -1].any()
    assert loss(changed[1:], truth[1:]).item() == pytest.approx(float(found[1].detach()), abs=1e-12)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_right_is_little_wrong_is_much_and_all_is_finite(name: str, scale: float) -> None:
    target = torch.tensor([[[[1, 0, -1, 0]]], [[[-1, -1, -1, -1]]]], dtype=torch.int8)
    right = (target.float() * 2 - 1) * 20 * scale
    for x, low, high in ((right, 0.0, 0.1), (-right, 0.3, 1e6)):
        x = x.clone().requires_grad_()
        found = LOSSES[name](x, target)
        assert low <= float(found[0].detach()) <= high
        assert found.isfinite().all()
        found.sum().backward()
        assert x.grad is not None
        assert x.grad.isfinite().all()


def test_dice_of_two_masks() -> None:
    target = torch.tensor([[[[1, 1, 0, 0]]]], dtype=torch.int8)
    logits = torch.tensor([[[[50.0, -50.0, 50.0, -50.0]]]])
    assert LOSSES["dice"](logits, target).item() == pytest.approx(0.5)
    assert LOSSES["soft-iou"](logits, target).item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("shape", [(64, 96), (61, 83)])
def test_fine_boundaries_are_those_of_the_published_definition(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).random(shape, dtype=np.float32)
    for width in (3, 7, 15):
        mask = cv2.GaussianBlur(noise, (0, 0), width) > np.median(noise)
        codes = mask.astype(np.uint8) * 255
        small = (cv2.resize(codes, (shape[1] // 8, shape[0] // 8)) > 128).astype(np.uint8) * 255
        lost = (cv2.resize(small, shape[::-1]) > 128) != mask
        expected = cv2.dilate(lost.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2)
        found = mark_fine_boundaries(torch.from_numpy(mask.astype(np.int8))[None, None])[0, 0]
        assert 0 < expected.mean() < 1
        assert np.array_equal(found.numpy(), expected > 0)


def test_an_error_at_a_fine_boundary_weighs_twice() -> None:
    target = torch.zeros((1, 1, 64, 64), dtype=torch.int8)
    target[..., 8:40, 8:40] = 1
    target[..., 20, 40:60] = 1
    fine = mark_fine_boundaries(target)
    assert fine[0, 0, 20, 50]
    assert not fine[0, 0, 24, 24]
    losses = []
    for row, col in ((20, 50), (24, 24)):
        logits = 4.0 * (2 * target.float() - 1)
        logits[0, 0, row, col] *= -1
        losses.append(float(LOSSES["boundary-focal"](logits, target)))
    assert losses[0] == pytest.approx(2 * losses[1], rel=0.01)
