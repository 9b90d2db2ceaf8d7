"""Encoding an image once for all of its objects and clicks, where the model offers it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from iis_core.errors import name_of, plugin_call
from iis_core.loop import take
from iis_core.models import IISModel
from iis_core.types import State


class Encoder:
    """Calls `model.encode` for images that were not in the batch before; without `encode` there are no features.

    turn: entered around every call of the model.
    """

    def __init__(self, model: IISModel, turn: AbstractContextManager[Any]) -> None:
        self.model = model
        self.turn = turn
        self.encode: Any = getattr(model, "encode", None)
        self._images: list[int] = []
        self._features: State = {}

    @torch.no_grad()
    def __call__(self, images: Sequence[int], x: Tensor) -> tuple[State | None, float]:
        """Features of a batch, and the seconds spent on them.

        images: place of each element's image in the dataset.
        x: float32 (B, 3, H, W) in [0, 1].
        """
        if self.encode is None:
            return None, 0.0
        with self.turn:
            start = time.perf_counter()
            if not set(images) <= set(self._images):
                self._images = list(dict.fromkeys(images))
                distinct = x[[images.index(image) for image in self._images]].to(self.model.device)
                with plugin_call(f"model {name_of(self.model)}: encode failed"):
                    self._features = self.encode(distinct)
            features = take(self._features, [self._images.index(image) for image in images])
            return features, time.perf_counter() - start
