"""Every (image, object) pair of a dataset, in a fixed order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from iis_core.datasets.base import SegDataset, info_of
from iis_core.errors import UserError, name_of, plugin_call
from iis_core.plugins.discovery import near_matches
from iis_core.regions import RegionSelector, merged_region
from iis_core.types import Sample


@dataclass(frozen=True, eq=False)
class Target:
    """One thing to segment in one image.

    id: stable: the sample's id, with `#object` where its image has several objects.
    index: place in the evaluation list.
    image_index: place of its image in the dataset.
    image: uint8 (H, W, 3) RGB.
    target: int8 (H, W); 1 object, 0 background, -1 ignore.
    initial_mask: bool (H, W), or None.
    """

    id: str
    index: int
    image_index: int
    path: str
    object_id: int | None
    image: np.ndarray
    target: np.ndarray
    initial_mask: np.ndarray | None


class EvaluationDataset:
    """Lists every (image, object) pair of a dataset; `[i]` reads one, `ids` names them all.

    whole: how many there are before any is left out.

    selector: None takes every object of every image. A selector makes one region of every image; one that
        draws is refused, because its numbers could not be repeated.
    only: keep the targets with these ids.
    limit: keep the first so many of them.

    Raises UserError for a random selector, for an id that is not there, for an image without objects, and, on
    reading, for a target without object pixels.
    """

    def __init__(
        self,
        dataset: SegDataset,
        selector: RegionSelector | None = None,
        *,
        only: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> None:
        if selector is not None and selector.random:
            raise UserError(f"selector {name_of(selector)} draws at random; evaluation needs a deterministic one")
        self.dataset = dataset
        self.selector = selector
        self.pairs: list[tuple[int, int | None]] = []
        self.ids: list[str] = []
        for place in range(len(dataset)):
            with plugin_call(f"dataset {name_of(dataset)}: listing the objects of sample {place} failed"):
                info = info_of(dataset, place)
                objects = [None] if selector is not None else sorted(info["objects"])
            if not objects:
                raise UserError(_no_object(str(info["id"]), dataset, info))
            self.pairs += [(place, object_id) for object_id in objects]
            self.ids += [f"{info['id']}#{o}" if len(objects) > 1 else str(info["id"]) for o in objects]
        self.whole = len(self.pairs)
        repeated = [name for name, times in Counter(self.ids).items() if times > 1]
        if repeated:
            raise UserError(f"{name_of(dataset)} has two objects with the id {repeated[0]!r}: ids must be unique")
        self._keep(only, limit)

    def _keep(self, only: Sequence[str] | None, limit: int | None) -> None:
        if limit is not None and limit < 1:
            raise UserError(f"limit must be at least 1, not {limit}")
        for name in () if only is None else only:
            if name not in self.ids:
                hint = near_matches(name, self.ids) or f"; the first is {self.ids[0]!r}"
                raise UserError(f"{name_of(self.dataset)} has no object {name!r}{hint}")
        kept = [i for i, name in enumerate(self.ids) if only is None or name in only][:limit]
        self.pairs = [self.pairs[i] for i in kept]
        self.ids = [self.ids[i] for i in kept]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Target:
        place, object_id = self.pairs[index]
        with plugin_call(f"dataset {name_of(self.dataset)}: reading {self.ids[index]} failed"):
            sample = self.dataset[place]
        target = self._target(sample, object_id)
        if not (target == 1).any():
            raise UserError(_no_object(self.ids[index], self.dataset, sample.info))
        path = str(sample.info["path"])
        initial_mask = sample.info.get("initial_mask")
        return Target(self.ids[index], index, place, path, object_id, sample.image, target, initial_mask)

    def _target(self, sample: Sample, object_id: int | None) -> np.ndarray:
        if self.selector is not None:
            return self.selector(sample.image, sample.masks, sample.info, None).target
        assert object_id is not None
        return merged_region(sample.masks, sample.info, [object_id]).target


def _no_object(target: str, dataset: SegDataset, info: Mapping[str, Any]) -> str:
    where = f"{target} of {name_of(dataset)} ({info['path']})"
    return f"{where} has no object pixels: correct the mask or leave the image out"
