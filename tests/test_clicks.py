"""Click encodings against the published maps and against all pixels times all clicks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from iis_core import UserError
from iis_core.clicks import (
    clicks_from_points,
    disks,
    drop_negative_places,
    gaussians,
    order_clicks,
    points_from_clicks,
    tanh_distances,
)

ENCODINGS = {
    "disks": lambda points, shape, previous=None: disks(points, shape, 5, previous),
    "tanh": lambda points, shape, previous=None: tanh_distances(points, shape, 60, previous),
    "gaussians": lambda points, shape, previous=None: gaussians(points, shape, (3, 9.5), previous),
}


@st.composite
def point_tensors(draw: st.DrawFn) -> Tensor:
    batch, half = draw(st.integers(1, 3)), draw(st.integers(0, 3))
    place = st.tuples(st.floats(-9, 40, width=32), st.floats(-9, 50, width=32), st.sampled_from([-1.0, 1.0]))
    points = draw(st.lists(place, min_size=2 * batch * half, max_size=2 * batch * half))
    return torch.tensor(points, dtype=torch.float32).reshape(batch, 2 * half, 3)


def plain_squared(points: Tensor, shape: tuple[int, int]) -> np.ndarray:
    """Squared distance to the nearest click of each sign by all pixels times all clicks, float64."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    nearest = np.full((len(points), 2, *shape), np.inf)
    for element, own in enumerate(points.double().numpy()):
        for place, (row, col, order) in enumerate(own):
            if order >= 0:
                sign = int(place >= len(own) / 2)
                squared = (rows - row) ** 2 + (columns - col) ** 2
                nearest[element, sign] = np.minimum(nearest[element, sign], squared)
    return nearest


def test_disks_are_those_of_iislib(reference: Path) -> None:
    clicks = json.loads((reference / "iislib_disks.json").read_text())
    published = np.load(reference / "iislib_disks.npz")
    batch, _, height, width = clicks["shape"]
    pcs, ncs = ([step or [[]] * batch for step in clicks[sign]] for sign in ("pcs", "ncs"))
    maps = disks(points_from_clicks(pcs, ncs), (height, width), clicks["radius"])
    assert (maps[:, :1].numpy() == published["pos"]).all()
    assert (maps[:, 1:].numpy() == published["neg"]).all()


def test_maps_are_those_of_ritm(reference: Path) -> None:
    published = np.load(reference / "ritm_click_maps.npz")
    points = torch.from_numpy(published["points"])
    assert (disks(points, (96, 128), 5).numpy() == published["disks_radius5"]).all()
    assert np.abs(tanh_distances(points, (96, 128), 60).numpy() - published["tanh_radius60"]).max() <= 1e-6


@given(point_tensors())
def test_maps_agree_with_all_pixels_times_all_clicks(points: Tensor) -> None:
    shape = (31, 42)
    squared = plain_squared(points, shape)
    certain = np.abs(squared - 25) > 1e-3
    assert (disks(points, shape, 5).numpy() == (squared <= 25))[certain].all()
    assert np.allclose(tanh_distances(points, shape, 60), np.tanh(2 * np.sqrt(squared) / 60), atol=1e-6)
    both = np.stack([np.exp(-squared / (2 * sigma**2)) for sigma in (3, 9.5)], axis=2)
    assert np.allclose(gaussians(points, shape, (3, 9.5)), both.reshape(len(points), 4, *shape), atol=1e-6)


@given(point_tensors(), st.sampled_from([0, 0.5, 1, 2.5, 7.3, 60]), st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_disks_of_any_radius_agree_with_all_pixels_times_all_clicks(
    points: Tensor, radius: float, shape: tuple[int, int]
) -> None:
    squared = plain_squared(points, shape)
    certain = (np.abs(squared - radius**2) > 1e-3) | (squared == radius**2)
    assert (disks(points, shape, radius).numpy() == (squared <= radius**2))[certain].all()


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@given(earlier=point_tensors(), data=st.data())
def test_new_clicks_drawn_over_the_earlier_map_give_the_map_of_all(encode, earlier: Tensor, data) -> None:
    new = data.draw(point_tensors().filter(lambda points: len(points) == len(earlier)))
    both = torch.cat([t.reshape(len(earlier), 2, -1, 3) for t in (earlier, new)], dim=2).flatten(1, 2)
    previous = encode(earlier, (20, 30))
    before = previous.clone()
    assert torch.equal(encode(new, (20, 30), previous), encode(both, (20, 30)))
    assert torch.equal(previous, before)


clicks = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=2)
histories = st.integers(1, 3).flatmap(
    lambda batch: st.lists(
        st.tuples(*(st.lists(clicks, min_size=batch, max_size=batch) for _ in range(2))), min_size=1, max_size=4
    )
)


@given(histories)
def test_points_and_clicks_convert_both_ways(history) -> None:
    pcs, ncs = [p for p, _ in history], [n for _, n in history]
    points = points_from_clicks(pcs, ncs)
    assert torch.equal(points_from_clicks(*clicks_from_points(points)), points) or not points.numel()
    for element in range(len(pcs[0])):
        in_order = [c for p, n in history for c in (*p[element], *n[element])]
        own = points[element][points[element, :, 2] >= 0]
        assert own[own[:, 2].argsort(), :2].tolist() == [list(click) for click in in_order]


def test_points_are_padded_and_signed() -> None:
    points = points_from_clicks([[[(1, 2), (3, 4)], []]], [[[(5, 6)], [(7, 8)]]])
    none = [-1, -1, -1]
    assert points.tolist() == [[[1, 2, 0], [3, 4, 1], [5, 6, 2], none], [none, none, [7, 8, 0], none]]


def test_orders_with_gaps_are_as_many_interactions_as_there_are_orders() -> None:
    points = torch.tensor([[[1, 2, 1e6], [3, 4, 7], [5, 6, 3e9], [-1, -1, -1]]])
    assert clicks_from_points(points) == ([[[(3, 4)]], [[(1, 2)]], [[]]], [[[]], [[]], [[(5, 6)]]])


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("value", [torch.inf, torch.nan, -torch.inf, 0.25])
def test_points_that_are_no_pixels_are_refused(place: int, value: float) -> None:
    points = torch.zeros(1, 2, 3)
    points[0, 1, place] = value
    with pytest.raises(UserError, match="fractional or infinite coordinates cannot become clicks"):
        clicks_from_points(points)


def test_what_cannot_be_encoded_is_refused() -> None:
    with pytest.raises(UserError, match="fractional"):
        clicks_from_points(torch.tensor([[[0.5, 1, 0], [-1, -1, -1]]]))
    with pytest.raises(UserError, match=r"points must be \(B, 2n, 3\)"):
        disks(torch.zeros(1, 3, 3), (4, 4))
    with pytest.raises(UserError, match="previous must be a map of shape"):
        disks(torch.zeros(1, 2, 3), (4, 4), previous=torch.zeros(1, 2, 4, 5))


def test_an_elements_clicks_are_in_order_by_interaction_positives_first() -> None:
    pcs = [[[], [(1, 2)]], [[], [(5, 6), (7, 8)]]]
    ncs = [[[(9, 9)], [(3, 4)]], [[], []]]
    assert order_clicks(pcs, ncs, 1) == [(1, 2, True), (3, 4, False), (5, 6, True), (7, 8, True)]
    assert order_clicks(pcs, ncs, 0) == [(9, 9, False)]
    assert order_clicks([], [], 0) == []


@pytest.mark.parametrize("name", ENCODINGS)
def test_maps_are_float32_whatever_the_precision_of_points(name: str) -> None:
    points = torch.tensor([[[3.3, 4.9, 0], [-1, -1, -1]], [[7.25, 0.5, 1], [2, 2, 0]]], dtype=torch.float64)
    maps = ENCODINGS[name](points, (12, 9))
    assert maps.dtype == torch.float32
    assert torch.allclose(maps, ENCODINGS[name](points.float(), (12, 9)), atol=1e-5)


def test_double_precision_decides_what_lies_on_the_edge_of_a_disk() -> None:
    """3 and 4 pixels away, but for less than float32 holds at this distance from the corner."""
    points = torch.tensor([[[700 - 1e-5, 700, 0], [-1, -1, -1]]], dtype=torch.float64)
    double, single = (disks(each, (720, 720), 5)[0, 0] for each in (points, points.float()))
    assert (double[703, 704], single[703, 704]) == (0, 1)
    assert (double[697, 704], single[697, 704]) == (1, 1)


def test_points_above_and_to_the_left_are_none() -> None:
    points = torch.tensor([[[-2.0, -0.5, 0], [-2, 0, 1], [0, -2, 2], [3, 3, 3]]])
    kept = drop_negative_places(points)
    assert kept[0, 0].tolist() == [-1, -1, -1]
    assert torch.equal(kept[0, 1:], points[0, 1:])
