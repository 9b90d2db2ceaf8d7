"""One's own images and masks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from iis_datasets.labels import read_labels
from iis_datasets.pairs import PairedDataset, paired_files


def folder(root: str, *, images: str = "images", masks: str = "masks", ignore: int | None = None) -> PairedDataset:
    """Any folder of images with masks of the same name, in subfolders too.

    images, masks: folders under root. A mask is a PNG of one channel: 0 is background, every other number
        (grey value or palette index) an object of its own.
    ignore: the number of pixels that count nowhere, e.g. 255.

    Raises UserError for a missing or empty folder, an image without a mask, and a mask of colours.
    """
    return PairedDataset(paired_files(root, images, masks), partial(_read, ignore=ignore), several=True)


def _read(path: Path, ignore: int | None) -> np.ndarray:
    labels = read_labels(path)
    return labels if ignore is None else np.where(labels == ignore, -1, labels).astype(np.int32)
