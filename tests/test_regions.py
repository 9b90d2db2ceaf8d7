"""Region selectors and the training dataset around them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from iis_core import Region, Sample, UserError, load_dataset, load_selector
from iis_core.datasets import RegionDataset, collate


def entry(layer: int, value: int, parent: int | None = None, children: tuple[int, ...] = (), label: str = "a") -> dict:
    return {"layer": layer, "value": value, "parent": parent, "children": children, "class": label}


# Objects 1 (with the parts 3, 4, 5, 6) and 2; part 3 has the part 7; a strip is ignored in layer 0.
MASKS = np.zeros((20, 30, 3), np.int32)
MASKS[2:12, 2:14, 0] = 1
MASKS[4:9, 18:22, 0] = 2
MASKS[4:9, 24:28, 0] = 2
MASKS[18:, :, 0] = -1
for number, (top, left) in enumerate([(2, 2), (2, 8), (8, 2), (8, 8)], 1):
    MASKS[top : top + 4, left : left + 5, 1] = number
MASKS[3:5, 3:6, 2] = 1
INFO = {
    "id": "i",
    "path": "i.png",
    "objects": {
        1: entry(0, 1, None, (3, 4, 5, 6)),
        2: entry(0, 2, label="b"),
        3: entry(1, 1, 1, (7,)),
        4: entry(1, 2, 1),
        5: entry(1, 3, 1),
        6: entry(1, 4, 1, label="b"),
        7: entry(2, 1, 3),
    },
}


def mask(number: int) -> np.ndarray:
    own = INFO["objects"][number]
    return MASKS[:, :, own["layer"]] == own["value"]


def select(name: str, seed: int = 0, masks: np.ndarray = MASKS, info: dict = INFO, **keywords: Any) -> Region:
    image = np.zeros((*masks.shape[:2], 3), np.uint8)
    return load_selector(name, **keywords)(image, masks, info, np.random.default_rng(seed))


def which(region: Region) -> int:
    (found,) = [n for n in INFO["objects"] if (mask(n) == (region.target == 1)).all()]
    return found


def test_first_and_largest() -> None:
    assert which(select("first")) == 1
    assert which(select("largest")) == 1


def test_ignored_pixels_and_other_objects() -> None:
    region = select("first")
    assert (region.target[18:] == -1).all()
    assert region.others is not None
    assert (region.others == mask(2)).all()


def test_the_background_is_what_no_object_covers() -> None:
    region = select("background")
    assert ((region.target == 1) == ((MASKS <= 0).all(axis=2) & (MASKS[:, :, 0] != -1))).all()
    assert (region.target[18:] == -1).all()


def test_random_single_draws_every_object_alike() -> None:
    counts = Counter(which(select("random-single", seed)) for seed in range(1400))
    assert stats.chisquare([counts[number] for number in INFO["objects"]]).pvalue > 1e-3


def test_random_merge_joins_two_or_more() -> None:
    for seed in range(50):
        target = select("random-merge", seed, most=3).target == 1
        inside = [number for number in INFO["objects"] if (target & mask(number)).sum() == mask(number).sum()]
        assert len(inside) >= 2
        assert (np.any([mask(number) for number in inside], axis=0) == target).all()


def test_random_component_is_one_connected_region() -> None:
    halves = {tuple(np.argwhere(select("random-component", s).target == 1)[0]) for s in range(300)}
    assert {(4, 18), (4, 24)} <= halves


def test_random_component_passes_over_small_regions() -> None:
    masks = np.zeros((10, 10, 1), np.int32)
    masks[0, 0], masks[4:8, 4:8] = 1, 1
    info = {**INFO, "objects": {1: entry(0, 1)}}
    for seed in range(20):
        assert (select("random-component", seed, masks, info, min_area=2).target == 1).sum() == 16


def test_a_class_is_the_union_of_its_objects() -> None:
    assert ((select("class", label="b").target == 1) == (mask(2) | mask(6))).all()
    drawn = {(select("class", seed).target == 1).sum() for seed in range(30)}
    assert len(drawn) == 2


def test_only_a_given_class_can_be_evaluated() -> None:
    assert not load_selector("class", label="b").random
    assert load_selector("class").random


def test_hierarchical_descends_and_removes_children_that_are_then_required() -> None:
    seen = Counter()
    for seed in range(400):
        region = select("hierarchical", seed)
        target = region.target == 1
        inside = [n for n in INFO["objects"] if (target & mask(n)).sum() > 0 and not (target & ~mask(n)).any()]
        own = inside[-1] if inside else 0
        seen[own] += 1
        for required in region.required:
            assert required.any()
            assert not (required & target).any()
        if own == 1 and region.required:
            removed = np.any(region.required, axis=0)
            assert ((target | removed) == mask(1)).all()
            assert 1 <= len(region.required) <= 3
    assert seen[2] > 150
    assert seen[1] > 50
    assert seen[3] + seen[4] + seen[5] + seen[6] + seen[7] > 50


def test_after_a_descent_the_rest_of_the_parent_is_required() -> None:
    for seed in range(60):
        region = select("hierarchical", seed, descent=1.0, most_removed=0)
        if which(region) in (4, 5, 6):
            (rest,) = region.required
            assert (rest == (mask(1) & ~mask(which(region)))).all()


def test_a_selector_that_draws_asks_for_a_generator() -> None:
    with pytest.raises(UserError, match="draws at random"):
        load_selector("random-single")(np.zeros((20, 30, 3), np.uint8), MASKS, INFO, None)


class One:
    """A dataset of one sample, a hundred times under different ids."""

    def __init__(self, masks: np.ndarray = MASKS) -> None:
        self.masks = masks

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int) -> Sample:
        return Sample(np.zeros((*self.masks.shape[:2], 3), np.uint8), self.masks, {**INFO, "id": str(index)})


def dataset(masks: np.ndarray = MASKS, **keywords: Any) -> RegionDataset:
    return RegionDataset(One(masks), load_selector("random-single"), **keywords)


def test_a_training_sample_has_the_form_of_the_contract() -> None:
    sample = dataset()[0]
    assert (sample.image.dtype, tuple(sample.image.shape)) == (torch.uint8, (3, 20, 30))
    assert (sample.target.dtype, tuple(sample.target.shape)) == (torch.int8, (1, 20, 30))
    assert (sample.target[0].numpy() == sample.region[0].target).all()


def test_what_is_drawn_depends_on_seed_epoch_and_id_alone() -> None:
    first = dataset()
    order = [first[i].target for i in range(20)]
    assert all(torch.equal(first[i].target, order[i]) for i in reversed(range(20)))
    first.set_epoch(1)
    assert any(not torch.equal(first[i].target, order[i]) for i in range(20))
    assert any(not torch.equal(dataset(seed=1)[i].target, order[i]) for i in range(20))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_do_not_depend_on_the_number_of_workers(workers: int) -> None:
    loader = torch.utils.data.DataLoader(dataset(), batch_size=8, num_workers=workers, collate_fn=collate)
    batches = list(loader)
    assert tuple(batches[0].image.shape) == (8, 3, 20, 30)
    assert tuple(batches[0].target.shape) == (8, 1, 20, 30)
    assert len(batches[0].region) == len(batches[0].info) == 8
    together = torch.cat([batch.target for batch in batches])
    assert torch.equal(together, torch.stack([dataset()[i].target for i in range(100)]))


def test_an_augmentation_sees_image_and_region_together() -> None:
    def crop(image: np.ndarray, region: Region, rng: np.random.Generator) -> tuple[np.ndarray, Region]:
        return image[:12, :14], Region(region.target[:12, :14])

    sample = dataset(augment=crop)[0]
    assert tuple(sample.image.shape) == (3, 12, 14)
    assert (sample.target == 1).any()


def test_an_empty_region_is_an_error_that_names_the_sample() -> None:
    with pytest.raises(UserError, match=r"3 of One \(i.png\) gave no object pixels in 10 draws"):
        dataset(masks=MASKS * 0)[3]


def test_background_samples_come_as_often_as_asked_for() -> None:
    share = np.mean(
        [not (sample.target == 1).any() for sample in map(dataset(background_probability=0.3).__getitem__, range(100))]
    )
    assert share == pytest.approx(0.3, abs=0.15)
    assert not (dataset(masks=MASKS * 0, background_probability=1)[0].target == 1).any()
    with pytest.raises(UserError, match="background_probability must lie"):
        dataset(background_probability=2)


def test_samples_of_different_sizes_cannot_form_a_batch() -> None:
    shapes = RegionDataset(load_dataset("toy/shapes"), load_selector("first"))
    with pytest.raises(UserError, match=r"sizes \[\(40, 56\), \(48, 44\)\] cannot form a batch"):
        collate([shapes[0], shapes[1]])
