"""The objects of a dataset, in a fixed order, for evaluation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from iis_core.datasets.base import SegDataset, info_of
from iis_core.datasets.regions import RegionSelector, merge_objects
from iis_core.errors import UserError, name_of, near_matches, plugin_call
from iis_core.types import Sample

_PLACE = ("layer", "value", "parent", "children")
"""What an object's entry in the info says of where it is in the masks."""


@dataclass(frozen=True, eq=False)
class EvaluationObject:
    """One object in one image.

    Args:
        id: its stable id: that of the sample, followed by `#object_id` where the sample has several objects.
        index: its index in the `EvaluationDataset`.
        path: the image file.
        object_id: the object's id in its sample, None where a selector chose the region.
        image: uint8 (H, W, 3) RGB, one array for all objects of an image.
        target: int8 (H, W); 1 object, 0 background, -1 ignore.
        initial_mask: bool (H, W), or None.
        facts: what the dataset's info says of the object besides where it is, such as its class: numbers and texts.
    """

    id: str
    index: int
    path: str
    object_id: int | None
    image: np.ndarray
    target: np.ndarray
    initial_mask: np.ndarray | None
    facts: Mapping[str, Any] = field(default_factory=dict)


class EvaluationDataset:
    """Every object of every image of a dataset; `[i]` reads one, `ids` names them all.

    Args:
        dataset: the images.
        selector: None takes every object of every image. A selector chooses one region of every image; one that draws
            is refused, because its results could not be repeated.
        ids: keep only the objects with these ids.
        limit: keep at most this many objects, the first ones.

    Attributes:
        objects: for each object, the index of its image in the dataset and its id in the sample.
        ids: the stable id of each object.
        whole: the number of objects before any is left out.

    Raises:
        UserError: the selector draws, an id is unknown or not unique, no id is given, the limit is below 1, an image
            has no objects, or, on reading, an object has no pixels.
    """

    def __init__(
        self,
        dataset: SegDataset,
        selector: RegionSelector | None = None,
        *,
        ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> None:
        if selector is not None and selector.random:
            raise UserError(f"selector {name_of(selector)} draws at random; evaluation needs a deterministic one")
        self.dataset = dataset
        self.selector = selector
        self.objects: list[tuple[int, int | None]] = []
        self.ids: list[str] = []
        for place in range(len(dataset)):
            with plugin_call(f"dataset {name_of(dataset)}: listing the objects of sample {place} failed"):
                info = info_of(dataset, place)
                own = [None] if selector is not None else sorted(info["objects"])
            if not own:
                raise UserError(_explain_no_object(str(info["id"]), dataset, info))
            self.objects += [(place, object_id) for object_id in own]
            self.ids += [f"{info['id']}#{object_id}" if len(own) > 1 else str(info["id"]) for object_id in own]
        self.whole = len(self.objects)
        repeated = [name for name, times in Counter(self.ids).items() if times > 1]
        if repeated:
            raise UserError(f"{name_of(dataset)} has two objects with the id {repeated[0]!r}: ids must be unique")
        self.keep(ids, limit)

    def keep(self, ids: Sequence[str] | None = None, limit: int | None = None) -> None:
        """Leave out all objects but those with these ids, and of them all but the first; as when it is made."""
        if limit is not None and (type(limit) is not int or limit < 1):
            raise UserError(f"limit must be at least 1, a whole number, not {limit!r}")
        if ids is not None:
            self._check_ids(ids)
        wanted = set(self.ids if ids is None else ids)
        kept = [i for i, name in enumerate(self.ids) if name in wanted][:limit]
        self.objects = [self.objects[i] for i in kept]
        self.ids = [self.ids[i] for i in kept]

    def _check_ids(self, ids: Sequence[str]) -> None:
        if isinstance(ids, str) or not ids:
            raise UserError(f"ids must be a list of ids such as {self.ids[:1]}, not {ids!r}")
        known = set(self.ids)
        for name in ids:
            if name not in known:
                hint = near_matches(str(name), self.ids) or f"; the first is {self.ids[0]!r}"
                raise UserError(f"{name_of(self.dataset)} has no object {name!r}{hint}")

    def __len__(self) -> int:
        return len(self.objects)

    def __getitem__(self, index: int) -> EvaluationObject:
        return self.read([index])[0]

    def group_by_image(self, indices: Iterable[int]) -> list[list[int]]:
        """Group objects by image.

        Args:
            indices: of the objects.

        Returns:
            The indices of each image's objects, in the order given.
        """
        groups: dict[int, list[int]] = defaultdict(list)
        for index in indices:
            groups[self.objects[index][0]].append(index)
        return list(groups.values())

    def read(self, indices: Sequence[int]) -> list[EvaluationObject]:
        """Read objects of one image, which is decoded once for all of them.

        Args:
            indices: of the objects, all in the same image.

        Returns:
            The objects, in the order given.

        Raises:
            UserError: an object has no pixels.
        """
        (place,) = {self.objects[index][0] for index in indices}
        names = ", ".join(self.ids[index] for index in indices)
        with plugin_call(f"dataset {name_of(self.dataset)}: reading {names} failed"):
            sample = self.dataset[place]
            return [self._select(sample, index) for index in indices]

    def _select(self, sample: Sample, index: int) -> EvaluationObject:
        _, object_id = self.objects[index]
        if self.selector is not None:
            target = self.selector(sample.image, sample.masks, sample.info, None).target
        else:
            assert object_id is not None
            target = merge_objects(sample.masks, sample.info, [object_id]).target
        if not (target == 1).any():
            raise UserError(_explain_no_object(self.ids[index], self.dataset, sample.info))
        path, initial_mask = str(sample.info["path"]), sample.info.get("initial_mask")
        facts = {} if object_id is None else _list_facts(sample.info["objects"][object_id])
        return EvaluationObject(self.ids[index], index, path, object_id, sample.image, target, initial_mask, facts)


def _list_facts(described: Mapping[str, Any]) -> dict[str, Any]:
    """List what JSON can hold of an object's entry in the info, but for where the object is in the masks."""
    return {
        str(name): value
        for name, value in described.items()
        if name not in _PLACE and (isinstance(value, (str, int)) or (isinstance(value, float) and isfinite(value)))
    }


def _explain_no_object(name: str, dataset: SegDataset, info: Mapping[str, Any]) -> str:
    where = f"{name} of {name_of(dataset)} ({info['path']})"
    return f"{where} has no object pixels: correct the mask or leave the image out"
