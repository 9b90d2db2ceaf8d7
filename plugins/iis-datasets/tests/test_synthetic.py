"""The synthetic shapes: any number, any size, repeatable, every object visible."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from iis_core import EvaluationDataset, UserError, load_dataset
from iis_core.testing import parametrize_with_checks


@parametrize_with_checks("iis-datasets")
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(("height", "width", "objects"), [(16, 16, 1), (16, 160, 10), (64, 64, 16), (120, 90, 5)])
def test_every_object_is_visible_at_any_size(height: int, width: int, objects: int) -> None:
    dataset = load_dataset("synthetic", count=4, height=height, width=width, objects=objects)
    assert len(EvaluationDataset(dataset)) == 4 * objects
    for i in range(4):
        sample = dataset[i]
        assert sample.image.shape == (height, width, 3)
        assert set(np.unique(sample.masks)) == set(range(objects + 1))


def test_an_image_depends_on_seed_and_number_alone() -> None:
    few, many = load_dataset("synthetic", count=3), load_dataset("synthetic", count=30)
    other = load_dataset("synthetic", count=3, seed=1)
    for i in (2, 0):
        assert np.array_equal(few[i].image, many[i].image)
        assert np.array_equal(few[i].masks, many[i].masks)
        assert not np.array_equal(few[i].image, other[i].image)
    assert not np.array_equal(few[0].image, few[1].image)


def test_a_later_object_hides_at_most_half_of_an_earlier_one() -> None:
    one, three = load_dataset("synthetic", count=12, objects=1), load_dataset("synthetic", count=12, objects=3)
    assert all((three[i].masks == 1).sum() > 0 for i in range(12))
    assert all((one[i].masks == 1).mean() > 0.005 for i in range(12))


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"objects": 0}, {"height": 15}, {"height": 32, "width": 32, "objects": 5}]
)
def test_what_cannot_be_drawn_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"must be at least|do not fit"):
        load_dataset("synthetic", **wrong)


def test_an_image_beyond_the_last_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        load_dataset("synthetic", count=2)[2]
