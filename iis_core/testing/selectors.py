"""Checks of region selectors."""

from __future__ import annotations

import numpy as np

from iis_core.datasets.regions import RegionSelector
from iis_core.plugins.specs import SelectorSpec
from iis_core.seeding import generator
from iis_core.testing.results import CheckResult, Checks, pending, require, run_all
from iis_core.types import Region

selector_checks = Checks()


def check_selector(selector: RegionSelector, spec: SelectorSpec) -> list[CheckResult]:
    """Check a region selector against the contract."""
    return run_all(pending(selector_checks, selector, spec, expected_failures=spec.expected_failures))


@selector_checks
def check_follows_the_protocol(selector: RegionSelector, spec: SelectorSpec) -> None:
    require(isinstance(selector, RegionSelector), "it lacks `random` or cannot be called")


@selector_checks
def check_region(selector: RegionSelector, spec: SelectorSpec) -> None:
    region, shape = _select(selector), _make_masks().shape[:2]
    target = region.target
    require(target.dtype == np.int8 and target.shape == shape, f"target is {target.dtype} {target.shape}")
    require(set(np.unique(target)) <= {-1, 0, 1}, "target holds more than 1, 0 and -1")
    require((target == 1).any(), "target is empty")
    for mask in (*([] if region.others is None else [region.others]), *region.required):
        require(
            mask.dtype == bool and mask.shape == shape,
            "others and required must be bool masks of the image's size",
        )


@selector_checks
def check_is_repeatable(selector: RegionSelector, spec: SelectorSpec) -> None:
    first, second = _select(selector), _select(selector)
    require(np.array_equal(first.target, second.target), "the same generator gives another region")


@selector_checks
def check_does_not_mutate_its_inputs(selector: RegionSelector, spec: SelectorSpec) -> None:
    masks = _make_masks()
    _select(selector, masks)
    require(np.array_equal(masks, _make_masks()), "it changed the masks")


def _select(selector: RegionSelector, masks: np.ndarray | None = None) -> Region:
    objects = {
        1: {"layer": 0, "value": 1, "parent": None, "children": (3,), "class": "a"},
        2: {"layer": 0, "value": 2, "parent": None, "children": (), "class": "b"},
        3: {"layer": 1, "value": 1, "parent": 1, "children": (), "class": "c"},
    }
    info = {"id": "check", "path": "", "objects": objects}
    masks = _make_masks() if masks is None else masks
    image = np.zeros((*masks.shape[:2], 3), np.uint8)
    return selector(image, masks, info, generator(0, 0, "check", "selector"))


def _make_masks() -> np.ndarray:
    """Make masks of two objects, the first with a part in a layer of its own, and of an ignored strip."""
    masks = np.zeros((30, 40, 2), np.int32)
    masks[4:20, 3:18, 0] = 1
    masks[8:26, 22:36, 0] = 2
    masks[8:14, 6:12, 1] = 1
    masks[28:, :, :] = -1
    return masks
