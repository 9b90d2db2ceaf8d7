"""The desk at which a person works: photographs, models, the session, and the masks that are kept of it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iis_core.masks import binarise
from iis_core.types import SignedClick
from iis_web.checking import check_number
from iis_web.engine import Engine
from iis_web.keeping import Keep, Masks
from iis_web.photographs import Photograph
from iis_web.pictures import check_size, encode_prediction
from iis_web.session import ClickedObject, ConflictError, Session

_READ_PIXELS = 1 << 26
"""How many pixels of photographs stay in memory."""


@dataclass(frozen=True, eq=False)
class ReadImage:
    """A photograph that was read.

    Args:
        image: uint8 (H, W, 3) RGB.
        start: the masks to start from, int32 (H, W), or None.
    """

    image: np.ndarray
    start: np.ndarray | None


@dataclass(frozen=True)
class Answer:
    """A prediction as the page gets it.

    Args:
        png: see `encode_prediction`.
        box: (top, left, height, width) of what the PNG shows.
        seconds: how long the model took for the last click.
    """

    png: bytes
    box: tuple[int, int, int, int]
    seconds: float


class Desk:
    """What the server works on.

    Args:
        photographs: in order.
        engines: the models, in order.
        session: what was clicked.
        threshold: the object is where the probability exceeds it.
        folders: where the masks of each model are kept; empty keeps none.
        keep: writes them.
        is_blind: whether the names of the models are hidden.
    """

    def __init__(
        self,
        photographs: Sequence[Photograph],
        engines: Sequence[Engine],
        session: Session,
        *,
        threshold: float,
        folders: Sequence[Path] = (),
        keep: Keep | None = None,
        is_blind: bool = False,
    ) -> None:
        self.photographs, self.engines, self.session = photographs, engines, session
        self.threshold, self.is_blind = threshold, is_blind
        self._folders, self._keep = folders, keep
        self._read: OrderedDict[int, ReadImage] = OrderedDict()
        self._reading: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._saving = asyncio.Lock()

    @property
    def keeps(self) -> bool:
        """Whether masks are written."""
        return self._keep is not None

    async def read(self, place: int) -> ReadImage:
        """Read a photograph where it is not in memory, and open it in the session.

        Raises:
            UserError: it cannot be read, or has another size than when it was clicked.
        """
        async with self._reading[place]:
            if place not in self._read:
                photograph = self.photographs[place]
                found = ReadImage(*await asyncio.to_thread(photograph.read))
                check_size(found.image, photograph.id)
                starts = [] if found.start is None else [int(value) for value in np.unique(found.start) if value > 0]
                self.session.open(photograph.id, (found.image.shape[0], found.image.shape[1]), starts)
                self._read[place] = found
                self._forget()
        self._read.move_to_end(place)
        return self._read[place]

    async def encode(self, place: int, model: int) -> float:
        """Let a model encode a photograph; see `Engine.encode`."""
        found = await self.read(place)
        return await self.engines[model].encode(self.photographs[place].id, found.image)

    async def change(
        self, place: int, number: int, name: str, clicks: tuple[SignedClick, ...], revision: int
    ) -> ClickedObject:
        """Keep an object as a person changed it; errors are those of `Session.put`."""
        await self.read(place)
        image_id = self.photographs[place].id
        before = self.session.find(image_id, check_number(number))
        start = None if before is None else before.start
        return self.session.put(image_id, ClickedObject(number, name, clicks, start, revision))

    async def remove(self, place: int, number: int, revision: int) -> None:
        """Remove an object; errors are those of `Session.remove`."""
        await self.read(place)
        self.session.remove(self.photographs[place].id, check_number(number), revision)

    async def answer(self, place: int, number: int, model: int, revision: int) -> Answer:
        """Let a model answer the clicks on an object.

        Args:
            place: of the photograph.
            number: of the object.
            model: place of the model.
            revision: the state of the object that is meant.

        Raises:
            ConflictError: the object is another one by now.
        """
        y = await self._predict(place, number, model, revision)
        return await asyncio.to_thread(self._encode_answer, *y)

    async def save(self, place: int) -> None:
        """Write the masks of an image, where they are kept and not those of the clicks yet.

        Raises:
            UserError: a file cannot be written.
            ConflictError: an object was changed meanwhile.
        """
        photograph, found = self.photographs[place], await self.read(place)
        async with self._saving:
            if self._keep is None or self.session.images[photograph.id].is_saved:
                return
            before = [*self.session.objects(photograph.id)]
            for model, folder in enumerate(self._folders):
                masks = await self.masks(place, model)
                await asyncio.to_thread(self._keep, folder, photograph, found.image, masks)
            if before != [*self.session.objects(photograph.id)]:
                raise ConflictError
            self.session.mark_saved(photograph.id)

    async def masks(self, place: int, model: int) -> Masks:
        """Return the masks of those objects of an image that have pixels."""
        masks = []
        for each in self.session.objects(self.photographs[place].id):
            if not each.is_empty:
                y, _ = await self._predict(place, each.number, model, each.revision)
                masks.append((each.number, each.name, binarise(y, self.threshold, inclusive=False)))
        return [entry for entry in masks if entry[2].any()]

    def close(self) -> None:
        """Let go of the session and of the models."""
        for engine in self.engines:
            engine.close()
        self.session.close()

    async def _predict(self, place: int, number: int, model: int, revision: int) -> tuple[np.ndarray, float]:
        """Return probabilities, float32 (H, W), and the seconds of the last click."""
        found, image_id = await self.read(place), self.photographs[place].id

        def is_wanted() -> bool:
            now = self.session.find(image_id, number)
            return now is not None and now.revision == revision

        clicked = self.session.find(image_id, number)
        if clicked is None or not is_wanted():
            raise ConflictError
        start = None
        if clicked.start is not None and found.start is not None:
            start = (clicked.start, found.start == clicked.start)
        answered = await self.engines[model].answer(image_id, found.image, number, start, clicked.clicks, is_wanted)
        if answered is None:
            raise ConflictError
        return answered

    def _encode_answer(self, y: np.ndarray, seconds: float) -> Answer:
        return Answer(*encode_prediction(y, binarise(y, self.threshold, inclusive=False)), seconds)

    def _forget(self) -> None:
        while len(self._read) > 1 and sum(each.image.size // 3 for each in self._read.values()) > _READ_PIXELS:
            self._read.popitem(last=False)
