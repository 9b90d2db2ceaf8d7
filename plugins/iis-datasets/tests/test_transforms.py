"""Augmentations move image and masks together, interpolate no mask, and depend on rng alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from iis_datasets import transforms
from iis_datasets.transforms import (
    BrightnessContrast,
    ColourShift,
    Compose,
    CropWithObject,
    Flip,
    Pad,
    Rotate,
    Scale,
    Stretch,
)
from torch.utils.data import DataLoader

from iis_core import Region, load_dataset, load_selector
from iis_core.datasets import RegionBatch, RegionDataset, collate

EVERY = [
    Scale(),
    Stretch(90, 70),
    Flip(1.0),
    Rotate(),
    Pad(90, 130),
    CropWithObject(40, 50),
    BrightnessContrast(),
    ColourShift(),
]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def image() -> np.ndarray:
    """Bright where the object is, dark elsewhere, so that image and target can be compared."""
    target = region().target
    return np.repeat(np.where(target == 1, 200, 20).astype(np.uint8)[:, :, None], 3, axis=2)


def region() -> Region:
    target = np.zeros((60, 80), np.int8)
    target[20:35, 30:50], target[:4] = 1, -1
    others, required = np.zeros((60, 80), bool), np.zeros((60, 80), bool)
    others[40:55, 5:25], required[36:39, 30:50] = True, True
    return Region(target, others, (required,))


@pytest.mark.parametrize("transform", EVERY, ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("seed", range(5))
def test_image_and_masks_move_together(transform: transforms.Transform, seed: int, image: np.ndarray) -> None:
    moved, after = transform(image, region(), rng(seed))
    assert moved.dtype == np.uint8
    assert after.target.dtype == np.int8
    assert moved.shape[:2] == after.target.shape == after.others.shape
    assert set(np.unique(after.target)) <= {-1, 0, 1}
    bright = moved.mean(axis=2) > np.mean([moved.min(), moved.max()])
    counted = after.target >= 0
    assert (bright[counted] == (after.target[counted] == 1)).mean() > 0.97
    assert all(mask.dtype == bool and mask.any() and mask.shape == after.target.shape for mask in after.required)
    assert not (after.others & (after.target == 1)).any()


@pytest.mark.parametrize("transform", EVERY, ids=lambda t: type(t).__name__)
def test_the_same_generator_gives_the_same_sample(transform: transforms.Transform, image: np.ndarray) -> None:
    torch.manual_seed(1)
    first = transform(image, region(), rng(3))
    torch.manual_seed(2)
    second = transform(image, region(), rng(3))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1].target, second[1].target)


@pytest.mark.parametrize("transform", EVERY, ids=lambda t: type(t).__name__)
def test_inputs_are_not_changed(transform: transforms.Transform, image: np.ndarray) -> None:
    before, given = image.copy(), region()
    transform(image, given, rng())
    assert np.array_equal(image, before)
    assert np.array_equal(given.target, region().target)


def test_what_comes_from_outside_is_ignored(image: np.ndarray) -> None:
    padded, after = Pad(100, 120)(image, region(), rng())
    assert padded.shape == (100, 120, 3)
    assert (after.target[:20] == -1).all()
    assert (after.target[:, :20] == -1).all()
    assert np.array_equal(after.target[20:80, 20:100], region().target)
    _, turned = Rotate(45)(image, region(), rng(1))
    assert turned.target[-1, 0] == -1
    assert Pad(10, 10)(image, region(), rng())[0] is image


@pytest.mark.parametrize("seed", range(20))
def test_a_crop_holds_a_part_of_the_object(seed: int, image: np.ndarray) -> None:
    cropped, after = CropWithObject(10, 12)(image, region(), rng(seed))
    assert cropped.shape == (10, 12, 3)
    assert (after.target == 1).any()


def test_a_crop_larger_than_the_image_is_the_image(image: np.ndarray) -> None:
    cropped, after = CropWithObject(500, 20)(image, region(), rng())
    assert cropped.shape == (60, 20, 3)
    assert after.target.shape == (60, 20)


def test_a_crop_without_object_lies_anywhere(image: np.ndarray) -> None:
    empty = Region(np.zeros((60, 80), np.int8))
    starts = {
        CropWithObject(10, 12)(np.arange(4800).reshape(60, 80, 1).repeat(3, 2).astype(np.uint8), empty, rng(s))[0][
            0, 0, 0
        ]
        for s in range(20)
    }
    assert len(starts) > 5


def test_required_masks_that_are_cut_away_are_dropped(image: np.ndarray) -> None:
    given = region()
    corner = np.zeros_like(given.others)
    corner[-1, -1] = True
    _, after = CropWithObject(10, 12)(image, Region(given.target, None, (*given.required, corner)), rng())
    assert after.others is None
    assert len(after.required) <= 1


def test_scale_keeps_the_proportions(image: np.ndarray) -> None:
    for seed in range(5):
        scaled, _ = Scale(0.5, 2.0)(image, region(), rng(seed))
        assert scaled.shape[1] / scaled.shape[0] == pytest.approx(80 / 60, rel=0.05)
        assert 30 <= scaled.shape[0] <= 120


def make_epoch(workers: int, epoch: int = 0) -> RegionBatch:
    data = load_dataset("synthetic", count=12, height=100, width=140)
    augment = Compose([Rotate(), *transforms.ritm(64, 80).transforms])
    dataset = RegionDataset(data, load_selector("random-single"), augment=augment, seed=7)
    dataset.set_epoch(epoch)
    batches = list(DataLoader(dataset, batch_size=4, num_workers=workers, collate_fn=collate))
    return RegionBatch(
        torch.cat([batch.image for batch in batches]),
        torch.cat([batch.target for batch in batches]),
        tuple(region for batch in batches for region in batch.region),
        tuple(info for batch in batches for info in batch.info),
    )


@pytest.mark.parametrize("workers", [1, 4])
def test_an_epoch_is_the_same_with_any_number_of_workers(workers: int) -> None:
    alone, many = make_epoch(0), make_epoch(workers)
    assert alone.image.shape == (12, 3, 64, 80)
    assert torch.equal(alone.image, many.image)
    assert torch.equal(alone.target, many.target)
    assert [info["id"] for info in alone.info] == [info["id"] for info in many.info]
    assert all(np.array_equal(a.others, b.others) for a, b in zip(alone.region, many.region, strict=True))


def test_an_epoch_is_reproducible_and_differs_from_the_next() -> None:
    assert torch.equal(make_epoch(0, 1).image, make_epoch(0, 1).image)
    assert not torch.equal(make_epoch(0, 0).target, make_epoch(0, 1).target)
    assert (make_epoch(0).target == 1).flatten(1).any(dim=1).all()


def test_stretching_keeps_no_proportions(image: np.ndarray) -> None:
    moved, after = Stretch(120, 40)(image, region(), rng())
    assert moved.shape == (120, 40, 3)
    rows, columns = np.nonzero(after.target == 1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (40, 69, 15, 24)
