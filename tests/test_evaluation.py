"""Evaluation: the records follow the rules, for any batch size, order and number of workers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from toy_runs import essence, install_with, run

from iis_core import EvaluationDataset, IISModel, UserError, evaluate, load_dataset
from iis_core.evaluation.replay import plan_replay, replay_records


@pytest.fixture
def whole(tmp_path: Path) -> list[dict[str, Any]]:
    return essence(run(tmp_path / "whole"))


def test_every_object_has_a_record_in_order(tmp_path: Path) -> None:
    finished = run(tmp_path / "run")
    assert [record.id for record in finished.records] == [
        "shape0#1", "shape0#2", "shape1", "shape2", "shape3#1", "shape3#2", "shape4", "shape5",
    ]  # fmt: skip
    assert finished.is_complete
    assert {record.end for record in finished.records} <= {"stop_iou", "max_clicks"}


def test_records_agree_with_the_rules(tmp_path: Path) -> None:
    for record in run(tmp_path / "run").records:
        ious = [click.counts.tp / click.counts.union for click in record.clicks]
        assert all(value < 0.9 for value in ious[:-1])
        assert (ious[-1] >= 0.9) == (record.end == "stop_iou")
        assert len(ious) == 20 or record.end == "stop_iou"
        assert record.clicks[0].positive


def test_a_record_says_which_clicks_the_prediction_violates() -> None:
    finished = run(None, model_keywords={"shrink": 1.3})
    replays = list(replay_records(plan_replay(finished), finished.records))
    assert any(click.violated for record in finished.records for click in record.clicks)
    for replay in replays:
        clicks = replay.record.clicks
        for made, (mask, click) in enumerate(zip(replay.masks[1:], clicks, strict=True), 1):
            wrong = [n for n, each in enumerate(clicks[:made], 1) if mask[each.row, each.col] != each.positive]
            assert list(click.violated or ()) == wrong


def test_a_record_keeps_what_is_known_of_its_object() -> None:
    class Named(type(load_dataset("toy/shapes"))):  # type: ignore[misc]
        def info(self, index: int) -> Any:
            info = super().info(index)
            for number, entry in info["objects"].items():
                entry |= {"class": f"shape {number}", "difficulty": 0.5, "nested": {}, "unknown": None}
            return info

    dataset = EvaluationDataset(Named())
    finished = evaluate("toy/disks", Named(), overrides={"max_clicks": 1})
    for record in finished.records:
        target = dataset[record.index].target == 1
        inside = ndimage.binary_erosion(target, np.ones((3, 3)))
        assert record.facts == {
            "class": f"shape {record.object_id}",
            "difficulty": 0.5,
            "components": ndimage.label(target, np.ones((3, 3)))[1],
            "border": (target & ~inside).sum(),
        }


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 2), (2, 0), (3, 2), (8, 1)])
def test_records_do_not_depend_on_batch_size_or_workers(
    tmp_path: Path, whole: list[dict[str, Any]], batch_size: int, workers: int
) -> None:
    assert essence(run(tmp_path / "run", batch_size=batch_size, workers=workers)) == whole


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)))
def test_records_do_not_depend_on_the_order(tmp_path_factory: Any, order: list[int]) -> None:
    class Reordered:
        def __init__(self) -> None:
            self.shapes = load_dataset("toy/shapes")

        def __len__(self) -> int:
            return len(order)

        def __getitem__(self, index: int) -> Any:
            return self.shapes[order[index]]

    folder = tmp_path_factory.mktemp("order")
    reordered = evaluate("toy/disks", Reordered(), out=folder / "run", model_keywords={"shrink": 0.8})
    records = {line.pop("id"): line for line in essence(reordered)}
    for line in essence(run(folder / "plain")):
        expected, found = {**line}, records[line["id"]]
        del expected["id"]
        assert {**found, "index": 0} == {**expected, "index": 0}


def test_objects_given_from_python_are_evaluated_too(tmp_path: Path) -> None:
    class Nothing(IISModel):
        device = "cpu"

        def __call__(self, x, z, pcs, ncs):
            return x[:, :1] * 0, {}

    finished = evaluate(Nothing(), load_dataset("toy/shapes"), out=tmp_path / "run", overrides={"max_clicks": 2})
    assert [len(record.clicks) for record in finished.records] == [2] * 8
    assert finished.model.endswith("Nothing")


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4])
def test_an_image_is_encoded_once_for_all_of_its_objects(tmp_path: Path, batch_size: int) -> None:
    class Encoding(IISModel):
        device = "cpu"
        encoded = 0

        def encode(self, x):
            self.encoded += len(x)
            return {"mean": x.mean((1, 2, 3)), "deep": {"names": [len(x)] * len(x)}}

        def initialize_z(self, image, target, initial_mask=None, features=None):
            assert len(features["deep"]["names"]) == len(image)
            assert torch.equal(features["mean"], image.mean((1, 2, 3)))
            return features

        def __call__(self, x, z, pcs, ncs):
            return x[:, :1] * 0, z

    model = Encoding()
    rules = {"max_clicks": 2}
    evaluate(model, "toy/shapes", out=tmp_path / "run", overrides=rules, batch_size=batch_size)
    assert model.encoded == 6


@pytest.mark.parametrize("workers", [0, 2])
def test_an_image_is_read_once_for_all_of_its_objects(tmp_path: Path, workers: int) -> None:
    read = []

    class Counted(type(load_dataset("toy/shapes"))):  # type: ignore[misc]
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    finished = evaluate("toy/disks", Counted(), out=tmp_path / "run", workers=workers, overrides={"max_clicks": 1})
    assert len(finished.records) == 8
    assert sorted(read) == [0, 1, 2, 3, 4, 5]


def test_what_watches_an_evaluation_is_told_of_every_record_once(tmp_path: Path) -> None:
    class Watcher:
        def __init__(self):
            self.objects, self.ids = 0, []

        def start(self, objects, protocol):
            self.objects = objects

        def add(self, record):
            self.ids.append(record.id)

        def fail(self, failure):
            raise AssertionError

    run(tmp_path / "run", limit=8)
    lines = (tmp_path / "run" / "records.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "run" / "records.jsonl").write_bytes(b"".join(lines[:3]))
    watcher = Watcher()
    finished = run(tmp_path / "run", limit=8, watch=watcher)
    assert watcher.objects == 8
    assert watcher.ids == [record.id for record in finished.records]


def test_one_image_at_a_time_is_respected(tmp_path: Path, install: Any) -> None:
    install_with(install, "single", "batches=False")
    with pytest.raises(UserError, match="single/disks takes one image at a time: use batch size 1, not 2"):
        evaluate("single/disks", "toy/shapes", out=tmp_path / "run", batch_size=2)


def test_an_image_of_a_size_that_the_model_cannot_take_is_named(install: Any) -> None:
    install_with(install, "sized", "size_multiple=8")
    with pytest.warns(UserWarning, match="4 of 8 objects failed"):
        finished = evaluate("sized/disks", "toy/shapes")
    assert "shape1 (shape1.png) is 48 x 44; sized/disks takes sides of at least 1 that" in finished.failures[0].reason


def test_two_objects_of_one_id_are_refused() -> None:
    class Twins:
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index):
            return load_dataset("toy/shapes")[1]

    with pytest.raises(UserError, match="Twins has two objects with the id 'shape1'"):
        EvaluationDataset(Twins())


def test_a_perfect_first_prediction_needs_no_click(tmp_path: Path) -> None:
    class Given(IISModel):
        device = "cpu"

        def initialize_y(self, image, target, initial_mask=None):
            return (image[:, :1] > 0.5).float()

        def __call__(self, x, z, pcs, ncs):
            return (x[:, :1] > 0.5).float(), {}

    class Bright:
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index):
            sample = load_dataset("toy/shapes")[1]
            sample.image[:] = (sample.masks == 1) * 255
            return sample

    (record,) = evaluate(Given(), Bright(), out=tmp_path / "run").records
    assert record.clicks == ()
    assert record.end == "no_click"
    assert record.initial.fp == record.initial.fn == 0
    assert record.initial.tp > 0


def test_evaluation_refuses_a_selector_that_draws() -> None:
    class Drawing:
        random = True

        def __call__(self, image, masks, info, rng=None):
            raise AssertionError

    with pytest.raises(UserError, match="Drawing draws at random"):
        EvaluationDataset(load_dataset("toy/shapes"), Drawing())


def test_a_selector_makes_one_target_of_every_image() -> None:
    from iis_core import load_selector

    targets = EvaluationDataset(load_dataset("toy/shapes"), load_selector("first"))
    assert targets.ids == [f"shape{i}" for i in range(6)]
    assert set(itertools.chain(*targets[0].target)) == {-1, 0, 1}


def test_a_target_without_object_pixels_is_named() -> None:
    class Empty:
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index):
            sample = load_dataset("toy/shapes")[1]
            sample.masks[:] = 0
            return sample

    with pytest.raises(UserError, match=r"shape1 of Empty \(shape1.png\) has no object pixels"):
        EvaluationDataset(Empty())[0]


def test_a_part_of_the_dataset_can_be_evaluated(tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    part = essence(run(tmp_path / "run", ids=["shape5", "shape0#2", "shape2"], limit=2))
    expected = [line for line in whole if line["id"] in ("shape0#2", "shape2")]
    assert [{**line, "index": 0} for line in part] == [{**line, "index": 0} for line in expected]
    with pytest.raises(UserError, match="has no object 'shape7'; did you mean"):
        run(tmp_path / "other", ids=["shape7"])


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"workers": -1}, {"limit": 0}])
def test_impossible_sizes_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match="must be at least"):
        run(tmp_path / "run", **wrong)
