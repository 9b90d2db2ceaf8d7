"""The page in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from iis_core.errors import UserError, name_of
from iis_core.files.images import read_image
from iis_core.masks import binarise
from iis_core.models import IISModel
from iis_core.plugins.catalog import find
from iis_core.plugins.load import load_model
from iis_core.plugins.specs import ProtocolSpec
from iis_core.types import SignedClick
from iis_web.desk import Desk
from iis_web.engine import Engine
from iis_web.photographs import Photograph
from iis_web.server.annotating import list_routes
from iis_web.server.app import make_app
from iis_web.server.serving import Address, make_server, serve_in_background
from iis_web.session import Session


def show(model: str | IISModel, image: np.ndarray | str | Path, *, out: str | Path | None = None) -> Shown:
    """Show the page of `iis click` in a notebook.

    Args:
        model: a catalog name, or a model.
        image: uint8 (H, W, 3) RGB, or an image file.
        out: the folder of the session; None keeps it in memory, until the notebook ends.

    Returns:
        What the notebook shows as the page, and what was clicked on it.

    Raises:
        UserError: the image has another form or cannot be read, a name is wrong, or `out` holds something else.

    Example:
        >>> shown = show("classic/graph-cut", photograph)  # and click
        >>> mask = shown.masks[1]
    """
    pixels = read_image(Path(image)) if isinstance(image, str | Path) else image
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise UserError(f"image must be uint8 (H, W, 3) RGB, not {pixels.dtype} {pixels.shape}")
    loaded = load_model(model) if isinstance(model, str) else model
    name = Path(image).stem if isinstance(image, str | Path) else "image"
    photograph = Photograph(name, str(image) if isinstance(image, str | Path) else name, lambda: (pixels, None))
    session = Session(None if out is None else Path(out), "a notebook")
    threshold = find(ProtocolSpec, "core/ritm").spec.threshold
    return Shown(Desk([photograph], [Engine(name_of(loaded), loaded)], session, threshold=threshold), pixels)


class Shown:
    """A page that is served as long as this object is not closed.

    Args:
        desk: of one photograph and one model.
        image: the photograph, uint8 (H, W, 3) RGB.

    Attributes:
        url: the address of the page, with its token.
    """

    def __init__(self, desk: Desk, image: np.ndarray) -> None:
        self._desk, self._image = desk, image
        address = Address()
        self.url = address.url
        # The page of a notebook may come from anywhere; no other one knows the token in the address.
        self._server = make_server(make_app(list_routes(desk), address.token, frames="*"))
        self._thread = serve_in_background(self._server, address)

    @property
    def clicks(self) -> Mapping[int, Sequence[SignedClick]]:
        """The clicks on each object, by its number."""
        return {each.number: each.clicks for each in self._desk.session.objects(self._name)}

    @property
    def masks(self) -> Mapping[int, np.ndarray]:
        """The mask of each object that was clicked, bool (H, W), by its number."""
        return {number: self._predict(number, clicks) for number, clicks in self.clicks.items() if clicks}

    def close(self) -> None:
        """End the server."""
        self._server.should_exit = True
        self._thread.join()
        self._desk.close()

    def _predict(self, number: int, clicks: Sequence[SignedClick]) -> np.ndarray:
        y = self._desk.engines[0].answer_here(self._name, self._image, number, None, clicks)
        return binarise(y, self._desk.threshold, inclusive=False)

    @property
    def _name(self) -> str:
        return self._desk.photographs[0].id

    def _repr_html_(self) -> str:
        return f'<iframe src="{escape(self.url)}" style="width: 100%; height: 42rem; border: 0"></iframe>'
