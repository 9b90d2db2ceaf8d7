"""Images and masks of your own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np

from iis_core import UserError
from iis_datasets.labels import read_labels
from iis_datasets.pairs import PairedDataset, pair_files

_MANY = 16
_THIN_PART = 0.8


def folder(
    root: str, *, images: str = "images", masks: str = "masks", ignore: int | None = None, binary: bool = False
) -> PairedDataset:
    """Open a folder of images with masks of the same name, in subfolders too.

    A mask is a PNG of one channel: 0 is background, every other number (grey value or palette index) is an object of
    its own.

    Args:
        root: the dataset's folder.
        images: the folder of the images, under root.
        masks: the folder of the masks, under root.
        ignore: the number of pixels that are ignored, e.g. 255.
        binary: whether all numbers above 0 are one and the same object.

    Raises:
        UserError: a folder is missing or empty, an image has no mask, a mask holds colours, or, without binary, a mask
            has soft edges, whose in-between values would be taken for objects.
    """
    pairs = pair_files(root, images, masks)
    return PairedDataset(pairs, partial(_read, ignore=ignore, binary=binary), several=True)


def _read(path: Path, ignore: int | None, binary: bool) -> np.ndarray:
    labels = read_labels(path)
    ignored = labels == ignore
    if binary:
        labels = (labels > 0).astype(np.int32)
    else:
        _check_edges(path, labels)
    return np.where(ignored, -1, labels).astype(np.int32)


def _check_edges(path: Path, labels: np.ndarray) -> None:
    """Refuse a mask of many numbers most of which are nowhere three pixels wide: it was resized or smoothed."""
    numbers = np.unique(labels[labels > 0])
    if len(numbers) <= _MANY:
        return
    square = np.ones((3, 3), np.uint8)
    thin = sum(not cv2.erode((labels == number).astype(np.uint8), square).any() for number in numbers)
    if thin > _THIN_PART * len(numbers):
        raise UserError(
            f"{path} holds {len(numbers)} numbers, {thin} of them nowhere three pixels wide, as a mask with soft edges "
            "does: save it without smoothing, or give binary=true to take every number above 0 for one object"
        )
