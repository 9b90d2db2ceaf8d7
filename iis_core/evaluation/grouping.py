"""Reading images, each once for all of its objects, and grouping objects into batches of one size."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from iis_core.datasets import EvaluationDataset, EvaluationObject
from iis_core.types import State

_HELD_BACK = 4
"""How many objects may wait for others of their size, in batches."""


@dataclass(eq=False)
class _Features:
    """The features of one image, None until it is encoded."""

    state: State | None = None


@dataclass(frozen=True, eq=False)
class ReadObject:
    """An object that was read.

    Args:
        object: the object.
        seconds: its share of the time to read and decode its image and masks.
        features: the features of its image, shared by all objects of the image and kept while any of them is needed.
    """

    object: EvaluationObject
    seconds: float
    features: _Features = field(default_factory=_Features)


def read_objects(dataset: EvaluationDataset, indices: Sequence[int]) -> list[ReadObject]:
    """Read the objects with these indices, all on one image."""
    start = time.perf_counter()
    objects = dataset.read(indices)
    share = (time.perf_counter() - start) / len(objects)
    features = _Features()
    return [ReadObject(each, share, features) for each in objects]


def group_by_size(images: Iterable[Iterable[ReadObject]], batch_size: int) -> Iterator[list[ReadObject]]:
    """Yield batches of at most `batch_size` objects on images of one size; few objects wait for their like."""
    waiting: dict[tuple[int, ...], list[ReadObject]] = defaultdict(list)
    for read in (read for image in images for read in image):
        size = read.object.image.shape
        waiting[size].append(read)
        if len(waiting[size]) == batch_size:
            yield waiting.pop(size)
        elif sum(map(len, waiting.values())) >= _HELD_BACK * batch_size:
            yield waiting.pop(max(waiting, key=lambda shape: len(waiting[shape])))
    yield from waiting.values()
