"""Networks as they compute fastest: the same answers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from iis_core.models.inference import enlarged_and_convolved

side = st.integers(1, 9)


@given(small=st.tuples(side, side), factor=st.integers(1, 5), k=st.sampled_from((1, 3, 5)), corners=st.booleans())
@settings(deadline=None, max_examples=40)
def test_convolving_before_enlarging_gives_what_convolving_afterwards_gives(
    small: tuple[int, int], factor: int, k: int, corners: bool
) -> None:
    torch.manual_seed(0)
    shape = (small[0] * factor + 1, small[1] * factor)
    x, weight = torch.randn(2, 3, *small, dtype=torch.float64), torch.randn(4, 3, k, k, dtype=torch.float64)
    enlarged = functional.interpolate(x, size=shape, mode="bilinear", align_corners=corners)
    expected = functional.conv2d(enlarged, weight, padding=k // 2)
    found = enlarged_and_convolved(x, weight, shape, align_corners=corners)
    assert found.shape == expected.shape
    assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-10)
