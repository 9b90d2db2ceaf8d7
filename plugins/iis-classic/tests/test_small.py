"""Whatever the size of the image or of the object, and wherever the clicks, every classic model answers rightly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iis_core import interact, list_models, load_model, load_robot
from iis_core.clicks import order_clicks

MODELS = list_models("classic/*")
sides = st.one_of(st.integers(1, 4), st.integers(1, 90))


@st.composite
def clicked_images(draw: st.DrawFn) -> tuple[np.ndarray, Any, Any, int]:
    """An image of one colour, of two or of noise, clicks on it, and a working size, often far below the image's."""
    height, width = draw(st.one_of(st.tuples(sides, sides), st.tuples(st.just(1), sides), st.tuples(sides, st.just(1))))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    image = np.full((height, width, 3), rng.integers(256), np.uint8)
    kind = draw(st.sampled_from(["one colour", "two colours", "noise"]))
    if kind == "two colours":
        image[: (height + 1) // 2, : (width + 1) // 2] = rng.integers(0, 256, 3)
    elif kind == "noise":
        image = rng.integers(0, 256, image.shape, np.uint8)
    place = st.tuples(st.integers(0, height - 1), st.integers(0, width - 1))
    count = draw(st.integers(1, 4))
    pcs, ncs = ([[draw(st.lists(place, max_size=2))] for _ in range(count)] for _ in range(2))
    return image, pcs, ncs, draw(st.sampled_from([1, 2, 3, 7, 20, 256]))


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=40, deadline=None)
@given(drawn=clicked_images())
def test_an_answer_is_a_probability_and_right_where_it_was_clicked(name: str, drawn: Any) -> None:
    image, pcs, ncs, working_size = drawn
    model = load_model(name, working_size=working_size)
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    z: Any = model.initialize_z(x, x[:, :1])
    for k in range(1, len(pcs) + 1):
        y, z = model(x, z, pcs[:k], ncs[:k])
        assert y.shape == (1, 1, *image.shape[:2])
        assert bool(((y >= 0) & (y <= 1)).all())
        last = {(click.row, click.col): click.positive for click in order_clicks(pcs[:k], ncs[:k], 0)}
        assert all(float(y[0, 0, row, col]) == positive for (row, col), positive in last.items())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("order", ["positive first", "negative first"])
def test_a_negative_click_on_the_same_small_pixel_does_not_turn_the_answer_around(name: str, order: str) -> None:
    image = torch.full((1, 3, 200, 200), 0.2)
    image[..., 90:110, 90:110] = 0.9
    model = load_model(name, working_size=100, seed_radius=2.0)
    positive, negative = [[(96, 96)]], [[(97, 97)]]
    pcs, ncs = ([positive, [[]]], [[[]], negative])
    if order == "negative first":
        pcs, ncs = pcs[::-1], ncs[::-1]
    z: Any = model.initialize_z(image, image[:, :1])
    y, _ = model(image, z, pcs, ncs)
    assert y[0, 0, 96, 96] == 1
    assert y[0, 0, 97, 97] == 0
    assert float((y[0, 0, 94:106, 94:106] > 0.5).float().mean()) > 0.9
    assert not (y[0, 0, :60] > 0.5).any()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("thing", [(1, 1), (1, 2), (1, 60), (60, 1), (2, 3)])
@pytest.mark.parametrize("size", [(300, 400), (900, 700), None])
def test_objects_of_a_few_pixels_are_answered_click_after_click(
    name: str, thing: tuple[int, int], size: tuple[int, int] | None
) -> None:
    rows, columns = thing
    height, width = size or thing
    target = torch.zeros(1, 1, height, width, dtype=torch.int8)
    top, left = (height - rows) // 2, (width - columns) // 2
    target[..., top : top + rows, left : left + columns] = 1
    image = (0.2 + 0.6 * target.float()).expand(-1, 3, -1, -1).contiguous()
    for step in interact(load_model(name, working_size=64), load_robot("ritm"), image, target, interactions=6):
        assert bool(torch.isfinite(step.y).all())
        clicks = order_clicks(step.pcs, step.ncs, 0)
        assert all(float(step.y[0, 0, click.row, click.col]) == click.positive for click in clicks)
