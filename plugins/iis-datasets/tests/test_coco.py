"""COCO's JSON format is read as published, and what is wrong with a file is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from iis_datasets.segmentations import decode_segmentation, find_box
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


def damage_polygon(content: Any, points: Any) -> None:
    content["annotations"][0]["segmentation"][0] = points


def damage_runs(content: Any, annotation: int, change: Callable[[Any], Any]) -> None:
    segmentation = content["annotations"][annotation]["segmentation"]
    segmentation["counts"] = change(segmentation["counts"])


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: damage_runs(c, 1, lambda counts: counts[:-1]),
        lambda c: damage_runs(c, 1, lambda counts: counts[: len(counts) // 2]),
        lambda c: damage_runs(c, 1, lambda counts: counts[:-1] + "o"),
        lambda c: damage_runs(c, 1, lambda counts: counts + "~"),
        lambda c: damage_runs(c, 1, lambda counts: "o" * 1000 + "0"),
        lambda c: damage_runs(c, 1, lambda counts: 7),
        lambda c: damage_runs(c, 1, lambda counts: ""),
        lambda c: damage_runs(c, 2, lambda runs: runs[:-1]),
        lambda c: damage_runs(c, 2, lambda runs: [*runs[:-1], runs[-1] + 1]),
        lambda c: damage_runs(c, 2, lambda runs: [-1, runs[0] + 1, *runs[1:]]),
        lambda c: damage_runs(c, 2, lambda runs: [*runs, 1 << 40]),
        lambda c: damage_runs(c, 2, lambda runs: [str(run) for run in runs]),
        lambda c: damage_runs(c, 2, lambda runs: [1.5, *runs]),
        lambda c: c["annotations"][2]["segmentation"].update(size=[0, 0]),
        lambda c: damage_polygon(c, [1e8, 1, 5, 5, 1, 5]),
        lambda c: damage_polygon(c, [float("inf"), 1, 5, 5, 1, 5]),
        lambda c: damage_polygon(c, [float("nan"), 1, 5, 5, 1, 5]),
        lambda c: damage_polygon(c, [1, 1, 5, 5, 1]),
        lambda c: damage_polygon(c, ["1", 1, 5, 5, 1, 5]),
        lambda c: damage_polygon(c, [[1, 1], [5, 5], [1, 5]]),
        lambda c: c["annotations"][0].update(segmentation=[[1, 1, 5, 5]]),
        lambda c: c["annotations"][0].update(segmentation="1,1,5,5"),
        lambda c: c["annotations"][0].update(category_id=[7]),
        lambda c: c["annotations"][0].update(iscrowd="0"),
        lambda c: c["annotations"][2].update(iscrowd=2),
        lambda c: c["images"][0].update(height=10**9),
        lambda c: c["images"][0].update(height=0),
        lambda c: c["images"][0].update(file_name="../000005.jpg"),
    ],
)
def test_a_damaged_annotation_is_refused(coco: Callable[..., Any], damage: Callable[[Any], Any]) -> None:
    content = coco_content()
    damage(content)
    with pytest.raises(UserError, match=r"(annotation|iscrowd|image|size|damaged|format)"):
        coco(content)[0]


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_run_lengths_are_decoded_as_pycocotools_does(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width)))
    mask = mask.reshape(height, width)
    compressed = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    flat = mask.ravel("F")
    runs = [int(n) for n in np.diff([0, *(np.flatnonzero(np.diff(flat)) + 1), flat.size])]
    runs = [0, *runs] if flat[0] else runs
    for counts in (compressed["counts"].decode(), runs):
        segmentation = {"size": [height, width], "counts": counts}
        assert np.array_equal(decode_segmentation(segmentation, (height, width)), mask)
        if mask.any():
            left, top, across, down = rle.toBbox(compressed)
            assert find_box(segmentation, (height, width)) == (left, top, left + across, top + down)


def test_a_speck_of_two_points_is_passed_over(coco: Callable[..., Any]) -> None:
    content = coco_content()
    whole = coco(content)[0].masks
    content["annotations"][0]["segmentation"].append([1, 1, 5, 5])
    assert np.array_equal(coco(content)[0].masks, whole)


def test_a_json_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"instances_val2017\.json is missing: give `annotations`"):
        load_dataset("coco", root=str(tmp_path))
    put(tmp_path / "annotations" / "instances_val2017.json", "<html>")
    with pytest.raises(UserError, match=r"instances_val2017\.json is damaged"):
        load_dataset("coco", root=str(tmp_path))
