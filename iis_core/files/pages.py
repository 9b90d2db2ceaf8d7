"""Several masks in one file: a TIFF of one bit per pixel, a page for each, which any viewer of images can show."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from iis_core.errors import UserError
from iis_core.files.reading import read_bytes
from iis_core.files.writing import write_bytes

_LARGEST = 1 << 28


def write_pages(path: Path, masks: Sequence[np.ndarray]) -> None:
    """Write masks, losslessly compressed as fax pages are (CCITT group 4), or leave the file as it was.

    Args:
        path: the file.
        masks: bool (H, W) each, one or more.

    Raises:
        UserError: the file cannot be written.
    """
    first, *others = (Image.fromarray(mask) for mask in masks)
    content = io.BytesIO()
    first.save(content, "TIFF", compression="group4", save_all=True, append_images=others)
    write_bytes(path, content.getvalue())


def read_pages(path: Path, count: int, shape: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Read masks that `write_pages` wrote.

    Args:
        path: the file.
        count: how many there must be.
        shape: (H, W) that each must have; nothing else is decoded.

    Returns:
        bool (H, W) each.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    masks: list[np.ndarray] = []
    try:
        for page in ImageSequence.Iterator(Image.open(io.BytesIO(read_bytes(path, _LARGEST)), formats=["TIFF"])):
            if page.mode != "1" or page.size != shape[::-1] or len(masks) == count:
                break
            masks.append(np.array(page))
        else:
            if len(masks) == count:
                return tuple(masks)
    except UserError:
        raise
    except Exception as error:  # Pillow raises what its decoders raise
        raise UserError(f"{path} is damaged ({error}): remove it, and the masks are made anew") from error
    raise UserError(
        f"{path} does not hold {count} masks of {shape[0]} x {shape[1]} pixels: remove it, and they are made anew"
    )
