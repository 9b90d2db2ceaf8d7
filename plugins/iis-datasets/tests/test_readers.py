"""The readers keep the contract, decode the published codes, and say which file is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from iis_core import EvaluationDataset, UserError, load_dataset
from iis_core.datasets.checking import check_files
from iis_core.plugins import DatasetSpec
from iis_core.plugins.catalog import find
from iis_core.testing import check

SHARED = os.environ.get("IIS_SHARED")


def failures(name: str, **keywords: object) -> dict[str, str]:
    results = check(name, **keywords)
    assert results
    return {result.check: result.reason for result in results if result.status != "passed"}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, np.ndarray], Path]:
    def write(name: str, pixels: np.ndarray) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), pixels)
        return path

    return write


IMAGE = np.random.default_rng(0).integers(0, 255, (12, 17, 3), dtype=np.uint8)
TRIMAP = np.array([0, 64, 128, 200, 255], np.uint8).repeat(12 * 17 // 5 + 1)[: 12 * 17].reshape(12, 17)


def test_the_sample_keeps_the_contract() -> None:
    assert failures("datasets/sample") == {}


def test_every_object_of_the_sample_is_one_piece_and_none_is_lost() -> None:
    targets = EvaluationDataset(load_dataset("sample"))
    assert len(targets) == len(set(targets.ids)) == 13
    for i in range(13):
        mask = targets[i].target
        assert mask.shape == targets[i].image.shape[:2]
        count, _, stats, _ = cv2.connectedComponentsWithStats((mask == 1).astype(np.uint8))
        assert 900 < stats[1:, cv2.CC_STAT_AREA].sum() < 0.5 * mask.size
        assert count == 2


def test_the_patch_is_a_part_of_the_astronaut() -> None:
    sample = load_dataset("sample")[0]
    astronaut, patch = sample.info["objects"][1], sample.info["objects"][3]
    assert (patch["parent"], astronaut["children"]) == (1, (3,))
    inside = sample.masks[:, :, astronaut["layer"]][sample.masks[:, :, patch["layer"]] == 1]
    assert (inside == 1).all()


def test_grabcut_ignores_128_and_takes_what_is_above(write: Callable[..., Path], tmp_path: Path) -> None:
    write("data_GT/b.png", IMAGE)
    write("boundary_GT/b.bmp", TRIMAP)
    sample = load_dataset("grabcut", root=str(tmp_path))[0]
    expected = np.where(TRIMAP == 128, -1, TRIMAP > 128)
    assert (sample.masks[:, :, 0] == expected).all()
    assert (sample.image == IMAGE[:, :, ::-1]).all()
    assert (sample.info["id"], sample.info["path"]) == ("b", str(tmp_path / "data_GT" / "b.png"))


@pytest.mark.parametrize("name", ["coco-mval", "davis"])
def test_any_channel_above_0_is_the_object(name: str, write: Callable[..., Path], tmp_path: Path) -> None:
    codes = np.zeros((12, 17, 3), np.uint8)
    codes[2, 3, 0], codes[4, 5, 1], codes[6, 7, 2] = 1, 128, 255
    write("img/a.png", IMAGE)
    write("gt/a.png", codes)
    masks = load_dataset(name, root=str(tmp_path))[0].masks
    assert np.argwhere(masks[:, :, 0] == 1).tolist() == [[2, 3], [4, 5], [6, 7]]
    assert (masks >= 0).all()


def test_images_come_in_the_order_of_their_names(write: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        write(f"img/{name}.png", IMAGE)
        write(f"gt/{name}.png", TRIMAP)
    assert EvaluationDataset(load_dataset("davis", root=str(tmp_path))).ids == ["a", "b", "c"]


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data_GT is not a folder.*--data-root DIR"):
        load_dataset("grabcut", root=str(tmp_path))
    (tmp_path / "data_GT").mkdir()
    with pytest.raises(UserError, match="data_GT holds no images"):
        load_dataset("grabcut", root=str(tmp_path))


def test_an_image_without_a_mask_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    write("img/a.png", IMAGE)
    write("img/b.png", IMAGE)
    write("gt/a.png", TRIMAP)
    with pytest.raises(UserError, match=r"1 images in .*img have no mask in gt/, the first is b.png"):
        load_dataset("davis", root=str(tmp_path))


def test_two_images_of_one_name_are_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    write("img/a.png", IMAGE)
    write("img/a.jpg", IMAGE)
    with pytest.raises(UserError, match=r"holds a.jpg and a.png: keep one of them"):
        load_dataset("davis", root=str(tmp_path))


def test_a_mask_of_another_size_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    write("img/a.png", IMAGE)
    write("gt/a.png", TRIMAP[:5])
    with pytest.raises(UserError, match=r"gt/a.png is \(5, 17\), but its image a.png is \(12, 17\)"):
        load_dataset("davis", root=str(tmp_path))[0]


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_an_unreadable_file_is_named(content: bytes, write: Callable[..., Path], tmp_path: Path) -> None:
    write("img/a.png", IMAGE).write_bytes(content)
    write("gt/a.png", TRIMAP)
    with pytest.raises(UserError, match=r"img/a\.png is not a readable image"):
        load_dataset("davis", root=str(tmp_path))[0]


@pytest.mark.parametrize("name", ["grabcut", "berkeley", "davis", "coco-mval"])
def test_masks_that_are_soft_or_saved_as_jpeg_are_refused(
    name: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    folders = {"grabcut": ("data_GT", "boundary_GT"), "berkeley": ("images", "masks")}
    images, masks = folders.get(name, ("img", "gt"))
    hard = np.zeros((12, 17), np.uint8)
    hard[3:9, 4:12] = 255
    write(f"{images}/a.png", IMAGE)
    file = write(f"{masks}/a.png", cv2.GaussianBlur(hard, (3, 3), 0))
    dataset = load_dataset(name, root=str(tmp_path))
    with pytest.raises(UserError, match=r"a\.png has soft edges.* threshold at half"):
        dataset[0]
    file.write_bytes(cv2.imencode(".jpg", hard)[1].tobytes())
    with pytest.raises(UserError, match=r"a\.png is a JPEG, which blurs the numbers of a mask"):
        dataset[0]
    write(f"{masks}/a.png", hard)
    assert np.array_equal(dataset[0].masks[:, :, 0] == 1, hard == 255)


@pytest.mark.skipif(not SHARED, reason="IIS_SHARED does not point at the photographs")
def test_grabcut_in_its_published_layout_keeps_the_contract() -> None:
    assert failures("datasets/grabcut", root=f"{SHARED}/data/GrabCut") == {}


@pytest.mark.skipif(not SHARED, reason="IIS_SHARED does not point at the photographs")
def test_coco_mval_is_read() -> None:
    found = failures("datasets/coco-mval", root=f"{SHARED}/data/COCO_MVal")
    assert found.keys() <= {"check_counts"}


def test_a_mask_of_16_bits_or_with_transparency_is_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    write("img/a.png", IMAGE)
    write("gt/a.png", TRIMAP.astype(np.uint16))
    with pytest.raises(UserError, match=r"gt/a.png is a mask of more than 8 bits: save it with 8 bits"):
        load_dataset("davis", root=str(tmp_path))[0]
    write("gt/a.png", np.dstack([IMAGE, TRIMAP]))
    with pytest.raises(UserError, match=r"gt/a.png has transparent pixels"):
        load_dataset("davis", root=str(tmp_path))[0]


@pytest.mark.skipif(not SHARED, reason="IIS_SHARED does not point at the photographs")
@pytest.mark.parametrize(("name", "folder", "images"), [("grabcut", "GrabCut", 50), ("coco-mval", "COCO_MVal", 480)])
def test_every_file_of_the_photographs_is_right(name: str, folder: str, images: int) -> None:
    data = load_dataset(name, root=f"{SHARED}/data/{folder}")
    spec = find(DatasetSpec, name).spec
    findings = [finding for some in check_files(data, spec) for finding in some]
    assert len(data) == images
    assert [finding for finding in findings if finding.sample] == []
