"""Drawing on pictures: regions, clicks with their numbers, captions.

The colours are those of Okabe and Ito, which people with any kind of colour vision tell apart; the sign of a click
also shows in its shape.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from iis_core.types import SignedClick

Colour = tuple[int, int, int]

BLUE: Colour = (0, 114, 178)
GREEN: Colour = (0, 158, 115)
GREY: Colour = (128, 128, 128)
ORANGE: Colour = (230, 159, 0)
SKY: Colour = (86, 180, 233)
VERMILLION: Colour = (213, 94, 0)
BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)

_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.42
_NUMBER_DISTANCE = 8
"""From the centre of a click to its number, in pixels."""


def tint(image: np.ndarray, where: np.ndarray, colour: Colour, strength: float = 0.5) -> np.ndarray:
    """Mix a colour into the pixels of a mask."""
    tinted = image.copy()
    tinted[where] = ((1 - strength) * image[where] + strength * np.array(colour)).astype(np.uint8)
    return tinted


def outline(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Draw the outline of a mask in white."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(image.copy(), outlines, -1, WHITE, 1)


def mark_clicks(image: np.ndarray, clicks: Sequence[SignedClick]) -> np.ndarray:
    """Mark clicks with their numbers: a green disk on the object, a vermillion square on the background.

    Args:
        image: uint8 (H, W, 3), large enough for a number.
        clicks: in order, in pixels of this image.
    """
    canvas = np.ascontiguousarray(image.copy())
    for click in clicks:
        for radius, colour in ((5, WHITE), (4, GREEN if click.positive else VERMILLION)):
            _draw_mark(canvas, click, radius, colour)
    taken = [(float(click.col), float(click.row)) for click in clicks]
    for number, click in enumerate(clicks, 1):
        size = _measure(str(number))
        left, top = _find_free_place((click.col, click.row), size, canvas.shape[:2], taken)
        taken.append((left + size[0] / 2, top + size[1] / 2))
        _write(canvas, str(number), (left, top))
    return canvas


def add_caption(image: np.ndarray, caption: str) -> np.ndarray:
    """Put a line of text above an image, shortened in its middle to what fits."""
    bar = np.full((22, image.shape[1], 3), 30, np.uint8)
    printable = "".join(letter if letter.isprintable() else "?" for letter in caption)
    _write(bar, _shorten(printable, image.shape[1] - 12), (6, 5))
    return np.vstack([bar, image])


def _draw_mark(canvas: np.ndarray, click: SignedClick, radius: int, colour: Colour) -> None:
    if click.positive:
        cv2.circle(canvas, (click.col, click.row), radius, colour, cv2.FILLED, cv2.LINE_AA)
    else:
        corners = (click.col - radius, click.row - radius), (click.col + radius, click.row + radius)
        cv2.rectangle(canvas, *corners, colour, cv2.FILLED)


def _find_free_place(
    centre: tuple[int, int], size: tuple[int, int], shape: Sequence[int], taken: Sequence[tuple[float, float]]
) -> tuple[int, int]:
    """Find the place (left, top) beside a click, within the picture, that is farthest from other clicks and numbers."""
    (x, y), (width, height) = centre, size
    lefts, tops = (
        [min(max(start, 1), whole - length - 1) for start in (at + _NUMBER_DISTANCE, at - _NUMBER_DISTANCE - length)]
        for at, length, whole in ((x, width, shape[1]), (y, height, shape[0]))
    )
    tops.append(min(max(y - height // 2, 1), shape[0] - height - 1))
    places = [(left, top) for left in lefts for top in tops]
    return max(
        places,
        key=lambda place: min(np.hypot(place[0] + width / 2 - a, place[1] + height / 2 - b) for a, b in taken),
    )


def _measure(text: str) -> tuple[int, int]:
    (width, height), _ = cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)
    return width, height


def _shorten(text: str, width: int) -> str:
    """Leave letters out before the last third until a text fits."""
    head, tail = text[: len(text) // 3], text[len(text) // 3 :]
    shortened = text
    while _measure(shortened)[0] > width and (head or tail):
        head, tail = (head[:-1], tail) if len(head) * 2 >= len(tail) else (head, tail[1:])
        shortened = f"{head}...{tail}"
    return shortened


def _write(canvas: np.ndarray, text: str, place: tuple[int, int]) -> None:
    """Write a text whose box begins at `place` (left, top)."""
    left, bottom = place[0], place[1] + _measure(text)[1]
    # The shadow is the text itself, shifted: a wider stroke would set the letters farther apart.
    shadow = [(right, down) for right in (-1, 0, 1) for down in (-1, 0, 1)]
    for (right, down), colour in [*((offset, BLACK) for offset in shadow), ((0, 0), WHITE)]:
        cv2.putText(canvas, text, (left + right, bottom + down), _FONT, _FONT_SCALE, colour, 1, cv2.LINE_AA)
