"""Telling a JPEG that was cut short and closed again: decoders fill what is missing, and say nothing."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
from PIL import Image

_END, _START_OF_SCAN = b"\xff\xd9", 0xDA
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_MORE = bytes(range(0x40))  # begins with 0, without which a half marker before it would swallow it
_GREY = 128


def lacks_data(content: bytes, image: Image.Image) -> bool:
    """Return whether a JPEG cannot be whole: by its length, or because scans of a progressive one are missing.

    Args:
        content: the file.
        image: its header.
    """
    width, height = image.size
    if 8 * len(content) < (width // 8) * (height // 8):  # a block of 8 x 8 pixels takes at least a bit
        return True
    if "progressive" not in image.info:
        return False
    # The last bit of every coefficient lies in exactly one scan.
    found = sum(count * (last - first + 1) for count, first, last, bit in _list_scans(content) if bit == 0)
    return found < 64 * len(image.getbands())


def lacks_rows(content: bytes, image: Image.Image, pixels: np.ndarray) -> bool:
    """Return whether more data before the end of a JPEG would change its pixels.

    Args:
        content: the file.
        image: its header.
        pixels: uint8 (H, W, 3), what is decoded from it.
    """
    # Missing blocks are grey, unless in CMYK or where earlier scans hold them: most files need no second decoding.
    is_plain = image.mode != "CMYK" and "progressive" not in image.info
    red, green, blue = pixels[-1, -1].tolist()
    if is_plain and abs(0.299 * red + 0.587 * green + 0.114 * blue - _GREY) > 2:
        return False
    end = content.rfind(_END)
    longer = _decode(content[:end] + _MORE + content[end:])
    return not (np.array_equal(longer, pixels) or np.array_equal(longer, _decode(content)))


def _decode(content: bytes) -> np.ndarray:
    # OpenCV would complain about the added bytes on the terminal.
    return np.asarray(Image.open(io.BytesIO(content)))


def _list_scans(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield of each scan the number of components, the first and last coefficient, and the lowest bit."""
    found = _MARKER.search(content, 2)
    while found and len(content) > found.end() + 2:
        start = found.end()
        length = int.from_bytes(content[start : start + 2])
        segment = content[start + 2 : start + length]
        if content[start - 1] == _START_OF_SCAN and len(segment) >= 6:
            yield segment[0], segment[-3], segment[-2], segment[-1] & 15
        found = _MARKER.search(content, start + length)
