"""Every published layout, written small by the tests, is read as published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from published_files import IMAGE, LABELS, SHAPE, put, statuses
from scipy.io import savemat

from iis_core import EvaluationDataset, UserError, load_dataset


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


@pytest.mark.parametrize(
    "wrong",
    [
        np.full(SHAPE, -5, np.int16),
        np.full(SHAPE, np.nan),
        np.full(SHAPE, 1 + 2j),
        np.full(SHAPE, 1.5),
        np.full(SHAPE, 1e9),
        np.full((2, *SHAPE), 1, np.uint8),
        np.array(["text"]),
    ],
)
def test_instance_numbers_of_sbd_are_counted_from_1(sbd: Path, wrong: np.ndarray) -> None:
    savemat(sbd / "inst" / "2008_000001.mat", {"GTinst": {"Segmentation": wrong}})
    with pytest.raises(UserError, match=r"2008_000001\.mat is not an instance file of SBD"):
        load_dataset("sbd", root=str(sbd))[0]


def test_an_instance_file_that_unpacks_to_too_much_is_refused(sbd: Path) -> None:
    huge = {"GTinst": {"Segmentation": np.zeros((9000, 9000), np.uint8)}}
    savemat(sbd / "inst" / "2008_000001.mat", huge, do_compression=True)
    with pytest.raises(UserError, match=r"2008_000001\.mat .*unpacks to more than"):
        load_dataset("sbd", root=str(sbd))[0]


def test_a_list_of_names_may_have_a_mark_and_spaces(sbd: Path) -> None:
    for folder, ending in (("img", "jpg"), ("inst", "mat")):
        (sbd / folder / f"2008_000002.{ending}").rename(sbd / folder / f"my photo.{ending}")
    put(sbd / "val.txt", "\ufeff2008_000001\r\nmy photo \r\n\r\n")
    assert [name for name, _ in load_dataset("sbd", root=str(sbd)).images] == ["2008_000001", "my photo"]


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


def test_the_void_of_a_mask_without_colours_is_ignored(voc: Path) -> None:
    labels = LABELS.copy()
    labels[0] = 255
    for mask in (Image.fromarray(labels), Image.fromarray(labels).convert("P")):
        put(voc / "SegmentationObject" / "2007_000033.png", mask)
        sample = load_dataset("pascal-voc", root=str(voc))[0]
        assert sorted(sample.info["objects"]) == [1, 2]
        assert np.array_equal(sample.masks[:, :, 0], np.where(labels == 255, -1, labels.astype(np.int32)))


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


def test_davis585_can_start_from_an_empty_mask(davis585: Path) -> None:
    first = EvaluationDataset(load_dataset("davis585", root=str(davis585), initial_masks="zero"))[0]
    assert first.initial_mask is not None
    assert first.initial_mask.shape == first.target.shape
    assert not first.initial_mask.any()


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
