"""Pictures of what happened to an object."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from iis_core.types import SignedClick

_SIDE = 480
_GREEN, _RED, _BLUE, _GREY = (40, 200, 60), (235, 50, 45), (50, 110, 240), (128, 128, 128)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def render_object(
    image: np.ndarray, target: np.ndarray, mask: np.ndarray, clicks: Sequence[SignedClick], title: str
) -> np.ndarray:
    """Render four panels under a title: clicks, target, prediction, error.

    Clicks are numbered, green on the object and red on the background. In the error panel missing pixels are blue,
    excess pixels red, ignored ones grey.

    Args:
        image: uint8 (H, W, 3) RGB.
        target: int8 (H, W); 1 object, 0 background, -1 ignore.
        mask: bool (H, W), the prediction.
        clicks: in order.
        title: one line above the panels.

    Returns:
        uint8 (H', W', 3) RGB.
    """
    scale = _SIDE / max(image.shape[:2])
    photograph, shown_target, shown_mask = (_resize(array, scale) for array in (image, target, mask.astype(np.int8)))
    is_object, is_ignored = shown_target == 1, shown_target == -1
    grey = np.repeat(cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
    wanted = _tint(_tint(photograph, is_object, _GREEN), is_ignored, _GREY)
    predicted = _outline(_tint(photograph, shown_mask == 1, _BLUE), is_object)
    missing, extra = is_object & (shown_mask == 0), (shown_target == 0) & (shown_mask == 1)
    wrong = _tint(_tint(_tint(grey, missing, _BLUE, 0.8), extra, _RED, 0.8), is_ignored, _GREY, 0.8)
    panels = [_mark_clicks(photograph, clicks, scale), wanted, predicted, _mark_clicks(wrong, clicks, scale)]
    names = ["clicks", "target", "prediction, target outlined", "error: missing blue, excess red"]
    labelled = [_add_caption(panel, name) for panel, name in zip(panels, names, strict=True)]
    rows = [np.hstack(labelled[:2]), np.hstack(labelled[2:])]
    return _add_caption(np.vstack(rows), title)


def _resize(array: np.ndarray, scale: float) -> np.ndarray:
    height, width = (max(1, round(side * scale)) for side in array.shape[:2])
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(array, (width, height), interpolation=smooth if array.ndim == 3 else cv2.INTER_NEAREST)


def _tint(image: np.ndarray, where: np.ndarray, colour: tuple[int, int, int], strength: float = 0.5) -> np.ndarray:
    tinted = image.copy()
    tinted[where] = ((1 - strength) * image[where] + strength * np.array(colour)).astype(np.uint8)
    return tinted


def _outline(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(image.copy(), outlines, -1, _WHITE, 1)


def _mark_clicks(image: np.ndarray, clicks: Sequence[SignedClick], scale: float) -> np.ndarray:
    canvas = np.ascontiguousarray(image.copy())
    centres = [(int((col + 0.5) * scale), int((row + 0.5) * scale)) for row, col, _ in clicks]
    taken = list(centres)
    for number, ((_, _, positive), centre) in enumerate(zip(clicks, centres, strict=True), 1):
        cv2.circle(canvas, centre, 5, _WHITE, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(canvas, centre, 4, _GREEN if positive else _RED, cv2.FILLED, cv2.LINE_AA)
        place = _find_free_place(centre, taken)
        taken.append(place)
        _write(canvas, str(number), (place[0] - 4, place[1] + 4))
    return canvas


def _find_free_place(centre: tuple[int, int], taken: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Find the place around a click where its number is farthest from other clicks and numbers."""
    places = [(centre[0] + right, centre[1] + down) for right in (10, -10) for down in (-7, 7)]
    return max(places, key=lambda place: min(np.hypot(place[0] - x, place[1] - y) for x, y in taken))


def _add_caption(image: np.ndarray, caption: str) -> np.ndarray:
    bar = np.full((22, image.shape[1], 3), 30, np.uint8)
    _write(bar, caption, (6, 15))
    return np.vstack([bar, image])


def _write(canvas: np.ndarray, text: str, place: tuple[int, int]) -> None:
    # The shadow is the text itself, shifted: a wider stroke would set the letters farther apart.
    shadow = [(right, down) for right in (-1, 0, 1) for down in (-1, 0, 1)]
    for (right, down), colour in [*((offset, _BLACK) for offset in shadow), ((0, 0), _WHITE)]:
        at = place[0] + right, place[1] + down
        cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
