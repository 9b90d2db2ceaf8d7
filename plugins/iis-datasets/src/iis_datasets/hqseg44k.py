"""HQSeg-44K: the four sets of fine masks on which its users validate."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from iis_core import UserError
from iis_core.files.images import read_mask
from iis_datasets.pairs import PairedDataset, Pairs, pair_files

_FOLDERS = {
    "dis": ("DIS5K/DIS-VD/im", "DIS5K/DIS-VD/gt"),
    "thin": ("thin_object_detection/ThinObject5K/images_test", "thin_object_detection/ThinObject5K/masks_test"),
    "coift": ("thin_object_detection/COIFT/images", "thin_object_detection/COIFT/masks"),
    "hrsod": ("thin_object_detection/HRSOD/images", "thin_object_detection/HRSOD/masks_max255"),
}
"""Of images and masks, by part, in the order of the published evaluation."""


def hqseg44k(root: str, *, part: str | None = None) -> PairedDataset:
    """Open the validation part of HQSeg-44K as published with HQ-SAM; a pixel with any channel above 0 is the object.

    An id is the part and the name of the image, since names may be the same in two parts.

    Args:
        root: the folder that holds `DIS5K/` and `thin_object_detection/`.
        part: "dis" (DIS5K-VD, 470 images), "thin" (ThinObject5K-TE, 500), "coift" (280) or "hrsod" (287); None for
            all, in this order.

    Raises:
        UserError: the part is unknown or not there, an image has no mask or cannot be read.

    Source: Ke et al. 2023, Segment Anything in High Quality; order of the parts and reading of masks as in SegNext.
    """
    if part is not None and part not in _FOLDERS:
        raise UserError(f"part must be {', '.join(_FOLDERS)}, or left out for all, not {part!r}")
    of_parts = [_pair_part(root, name) for name in (_FOLDERS if part is None else [part])]
    found, unused, left_out = ([entry for some in lists for entry in some] for lists in zip(*of_parts, strict=True))
    return PairedDataset(Pairs(found, unused, left_out), read_any)


def read_any(path: Path) -> np.ndarray:
    """Read a mask in which a pixel with any channel above 0 is the object, soft edges too: they count as published.

    Args:
        path: the mask file.

    Returns:
        int32 (H, W) of 0 and 1.

    Raises:
        UserError: as `read_mask`.
    """
    return (read_mask(path) > 0).astype(np.int32)


def _pair_part(root: str, part: str) -> Pairs:
    images, masks = _FOLDERS[part]
    for folder in (images, masks):
        if not Path(root, folder).is_dir():
            others = [name for name in _FOLDERS if all(Path(root, other).is_dir() for other in _FOLDERS[name])]
            remedy = f", or take what is there by --data part={others[0]}" if others else ""
            raise UserError(
                f"{root} has no {folder}/: give the folder that holds {folder.split('/')[0]}/ (--data-root DIR){remedy}"
            )
    pairs = pair_files(root, images, masks)
    return pairs._replace(found=[(f"{part}/{name}", image, mask) for name, image, mask in pairs.found])
