"""Datasets of image files with mask files of the same name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iis_core import UserError
from iis_core.errors import near_matches
from iis_core.files.decoding import SUFFIXES
from iis_core.files.images import check_edges, read_binary_mask, read_mask
from iis_datasets.annotated import AnnotatedImages, Annotation, Objects, describe_object
from iis_datasets.image_files import ImageFiles, find_image_files

_UNCERTAIN = 128


class Pairs(NamedTuple):
    """Images with their masks, and masks without an image.

    Args:
        found: id, image file and mask file of each image.
        unused: masks without an image.
        left_out: files among the images that are none by their ending.
    """

    found: list[tuple[str, Path, Path]]
    unused: list[Path]
    left_out: list[Path]


class PairedDataset(AnnotatedImages):
    """Images, each with one mask file.

    Args:
        pairs: in the order of the dataset; what is unused or left out is kept for `iis data check`.
        read: reads a mask file as int32 (H, W); 0 background, > 0 an object, -1 ignore.
        several: whether every number in a mask is an object of its own; else 1 is the only object.
    """

    def __init__(self, pairs: Pairs, read: Callable[[Path], np.ndarray], several: bool = False) -> None:
        super().__init__([(name, image) for name, image, _ in pairs.found])
        self.masks = [mask for _, _, mask in pairs.found]
        self.unused = pairs.unused
        self.left_out = pairs.left_out
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
    return PairedDataset(pair_files(root, "img", "gt"), read_whole)


def coco_mval(root: str) -> PairedDataset:
    """Open COCO_MVal in RITM's layout: `img/`, `gt/`; a pixel with any channel above 0 is the object.

    Args:
        root: the dataset's folder.
    """
    return PairedDataset(pair_files(root, "img", "gt"), read_whole)


def read_trimap(path: Path) -> np.ndarray:
    """Read a mask file whose pixels are the object above 128 and ignored at 128.

    Args:
        path: the mask file.

    Returns:
        int32 (H, W), 1 for the object, -1 where ignored, else 0.

    Raises:
        UserError: as `read_mask`, or the mask has soft edges.
    """
    codes = read_mask(path)
    check_edges(np.where(codes == _UNCERTAIN, 0, codes).astype(np.uint8), path)
    return np.where(codes == _UNCERTAIN, -1, codes > _UNCERTAIN).astype(np.int32)


def read_whole(path: Path) -> np.ndarray:
    """Read a mask file in which a pixel with any channel above 0 is the object, int32 (H, W) of 0 and 1.

    Raises:
        UserError: as `read_binary_mask`.
    """
    return read_binary_mask(path).astype(np.int32)


def number_objects(mask: np.ndarray) -> Objects:
    """Describe every number above 0 in a mask as an object."""
    return {int(value): describe_object(int(value)) for value in np.unique(mask) if value > 0}


def pair_files(root: str, images: str, masks: str, mask_suffix: str = "", can_be_named: bool = False) -> Pairs:
    """Pair images with masks of the same name, in subfolders too, in the order of their names.

    Args:
        root: the dataset's folder.
        images: the folder of the images, under root.
        masks: the folder of the masks, under root; it may be that of the images where there is a suffix.
        mask_suffix: what a mask's name has after its image's, before the ending.
        can_be_named: whether the user can give the folders and the suffix, for the errors.

    Raises:
        UserError: a folder is missing or empty, an image has no mask or cannot be read, or two images have the same
            name.
    """
    folders = [Path(root) / images, Path(root) / masks]
    found, annotated = (_find_files(folder, can_be_named) for folder in folders)
    named = {
        name.removesuffix(mask_suffix): file for name, file in annotated.by_name.items() if name.endswith(mask_suffix)
    }
    of_images = found.by_name
    if mask_suffix and folders[0].samefile(folders[1]):
        of_images = {name: file for name, file in of_images.items() if not name.endswith(mask_suffix)}
    _check_pairs(folders, of_images, named, found.left_out, can_be_named)
    unused = [named[name] for name in sorted(named.keys() - of_images.keys())]
    return Pairs([(name, of_images[name], named[name]) for name in sorted(of_images)], unused, found.left_out)


def _find_files(folder: Path, can_be_named: bool) -> ImageFiles:
    if not folder.is_dir():
        raise UserError(_explain_missing_folder(folder, can_be_named))
    found = find_image_files(folder)
    if not found.by_name:
        raise UserError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))})")
    return found


def _check_pairs(
    folders: Sequence[Path],
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
    left_out: Sequence[Path],
    can_be_named: bool,
) -> None:
    """Refuse images without a mask, and files that have a mask and so must be images, but cannot be read."""
    if not images:
        raise UserError(f"{folders[0]} holds masks, but no images: name their folders apart, or correct mask_suffix")
    missing = sorted(images.keys() - masks.keys())
    if missing:
        remedy = _find_remedy(missing[0], masks, can_be_named)
        raise UserError(
            f"{len(missing)} images in {folders[0]} have no mask in {folders[1].name}/, "
            f"the first is {images[missing[0]].name}{remedy}"
        )
    for file in left_out:
        name = file.relative_to(folders[0]).with_suffix("").as_posix()
        if name in masks and name not in images:
            raise UserError(f"{file} has a mask, but {file.suffix} is not read: convert it to PNG, or take it away")


def _find_remedy(name: str, masks: Mapping[str, Path], can_be_named: bool) -> str:
    """Say which mask is probably meant for an image, and how to say so."""
    longer = sorted((mask for mask in masks if mask.startswith(name)), key=len)
    if not longer:
        return near_matches(name, masks)
    suffix = longer[0].removeprefix(name)
    how = f"give it by --data mask_suffix={suffix} (in Python mask_suffix={suffix!r})" if can_be_named else "rename it"
    return f", which {masks[longer[0]].name} seems to be for: {how}"


def _explain_missing_folder(folder: Path, can_be_named: bool) -> str:
    remedy = f"give the folder that holds {folder.name}/ (--data-root DIR)"
    if can_be_named and folder.parent.is_dir():
        others = sorted(f"{path.name}/" for path in folder.parent.iterdir() if path.is_dir())[:9]
        there = f"; there are {', '.join(others)}" if others else ""
        remedy += f", or name its folders by --data images=... --data masks=... (keywords in Python){there}"
    return f"{folder} is not a folder: {remedy}"
