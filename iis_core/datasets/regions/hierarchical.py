"""A selector that uses the tree of objects and their parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from iis_core.datasets.regions.base import merge_objects, object_mask
from iis_core.datasets.regions.random import require_generator
from iis_core.types import Region


class HierarchicalSelector:
    """Chooses an object or a part of one, possibly without some of its own parts.

    It starts at an object without a parent and repeatedly descends, with a given probability, to a child drawn at
    random. Some children are removed from the object where this ends. They must each get a negative click, and after a
    descent so must the rest of the parent.

    Args:
        descent: the probability of going on to a child.
        most_removed: the largest number of children that are removed.

    Source: Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance.
    """

    random = True

    def __init__(self, *, descent: float = 0.5, most_removed: int = 3) -> None:
        self.descent = descent
        self.most_removed = most_removed

    def __call__(
        self, image: np.ndarray, masks: np.ndarray, info: Mapping[str, Any], rng: np.random.Generator | None = None
    ) -> Region:
        rng = require_generator(rng)
        tree = info["objects"]
        roots = sorted(number for number, entry in tree.items() if entry["parent"] is None)
        if not roots:
            return merge_objects(masks, info, [])
        number = roots[int(rng.integers(len(roots)))]
        while tree[number]["children"] and rng.random() < self.descent:
            number = tree[number]["children"][int(rng.integers(len(tree[number]["children"])))]
        children = tree[number]["children"]
        count = int(rng.integers(0, min(self.most_removed, len(children)) + 1))
        removed = [object_mask(masks, info, children[i]) for i in rng.choice(len(children), count, replace=False)]
        return _remove(merge_objects(masks, info, [number]), removed, masks, info, tree[number]["parent"])


def _remove(
    region: Region, removed: list[np.ndarray], masks: np.ndarray, info: Mapping[str, Any], parent: int | None
) -> Region:
    target = region.target.copy()
    for mask in removed:
        target[mask & (target == 1)] = 0
    required = list(removed)
    if parent is not None:
        required.append(object_mask(masks, info, parent) & (target == 0))
    return Region(target, region.others, tuple(mask for mask in required if mask.any()))
