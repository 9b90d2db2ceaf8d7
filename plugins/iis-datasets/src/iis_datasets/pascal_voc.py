"""Pascal VOC 2012 segmentation."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from iis_core import UserError
from iis_core.files.images import read_mask_colours
from iis_datasets.annotated import read_names, require_files
from iis_datasets.pairs import PairedDataset, Pairs

_IGNORED_GREY, _IGNORED_NUMBER = 220, 255


def pascal_voc(root: str, *, split: str = "val") -> PairedDataset:
    """Open Pascal VOC in its published layout: `JPEGImages/`, `SegmentationObject/`, `ImageSets/Segmentation/`.

    As in the published evaluation lists, objects are told apart by the grey value of their palette colour, and 220 (the
    outlines) is ignored; in a mask of numbers without a palette, 255 is. Two objects of an image whose colours have the
    same grey value, such as the first and the sixteenth, count as one, which is why the list has 3417 objects.

    Args:
        root: the dataset's folder.
        split: the list in `ImageSets/Segmentation/`: train, val or trainval.
    """
    if split not in ("train", "val", "trainval"):
        raise UserError(f"split must be train, val or trainval, not {split!r}")
    folder = Path(root)
    names = read_names(folder / "ImageSets" / "Segmentation" / f"{split}.txt")
    images = require_files([folder / "JPEGImages" / f"{name}.jpg" for name in names], "images")
    masks = require_files([folder / "SegmentationObject" / f"{name}.png" for name in names], "masks")
    return PairedDataset(Pairs(list(zip(names, images, masks, strict=True)), [], []), _read, several=True)


def _read(path: Path) -> np.ndarray:
    colours = read_mask_colours(path)
    grey = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY).astype(np.int32)
    is_numbered = bool((colours == colours[:, :, :1]).all())
    return np.where(grey == (_IGNORED_NUMBER if is_numbered else _IGNORED_GREY), -1, grey).astype(np.int32)
