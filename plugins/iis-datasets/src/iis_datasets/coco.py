"""Instances in COCO's JSON format, from COCO, LVIS or anywhere else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from iis_core import UserError
from iis_core.errors import first_line
from iis_core.files.images import read_size
from iis_core.files.reading import read_json
from iis_datasets.annotated import AnnotatedImages, Annotation, Objects, describe_object, require_files
from iis_datasets.segmentations import Box, Size, decode_segmentation, find_box


class Coco(AnnotatedImages):
    """Images with instance annotations: polygons or run lengths, compressed or not. Crowds are ignored.

    Overlapping objects lie in different layers. Images that hold nothing but crowds are left out.

    Args:
        root: the dataset's folder.
        annotations: the JSON file, under root.
        images: the folder of the image files, under root. For LVIS, which names images by URL, it is the folder that
            holds `train2017/` and `val2017/`.

    Raises:
        UserError: the file does not have the format, or images are missing.
    """

    def __init__(
        self, root: str, *, annotations: str = "annotations/instances_val2017.json", images: str = "val2017"
    ) -> None:
        self.path = Path(root) / annotations
        content = _load(self.path)
        try:
            self.classes = {c["id"]: str(c["name"]) for c in content.get("categories", ())}
            by_image: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
            for annotation in content["annotations"]:
                by_image[annotation["image_id"]].append(annotation)
            entries = [e for e in content["images"] if any(not _is_crowd(a) for a in by_image[e["id"]])]
            self.sizes = [(int(e["height"]), int(e["width"])) for e in entries]
            if any(min(size) < 1 for size in self.sizes):
                raise ValueError("an image has no pixels")
            names = [_find_file_name(e) for e in entries]
            self.instances = [by_image[e["id"]] for e in entries]
            self.layers = [self._assign_layers(*entry) for entry in zip(names, self.sizes, self.instances, strict=True)]
        except UserError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            cause = error if type(error) is ValueError else repr(error)
            raise UserError(f"{self.path} is not in COCO's instance format: {cause}") from error
        if not entries:
            raise UserError(f"{self.path} has no image with an object")
        files = require_files([Path(root) / images / name for name in names], "images")
        ids = [Path(name).with_suffix("").as_posix() for name in names]
        super().__init__(list(zip(ids, files, strict=True)))

    def objects(self, index: int) -> Objects:
        wanted = [a for a in self.instances[index] if not _is_crowd(a)]
        return {
            a["id"]: describe_object(k, layer, class_name=self.classes.get(a.get("category_id")))
            for k, (a, layer) in enumerate(zip(wanted, self.layers[index], strict=True), 1)
        }

    def annotation(self, index: int) -> Annotation:
        objects, size, (_, image) = self.objects(index), self.sizes[index], self.images[index]
        if (found := read_size(image)) != size:
            raise UserError(f"{self.path} says that {image.name} is {size}, but it is {found}: correct it")
        masks = np.zeros((*size, 1 + max(self.layers[index])), np.int32)
        crowd = np.zeros(size, bool)
        for annotation in self.instances[index]:
            with self._explain(annotation, image.name):
                mask = decode_segmentation(annotation["segmentation"], size)
            if _is_crowd(annotation):
                crowd |= mask
            else:
                place = objects[annotation["id"]]
                masks[mask, place["layer"]] = place["value"]
        masks[crowd] = np.where(masks[crowd] > 0, masks[crowd], -1)
        return Annotation(masks, objects, self.path)

    def _assign_layers(self, name: str, size: Size, instances: Sequence[Mapping[str, Any]]) -> list[int]:
        """Check the annotations of an image, and assign a layer to each object that is no crowd."""
        boxes: list[Box] = []
        seen: set[int] = set()
        for annotation in instances:
            number = annotation["id"]
            if not annotation.get("segmentation"):
                remedy = "correct it or leave it out (boxes alone are no masks)"
                raise UserError(f"{self.path}: annotation {number} of {name} has no segmentation: {remedy}")
            if type(number) is not int or number in seen:
                raise UserError(f"{self.path}: annotation id {number!r} of {name} is not a number of its own")
            seen.add(number)
            hash(annotation.get("category_id"))
            if not _is_crowd(annotation):
                with self._explain(annotation, name):
                    boxes.append(find_box(annotation["segmentation"], size))
        return assign_layers(boxes)

    @contextmanager
    def _explain(self, annotation: Mapping[str, Any], name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            where = f"{self.path}: annotation {annotation['id']} of {name}"
            raise UserError(f"{where} cannot be decoded ({first_line(error)}): correct it or leave it out") from error


def _load(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise UserError(f"{path} is missing: give `annotations`, the JSON file under root")
    content = read_json(path)
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise UserError(f"{path} is not in COCO's instance format: it lacks `images` and `annotations`")
    return content


def _is_crowd(annotation: Mapping[str, Any]) -> bool:
    value = annotation.get("iscrowd", 0)
    if type(value) not in (int, bool) or value not in (0, 1):
        raise ValueError(f"iscrowd of annotation {annotation.get('id')!r} is {value!r}, neither 0 nor 1")
    return bool(value)


def _find_file_name(image: Mapping[str, Any]) -> str:
    """Find an image's file name. COCO gives the name, LVIS a URL, whose last two parts are folder and file."""
    return str(image["file_name"]) if "file_name" in image else "/".join(str(image["coco_url"]).split("/")[-2:])


def assign_layers(boxes: Sequence[Box]) -> list[int]:
    """Assign each object to the first layer in which no other bounding box touches its own."""
    taken: list[list[Box]] = []
    layers = []
    for box in boxes:
        free = (k for k, others in enumerate(taken) if not any(_touch(box, other) for other in others))
        layer = next(free, len(taken))
        taken[layer:] = taken[layer:] or [[]]
        taken[layer].append(box)
        layers.append(layer)
    return layers


def _touch(a: Box, b: Box) -> bool:
    """Whether two boxes come within a pixel of each other."""
    return a[0] <= b[2] + 1 and b[0] <= a[2] + 1 and a[1] <= b[3] + 1 and b[1] <= a[3] + 1
