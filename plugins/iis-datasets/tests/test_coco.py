"""COCO's JSON format and the pickles of COCO+LVIS are read as published, and what is wrong with them is said."""

from __future__ import annotations

import json
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from published_files import IMAGE, SHAPE, put, statuses
from pycocotools import mask as rle

from iis_core import EvaluationDataset, UserError, load_dataset


def coco_content() -> dict[str, Any]:
    overlapping, crowd = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    overlapping[5:20, 5:25], crowd[0:8, 0:40] = 1, 1
    polygons = [[3, 2, 12, 2, 12, 10, 3, 10], [30, 20, 38, 20, 38, 28]]
    compressed = rle.encode(np.asfortranarray(overlapping))["counts"].decode()
    runs = [0, *(int(n) for n in np.diff(np.flatnonzero(np.diff(crowd.ravel("F"), prepend=2, append=2))))]
    return {
        "categories": [{"id": 7, "name": "cat"}, {"id": 9, "name": "dog"}],
        "images": [
            {"id": 5, "file_name": "000005.jpg", "height": SHAPE[0], "width": SHAPE[1]},
            {"id": 6, "file_name": "000006.jpg", "height": SHAPE[0], "width": SHAPE[1]},
        ],
        "annotations": [
            {"id": 50, "image_id": 5, "category_id": 7, "segmentation": polygons},
            {"id": 51, "image_id": 5, "category_id": 9, "segmentation": {"size": SHAPE, "counts": compressed}},
            {"id": 52, "image_id": 5, "category_id": 9, "iscrowd": 1, "segmentation": {"size": SHAPE, "counts": runs}},
        ],
    }


@pytest.fixture
def coco(tmp_path: Path) -> Callable[..., Any]:
    put(tmp_path / "val2017" / "000005.jpg", IMAGE)
    put(tmp_path / "val2017" / "000006.jpg", IMAGE)

    def coco(content: Any, **keywords: Any) -> Any:
        put(tmp_path / "annotations" / "instances_val2017.json", json.dumps(content))
        return load_dataset("coco", root=str(tmp_path), **keywords)

    return coco


def test_coco(coco: Callable[..., Any], tmp_path: Path) -> None:
    data = coco(coco_content())
    assert statuses("datasets/coco", root=str(tmp_path)) == {}
    assert EvaluationDataset(data).ids == ["000005#50", "000005#51"]
    sample = data[0]
    assert [o["class"] for o in sample.info["objects"].values()] == ["cat", "dog"]
    assert sample.masks.shape == (*SHAPE, 2)
    polygons, overlapping = (sample.masks[:, :, o["layer"]] == o["value"] for o in sample.info["objects"].values())
    assert polygons[2:10, 3:12].all()
    assert not polygons[12:, :20].any()
    assert polygons[21, 36]
    expected = np.zeros(SHAPE, bool)
    expected[5:20, 5:25] = True
    assert np.array_equal(overlapping, expected)
    ignored = (sample.masks == -1).all(axis=2)
    assert ignored[0, 20]
    assert ((sample.masks == -1).any(axis=2)[:8] | polygons[:8] | overlapping[:8]).all()
    assert not (sample.masks == -1)[8:].any()


def test_lvis_names_its_images_by_url(coco: Callable[..., Any], tmp_path: Path) -> None:
    content = coco_content()
    for image in content["images"]:
        image["coco_url"] = f"http://images.cocodataset.org/val2017/{image.pop('file_name')}"
    data = coco(content, images=".")
    assert data.images[0] == ("val2017/000005", tmp_path / "val2017" / "000005.jpg")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("images"), "it lacks `images` and `annotations`"),
        (lambda c: c["annotations"][0].pop("image_id"), "is not in COCO's instance format: KeyError"),
        (lambda c: c["annotations"].clear(), "has no image with an object"),
        (lambda c: c["images"][0].update(file_name="gone.jpg"), r"1 of 1 images are missing, the first is .*gone\.jpg"),
        (lambda c: c["annotations"][1]["segmentation"].update(size=[9, 9]), r"annotation 51 of 000005\.jpg"),
        (lambda c: c["annotations"][0].update(segmentation=[]), r"annotation 50 of 000005\.jpg has no segmentation"),
        (lambda c: c["annotations"][0].pop("segmentation"), r"annotation 50 of 000005\.jpg has no segmentation"),
        (lambda c: c["annotations"][1].update(id=50), r"annotation id 50 of 000005\.jpg is not a number of its own"),
        (lambda c: c["annotations"][1].update(id="x"), r"annotation id 'x' of 000005\.jpg is not a number of its own"),
    ],
)
def test_what_is_wrong_with_a_json_file_is_said(
    coco: Callable[..., Any], change: Callable[[Any], Any], message: str
) -> None:
    content = coco_content()
    change(content)
    with pytest.raises(UserError, match=message):
        coco(content)[0]


def test_a_json_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"instances_val2017\.json cannot be read .*give `annotations`"):
        load_dataset("coco", root=str(tmp_path))
    put(tmp_path / "annotations" / "instances_val2017.json", "<html>")
    with pytest.raises(UserError, match=r"instances_val2017\.json is not JSON"):
        load_dataset("coco", root=str(tmp_path))


def png(layer: np.ndarray) -> np.ndarray:
    return cv2.imencode(".png", layer)[1]


@pytest.fixture
def coco_lvis(tmp_path: Path) -> Path:
    whole, parts = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    whole[2:28, 2:20], whole[:, 30:] = 1, 2
    parts[4:8, 4:8], parts[10:20, 4:10], parts[29] = 1, 2, 3
    folder = tmp_path / "train"
    put(folder / "images" / "000000000009.jpg", IMAGE)
    places = [(0, 1), (1, 1), (1, 2), (0, 2), (1, 3)]
    put(folder / "masks" / "000000000009.pickle", pickle.dumps(([png(whole), png(parts)], places)))
    child = {"children": [], "parent": 0, "node_level": 1}
    tree = {0: {"children": [1, 2], "parent": None, "node_level": 0}, 1: child, 2: child, 3: None}
    trees = {"000000000009": {"num_instance_masks": 4, "hierarchy": tree}}
    put(folder / "hannotation.pickle", pickle.dumps(OrderedDict(trees), protocol=2))
    return tmp_path


def test_coco_lvis(coco_lvis: Path) -> None:
    assert statuses("datasets/coco-lvis", root=str(coco_lvis)) == {}
    sample = load_dataset("coco-lvis", root=str(coco_lvis))[0]
    assert sorted(sample.info["objects"]) == [0, 1, 2, 3]
    assert sample.info["objects"][0]["children"] == (1, 2)
    assert sample.info["objects"][2] == {"layer": 1, "value": 2, "parent": 0, "children": (), "class": None}
    assert not (sample.masks[:, :, 1] == 3).any()


def test_stuff_of_coco_lvis_is_taken_on_demand(coco_lvis: Path) -> None:
    sample = load_dataset("coco-lvis", root=str(coco_lvis), stuff=True)[0]
    assert sample.info["objects"][4] == {"layer": 1, "value": 3, "parent": None, "children": (), "class": None}
    assert (sample.masks[29, :, 1] == 3).all()


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("file", ["hannotation.pickle", "masks/000000000009.pickle"])
def test_a_hostile_pickle_is_refused_without_running_it(
    coco_lvis: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(coco_lvis)
    put(coco_lvis / "train" / file, pickle.dumps([Hostile()]))
    with pytest.raises(UserError, match=r"pickle is refused, .*it asks for posix\.mkdir"):
        load_dataset("coco-lvis", root=str(coco_lvis))[0]
    assert not (coco_lvis / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"<html>", pickle.dumps([1, 2, 3]), pickle.dumps(([b"no png"], [(0, 1)]))])
def test_a_damaged_mask_file_of_coco_lvis_is_named(coco_lvis: Path, content: bytes) -> None:
    put(coco_lvis / "train" / "masks" / "000000000009.pickle", content)
    with pytest.raises(UserError, match=r"000000000009\.pickle"):
        load_dataset("coco-lvis", root=str(coco_lvis))[0]
