"""HQSeg-44K, written small in its published layout."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from published_files import IMAGE, LABELS, put, statuses

from iis_core import EvaluationDataset, UserError, load_dataset
from iis_core.datasets.checking import check_files

FOLDERS = {
    "dis": ("DIS5K/DIS-VD/im", "DIS5K/DIS-VD/gt"),
    "thin": ("thin_object_detection/ThinObject5K/images_test", "thin_object_detection/ThinObject5K/masks_test"),
    "coift": ("thin_object_detection/COIFT/images", "thin_object_detection/COIFT/masks"),
    "hrsod": ("thin_object_detection/HRSOD/images", "thin_object_detection/HRSOD/masks_max255"),
}
NAMES = {"dis": ["8#Electronics#3#Drone_o"], "thin": ["b", "a"], "coift": ["a"], "hrsod": ["a"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for part, (images, masks) in FOLDERS.items():
        for name in NAMES[part]:
            put(tmp_path / images / f"{name}.jpg", IMAGE)
            put(tmp_path / masks / f"{name}.png", np.uint8(255) * (LABELS > 0))
    put(tmp_path / "DIS5K/DIS-TR/im/of-training.jpg", IMAGE)
    put(tmp_path / "thin_object_detection/HRSOD/masks/a.png", LABELS)
    return tmp_path


def test_parts_come_in_the_published_order_and_share_names(root: Path) -> None:
    assert statuses("datasets/hqseg44k", root=str(root)) == {}
    targets = EvaluationDataset(load_dataset("hqseg44k", root=str(root)))
    assert targets.ids == ["dis/8#Electronics#3#Drone_o", "thin/a", "thin/b", "coift/a", "hrsod/a"]
    for part in FOLDERS:
        alone = EvaluationDataset(load_dataset("hqseg44k", root=str(root), part=part))
        assert alone.ids == [name for name in targets.ids if name.startswith(f"{part}/")]


def test_every_pixel_above_0_is_the_object_of_soft_edges_too(root: Path) -> None:
    soft = np.zeros((*LABELS.shape, 3), np.uint8)
    soft[5:20, 5:20] = 255
    soft[4, 5:20], soft[20, 5:20, 2], soft[5:20, 4] = 90, 1, np.arange(1, 16)[:, None]
    put(root / FOLDERS["coift"][1] / "a.png", soft)
    (sample,) = load_dataset("hqseg44k", root=str(root), part="coift")
    assert sample.masks.sum() == 15 * 15 + 3 * 15
    assert np.array_equal(sample.masks[:, :, 0], soft.max(axis=2) > 0)


def test_what_is_missing_is_named(root: Path) -> None:
    (root / FOLDERS["thin"][1] / "b.png").unlink()
    with pytest.raises(UserError, match=r"1 images in .*images_test have no mask in masks_test/, the first is b\.jpg"):
        load_dataset("hqseg44k", root=str(root))
    shutil.rmtree(root / "DIS5K")
    remedy = r"has no DIS5K/DIS-VD/im/: give the folder that holds DIS5K/ .* --data part=thin"
    with pytest.raises(UserError, match=remedy):
        load_dataset("hqseg44k", root=str(root))
    load_dataset("hqseg44k", root=str(root), part="coift")
    with pytest.raises(UserError, match=r"has no DIS5K/DIS-VD/im/: give the folder that holds DIS5K/ \(--data-root"):
        load_dataset("hqseg44k", root=str(root / "DIS5K"))
    with pytest.raises(UserError, match="part must be dis, thin, coift, hrsod, or left out for all, not 'fss'"):
        load_dataset("hqseg44k", root=str(root), part="fss")


def test_masks_without_an_image_are_notes_of_every_part(root: Path) -> None:
    for part in ("dis", "hrsod"):
        put(root / FOLDERS[part][1] / "more.png", LABELS)
    findings = [finding for some in check_files(load_dataset("hqseg44k", root=str(root)), None) for finding in some]
    assert [Path(f.problem.split()[0]).parent.name for f in findings] == ["gt", "masks_max255"]
