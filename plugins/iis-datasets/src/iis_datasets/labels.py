"""Mask files whose pixels are numbers, not colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from iis_core import UserError
from iis_core.files.images import read_mask

_NUMBERED = ("1", "L", "P", "I;16", "I;16B", "I")


def read_labels(path: Path) -> np.ndarray:
    """Read the numbers in a mask file: palette indices or grey values of 1, 8, 16 or 32 bits.

    Args:
        path: the mask file.

    Returns:
        int32 (H, W).

    Raises:
        UserError: the file is unreadable, lossy, or holds colours.
    """
    try:
        with Image.open(path) as file:
            labels, mode, kind = np.asarray(file), file.mode, file.format
    except FileNotFoundError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:
        raise UserError(f"{path} is not a readable image ({error}): fetch it again, or convert it to PNG") from error
    if kind == "JPEG":
        raise UserError(f"{path} is a JPEG, which blurs the numbers of a mask: save masks as PNG")
    if mode == "RGB" and (labels == labels[:, :, :1]).all():
        labels, mode = labels[:, :, 0], "L"
    if mode not in _NUMBERED:
        raise UserError(f"{path} holds colours ({mode}): save the mask with one channel, a number for each object")
    return labels.astype(np.int32)


def read_binary(path: Path) -> np.ndarray:
    """Read a mask file in which a pixel with any channel above 0 is the object.

    Args:
        path: the mask file.

    Returns:
        int32 (H, W), 1 for the object, else 0.

    Raises:
        UserError: as `read_mask`.
    """
    return (read_mask(path) > 0).astype(np.int32)
