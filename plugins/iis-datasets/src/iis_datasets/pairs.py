"""Datasets of image files with mask files of the same name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iis_core import UserError
from iis_core.files.images import read_mask
from iis_datasets.annotated import AnnotatedImages, Annotation, Objects, describe_object
from iis_datasets.labels import read_binary

_IMAGES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


class Pairs(NamedTuple):
    """Images with their masks, and masks without an image.

    Args:
        found: id, image file and mask file of each image.
        unused: masks without an image.
    """

    found: list[tuple[str, Path, Path]]
    unused: list[Path]


class PairedDataset(AnnotatedImages):
    """Images, each with one mask file.

    Args:
        pairs: in the order of the dataset; unused masks are kept for `iis data check`.
        read: reads a mask file as int32 (H, W); 0 background, > 0 an object, -1 ignore.
        several: whether every number in a mask is an object of its own; else 1 is the only object.
    """

    def __init__(self, pairs: Pairs, read: Callable[[Path], np.ndarray], several: bool = False) -> None:
        super().__init__([(name, image) for name, image, _ in pairs.found])
        self.masks = [mask for _, _, mask in pairs.found]
        self.unused = pairs.unused
        self.read = read
        self.several = several

    def annotation(self, index: int) -> Annotation:
        mask = self.read(self.masks[index])
        return Annotation(
            mask[:, :, None], number_objects(mask) if self.several else {1: describe_object(1)}, self.masks[index]
        )

    def objects(self, index: int) -> Objects:
        return super().objects(index) if self.several else {1: describe_object(1)}


def grabcut(root: str) -> PairedDataset:
    """Open GrabCut in its published layout: `data_GT/`, `boundary_GT/`; 128 is ignored, more is the object.

    Args:
        root: the dataset's folder.
    """
    return PairedDataset(pair_files(root, "data_GT", "boundary_GT"), read_trimap)


def berkeley(root: str) -> PairedDataset:
    """Open Berkeley in RITM's layout: `images/`, `masks/`; 128 is ignored, more is the object, as for GrabCut.

    Args:
        root: the dataset's folder.
    """
    return PairedDataset(pair_files(root, "images", "masks"), read_trimap)


def davis(root: str) -> PairedDataset:
    """Open DAVIS frames in RITM's layout: `img/`, `gt/`; a pixel with any channel above 0 is the object.

    Args:
        root: the dataset's folder.
    """
    return PairedDataset(pair_files(root, "img", "gt"), read_binary)


def coco_mval(root: str) -> PairedDataset:
    """Open COCO_MVal in RITM's layout: `img/`, `gt/`; a pixel with any channel above 0 is the object.

    Args:
        root: the dataset's folder.
    """
    return PairedDataset(pair_files(root, "img", "gt"), read_binary)


def read_trimap(path: Path) -> np.ndarray:
    """Read a mask file whose pixels are the object above 128 and ignored at 128.

    Args:
        path: the mask file.

    Returns:
        int32 (H, W), 1 for the object, -1 where ignored, else 0.

    Raises:
        UserError: as `read_mask`.
    """
    codes = read_mask(path)
    return np.where(codes == 128, -1, codes > 128).astype(np.int32)


def number_objects(mask: np.ndarray) -> Objects:
    """Describe every number above 0 in a mask as an object."""
    return {int(value): describe_object(int(value)) for value in np.unique(mask) if value > 0}


def pair_files(root: str, images: str, masks: str) -> Pairs:
    """Pair images with masks of the same name, in subfolders too, in the order of their names.

    Args:
        root: the dataset's folder.
        images: the folder of the images, under root.
        masks: the folder of the masks, under root.

    Raises:
        UserError: a folder is missing or empty, an image has no mask, or two images have the same name.
    """
    found, annotated = _find_files(Path(root) / images), _find_files(Path(root) / masks)
    missing = sorted(found.keys() - annotated.keys())
    if missing:
        raise UserError(
            f"{len(missing)} images in {Path(root) / images} have no mask in {masks}/, "
            f"the first is {found[missing[0]].name}"
        )
    unused = [annotated[name] for name in sorted(annotated.keys() - found.keys())]
    return Pairs([(name, found[name], annotated[name]) for name in sorted(found)], unused)


def _find_files(folder: Path) -> dict[str, Path]:
    """Find the image files under a folder, by name without suffix."""
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
