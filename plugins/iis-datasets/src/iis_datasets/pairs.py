"""Image files beside mask files of the same name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iis_core import UserError
from iis_datasets.annotated import AnnotatedImages, Annotation, Objects, describe_object

_IMAGES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


class Pairs(NamedTuple):
    """Images with their masks, and masks without an image.

    found: id, image file and mask file of each.
    """

    found: list[tuple[str, Path, Path]]
    unused: list[Path]


class PairedDataset(AnnotatedImages):
    """Images, each with one mask file.

    pairs: in the order of the dataset; what is unused is kept for `iis data check`.
    read: from a mask file to int32 (H, W); 0 background, > 0 an object, -1 ignore.
    several: every number in a mask is an object of its own; else 1 is the only one.
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


def number_objects(mask: np.ndarray) -> Objects:
    """Every number above 0 in a mask as an object."""
    return {int(value): describe_object(int(value)) for value in np.unique(mask) if value > 0}


def pair_files(root: str, images: str, masks: str) -> Pairs:
    """Images and masks of the same name, in subfolders too, in the order of their names.

    root: the dataset's folder.
    images, masks: folders inside it.

    Raises UserError for a missing or empty folder, an image without a mask, and two images of one name.
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
