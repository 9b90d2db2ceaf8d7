"""Writing the masks that were clicked: as a dataset, as one PNG per object, or as COCO's JSON."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from iis_core.errors import UserError
from iis_core.files.decoding import SUFFIXES
from iis_core.files.images import write_image, write_mask
from iis_core.files.naming import name_file
from iis_core.files.reading import read_json
from iis_core.files.writing import replace_whole, write_json
from iis_web.photographs import Photograph

Masks: TypeAlias = Sequence[tuple[int, str, np.ndarray]]
"""Number, name and mask, bool (H, W), of each object that has pixels, by number."""

Keep: TypeAlias = Callable[[Path, Photograph, np.ndarray, Masks], None]
"""Writes the masks of an image into a folder, in place of those that it wrote before: folder, photograph, its pixels
uint8 (H, W, 3), masks."""

ANNOTATIONS = "annotations.json"


def keep_folder(folder: Path, photograph: Photograph, image: np.ndarray, masks: Masks) -> None:
    """Write `images/ID` and `masks/ID.png` of object numbers, as the dataset `folder` reads them.

    Where objects overlap, the one with the larger number lies on top. An image without objects is left out.
    """
    labels = np.zeros(image.shape[:2], np.uint8)
    for number, _, mask in masks:
        labels[mask] = number
    written = name_file(folder / "masks", photograph.id, ".png")
    suffix = Path(photograph.path).suffix.lower()
    is_file = suffix in SUFFIXES and Path(photograph.path).is_file()
    copy = name_file(folder / "images", photograph.id, suffix if is_file else ".png")
    if not masks:
        written.unlink(missing_ok=True)
        copy.unlink(missing_ok=True)
        return
    if not copy.exists():
        _copy(Path(photograph.path), copy) if is_file else write_image(copy, image)
    write_image(written, labels)


def keep_png(folder: Path, photograph: Photograph, image: np.ndarray, masks: Masks) -> None:
    """Write `masks/ID/NUMBER.png` of 0 and 255 for every object."""
    own = name_file(folder / "masks", f"{photograph.id}/1", ".png").parent
    wanted = {own / f"{number}.png": mask for number, _, mask in masks}
    for file, mask in wanted.items():
        write_mask(file, mask)
    for file in own.glob("*.png"):
        if file not in wanted and file.stem.isdecimal():
            file.unlink()


def keep_coco(folder: Path, photograph: Photograph, image: np.ndarray, masks: Masks) -> None:
    """Write the objects into `annotations.json` in COCO's form, with run lengths; their names are the categories.

    Raises:
        UserError: the file that is there is damaged.
    """
    file = folder / ANNOTATIONS
    content = _read_annotations(file)
    file_name = photograph.id + Path(photograph.path).suffix
    images = [each for each in content["images"] if each["file_name"] != file_name]
    kept = {each["id"] for each in images}
    annotations = [each for each in content["annotations"] if each["image_id"] in kept]
    categories = {each["name"]: each["id"] for each in content["categories"]}
    image_id = 1 + max(kept, default=0)
    first = 1 + max((each["id"] for each in annotations), default=0)
    for place, (_, name, mask) in enumerate(masks):
        category = categories.setdefault(name or "object", len(categories) + 1)
        annotations.append({"id": first + place, "image_id": image_id, "category_id": category, **describe_mask(mask)})
    height, width = image.shape[:2]
    if masks:
        images.append({"id": image_id, "file_name": file_name, "height": height, "width": width})
    listed = [{"id": number, "name": name} for name, number in categories.items()]
    write_json(file, {"images": images, "annotations": annotations, "categories": listed})


KEEPS: Mapping[str, Keep] = {"folder": keep_folder, "png": keep_png, "coco": keep_coco}


def describe_mask(mask: np.ndarray) -> dict[str, Any]:
    """Describe a mask, bool (H, W) with some pixel, as COCO does: run lengths down the columns, area and box."""
    flat = mask.flatten(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(cols[0])
    return {
        "segmentation": {"size": [*mask.shape], "counts": [0, *runs] if flat[0] else runs},
        "area": int(mask.sum()),
        "bbox": [left, top, int(cols[-1]) - left + 1, int(rows[-1]) - top + 1],
        "iscrowd": 0,
    }


def _read_annotations(file: Path) -> dict[str, list[dict[str, Any]]]:
    if not file.exists():
        return {"images": [], "annotations": [], "categories": []}
    content = read_json(file)
    keys = {"images": ("id", "file_name"), "annotations": ("id", "image_id"), "categories": ("id", "name")}
    for part, needed in keys.items():
        entries = content.get(part) if isinstance(content, dict) else None
        whole = isinstance(entries, list) and all(
            isinstance(each, dict) and {*needed} <= each.keys() for each in entries
        )
        if not whole:
            raise UserError(f"{file} is damaged: its {part} are not COCO's; remove it, or choose another --out")
    return dict(content)


def _copy(source: Path, target: Path) -> None:
    with replace_whole(target) as partial:
        shutil.copyfile(source, partial)
