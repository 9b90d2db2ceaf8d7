"""What all readers share: image files, each with an annotation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from iis_core import Sample, UserError
from iis_core.files.images import read_image
from iis_core.files.reading import read_text

Objects = Mapping[int, Mapping[str, Any]]

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, and what Python makes of bytes that are not UTF-8."""


class Annotation(NamedTuple):
    """The masks of one image.

    Args:
        masks: int32 (H, W, L); 0 background, > 0 an object, -1 ignore.
        objects: as in `Sample.info`.
        path: the file that the annotation was read from.
        initial_mask: bool (H, W), or None.
    """

    masks: np.ndarray
    objects: Objects
    path: Path
    initial_mask: np.ndarray | None = None


class AnnotatedImages:
    """Image files in a fixed order.

    Subclasses read the annotation. They may override `objects` if they know them without reading pixels.

    Args:
        images: id and file of each image.

    Raises:
        UserError: an id or a path cannot be written into a record, or an id leaves the dataset's folder.
    """

    def __init__(self, images: Sequence[tuple[str, Path]]) -> None:
        for name, path in images:
            _check_name(name, path)
        self.images = images

    def annotation(self, index: int) -> Annotation:
        """Read the annotation of one image."""
        raise NotImplementedError

    def objects(self, index: int) -> Objects:
        """List the objects of one image."""
        return self.annotation(index).objects

    def __len__(self) -> int:
        return len(self.images)

    def info(self, index: int) -> Mapping[str, Any]:
        """Describe a sample without reading its image."""
        name, path = self.images[index]
        return {"id": name, "path": str(path), "objects": self.objects(index)}

    def __getitem__(self, index: int) -> Sample:
        name, path = self.images[index]
        image, annotation = read_image(path), self.annotation(index)
        if image.shape[:2] != annotation.masks.shape[:2]:
            sizes = f"is {annotation.masks.shape[:2]}, but its image {path.name} is {image.shape[:2]}"
            raise UserError(f"{annotation.path} {sizes}")
        info = {"id": name, "path": str(path), "objects": annotation.objects}
        if annotation.initial_mask is not None:
            info["initial_mask"] = annotation.initial_mask
        return Sample(image, annotation.masks, info)


def _check_name(name: str, path: Path) -> None:
    """Refuse what no record, table or folder of results can hold."""
    if _UNPRINTABLE.search(f"{name}{path}"):
        shown = _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), str(path))
        raise UserError(f"the name of the file {shown} is no text in UTF-8 or has control characters: rename it")
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise UserError(f"the image {name!r} lies outside the dataset's folder: move it there, or correct its name")


def describe_object(
    value: int, layer: int = 0, parent: int | None = None, children: Sequence[int] = (), class_name: str | None = None
) -> Mapping[str, Any]:
    """Describe one object, as in `Sample.info`.

    Args:
        value: the object's value in the mask.
        layer: the layer of the mask that holds the object.
        parent: number of the object that this one is a part of, or None.
        children: numbers of the object's parts.
        class_name: name of the object's class, or None.
    """
    return {"layer": layer, "value": value, "parent": parent, "children": tuple(children), "class": class_name}


def read_names(file: Path) -> list[str]:
    """Read the names in a list file.

    Args:
        file: a text file with one name on each line.

    Raises:
        UserError: the file is missing, empty, or no text.
    """
    if not file.is_file():
        raise UserError(f"{file} is missing: give the folder that holds it (--data-root DIR)")
    names = [name for line in read_text(file).split("\n") if (name := line.strip())]
    if not names:
        raise UserError(f"{file} names no image: fetch it again")
    return names


def require_files(files: Sequence[Path], what: str) -> Sequence[Path]:
    """Check that files exist.

    Args:
        files: the files.
        what: what they are, for the error message.

    Returns:
        The files themselves.

    Raises:
        UserError: some files are missing; the first one is named.
    """
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise UserError(f"{len(missing)} of {len(files)} {what} are missing, the first is {missing[0]}")
    return files
