"""Functions on masks against plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from iis_core.masks import (
    Component,
    bounding_box,
    components,
    connected_to,
    dilate,
    erode,
    error_maps,
    farthest_pixel,
    inner_border,
    largest_component,
    outer_border,
    squared_distance,
)

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=24), elements=st.booleans())


def blocks(seed: int, height: int, width: int, size: int, density: float) -> np.ndarray:
    coarse = np.random.default_rng(seed).random((height // size + 1, width // size + 1)) < density
    return coarse.repeat(size, 0).repeat(size, 1)[:height, :width].copy()


def plain_squared(mask: np.ndarray) -> np.ndarray:
    """By looking at every pair of pixels."""
    padded = np.pad(mask, 1)
    outside = np.argwhere(~padded)
    squared = np.zeros(mask.shape, np.int64)
    for row, col in np.argwhere(mask):
        squared[row, col] = ((outside - (row + 1, col + 1)) ** 2).sum(axis=1).min()
    return squared


@given(masks)
def test_squared_distance_is_exact(mask: np.ndarray) -> None:
    assert (squared_distance(mask) == plain_squared(mask)).all()


@pytest.mark.parametrize("shape", [(700, 900), (1100, 1300)])
def test_squared_distance_is_exact_in_large_images(shape: tuple[int, int]) -> None:
    mask = np.ones(shape, bool)
    mask[tuple(np.random.default_rng(0).integers(0, min(shape), (2, 12)))] = False
    nearest = ndimage.distance_transform_edt(np.pad(mask, 1), return_distances=False, return_indices=True)
    rows, columns = nearest.astype(np.int64) - np.indices(np.pad(mask, 1).shape)
    assert (squared_distance(mask) == (rows**2 + columns**2)[1:-1, 1:-1]).all()


def check_farthest(mask: np.ndarray, excluded: np.ndarray) -> None:
    squared = squared_distance(mask)
    squared[excluded[:, 0], excluded[:, 1]] = 0
    found = farthest_pixel(mask, excluded)
    if not squared.any():
        assert found is None
        return
    row, col = divmod(int(squared.argmax()), mask.shape[1])
    assert found == (squared.max(), row, col)


@given(masks, st.data())
def test_farthest_pixel_is_the_first_of_the_largest(mask: np.ndarray, data: st.DataObject) -> None:
    places = st.tuples(*(st.integers(0, side - 1) for side in mask.shape))
    excluded = np.array(data.draw(st.lists(places, max_size=5)), np.int64).reshape(-1, 2)
    check_farthest(mask, excluded)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 30), st.floats(0.2, 0.9))
def test_farthest_pixel_in_images_of_usual_size(seed: int, size: int, density: float) -> None:
    mask = blocks(seed, 150, 210, size, density)
    check_farthest(mask, np.random.default_rng(seed).integers(0, 150, (6, 2)))


def test_farthest_pixel_does_not_depend_on_where_the_array_lies_in_memory() -> None:
    mask = blocks(0, 90, 120, 9, 0.6)
    expected = farthest_pixel(mask)
    for offset in range(1, 9):
        store = np.zeros((90, 120 + offset), bool)
        store[:, offset:] = mask
        assert farthest_pixel(store[:, offset:]) == expected


@given(masks, st.sampled_from([4, 8]))
def test_components_are_those_of_scipy(mask: np.ndarray, connectivity: int) -> None:
    structure = np.ones((3, 3)) if connectivity == 8 else None
    labels, count = ndimage.label(mask, structure)
    found = components(mask, connectivity)
    assert len(found) == count
    for label, component in enumerate(found, 1):
        whole = np.zeros_like(mask)
        whole[component.box] = component.mask
        assert (whole == (labels == label)).all()
        assert component.area == whole.sum()


@given(masks, st.sampled_from([4, 8]))
def test_the_largest_component_is_the_first_of_the_largest(mask: np.ndarray, connectivity: int) -> None:
    found = components(mask, connectivity)
    largest = largest_component(mask, connectivity)
    if not found:
        assert largest is None
        return
    expected = max(found, key=lambda component: component.area)
    assert largest is not None
    assert (largest.area, largest.box) == (expected.area, expected.box)
    assert (largest.mask == expected.mask).all()


@given(masks, st.data())
def test_connected_to_joins_the_components_of_some_pixels(mask: np.ndarray, data: st.DataObject) -> None:
    places = st.tuples(st.integers(0, mask.shape[0] - 1), st.integers(0, mask.shape[1] - 1))
    pixels = data.draw(st.lists(places, max_size=3))
    expected = np.zeros_like(mask)
    for component in components(mask):
        if any(_holds(component, pixel) for pixel in pixels):
            expected[component.box] |= component.mask
    assert np.array_equal(connected_to(mask, pixels), expected)


def _holds(component: Component, pixel: tuple[int, int]) -> bool:
    rows, columns = component.box
    inside = rows.start <= pixel[0] < rows.stop and columns.start <= pixel[1] < columns.stop
    return inside and bool(component.mask[pixel[0] - rows.start, pixel[1] - columns.start])


def test_a_checkerboard_has_as_many_components_as_fields() -> None:
    board = np.indices((300, 400)).sum(axis=0) % 2 == 0
    assert len(components(board, 4)) == 300 * 400 / 2


@given(masks)
def test_bounding_box_holds_the_mask_tightly(mask: np.ndarray) -> None:
    box = bounding_box(mask)
    if box is None:
        assert not mask.any()
        return
    assert mask[box].sum() == mask.sum()
    inner = mask[box]
    assert all(edge.any() for edge in (inner[0], inner[-1], inner[:, 0], inner[:, -1]))


@given(masks, st.integers(0, 4))
def test_erosion_and_dilation_are_those_of_scipy(mask: np.ndarray, radius: int) -> None:
    square = np.ones((2 * radius + 1,) * 2)
    assert (erode(mask, radius) == ndimage.binary_erosion(mask, square)).all()
    assert (dilate(mask, radius) == ndimage.binary_dilation(mask, square)).all()


def test_the_area_guard_returns_the_mask_as_it_is() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:10, 5:10] = True
    assert erode(mask, 1, min_area=9).sum() == 9
    assert (erode(mask, 1, min_area=10) == mask).all()
    assert dilate(mask, 1, max_area=49).sum() == 49
    assert (dilate(mask, 1, max_area=48) == mask).all()


@given(masks, st.integers(1, 3))
def test_borders_lie_on_their_side(mask: np.ndarray, width: int) -> None:
    inner, outer = inner_border(mask, width), outer_border(mask, width)
    assert not (inner & ~mask).any()
    assert not (outer & mask).any()
    chessboard = ndimage.distance_transform_cdt(np.pad(mask, 1), "chessboard")[1:-1, 1:-1]
    assert (inner == (mask & (chessboard <= width))).all()


@given(masks, st.data())
def test_error_maps_leave_ignored_pixels_out(prediction: np.ndarray, data: st.DataObject) -> None:
    target = data.draw(arrays(np.int8, prediction.shape, elements=st.sampled_from([-1, 0, 1])))
    missed, excess = error_maps(prediction, target)
    assert (missed == ((target == 1) & ~prediction)).all()
    assert (excess == ((target == 0) & prediction)).all()
