"""Encoding an image once for all of its objects and clicks, where the model offers it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from iis_core.errors import name_of, plugin_call
from iis_core.models import IISModel
from iis_core.state import join, take
from iis_core.types import State


class Encoder:
    """Calls `model.encode` for images whose features are not among the latest; without `encode` there are none.

    turn: entered around every call of the model.
    kept: of how many images the features are kept.
    """

    def __init__(self, model: IISModel, turn: AbstractContextManager[Any], kept: int) -> None:
        self.model = model
        self.kept = kept
        self.turn = turn
        self.encode: Any = getattr(model, "encode", None)
        self._known: dict[int, State] = {}

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
            new = [image for image in dict.fromkeys(images) if image not in self._known]
            if new:
                distinct = x[[images.index(image) for image in new]].to(self.model.device)
                with plugin_call(f"model {name_of(self.model)}: encode failed"):
                    features = self.encode(distinct)
                self._known |= {image: take(features, [k]) for k, image in enumerate(new)}
            latest = {image: self._known.pop(image) for image in dict.fromkeys(images)}
            self._known = dict(list((self._known | latest).items())[-max(self.kept, len(latest)) :])
            return join([self._known[image] for image in images]), time.perf_counter() - start
