"""Images and masks of your own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from iis_core.files.images import check_edges, read_labels
from iis_core.masks.soft import has_soft_edges
from iis_datasets.pairs import PairedDataset, pair_files

_REMEDY = ", or give binary=true, which does so, or ignore=N for a number N that counts nowhere"


def folder(
    root: str,
    *,
    images: str = "images",
    masks: str = "masks",
    mask_suffix: str = "",
    ignore: int | None = None,
    binary: bool = False,
) -> PairedDataset:
    """Open a folder of images with masks of the same name, in subfolders too.

    A mask is a PNG of one channel: 0 is background, every other number (grey value or palette index) is an object of
    its own.

    Args:
        root: the dataset's folder.
        images: the folder of the images, under root.
        masks: the folder of the masks, under root.
        mask_suffix: what a mask's name has after its image's, before the ending, e.g. `_mask`.
        ignore: the number of pixels that are ignored, e.g. 255.
        binary: whether all numbers above 0 are one and the same object; of a mask with soft edges, those above half of
            the largest.

    Raises:
        UserError: a folder is missing or empty, an image has no mask, a mask holds colours, or, without binary, a mask
            has soft edges, whose in-between values would be taken for objects.
    """
    pairs = pair_files(root, images, masks, mask_suffix, can_be_named=True)
    return PairedDataset(pairs, partial(_read, ignore=ignore, binary=binary), several=True)


def _read(path: Path, ignore: int | None, binary: bool) -> np.ndarray:
    labels = read_labels(path)
    ignored = labels == ignore
    labels[ignored] = 0
    if binary:
        labels = (labels > (labels.max() // 2 if has_soft_edges(labels) else 0)).astype(np.int32)
    else:
        check_edges(labels, path, _REMEDY)
    return np.where(ignored, -1, labels).astype(np.int32)
