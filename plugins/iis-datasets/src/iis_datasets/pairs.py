"""Datasets of image files beside mask files of the same name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from iis_core import Sample, UserError
from iis_core.images import read_image, read_mask

_IMAGES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

Pair = tuple[str, Path, Path]
"""An id, the image's file, the mask's file."""


class PairedDataset:
    """Images, each with one mask file.

    pairs: in the order of the dataset.
    read: from a mask file to int32 (H, W); 0 background, > 0 an object, -1 ignore.
    several: every number in a mask is an object of its own; else 1 is the only one.
    """

    def __init__(self, pairs: list[Pair], read: Callable[[Path], np.ndarray], several: bool = False) -> None:
        self.pairs = pairs
        self.read = read
        self.several = several

    def __len__(self) -> int:
        return len(self.pairs)

    def info(self, index: int) -> Mapping[str, Any]:
        """What is known of a sample without reading its image."""
        return self._info(index, self.read(self.pairs[index][2]) if self.several else None)

    def __getitem__(self, index: int) -> Sample:
        _, image_path, mask_path = self.pairs[index]
        image, mask = read_image(image_path), self.read(mask_path)
        if image.shape[:2] != mask.shape:
            raise UserError(f"{mask_path} is {mask.shape}, but its image {image_path.name} is {image.shape[:2]}")
        return Sample(image, mask[:, :, None], self._info(index, mask))

    def _info(self, index: int, mask: np.ndarray | None) -> Mapping[str, Any]:
        name, image_path, _ = self.pairs[index]
        values = [1] if mask is None or not self.several else [int(value) for value in np.unique(mask) if value > 0]
        lone = {"layer": 0, "parent": None, "children": (), "class": None}
        return {"id": name, "path": str(image_path), "objects": {value: {**lone, "value": value} for value in values}}


def paired_files(root: str, images: str, masks: str) -> list[Pair]:
    """Images and masks of the same name, in subfolders too, in the order of their names.

    root: the dataset's folder.
    images, masks: folders inside it. A mask without an image is left out.

    Raises UserError for a missing or empty folder, an image without a mask, and two images of one name.
    """
    found, annotated = _files(Path(root) / images), _files(Path(root) / masks)
    missing = sorted(found.keys() - annotated.keys())
    if missing:
        raise UserError(
            f"{len(missing)} images in {Path(root) / images} have no mask in {masks}/, "
            f"the first is {found[missing[0]].name}"
        )
    return [(name, found[name], annotated[name]) for name in sorted(found)]


def grabcut(root: str) -> PairedDataset:
    """GrabCut in its published layout: `data_GT/`, `boundary_GT/`; 128 is ignored, more is the object."""
    return PairedDataset(paired_files(root, "data_GT", "boundary_GT"), _read_trimap)


def coco_mval(root: str) -> PairedDataset:
    """COCO_MVal in RITM's layout: `img/`, `gt/`; a pixel with any channel above 0 is the object."""
    return PairedDataset(paired_files(root, "img", "gt"), _read_binary)


def davis(root: str) -> PairedDataset:
    """DAVIS frames in RITM's layout: `img/`, `gt/`; a pixel with any channel above 0 is the object."""
    return PairedDataset(paired_files(root, "img", "gt"), _read_binary)


def _read_trimap(path: Path) -> np.ndarray:
    codes = read_mask(path)
    mask = (codes > 128).astype(np.int32)
    mask[codes == 128] = -1
    return mask


def _read_binary(path: Path) -> np.ndarray:
    return (read_mask(path) > 0).astype(np.int32)


def _files(folder: Path) -> dict[str, Path]:
    """The image files under a folder by their names without ending."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: give the folder that holds {folder.name}/ (--data-root DIR)")
    files = [path for path in folder.rglob("*") if path.suffix.lower() in _IMAGES and not path.name.startswith(".")]
    if not files:
        raise UserError(f"{folder} holds no images ({', '.join(sorted(_IMAGES))})")
    by_name: dict[str, Path] = {}
    for path in sorted(files):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in by_name:
            raise UserError(f"{folder} holds {by_name[name].name} and {path.name}: keep one of them")
        by_name[name] = path
    return by_name
