"""What was clicked is a dataset at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from iis_web.keeping import describe_mask, keep_coco, keep_folder, keep_png
from iis_web.photographs import Photograph, open_files
from web_disks import draw_photograph

from iis_core import UserError, load_dataset

IMAGE = draw_photograph()


def draw_mask(top: int, left: int, size: int = 20) -> np.ndarray:
    mask = np.zeros(IMAGE.shape[:2], bool)
    mask[top : top + size, left : left + size] = True
    return mask


MASKS = [(1, "cat", draw_mask(0, 0)), (4, "", draw_mask(10, 10))]


@pytest.fixture
def photograph(photographs: Path) -> Photograph:
    return open_files([photographs])[0]


def read(file: Path) -> Any:
    return cv2.imread(str(file), cv2.IMREAD_UNCHANGED)


def decode_runs(segmentation: Any) -> np.ndarray:
    """Decode run lengths as COCO defines them, down the columns, from background."""
    height, width = segmentation["size"]
    values = np.arange(len(segmentation["counts"])) % 2
    return np.repeat(values, segmentation["counts"]).reshape(width, height).T.astype(bool)


def test_a_folder_of_clicks_is_a_dataset(photograph: Photograph, photographs: Path, tmp_path: Path) -> None:
    pytest.importorskip("iis_datasets")
    keep_folder(tmp_path / "out", photograph, IMAGE, MASKS)
    dataset = load_dataset("folder", root=str(tmp_path / "out"))
    sample = dataset[0]
    assert (len(dataset), sample.info["id"], sorted(sample.info["objects"])) == (1, "one", [1, 4])
    np.testing.assert_array_equal(sample.image, IMAGE)
    np.testing.assert_array_equal(sample.masks[:, :, 0] == 4, MASKS[1][2])
    np.testing.assert_array_equal(sample.masks[:, :, 0] == 1, MASKS[0][2] & ~MASKS[1][2])
    assert (tmp_path / "out" / "images" / "one.png").read_bytes() == (photographs / "one.png").read_bytes()


def test_an_image_without_objects_is_taken_out_of_the_dataset(photograph: Photograph, tmp_path: Path) -> None:
    keep_folder(tmp_path / "out", photograph, IMAGE, MASKS)
    keep_folder(tmp_path / "out", photograph, IMAGE, [])
    assert [file for file in (tmp_path / "out").rglob("*") if file.is_file()] == []


def test_every_object_is_a_file_of_0_and_255(photograph: Photograph, tmp_path: Path) -> None:
    keep_png(tmp_path, photograph, IMAGE, MASKS)
    for number, _, mask in MASKS:
        np.testing.assert_array_equal(read(tmp_path / "masks" / "one" / f"{number}.png"), mask * 255)
    keep_png(tmp_path, photograph, IMAGE, MASKS[1:])
    assert [file.name for file in (tmp_path / "masks" / "one").iterdir()] == ["4.png"]


def test_a_hostile_id_stays_within_the_folder(photograph: Photograph, tmp_path: Path) -> None:
    for name in ("../../evil", "/etc/evil", "a/../../evil", "..", "con"):
        hostile = Photograph(name, photograph.path, photograph.read)
        keep_folder(tmp_path / "out", hostile, IMAGE, MASKS)
        keep_png(tmp_path / "out", hostile, IMAGE, MASKS)
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "photographs"]
    assert all(path.is_relative_to(tmp_path / "out") for path in outside)
    assert not list(tmp_path.parent.glob("evil*"))


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_give_the_mask_back(seed: int) -> None:
    mask = np.random.default_rng(seed).random((7, 5 + seed)) > 0.5
    mask[0, 0] = seed % 2 == 0
    described = describe_mask(mask)
    np.testing.assert_array_equal(decode_runs(described["segmentation"]), mask)
    assert described["area"] == mask.sum()


def test_coco_reads_what_was_written(photograph: Photograph, photographs: Path, tmp_path: Path) -> None:
    other = open_files([photographs])[1]
    keep_coco(tmp_path, photograph, IMAGE, MASKS)
    keep_coco(tmp_path, other, draw_photograph(60, 80), [(1, "cat", np.eye(60, 80, dtype=bool))])
    keep_coco(tmp_path, photograph, IMAGE, MASKS[::-1])
    content = json.loads((tmp_path / "annotations.json").read_text())
    assert len(content["images"]) == 2
    assert len({each["id"] for each in content["annotations"]}) == 3
    names = {each["id"]: each["name"] for each in content["categories"]}
    files = {each["id"]: each["file_name"] for each in content["images"]}
    found = {
        (files[each["image_id"]], names[each["category_id"]]): decode_runs(each["segmentation"])
        for each in content["annotations"]
    }
    np.testing.assert_array_equal(found["one.png", "cat"], MASKS[0][2])
    np.testing.assert_array_equal(found["one.png", "object"], MASKS[1][2])
    np.testing.assert_array_equal(found["two.png", "cat"], np.eye(60, 80, dtype=bool))
    pycocotools = pytest.importorskip("pycocotools.coco")
    coco = pycocotools.COCO(str(tmp_path / "annotations.json"))
    for annotation in coco.loadAnns(coco.getAnnIds()):
        assert coco.annToMask(annotation).sum() == annotation["area"]
    pytest.importorskip("iis_datasets")
    (photographs / "annotations.json").write_text(json.dumps(content))
    dataset = load_dataset("coco", root=str(photographs), annotations="annotations.json", images=".")
    assert len(dataset) == 2


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"images": 3}', '{"images": [], "annotations": [{}], "categories": []}']
)
def test_a_damaged_file_of_annotations_is_not_overwritten(photograph: Photograph, tmp_path: Path, content: str) -> None:
    file = tmp_path / "annotations.json"
    file.write_text(content)
    with pytest.raises(UserError, match=r"annotations\.json is damaged"):
        keep_coco(tmp_path, photograph, IMAGE, MASKS)
    assert file.read_text() == content
