"""COCO and LVIS combined, as published with RITM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from iis_core import UserError
from iis_core.files.images import decode_labels
from iis_datasets.annotated import AnnotatedImages, Annotation, Objects, describe_object, require_files
from iis_datasets.pickles import read_pickle

_LARGEST_TREES, _LARGEST_MASKS = 1 << 30, 1 << 23


class CocoLvis(AnnotatedImages):
    """COCO+LVIS in its published layout: `SPLIT/images/ID.jpg`, `SPLIT/masks/ID.pickle`, `SPLIT/hannotation.pickle`.

    An object may have a parent and children; overlapping objects lie in different layers.

    Args:
        root: the dataset's folder.
        split: "train" or "val".
        stuff: whether to include the annotated stuff regions, which have neither parent nor children.

    Source: Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance.
    """

    def __init__(self, root: str, *, split: str = "train", stuff: bool = False) -> None:
        if split not in ("train", "val"):
            raise UserError(f"split must be train or val, not {split!r}")
        folder = Path(root) / split
        self.path = folder / "hannotation.pickle"
        if not self.path.is_file():
            raise UserError(f"{self.path} is missing: give the folder that holds {split}/ (--data-root DIR)")
        trees = read_pickle(self.path, _LARGEST_TREES)
        try:
            names = sorted(trees)
            self.trees = [(dict(trees[name]["hierarchy"]), int(trees[name]["num_instance_masks"])) for name in names]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UserError(f"{self.path} is not an annotation of COCO+LVIS: {error!r}") from error
        if not names:
            raise UserError(f"{self.path} names no image: fetch it again")
        images = require_files([folder / "images" / f"{name}.jpg" for name in names], "images")
        super().__init__(list(zip(names, images, strict=True)))
        self.files = require_files([folder / "masks" / f"{name}.pickle" for name in names], "mask files")
        self.stuff = stuff

    def objects(self, index: int) -> Objects:
        return self._objects(index, self._read(index)[1])

    def annotation(self, index: int) -> Annotation:
        encoded, places = self._read(index)
        try:
            masks = np.stack([self._decode(index, layer) for layer in encoded], axis=2)
        except (TypeError, ValueError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"{self.files[index]} holds no layers of one size: fetch it again") from error
        objects = self._objects(index, places)
        for layer in range(masks.shape[2]):
            known = [place["value"] for place in objects.values() if place["layer"] == layer]
            masks[:, :, layer][~np.isin(masks[:, :, layer], known)] = 0
        return Annotation(masks, objects, self.files[index])

    def _read(self, index: int) -> tuple[Any, Any]:
        """Read the PNG file of each layer, still encoded, and the layer and value of every object."""
        content = read_pickle(self.files[index], _LARGEST_MASKS)
        if not (isinstance(content, (tuple, list)) and len(content) == 2):
            raise UserError(f"{self.files[index]} is not a mask file of COCO+LVIS: fetch it again")
        return content[0], content[1]

    def _decode(self, index: int, layer: Any) -> np.ndarray:
        try:
            content = layer if isinstance(layer, bytes) else np.asarray(layer, np.uint8).tobytes()
        except (TypeError, ValueError, OverflowError) as error:
            raise UserError(f"{self.files[index]} holds a layer that is no image: fetch it again") from error
        return decode_labels(content, self.files[index])

    def _objects(self, index: int, places: Any) -> Objects:
        tree, instances = self.trees[index]
        try:
            numbers = range(len(places) if self.stuff else instances)
            return {k: _describe_place(places[k], tree.get(k)) for k in numbers}
        except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise UserError(f"{self.files[index]} does not fit {self.path}: {error!r}") from error


def _describe_place(place: Any, node: Any) -> Any:
    """Describe an object by its (layer, value) and its node in the tree, which is None for an object on its own."""
    layer, value = (int(number) for number in place)
    node = node or {"parent": None, "children": ()}
    parent = None if node["parent"] is None else int(node["parent"])
    return describe_object(value, layer, parent, [int(child) for child in node["children"]])
