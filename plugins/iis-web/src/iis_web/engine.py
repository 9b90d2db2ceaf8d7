"""A model in a thread of its own: an image is encoded once, clicks are answered one object after the other."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from iis_core.errors import name_of, plugin_call
from iis_core.models import EncodingModel, IISModel
from iis_core.models.limits import check_limits
from iis_core.types import SignedClick, State
from iis_web.trail import Trail

Result = TypeVar("Result")

_OPEN_PIXELS, _OPEN_IMAGES = 1 << 25, 4
"""How much stays open; an image that was closed is encoded again when it is opened."""


class _Opened:
    """An image as the model sees it.

    Args:
        x: float32 (1, 3, H, W) in [0, 1] on the model's device.
        features: what the model encoded, None where it has no `encode`.
        seconds: how long it encoded.
    """

    def __init__(self, x: Tensor, features: State | None, seconds: float) -> None:
        self.x, self.features, self.seconds = x, features, seconds
        self.trails: dict[tuple[int, int | None], Trail] = {}


class Engine:
    """A model that answers one request at a time, while others wait without blocking the server.

    Args:
        name: the model's name, for people.
        model: the model.
    """

    def __init__(self, name: str, model: IISModel) -> None:
        self.name, self.model = name, model
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"model {name}")
        self._opened: OrderedDict[str, _Opened] = OrderedDict()

    async def encode(self, image_id: str, image: np.ndarray) -> float:
        """Encode an image where that was not done yet.

        Args:
            image_id: its id.
            image: uint8 (H, W, 3) RGB.

        Returns:
            How many seconds it took.
        """
        opened = await self._run(partial(self._open, image_id, image))
        return opened.seconds

    async def answer(
        self,
        image_id: str,
        image: np.ndarray,
        number: int,
        start: tuple[int, np.ndarray] | None,
        clicks: Sequence[SignedClick],
        is_wanted: Callable[[], bool],
    ) -> tuple[np.ndarray, float] | None:
        """Answer the clicks on an object.

        Args:
            image_id: the id of its image.
            image: uint8 (H, W, 3) RGB.
            number: the object's number.
            start: a number that tells the mask to start from, and the mask, bool (H, W); or None.
            clicks: in order.
            is_wanted: asked before each call of the model.

        Returns:
            Probabilities, float32 (H, W), and how many seconds the last click took; None where they are not wanted any
            more.

        Raises:
            UserError: the model does not take the image.
            PluginError: the model is at fault.
        """
        return await self._run(partial(self._answer, image_id, image, number, start, clicks, is_wanted))

    def answer_here(
        self,
        image_id: str,
        image: np.ndarray,
        number: int,
        start: tuple[int, np.ndarray] | None,
        clicks: Sequence[SignedClick],
    ) -> np.ndarray:
        """Answer without a running event loop, while this thread waits; arguments and errors are those of `answer`.

        Returns:
            Probabilities, float32 (H, W).
        """
        work = partial(self._answer, image_id, image, number, start, clicks, lambda: True)
        answered = self._thread.submit(work).result()
        assert answered is not None
        return answered[0]

    def close(self) -> None:
        """Let the thread end once it has answered."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.wrap_future(self._thread.submit(work))

    def _answer(
        self,
        image_id: str,
        image: np.ndarray,
        number: int,
        start: tuple[int, np.ndarray] | None,
        clicks: Sequence[SignedClick],
        is_wanted: Callable[[], bool],
    ) -> tuple[np.ndarray, float] | None:
        opened = self._open(image_id, image)
        key = (number, None if start is None else start[0])
        if key not in opened.trails:
            check_limits(self.model, image_id, image.shape[:2], initial_mask=start is not None)
            mask = None if start is None else torch.from_numpy(start[1].astype(np.float32))[None, None]
            opened.trails[key] = Trail(self.model, opened.x, mask, opened.features)
        step = opened.trails[key].follow(clicks, is_wanted)
        if step is None:
            return None
        assert step.y is not None
        return step.y[0, 0].numpy(), step.seconds

    def _open(self, image_id: str, image: np.ndarray) -> _Opened:
        if image_id not in self._opened:
            check_limits(self.model, image_id, image.shape[:2], initial_mask=False)
            self._close_oldest(image.shape[0] * image.shape[1])
            x = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.model.device, torch.float32) / 255
            began = time.perf_counter()
            features = self._encode(x)
            self._opened[image_id] = _Opened(x, features, time.perf_counter() - began)
        self._opened.move_to_end(image_id)
        return self._opened[image_id]

    def _close_oldest(self, pixels: int) -> None:
        while self._opened and (
            len(self._opened) == _OPEN_IMAGES
            or pixels + sum(each.x[0, 0].numel() for each in self._opened.values()) > _OPEN_PIXELS
        ):
            self._opened.popitem(last=False)

    @torch.no_grad()
    def _encode(self, x: Tensor) -> State | None:
        if not isinstance(self.model, EncodingModel):
            return None
        with plugin_call(f"model {name_of(self.model)}: encode failed"):
            features: State = self.model.encode(x)
        if x.device.type == "cuda":
            torch.cuda.synchronize(x.device)
        return features
