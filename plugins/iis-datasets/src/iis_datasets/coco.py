"""Instances in COCO's JSON format, from COCO, LVIS or anywhere else."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as rle

from iis_core import UserError
from iis_datasets.annotated import AnnotatedImages, Annotation, Objects, describe_object, require_files


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
            names = [_find_file_name(e) for e in entries]
            files = [Path(root) / images / name for name in names]
            self.instances = [by_image[e["id"]] for e in entries]
            for name, instances in zip(names, self.instances, strict=True):
                self._check(name, instances)
            self.layers = [_assign_layers(instances) for instances in self.instances]
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self.path} is not in COCO's instance format: {error!r}") from error
        if not entries:
            raise UserError(f"{self.path} has no image with an object")
        ids = [Path(name).with_suffix("").as_posix() for name in names]
        super().__init__(list(zip(ids, require_files(files, "images"), strict=True)))

    def _check(self, name: str, instances: Sequence[Mapping[str, Any]]) -> None:
        seen = set()
        for annotation in instances:
            number = annotation["id"]
            if not annotation.get("segmentation"):
                remedy = "correct it or leave it out (boxes alone are no masks)"
                raise UserError(f"{self.path}: annotation {number} of {name} has no segmentation: {remedy}")
            if type(number) is not int or number in seen:
                raise UserError(f"{self.path}: annotation id {number!r} of {name} is not a number of its own")
            seen.add(number)

    def objects(self, index: int) -> Objects:
        wanted = [a for a in self.instances[index] if not _is_crowd(a)]
        return {
            a["id"]: describe_object(k, layer, class_name=self.classes.get(a.get("category_id")))
            for k, (a, layer) in enumerate(zip(wanted, self.layers[index], strict=True), 1)
        }

    def annotation(self, index: int) -> Annotation:
        objects = self.objects(index)
        masks = np.zeros((*self.sizes[index], 1 + max(self.layers[index])), np.int32)
        crowd = np.zeros(self.sizes[index], bool)
        for annotation in self.instances[index]:
            mask = self._decode(annotation, index)
            if _is_crowd(annotation):
                crowd |= mask
            else:
                place = objects[annotation["id"]]
                masks[mask, place["layer"]] = place["value"]
        masks[crowd] = np.where(masks[crowd] > 0, masks[crowd], -1)
        return Annotation(masks, objects, self.path)

    def _decode(self, annotation: Mapping[str, Any], index: int) -> np.ndarray:
        height, width = self.sizes[index]
        segmentation = annotation["segmentation"]
        try:
            if isinstance(segmentation, list):
                segmentation = rle.merge(rle.frPyObjects(segmentation, height, width))
            elif isinstance(segmentation["counts"], list):
                segmentation = rle.frPyObjects(segmentation, height, width)
            mask = np.asarray(rle.decode(segmentation), bool)
        except Exception as error:
            where = f"{self.path}: annotation {annotation['id']} of {self.images[index][1].name}"
            raise UserError(f"{where} cannot be decoded ({error!r}): correct it or leave it out") from error
        if mask.shape != (height, width):
            where = f"{self.path}: annotation {annotation['id']} of {self.images[index][1].name}"
            raise UserError(f"{where} is {mask.shape}, but its image is {(height, width)}")
        return mask


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): give `annotations`, the JSON file under root"
        ) from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}): fetch it again") from error
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise UserError(f"{path} is not in COCO's instance format: it lacks `images` and `annotations`")
    return content


def _is_crowd(annotation: Mapping[str, Any]) -> bool:
    return bool(annotation.get("iscrowd", 0))


def _find_file_name(image: Mapping[str, Any]) -> str:
    """Find an image's file name. COCO gives the name, LVIS a URL, whose last two parts are folder and file."""
    return str(image["file_name"]) if "file_name" in image else "/".join(str(image["coco_url"]).split("/")[-2:])


def _assign_layers(instances: Sequence[Mapping[str, Any]]) -> list[int]:
    """Assign each object that is no crowd to the first layer in which no other bounding box touches its own."""
    boxes: list[list[tuple[float, ...]]] = []
    layers = []
    for box in (_find_box(a) for a in instances if not _is_crowd(a)):
        free = (k for k, taken in enumerate(boxes) if not any(_touch(box, other) for other in taken))
        layer = next(free, len(boxes))
        boxes[layer:] = boxes[layer:] or [[]]
        boxes[layer].append(box)
        layers.append(layer)
    return layers


def _find_box(annotation: Mapping[str, Any]) -> tuple[float, ...]:
    """Find left, top, right and bottom; from polygons, since a given `bbox` may be smaller than what is rendered."""
    segmentation = annotation["segmentation"]
    if isinstance(segmentation, list):
        points = np.concatenate([np.reshape(polygon, (-1, 2)) for polygon in segmentation])
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return left, top, right, bottom
    counts = (
        segmentation
        if isinstance(segmentation["counts"], (str, bytes))
        else rle.frPyObjects(segmentation, *segmentation["size"])
    )
    left, top, width, height = rle.toBbox(counts)
    return left, top, left + width, top + height


def _touch(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether two boxes come within a pixel of each other."""
    return a[0] <= b[2] + 1 and b[0] <= a[2] + 1 and a[1] <= b[3] + 1 and b[1] <= a[3] + 1
