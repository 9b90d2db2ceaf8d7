"""`iis replay`: a run that is what it says is identical; whatever is not is caught and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from toy_net import PARTS, PLUGIN
from toy_parts import DisksModel, ShapesDataset
from toy_runs import essence, run

from iis_core import UserError, evaluate, read_run
from iis_core.evaluation.replay import plan_replay

Edit = Callable[[dict[str, Any]], None]


def edit_record(folder: Path, place: int, edit: Edit) -> None:
    lines = (folder / "records.jsonl").read_text().splitlines()
    content = json.loads(lines[place])
    edit(content)
    lines[place] = json.dumps(content)
    (folder / "records.jsonl").write_text("".join(f"{line}\n" for line in lines))


def edit_description(folder: Path, edit: Edit) -> None:
    content = json.loads((folder / "run.json").read_text())
    edit(content)
    (folder / "run.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"batch_size": 3, "workers": 2},
        {"overrides": {"stop_iou": None, "max_clicks": 6}},
        {"overrides": {"robot": "core/random"}, "seed": 4},
        {"ids": ["shape4", "shape0#2"]},
    ],
)
def test_a_run_that_is_what_it_says_is_identical(tmp_path: Path, iis: Callable, keywords: dict[str, Any]) -> None:
    finished = run(tmp_path / "run", **keywords)
    result = iis("replay", finished.path)
    count = len(finished.records)
    assert result.returncode == 0
    assert f"{finished.path}: counts are identical on {count} of {count} objects\n" in result.stdout
    other = "what is another here:\n  batch_size: 3 in the run, 1 now\n" if "batch_size" in keywords else ""
    assert result.stdout.endswith(f"objects\n{other}")


def one_more_in_excess(state: dict[str, Any], key: str) -> None:
    state[key][1] += 1


@pytest.mark.parametrize(
    ("place", "edit", "object_id", "click"),
    [
        (2, lambda record: one_more_in_excess(record["clicks"][1], "counts"), "shape1", 2),
        (0, lambda record: one_more_in_excess(record, "initial"), "shape0#1", 0),
        (1, lambda record: record["clicks"][-1].update(boundary=record["initial_boundary"]), "shape0#2", 20),
    ],
)
def test_an_edit_of_a_count_is_caught_and_named(
    tmp_path: Path, iis: Callable, place: int, edit: Edit, object_id: str, click: int
) -> None:
    folder = run(tmp_path / "run").path
    edit_record(folder, place, edit)
    result = iis("replay", folder)
    assert result.returncode == 1
    assert "counts are identical on 7 of 8 objects" in result.stdout
    when = f"after click {click}" if click else "before the first click"
    assert f"first difference: {object_id} {when}\n" in result.stdout
    assert "nothing that the run names is another here" in result.stdout
    found = json.loads(iis("replay", folder, "--json").stdout)
    assert (found["objects"], found["identical"], found["differences"]) == (8, 7, {})
    assert (found["first"]["id"], found["first"]["click"]) == (object_id, click)
    assert found["first"]["recorded"] != found["first"]["replayed"]


def test_a_click_that_was_moved_is_caught(tmp_path: Path, iis: Callable) -> None:
    folder = run(tmp_path / "run").path
    edit_record(folder, 3, lambda record: record["clicks"][0].update(row=0, col=0))
    result = iis("replay", folder)
    assert (result.returncode, "first difference: shape2 after click 1" in result.stdout) == (1, True)
    largest = json.loads(iis("replay", folder, "--json").stdout)["largest_difference"]
    assert 0.1 < largest <= 1
    assert f"largest difference in IoU: {largest:.6f}" in result.stdout


def test_another_version_of_opencv_is_named(tmp_path: Path, iis: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(cv2, "__version__", "3.2.1")
        patch.setattr(DisksModel, "_disks", lambda self, shape, *rest: np.ones(shape, np.float32))
        folder = run(tmp_path / "run").path
    result = iis("replay", folder)
    assert (result.returncode, f"  versions.opencv: 3.2.1 in the run, {cv2.__version__} now\n" in result.stdout) == (
        1,
        True,
    )


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda content: content["settings"]["versions"].update(torch="1.0"), "versions.torch: 1.0 in the run, "),
        (lambda content: content["settings"]["model"].update(version="0.0"), "model.version: 0.0 in the run, 1.0 now"),
        (lambda content: content["settings"].update(device="meta"), "device: meta in the run, cpu now"),
        (lambda content: content["machine"].update(cpu="Z80"), "machine.cpu: Z80 in the run, "),
        (lambda content: content["packages"].update(pillow="0.1"), "packages.pillow: 0.1 in the run, "),
        (lambda content: content["settings"]["model"]["keywords"].update(precision="bf16"), None),
    ],
)
def test_what_is_another_here_is_named_though_counts_are_identical(
    tmp_path: Path, iis: Callable, edit: Edit, named: str | None
) -> None:
    folder = run(tmp_path / "run").path
    edit_description(folder, edit)
    result = iis("replay", folder)
    if named is None:
        assert (result.returncode, "toy/disks has no keyword 'precision'" in result.stderr) == (2, True)
    else:
        assert (result.returncode, f"what is another here:\n  {named}" in result.stdout) == (0, True)


def test_other_weights_are_caught_and_named(install: Callable[..., Path], tmp_path: Path, iis: Callable) -> None:
    install("iis-net", {"net": "net_plugin"}, net_plugin=PLUGIN, net_parts=PARTS)
    for name, bias in (("a", 5.0), ("b", -5.0)):
        weights = {"weight": torch.zeros(2, 3, 1, 1), "bias": torch.full((2,), bias)}
        torch.save(weights, tmp_path / f"{name}.pth")
    keywords = {"weights": str(tmp_path / "a.pth")}
    folder = evaluate("net/wide2", "toy/shapes", out=tmp_path / "run", model_keywords=keywords, limit=1).path
    assert iis("replay", folder).returncode == 0
    shutil.copy(tmp_path / "a.pth", tmp_path / "moved.pth")
    moved = iis("replay", folder, "--set", f"weights={tmp_path / 'moved.pth'}")
    assert (moved.returncode, "weights_sha256" in moved.stdout) == (0, False)
    result = iis("replay", folder, "--set", f"weights={tmp_path / 'b.pth'}")
    assert (result.returncode, "\n  weights_sha256: " in result.stdout) == (1, True)
    (tmp_path / "a.pth").unlink()
    assert f"{tmp_path / 'a.pth'} cannot be read" in iis("replay", folder).stderr


def test_an_unfinished_run_is_replayed_as_far_as_it_went(tmp_path: Path, iis: Callable) -> None:
    folder = run(tmp_path / "run").path
    lines = (folder / "records.jsonl").read_text().splitlines(keepends=True)
    (folder / "records.jsonl").write_text("".join(lines[:2]))
    assert "identical on 2 of 2 objects, of 8 in the whole run\n" in iis("replay", folder).stdout
    (folder / "records.jsonl").write_text("")
    result = iis("replay", folder)
    assert (result.returncode, "has no records yet" in result.stderr) == (2, True)


def test_objects_that_are_missing_here_are_named(tmp_path: Path, iis: Callable) -> None:
    folder = run(tmp_path / "run").path
    result = iis("replay", folder, "--data", "count=3")
    assert result.returncode == 2
    assert "toy/shapes has no object 'shape3#1' any more" in result.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--model", "toy/disks"), "--model needs --out DIR"),
        (("--out", "new", "--json"), "--json is for comparing"),
        (("--data", "cuont=3"), "has no keyword 'cuont'; did you mean 'count'"),
        (("--set", "shirnk=1"), "has no keyword 'shirnk'; did you mean 'shrink'"),
        (("--device", "gpu"), "'gpu' is not a torch device"),
        (("--data-root", "."), "has no keyword 'root'"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, iis: Callable, options: tuple[str, ...], says: str) -> None:
    result = iis("replay", run(tmp_path / "run").path, *options, cwd=tmp_path)
    assert (result.returncode, says in result.stderr) == (2, True)


def test_what_was_given_as_an_object_is_replayed_from_python_alone(tmp_path: Path, iis: Callable) -> None:
    model, data = DisksModel(), ShapesDataset()
    finished = evaluate(model, data, out=tmp_path / "run", limit=2)
    assert "its model was given as a Python object" in iis("replay", finished.path).stderr
    assert len(plan_replay(finished, model=model, dataset=data).dataset) == 2


def replayed(iis: Callable, folder: Path, out: Path, *options: object) -> Any:
    return iis("replay", folder, "--model", "toy/disks", "--set", "shrink=0.6", "--out", out, *options)


def test_another_model_answers_the_recorded_clicks(tmp_path: Path, iis: Callable) -> None:
    first = run(tmp_path / "run")
    result = replayed(iis, first.path, tmp_path / "new")
    assert result.returncode == 0
    assert "it was given the clicks of toy/disks, " in result.stdout
    second = read_run(tmp_path / "new")
    assert second.protocol.label == "replay of ritm"
    assert second.settings["robot"]["clicks_of"].keys() == {"model", "protocol", "sha256"}
    for one, other in zip(first.records, second.records, strict=True):
        places = [[(click.row, click.col, click.positive) for click in record.clicks] for record in (one, other)]
        assert places[0] == places[1]
        assert other.end == "recording"
    assert essence(first) != essence(second)
    assert iis("replay", second.path).returncode == 0
    replayed(iis, second.path, tmp_path / "again")
    assert read_run(tmp_path / "again").protocol.label == "replay of ritm"
    assert essence(read_run(tmp_path / "again")) == essence(second)


def test_a_replayed_run_is_resumed_and_knows_its_recording(tmp_path: Path, iis: Callable) -> None:
    first = run(tmp_path / "run")
    replayed(iis, first.path, tmp_path / "new")
    whole = essence(read_run(tmp_path / "new"))
    lines = (tmp_path / "new" / "records.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "new" / "records.jsonl").write_text("".join(lines[:3]) + lines[3][:40])
    assert replayed(iis, first.path, tmp_path / "new").returncode == 0
    assert essence(read_run(tmp_path / "new")) == whole
    edit_record(first.path, 3, lambda record: record["clicks"][0].update(row=0, col=0))
    result = replayed(iis, first.path, tmp_path / "new")
    assert (result.returncode, "robot.clicks_of.sha256: " in result.stderr) == (2, True)
    assert replayed(iis, first.path, tmp_path / "new", "--overwrite").returncode == 0
    result = iis("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--out", tmp_path / "new")
    assert (result.returncode, "holds a run with other settings" in result.stderr) == (2, True)


def test_what_a_recording_leaves_undefined_is_an_error(tmp_path: Path, iis: Callable) -> None:
    first = run(tmp_path / "run")
    replayed(iis, first.path, tmp_path / "new")
    short = min(len(record.clicks) for record in first.records)
    assert iis("report", tmp_path / "new", "--iou-at", short, "--noc", 0.01).returncode == 0
    for options, says in (
        (("--noc", 1), "undefined: shape4 was given the 1 clicks of a recording, which do not reach it"),
        (("--iou-at", short + 1), "IoU@2 is undefined: shape4 was given the 1 clicks of a recording"),
    ):
        result = iis("report", tmp_path / "new", *options)
        assert (result.returncode, says in result.stderr) == (2, True)
    assert iis("pictures", tmp_path / "new", "--worst", 2).returncode == 0


def test_records_of_a_replay_are_not_believed_in_a_run_of_a_robot(tmp_path: Path) -> None:
    folder = run(tmp_path / "run").path
    edit_record(folder, 0, lambda record: record.update(end="recording"))
    with pytest.raises(UserError, match="end is 'recording', but the clicks end with 'max_clicks'"):
        read_run(folder)
