"""Every (image, object) pair of a dataset, in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iis_core.datasets.base import SegDataset, info_of
from iis_core.errors import UserError, name_of
from iis_core.regions import RegionSelector, merged_region
from iis_core.types import Sample


@dataclass(frozen=True, eq=False)
class Target:
    """One thing to segment in one image.

    id: stable: the sample's id, with `#object` where its image has several objects.
    index: place in the evaluation list.
    image: uint8 (H, W, 3) RGB.
    target: int8 (H, W); 1 object, 0 background, -1 ignore.
    initial_mask: bool (H, W), or None.
    """

    id: str
    index: int
    path: str
    object_id: int | None
    image: np.ndarray
    target: np.ndarray
    initial_mask: np.ndarray | None


class EvaluationDataset:
    """Lists every (image, object) pair of a dataset; `[i]` reads one, `ids` names them all.

    selector: None takes every object of every image. A selector makes one region of every image; one that
        draws is refused, because its numbers could not be repeated.

    Raises UserError for a random selector, and, on reading, for a target without object pixels.
    """

    def __init__(self, dataset: SegDataset, selector: RegionSelector | None = None) -> None:
        if selector is not None and selector.random:
            raise UserError(f"selector {name_of(selector)} draws at random; evaluation needs a deterministic one")
        self.dataset = dataset
        self.selector = selector
        self.pairs: list[tuple[int, int | None]] = []
        self.ids: list[str] = []
        for place in range(len(dataset)):
            info = info_of(dataset, place)
            objects = [None] if selector is not None else sorted(info["objects"])
            self.pairs += [(place, object_id) for object_id in objects]
            self.ids += [f"{info['id']}#{o}" if len(objects) > 1 else str(info["id"]) for o in objects]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Target:
        place, object_id = self.pairs[index]
        sample = self.dataset[place]
        target = self._target(sample, object_id)
        path = str(sample.info["path"])
        if not (target == 1).any():
            raise UserError(
                f"{self.ids[index]} of {name_of(self.dataset)} ({path}) has no object pixels: "
                "correct the mask or leave the image out"
            )
        initial_mask = sample.info.get("initial_mask")
        return Target(self.ids[index], index, path, object_id, sample.image, target, initial_mask)

    def _target(self, sample: Sample, object_id: int | None) -> np.ndarray:
        if self.selector is not None:
            return self.selector(sample.image, sample.masks, sample.info, None).target
        assert object_id is not None
        return merged_region(sample.masks, sample.info, [object_id]).target
