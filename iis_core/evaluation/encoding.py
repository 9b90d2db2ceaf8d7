"""Encoding an image once for all of its objects and clicks, where the model offers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from iis_core.errors import name_of, plugin_call
from iis_core.loop import take
from iis_core.models import IISModel
from iis_core.types import State


class Encoder:
    """Calls `model.encode` for images that were not in the batch before; without `encode` there are no features."""

    def __init__(self, model: IISModel) -> None:
        self.model = model
        self.encode: Any = getattr(model, "encode", None)
        self._images: list[int] = []
        self._features: State = {}

    @torch.no_grad()
    def __call__(self, images: Sequence[int], x: Tensor) -> State | None:
        """Features of a batch.

        images: place of each element's image in the dataset.
        x: float32 (B, 3, H, W) in [0, 1] on the model's device.
        """
        if self.encode is None:
            return None
        if not set(images) <= set(self._images):
            self._images = list(dict.fromkeys(images))
            with plugin_call(f"model {name_of(self.model)}: encode failed"):
                self._features = self.encode(x[[images.index(image) for image in self._images]])
        return take(self._features, [self._images.index(image) for image in images])
