"""Runs: exact for any batch size and number of workers, resumable after any death, never mixed up."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iis_core import EvaluationDataset, IISModel, UserError, evaluate, load_dataset, read_run
from iis_core.evaluation import Run

TOY = Path(__file__).parent / "toy"


def run(out: Path, **keywords: Any) -> Run:
    return evaluate("toy/disks", "toy/shapes", out=out, **keywords)


def essence(run: Run) -> list[dict[str, Any]]:
    """The records without what may differ between runs: seconds."""
    lines = [json.loads(record.to_json()) for record in run.records]
    for line in lines:
        del line["reading"], line["encoding"]
        for click in line["clicks"]:
            del click["seconds"]
    return lines


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


def test_a_run_torn_at_any_place_is_resumed_to_the_same_records(tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    complete = (run(tmp_path / "run").path / "records.jsonl").read_bytes()
    lines = complete.splitlines(keepends=True)
    for kept in range(len(lines) + 1):
        for torn in (0, 1, 40):
            content = b"".join(lines[:kept]) + b"".join(lines[kept : kept + 1])[:torn]
            (tmp_path / "run" / "records.jsonl").write_bytes(content)
            assert essence(run(tmp_path / "run")) == whole


def kill_after(folder: Path, records: int) -> None:
    """Start an evaluation in a process of its own and SIGKILL it once it has written that many records."""
    arguments = f"'toy/disks', 'toy/shapes', out={str(folder)!r}, model_keywords={{'delay': 0.01}}"
    program = f"import iis_core; iis_core.evaluate({arguments})"
    environment = {"PYTHONPATH": str(TOY), "PATH": ""}
    process = subprocess.Popen([sys.executable, "-P", "-c", program], env=environment)
    deadline = time.monotonic() + 120
    file = folder / "records.jsonl"
    while not file.exists() or file.read_bytes().count(b"\n") < records:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_run_killed_at_every_record_and_resumed_equals_one_never_killed(tmp_path: Path) -> None:
    keywords = {"delay": 0.01}
    for records in range(1, 8):
        kill_after(tmp_path / "run", records)
    resumed = run(tmp_path / "run", model_keywords=keywords)
    assert essence(resumed) == essence(run(tmp_path / "whole", model_keywords=keywords))
    ids = [json.loads(line)["id"] for line in (tmp_path / "run" / "records.jsonl").read_text().splitlines()]
    assert len(ids) == len(set(ids)) == 8


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    run(tmp_path / "run")
    before = (tmp_path / "run" / "records.jsonl").read_bytes()
    run(tmp_path / "run")
    assert (tmp_path / "run" / "records.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"seed": 1}, "seed: 0 in the run, 1 now"),
        ({"batch_size": 2}, "batch_size: 1 in the run, 2 now"),
        ({"overrides": {"threshold": 0.5}}, "protocol.threshold: 0.49 in the run, 0.5 now"),
        ({"model_keywords": {"shrink": 0.5}}, "model.keywords.shrink: 0.8 in the run, 0.5 now"),
        ({"dataset_keywords": {"count": 2}}, "dataset.objects: 8 in the run, 3 now"),
    ],
)
def test_a_run_is_not_resumed_with_other_settings(tmp_path: Path, change: dict[str, Any], difference: str) -> None:
    run(tmp_path / "run")
    with pytest.raises(UserError, match=difference) as caught:
        run(tmp_path / "run", **change)
    assert "choose another --out" in str(caught.value)


def test_two_processes_cannot_write_one_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / ".lock"), pytest.raises(UserError, match="another process is writing"):
        run(tmp_path / "run")


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    file = run(tmp_path / "run").path / "records.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], "{}\n", *lines[2:]]))
    with pytest.raises(UserError, match=r"records.jsonl, line 2 is damaged"):
        run(tmp_path / "run")
    with pytest.raises(UserError, match="line 2"):
        read_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not a run folder: it has no run.json"),
        ("{", "is damaged"),
        ('{"format": 1}', "is damaged"),
        ('{"format": 1, "settings": []}', "is damaged"),
        ('{"format": 1, "settings": {"protocol": {"departures": {}, "rule": 1}}}', "is damaged"),
        ('{"format": 99, "settings": {}}', "has format 99, this version reads format 1"),
    ],
)
def test_a_folder_that_is_no_run_is_explained(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=message):
        read_run(tmp_path)


def test_the_run_says_everything_needed_to_repeat_it(tmp_path: Path) -> None:
    settings = run(tmp_path / "run", overrides={"max_clicks": 3}).settings
    assert settings["model"]["name"] == "toy/disks"
    assert settings["model"]["distribution"] == "iis-toy"
    assert settings["model"]["keywords"] == {"device": "cpu", "shrink": 0.8, "delay": 0.0}
    assert settings["protocol"]["departures"] == {"max_clicks": [20, 3]}
    assert settings["robot"]["name"] == "core/ritm"
    assert settings["robot"]["keywords"] == {"threshold": 0.49, "inclusive": False}
    assert "ignored pixels" in settings["protocol"]["ignore"]
    assert {"python", "torch", "numpy", "opencv-python", "scipy"} <= settings["versions"].keys()


def test_the_default_folder_is_named_after_model_dataset_and_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(evaluate("disks", "shapes").path) == "runs/toy-disks--toy-shapes--ritm"
    path = evaluate("disks", "shapes", overrides={"max_clicks": 3, "threshold": 0.5}).path
    assert str(path) == "runs/toy-disks--toy-shapes--ritm-max_clicks=3-threshold=0.5"


def test_objects_given_from_python_are_evaluated_too(tmp_path: Path) -> None:
    class Nothing(IISModel):
        device = "cpu"

        def __call__(self, x, z, pcs, ncs):
            return x[:, :1] * 0, {}

    finished = evaluate(Nothing(), load_dataset("toy/shapes"), out=tmp_path / "run", overrides={"max_clicks": 2})
    assert [len(record.clicks) for record in finished.records] == [2] * 8
    assert finished.model.endswith("Nothing")


def test_a_run_of_a_given_object_is_resumed_only_by_its_identity(tmp_path: Path) -> None:
    data = load_dataset("toy/shapes")
    evaluate("toy/disks", data, out=tmp_path / "nameless")
    with pytest.raises(UserError, match=r"a dataset given as an object cannot be told from another: pass `identity`"):
        evaluate("toy/disks", data, out=tmp_path / "nameless")
    evaluate("toy/disks", data, out=tmp_path / "named", identity={"version": 1})
    evaluate("toy/disks", data, out=tmp_path / "named", identity={"version": 1})
    with pytest.raises(UserError, match=r"identity\.version: 1 in the run, 2 now"):
        evaluate("toy/disks", data, out=tmp_path / "named", identity={"version": 2})


@pytest.mark.parametrize("batch_size", [1, 3])
def test_an_image_is_encoded_once_for_all_of_its_objects(tmp_path: Path, batch_size: int) -> None:
    class Encoding(IISModel):
        device = "cpu"
        encoded = 0

        def encode(self, x):
            self.encoded += len(x)
            return {"mean": x.mean((1, 2, 3))}

        def initialize_z(self, image, target, initial_mask=None, features=None):
            assert torch.equal(features["mean"], image.mean((1, 2, 3)))
            return features

        def __call__(self, x, z, pcs, ncs):
            return x[:, :1] * 0, z

    model = Encoding()
    rules = {"max_clicks": 2}
    evaluate(model, "toy/shapes", out=tmp_path / "run", overrides=rules, batch_size=batch_size)
    assert model.encoded == 6


def test_one_image_at_a_time_is_respected(tmp_path: Path, install: Any) -> None:
    source = (
        (TOY / "toy_plugin.py")
        .read_text()
        .replace("toy/", "single/")
        .replace("exact_batches", "batches=False, exact_batches")
    )
    install("iis-single", {"single": "single_plugin"}, single_plugin=source)
    with pytest.raises(UserError, match="single/disks takes one image at a time: use batch size 1, not 2"):
        evaluate("single/disks", "toy/shapes", out=tmp_path / "run", batch_size=2)


def test_an_image_of_a_size_that_the_model_cannot_take_is_named(tmp_path: Path, install: Any) -> None:
    source = (
        (TOY / "toy_plugin.py")
        .read_text()
        .replace("toy/", "sized/")
        .replace("exact_batches", "size_multiple=8, exact_batches")
    )
    install("iis-sized", {"sized": "sized_plugin"}, sized_plugin=source)
    with pytest.raises(
        UserError, match=r"shape1 \(shape1.png\) is 48 x 44; sized/disks takes sides of at least 1 that"
    ):
        evaluate("sized/disks", "toy/shapes", out=tmp_path / "run")


def test_a_repeated_record_is_named(tmp_path: Path) -> None:
    file = run(tmp_path / "run").path / "records.jsonl"
    first, *others = file.read_text().splitlines(keepends=True)
    file.write_text("".join([first, first, *others]))
    with pytest.raises(UserError, match=r"line 2 is damaged .shape0#1 has a record already"):
        read_run(tmp_path / "run")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UserError, match=r"run folder .*choose another --out"):
            run(out)
    with pytest.raises(UserError, match="out is empty"):
        run("")  # type: ignore[arg-type]


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
    part = essence(run(tmp_path / "run", only=["shape5", "shape0#2", "shape2"], limit=2))
    expected = [line for line in whole if line["id"] in ("shape0#2", "shape2")]
    assert [{**line, "index": 0} for line in part] == [{**line, "index": 0} for line in expected]
    with pytest.raises(UserError, match="has no object 'shape7'; did you mean"):
        run(tmp_path / "other", only=["shape7"])


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"workers": -1}, {"limit": 0}])
def test_impossible_sizes_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match="must be at least"):
        run(tmp_path / "run", **wrong)
