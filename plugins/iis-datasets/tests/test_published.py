"""Every published layout, written small by the tests, is read as published."""

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
from PIL import Image
from pycocotools import mask as rle
from scipy.io import savemat

from iis_core import EvaluationDataset, UserError, load_dataset
from iis_core.testing import check

SHAPE = (30, 40)
IMAGE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (*SHAPE, 3), dtype=np.uint8))
LABELS = np.zeros(SHAPE, np.uint8)
LABELS[2:10, 3:12], LABELS[15:28, 20:38] = 1, 2


def put(path: Path, content: Any) -> Path:
    """Write an image, an array as an image, text or bytes, making folders as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, np.ndarray):
        content = Image.fromarray(content)
    if isinstance(content, Image.Image):
        content.save(path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content)
    return path


def statuses(name: str, **keywords: object) -> dict[str, str]:
    """What does not pass but for the counts, which only the complete set has."""
    results = check(name, **keywords)
    return {r.check: r.reason for r in results if r.status != "passed" and r.check != "check_counts"}


def test_berkeley(tmp_path: Path) -> None:
    for name in ("113044", "227092-2"):
        put(tmp_path / "images" / f"{name}.jpg", IMAGE)
        put(tmp_path / "masks" / f"{name}.png", LABELS * 127)
    assert statuses("datasets/berkeley", root=str(tmp_path)) == {}
    sample = load_dataset("berkeley", root=str(tmp_path))[1]
    assert sample.info["id"] == "227092-2"
    assert np.array_equal(sample.masks[:, :, 0], LABELS == 2)


@pytest.fixture
def sbd(tmp_path: Path) -> Path:
    sparse = np.zeros(SHAPE, np.uint8)
    sparse[0, :], sparse[:, 0] = 3, 3
    for name, mask in (("2008_000001", LABELS), ("2008_000002", np.maximum(LABELS, sparse))):
        put(tmp_path / "img" / f"{name}.jpg", IMAGE)
        (tmp_path / "inst").mkdir(exist_ok=True)
        count = int(mask.max())
        instances = {"Segmentation": mask, "Categories": np.array([[15], [1], [20]][:count], np.float64)}
        savemat(tmp_path / "inst" / f"{name}.mat", {"GTinst": instances})
    put(tmp_path / "val.txt", "2008_000001\n2008_000002\n")
    put(tmp_path / "train.txt", "2008_000002\n")
    return tmp_path


def test_sbd(sbd: Path) -> None:
    assert statuses("datasets/sbd", root=str(sbd)) == {}
    targets = EvaluationDataset(load_dataset("sbd", root=str(sbd)))
    assert targets.ids == [f"2008_00000{k}" for k in ("1#1", "1#2", "2#1", "2#2", "2#3")]
    assert np.array_equal(targets[1].target, LABELS == 2)
    classes = [o["class"] for o in load_dataset("sbd", root=str(sbd)).info(1)["objects"].values()]
    assert classes == ["person", "aeroplane", "tvmonitor"]


def test_sparse_objects_of_sbd_are_left_out_in_training_only(sbd: Path) -> None:
    (training,) = [load_dataset("sbd", root=str(sbd), split="train")[0]]
    assert sorted(training.info["objects"]) == [1, 2]
    assert set(np.unique(training.masks)) == {0, 1, 2}


def test_a_damaged_instance_file_of_sbd_is_named(sbd: Path) -> None:
    put(sbd / "inst" / "2008_000001.mat", b"<html>")
    with pytest.raises(UserError, match=r"2008_000001\.mat is not an instance file of SBD"):
        load_dataset("sbd", root=str(sbd))[0]
    savemat(sbd / "inst" / "2008_000001.mat", {"other": 1})
    with pytest.raises(UserError, match=r"2008_000001\.mat is not an instance file of SBD"):
        load_dataset("sbd", root=str(sbd))[0]


def palette() -> list[int]:
    """Pascal VOC's: the bits of a number spread over red, green and blue."""
    colours = []
    for number in range(256):
        for channel in range(3):
            colours.append(sum(((number >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(3)))
    return colours


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    labels = LABELS.copy()
    labels[12:14, :5], labels[12:14, 6:9], labels[0] = 16, 4, 255
    mask = Image.fromarray(labels)
    mask.putpalette(palette())
    put(tmp_path / "JPEGImages" / "2007_000033.jpg", IMAGE)
    put(tmp_path / "SegmentationObject" / "2007_000033.png", mask)
    put(tmp_path / "ImageSets" / "Segmentation" / "val.txt", "2007_000033\n")
    return tmp_path


def test_pascal_voc(voc: Path) -> None:
    assert statuses("datasets/pascal-voc", root=str(voc)) == {}
    sample = load_dataset("pascal-voc", root=str(voc))[0]
    assert sorted(sample.info["objects"]) == [15, 38, 75]
    mask = sample.masks[:, :, 0]
    assert (mask[0] == -1).all()
    assert (mask[1:] >= 0).all()
    assert np.array_equal(mask == 75, LABELS == 2)
    assert (mask == 38).sum() == (LABELS == 1).sum() + 10


@pytest.fixture
def davis585(tmp_path: Path) -> Path:
    for number in (1, 2):
        mask = (number == LABELS).astype(np.uint8) * 255
        put(tmp_path / "bear" / f"object{number}_00009.png", np.repeat(mask[:, :, None], 3, axis=2))
        for kind, shift in (("sp", 1), ("stm", 2)):
            put(tmp_path / "bear" / f"init_{kind}_object{number}_00009.png", np.roll(mask, shift, axis=1))
    put(tmp_path / "bear" / "00009.jpg", IMAGE)
    return tmp_path


@pytest.mark.parametrize(("start", "shift"), [("sp", 1), ("stm", 2)])
def test_davis585(davis585: Path, start: str, shift: int) -> None:
    keywords = {"root": str(davis585), "initial_masks": start}
    assert statuses("datasets/davis585", **keywords) == {}
    targets = EvaluationDataset(load_dataset("davis585", **keywords))
    assert targets.ids == ["bear/object1_00009", "bear/object2_00009"]
    assert np.array_equal(targets[1].target, LABELS == 2)
    assert np.array_equal(targets[1].initial_mask, np.roll(LABELS == 2, shift, axis=1))


def test_davis585_can_start_from_nothing(davis585: Path) -> None:
    assert EvaluationDataset(load_dataset("davis585", root=str(davis585), initial_masks="none"))[0].initial_mask is None
    (davis585 / "bear" / "init_stm_object2_00009.png").unlink()
    load_dataset("davis585", root=str(davis585))
    with pytest.raises(UserError, match=r"1 of 2 initial masks are missing, the first is .*init_stm_object2"):
        load_dataset("davis585", root=str(davis585), initial_masks="stm")


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


@pytest.mark.parametrize("name", ["sbd", "pascal-voc", "coco-lvis"])
def test_an_unknown_split_and_a_missing_list_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="split must be"):
        load_dataset(name, root=str(tmp_path), split="tset")
    with pytest.raises(UserError, match=r"is missing: give the folder that holds .*--data-root DIR"):
        load_dataset(name, root=str(tmp_path), split="train")


def test_missing_images_are_counted(sbd: Path) -> None:
    (sbd / "img" / "2008_000002.jpg").unlink()
    with pytest.raises(UserError, match=r"1 of 2 images are missing, the first is .*2008_000002\.jpg"):
        load_dataset("sbd", root=str(sbd))
    put(sbd / "val.txt", "\n")
    with pytest.raises(UserError, match=r"val\.txt names no image"):
        load_dataset("sbd", root=str(sbd))
