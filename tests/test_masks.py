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
    dilate,
    erode,
    error_maps,
    farthest_pixel,
    inner_border,
    keep_connected,
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


def strip(shape: tuple[int, int], slope: float, half_width: float) -> np.ndarray:
    """The pixels near a line through the middle."""
    rows, columns = np.indices(shape)
    across = (rows - shape[0] / 2) - slope * (columns - shape[1] / 2)
    return np.asarray(np.abs(across) <= half_width * np.hypot(1, slope))


def ring(side: int, outer: float, inner: float) -> np.ndarray:
    radius = np.hypot(*(np.indices((side, side)) - side // 2))
    return np.asarray((radius <= outer) & (radius >= inner))


def place_together(*parts: np.ndarray) -> np.ndarray:
    """Masks of one height side by side, a column apart."""
    return np.concatenate([np.pad(part, ((0, 0), (0, 1))) for part in parts], axis=1)


SHAPES = {
    "one pixel": np.ones((1, 1), bool),
    "one pixel in the corner": np.indices((9, 7)).sum(axis=0) == 14,
    "full": np.ones((40, 31), bool),
    "a row": np.ones((1, 300), bool),
    "a column": np.ones((300, 1), bool),
    "a long strip": np.ones((3, 300), bool),
    "a diagonal": np.eye(50, dtype=bool),
    "the other diagonal": np.eye(50, dtype=bool)[:, ::-1],
    "two diagonals": np.eye(50, dtype=bool) | np.eye(50, k=1, dtype=bool),
    "a checkerboard": np.indices((30, 41)).sum(axis=0) % 2 == 0,
    "a disk": ring(61, 27.3, 0),
    "a ring": ring(61, 28, 11),
    "two equal disks": place_together(ring(41, 17, 0), ring(41, 17, 0)),
    # The directions in which a chamfer distance is most too long and most too short.
    "a strip that chamfer makes deeper": strip((60, 80), 0.1969, 9),
    "a strip that chamfer makes shallower": strip((60, 80), 0.5, 9),
    "both strips": place_together(strip((60, 50), 0.1969, 9), strip((60, 50), 0.5, 9.1), ring(60, 9.2, 0)),
}


@pytest.mark.parametrize("mask", SHAPES.values(), ids=SHAPES)
def test_distances_in_difficult_shapes_are_exact(mask: np.ndarray) -> None:
    squared = plain_squared(mask)
    assert (squared_distance(mask) == squared).all()
    assert farthest_pixel(mask) == (squared.max(), *np.unravel_index(squared.argmax(), mask.shape))


def squared_around_holes(shape: tuple[int, int], holes: np.ndarray) -> np.ndarray:
    """Squared distances in a mask that is full but for some pixels, by looking at each of these and at the border."""
    rows, columns = np.indices(shape)
    to_border = np.minimum.reduce([rows + 1, shape[0] - rows, columns + 1, shape[1] - columns]) ** 2
    return np.minimum.reduce([to_border, *((rows - row) ** 2 + (columns - col) ** 2 for row, col in holes)])


# With its frame, a side of 1022 is the largest that OpenCV is trusted with.
@pytest.mark.parametrize("shape", [(1022, 1022), (1022, 40), (40, 1022), (1023, 40), (40, 1023), (2, 5000), (5000, 3)])
@pytest.mark.parametrize("count", [0, 1, 15])
def test_distances_at_the_largest_size_of_the_fast_way_are_exact(shape: tuple[int, int], count: int) -> None:
    holes = np.random.default_rng(count).integers(0, shape, (count, 2))
    mask = np.ones(shape, bool)
    mask[tuple(holes.T)] = False
    squared = squared_around_holes(shape, holes)
    assert (squared_distance(mask) == squared).all()
    assert farthest_pixel(mask) == (squared.max(), *np.unravel_index(squared.argmax(), shape))


VIEWS = {
    "transposed": lambda mask: mask.T,
    "mirrored": lambda mask: mask[:, ::-1],
    "upside down": lambda mask: mask[::-1],
    "every third column": lambda mask: mask[:, ::3],
    "one row repeated": lambda mask: np.broadcast_to(mask[40], mask.shape),
    "without pixels": lambda mask: mask[:0],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize(
    "compute",
    [
        bounding_box,
        squared_distance,
        farthest_pixel,
        lambda mask: [(component.area, component.box) for component in components(mask)],
        lambda mask: keep_connected(mask, [(1, 1)] if mask.size else []),
    ],
    ids=["bounding_box", "squared_distance", "farthest_pixel", "components", "keep_connected"],
)
def test_a_view_of_a_mask_is_read_as_its_copy(compute, view) -> None:
    mask = view(blocks(0, 90, 120, 9, 0.6))
    np.testing.assert_equal(compute(mask), compute(mask.copy()))


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
    assert np.array_equal(keep_connected(mask, pixels), expected)


def _holds(component: Component, pixel: tuple[int, int]) -> bool:
    rows, columns = component.box
    inside = rows.start <= pixel[0] < rows.stop and columns.start <= pixel[1] < columns.stop
    return inside and bool(component.mask[pixel[0] - rows.start, pixel[1] - columns.start])


# Labels have 16 bits in masks of up to 131068 pixels.
@pytest.mark.parametrize("shape", [(300, 400), (362, 362), (2, 65534), (131068, 1), (1, 131069), (362, 363)])
@pytest.mark.parametrize("connectivity", [4, 8])
def test_as_many_single_pixels_as_there_can_be_are_as_many_components(
    shape: tuple[int, int], connectivity: int
) -> None:
    places = np.indices(shape)
    board = places.sum(axis=0) % 2 == 0 if connectivity == 4 else (places % 2 == 0).all(axis=0)
    found = components(board, connectivity)
    assert [(box[0].start, box[1].start) for _, box, _ in found] == list(zip(*np.nonzero(board), strict=True))
    assert {area for area, _, _ in found} == {1}


@pytest.mark.parametrize("connectivity", [4, 8])
def test_components_of_noise_at_the_limit_of_short_labels_are_those_of_scipy(connectivity: int) -> None:
    mask = np.random.default_rng(0).random((362, 362)) < 0.45
    labels, _ = ndimage.label(mask, np.ones((3, 3)) if connectivity == 8 else None)
    areas = np.bincount(labels.ravel())[1:]
    found = components(mask, connectivity)
    assert [component.area for component in found] == areas.tolist()
    largest = max(found, key=lambda component: component.area)
    assert (largest.mask == (labels == areas.argmax() + 1)[largest.box]).all()


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
