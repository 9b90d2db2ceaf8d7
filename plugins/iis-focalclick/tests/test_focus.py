"""The region to refine, and the merge with a given mask, by rules that are written out here."""

from __future__ import annotations

import numpy as np
import pytest
from iis_focalclick.focus import find_focus, mark_part, merge

from iis_core.models.inference import Box
from iis_core.types import SignedClick

WHOLE = Box(0, 99, 0, 199)


def block(*sides: int) -> np.ndarray:
    """A mask of 100 x 200 with the rows and columns from the first to the second, exclusive."""
    mask = np.zeros((100, 200), bool)
    mask[sides[0] : sides[1], sides[2] : sides[3]] = True
    return mask


NOTHING = block(0, 0, 0, 0)
OBJECT = block(40, 60, 80, 120)


@pytest.mark.parametrize(
    ("new", "old", "click", "region", "focus"),
    [
        (OBJECT, NOTHING, (50, 100), WHOLE, Box(35, 62, 71, 126)),
        (OBJECT, NOTHING, None, WHOLE, Box(35, 62, 71, 126)),
        (OBJECT, OBJECT, None, WHOLE, Box(35, 62, 71, 126)),
        (OBJECT, block(40, 60, 80, 100), (50, 110), WHOLE, Box(35, 62, 95, 122)),
        (OBJECT, block(40, 60, 80, 115), (50, 117), WHOLE, Box(38, 60, 105, 127)),
        (OBJECT, NOTHING, (50, 100), Box(45, 99, 0, 99), Box(45, 62, 71, 99)),
        (block(40, 42, 80, 84), NOTHING, (40, 80), WHOLE, Box(0, 99, 0, 199)),
        (block(0, 20, 0, 40), NOTHING, (0, 0), WHOLE, Box(0, 22, 0, 46)),
        (OBJECT, OBJECT | block(5, 10, 5, 30), (7, 7), Box(40, 99, 0, 199), None),
    ],
    ids=[
        *("the object", "no click", "no click and no change", "what changed", "a small change", "within the region"),
        *("few pixels", "at the border", "outside of the region"),
    ],
)
def test_the_region_to_refine(
    new: np.ndarray, old: np.ndarray, click: tuple[int, int] | None, region: Box, focus: Box | None
) -> None:
    assert find_focus(new, old, click, region) == focus


def test_parts_touch_at_corners_and_an_unmarked_pixel_stands_for_all_unmarked_ones() -> None:
    mask = np.zeros((4, 5), bool)
    mask[0, 0] = mask[1, 1] = mask[3, 4] = True
    assert np.argwhere(mark_part(mask, (0, 0))).tolist() == [[0, 0], [1, 1]]
    assert np.array_equal(mark_part(mask, (2, 2)), ~mask)


@pytest.mark.parametrize(
    ("click", "expected"),
    [
        (SignedClick(50, 130, True), block(40, 60, 80, 140)),
        (SignedClick(50, 85, False), block(40, 60, 90, 120)),
        (SignedClick(50, 100, True), OBJECT),
        (SignedClick(10, 10, False), OBJECT),
        (SignedClick(50, 110, False), block(40, 60, 80, 90)),
    ],
    ids=["added", "removed", "already there", "already gone", "not changed by the result"],
)
def test_a_given_mask_is_corrected_where_the_click_is(click: SignedClick, expected: np.ndarray) -> None:
    """The result lacks the mask's left end, reaches farther right, and has another object."""
    result = block(40, 60, 90, 140) | block(80, 90, 10, 30)
    assert np.array_equal(merge(OBJECT, result, click), expected)
    assert np.array_equal(OBJECT, block(40, 60, 80, 120))
