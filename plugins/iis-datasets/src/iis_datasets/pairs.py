"""Datasets of image files beside mask files of the same name, one object per image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from iis_core import Sample, UserError
from iis_core.images import read_image, read_mask

_IMAGES = {".jpg", ".jpeg", ".png", ".bmp"}


class PairedDataset:
    """Images and masks paired by name, in the order of their names.

    root: the dataset's folder.
    images, masks: folders inside it.
    decode: from the stored codes, uint8 (H, W), to int32 (H, W); 0 background, 1 object, -1 ignore.

    Raises UserError for a missing or empty folder and for an image without a mask.
    """

    def __init__(self, root: str | Path, images: str, masks: str, decode: Callable[[np.ndarray], np.ndarray]) -> None:
        found, annotated = _files(Path(root) / images), _files(Path(root) / masks)
        missing = sorted(found.keys() - annotated.keys())
        if missing:
            raise UserError(
                f"{len(missing)} images in {Path(root) / images} have no mask in {masks}/, "
                f"the first is {found[missing[0]].name}"
            )
        self.pairs = [(found[stem], annotated[stem]) for stem in sorted(found)]
        self.decode = decode

    def __len__(self) -> int:
        return len(self.pairs)

    def info(self, index: int) -> Mapping[str, Any]:
        """What is known of a sample without reading it."""
        image, _ = self.pairs[index]
        whole = {"layer": 0, "value": 1, "parent": None, "children": (), "class": None}
        return {"id": image.stem, "path": str(image), "objects": {1: whole}}

    def __getitem__(self, index: int) -> Sample:
        image_path, mask_path = self.pairs[index]
        image, mask = read_image(image_path), self.decode(read_mask(mask_path))
        if image.shape[:2] != mask.shape:
            raise UserError(f"{mask_path} is {mask.shape}, but its image {image_path.name} is {image.shape[:2]}")
        return Sample(image, mask[:, :, None], self.info(index))


def grabcut(root: str) -> PairedDataset:
    """GrabCut in its published layout: `data_GT/`, `boundary_GT/`; 128 is ignored, more is the object."""
    return PairedDataset(root, "data_GT", "boundary_GT", _decode_trimap)


def coco_mval(root: str) -> PairedDataset:
    """COCO_MVal in RITM's layout: `img/`, `gt/`; a pixel with any channel above 0 is the object."""
    return PairedDataset(root, "img", "gt", _decode_binary)


def davis(root: str) -> PairedDataset:
    """DAVIS frames in RITM's layout: `img/`, `gt/`; a pixel with any channel above 0 is the object."""
    return PairedDataset(root, "img", "gt", _decode_binary)


def _decode_trimap(codes: np.ndarray) -> np.ndarray:
    mask = (codes > 128).astype(np.int32)
    mask[codes == 128] = -1
    return mask


def _decode_binary(codes: np.ndarray) -> np.ndarray:
    return (codes > 0).astype(np.int32)


def _files(folder: Path) -> dict[str, Path]:
    """The image files of a folder by their names without ending."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: give the folder that holds {folder.name}/ (--data-root DIR)")
    files = [path for path in folder.iterdir() if path.suffix.lower() in _IMAGES]
    if not files:
        raise UserError(f"{folder} holds no images ({', '.join(sorted(_IMAGES))})")
    by_name: dict[str, Path] = {}
    for path in sorted(files):
        if path.stem in by_name:
            raise UserError(f"{folder} holds {by_name[path.stem].name} and {path.name}: keep one of them")
        by_name[path.stem] = path
    return by_name
