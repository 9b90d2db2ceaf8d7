"""Replays: what is drawn of a run afterwards is what happened in it."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy_net import PARTS, PLUGIN
from toy_parts import DisksModel, ShapesDataset
from toy_runs import essence, run

from iis_core import Run, UserError, evaluate, load_dataset, read_run
from iis_core.evaluation.replay import plan_replay, replay_records
from iis_core.files.images import read_image, read_mask
from iis_core.metrics import count, worst_first


def change_settings(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads((folder / "run.json").read_text())
    change(content["settings"])
    (folder / "run.json").write_text(json.dumps(content))


def drawn(folder: Path) -> set[str]:
    return {file.name for file in (folder / "pictures").iterdir()}


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"batch_size": 3, "workers": 2},
        {"model_keywords": {"shrink": 0.7}, "overrides": {"stop_iou": None, "max_clicks": 6}},
        {"overrides": {"threshold": 0.0, "inclusive": True, "max_clicks": 2}},
        {"ids": ["shape4", "shape0#2"]},
    ],
)
def test_a_replay_gives_the_masks_of_the_run(tmp_path: Path, keywords: dict[str, Any]) -> None:
    finished = run(tmp_path / "run", save_masks=True, **keywords)
    replays = list(replay_records(plan_replay(finished), finished.records))
    assert {replay.record.id for replay in replays} == {record.id for record in finished.records}
    for replay in replays:
        assert replay.differs_at is None
        kept = read_mask(tmp_path / "run" / "masks" / f"{replay.record.id}.png") > 0
        assert (replay.masks[-1] != kept).sum() == 0
        recorded = [replay.record.initial, *(click.counts for click in replay.record.clicks)]
        assert [count(mask, replay.object.target) for mask in replay.masks] == recorded


class MaskedShapes(ShapesDataset):
    """Every object has its own mask to start from, whole in one of them: no click is left to make."""

    def __getitem__(self, index: int) -> Any:
        sample = super().__getitem__(index)
        start = sample.masks[:, :, 0] == 1 if index == 1 else sample.masks[:, :, 0] > 5
        return type(sample)(sample.image, sample.masks, {**sample.info, "initial_mask": start})


def test_initial_masks_and_objects_without_clicks_are_replayed(tmp_path: Path) -> None:
    data = MaskedShapes()
    model = DisksModel()
    finished = evaluate(model, data, out=tmp_path / "run")
    assert finished.records[2].clicks == ()
    for replay in replay_records(plan_replay(finished, model=model, dataset=data), finished.records):
        assert replay.differs_at is None
        assert len(replay.masks) == len(replay.record.clicks) + 1


def test_the_worst_are_those_that_never_reach_then_those_that_need_most(tmp_path: Path) -> None:
    finished = run(tmp_path / "run")
    ranked = worst_first(finished.records, 0.9, finished.protocol)
    failed = [record for record in ranked if record.end != "stop_iou"]
    assert 0 < len(failed) < len(ranked)
    assert ranked[: len(failed)] == failed
    ious = [record.clicks[-1].counts.tp / record.clicks[-1].counts.union for record in failed]
    assert ious == sorted(ious)
    needed = [len(record.clicks) for record in ranked[len(failed) :]]
    assert needed == sorted(needed, reverse=True)


def test_pictures_are_drawn_afterwards_as_while_evaluating(tmp_path: Path, iis: Callable) -> None:
    run(tmp_path / "early", pictures=8)
    folder = run(tmp_path / "run").path
    result = iis("pictures", folder)
    assert (result.returncode, result.stderr) == (0, "")
    assert set(map(Path, result.stdout.splitlines())) == set((folder / "pictures").iterdir())
    assert drawn(folder) == drawn(tmp_path / "early")
    for name in drawn(folder):
        early, late = (read_image(place / "pictures" / name) for place in (folder, tmp_path / "early"))
        assert (early == late).all()


def test_pictures_of_the_worst_of_some_and_of_every_click(tmp_path: Path, iis: Callable) -> None:
    finished = run(tmp_path / "run")
    worst = worst_first(finished.records, 0.9, finished.protocol)[:2]
    assert iis("pictures", finished.path, "--worst", 2).returncode == 0
    assert drawn(finished.path) == {f"{record.id}.png" for record in worst}
    result = iis(
        "pictures", finished.path, "--ids", "shape0#2", "--every-click", "--out", tmp_path / "new" / "pictures"
    )
    assert result.returncode == 0
    (record,) = (record for record in finished.records if record.id == "shape0#2")
    assert drawn(tmp_path / "new") == {f"shape0#2-click{made:02}.png" for made in range(len(record.clicks) + 1)}


def test_a_run_that_stops_below_the_usual_ious_has_a_worst(tmp_path: Path, iis: Callable) -> None:
    folder = run(tmp_path / "run", overrides={"stop_iou": 0.5}).path
    assert iis("pictures", folder, "--worst", 1).returncode == 0
    assert len(drawn(folder)) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--ids", "shape9"), "has no record of 'shape9'; did you mean"),
        (("--ids", "shape1", "--worst", 1), "give --worst or --ids, not both"),
        (("--worst", 0), "0 is not in the range"),
        (("--device", "gpu"), "'gpu' is not a torch device"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, iis: Callable, options: tuple[object, ...], says: str) -> None:
    result = iis("pictures", run(tmp_path / "run").path, *options)
    assert result.returncode == 2
    assert says in result.stderr


def test_an_empty_run_and_no_run_are_named(tmp_path: Path, iis: Callable) -> None:
    folder = run(tmp_path / "run").path
    (folder / "records.jsonl").write_text("")
    assert "has no records yet" in iis("pictures", folder).stderr
    assert "is not a run folder" in iis("pictures", tmp_path).stderr


@pytest.mark.parametrize(
    ("model", "dataset", "part"),
    [(DisksModel(), "toy/shapes", "model"), ("toy/disks", ShapesDataset(), "dataset")],
)
def test_what_was_given_as_an_object_cannot_be_loaded(
    tmp_path: Path, iis: Callable, model: Any, dataset: Any, part: str
) -> None:
    folder = evaluate(model, dataset, out=tmp_path / "run", limit=1).path
    result = iis("pictures", folder)
    assert result.returncode == 2
    assert f"its {part} was given as a Python object (toy_parts." in result.stderr
    evaluate(model, dataset, out=tmp_path / "remedy", limit=1, pictures=1)
    assert len(drawn(tmp_path / "remedy")) == 1


def test_a_replay_that_differs_says_so_and_why(tmp_path: Path, iis: Callable) -> None:
    folder = run(tmp_path / "run").path

    def change(settings: dict[str, Any]) -> None:
        settings["model"]["keywords"]["shrink"] = 0.5
        settings["weights_sha256"] = "00"
        settings["versions"]["torch"] = "1.0"

    change_settings(folder, change)
    result = iis("pictures", folder)
    assert result.returncode == 0
    assert "replays differ from their records (the first is shape" in result.stderr
    assert "versions.torch: 1.0 in the run" in result.stderr
    assert "weights_sha256: 00 in the run, None now" in result.stderr
    assert len(drawn(folder)) == 8


def test_a_replay_that_differs_without_a_known_cause_names_the_others(tmp_path: Path, iis: Callable) -> None:
    folder = run(tmp_path / "run").path
    change_settings(folder, lambda settings: settings["model"]["keywords"].update(shrink=0.5))
    assert "nothing that the run names has changed: its files may have" in iis("pictures", folder).stderr


def test_random_weights_are_drawn_by_the_seed(install: Callable[..., Path], tmp_path: Path) -> None:
    install("iis-net", {"net": "net_plugin"}, net_plugin=PLUGIN, net_parts=PARTS)

    def draw(seed: int, out: Path | None = None) -> Run:
        keywords = {"weights": "random"}
        return evaluate("net/wide2", "toy/shapes", out=out, seed=seed, model_keywords=keywords, limit=2)

    before = torch.random.get_rng_state()
    first = draw(0, tmp_path / "run")
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(1)
    assert essence(draw(0)) == essence(first)
    assert any(essence(draw(seed)) != essence(first) for seed in range(1, 9))
    replays = list(replay_records(plan_replay(first), first.records))
    assert [replay.differs_at for replay in replays] == [None, None]


def test_a_dataset_that_has_changed_is_named(tmp_path: Path, iis: Callable) -> None:
    folder = run(tmp_path / "run").path
    change_settings(folder, lambda settings: settings["dataset"]["keywords"].update(count=2))
    assert "toy/shapes has no object 'shape2' any more" in iis("pictures", folder, "--ids", "shape2").stderr
    records = (folder / "records.jsonl").read_text()
    (folder / "records.jsonl").write_text(records.replace('"shape": [48, 44]', '"shape": [48, 50]'))
    result = iis("pictures", folder, "--ids", "shape1")
    assert "has 48 x 44 pixels, in the run it had 48 x 50" in result.stderr


def test_a_finished_run_gets_the_pictures_and_masks_that_it_lacks(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", pictures=3, save_masks=True)
    finished = run(tmp_path / "run", pictures=1)
    assert run(tmp_path / "run", pictures=3, save_masks=True).records == finished.records
    for kind in ("pictures", "masks"):
        files = sorted((whole.path / kind).iterdir())
        assert [file.name for file in files] == sorted(file.name for file in (finished.path / kind).iterdir())
        for file in files:
            assert (read_image(file) == read_image(finished.path / kind / file.name)).all()


def test_a_model_that_answers_otherwise_makes_no_masks_for_a_finished_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "run")
    monkeypatch.setattr(DisksModel, "_disks", lambda self, shape, *rest: np.ones(shape, np.float32))
    with pytest.raises(UserError, match=r"shape0#1: the model does not answer as in the run \(from click 1 on\)"):
        run(tmp_path / "run", save_masks=True)
    assert not list((tmp_path / "run" / "masks").iterdir())


def test_a_full_disk_is_a_sentence(tmp_path: Path, iis: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run(tmp_path / "run").path

    def refuse(*arguments: object, **keywords: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    result = iis("pictures", folder, "--ids", "shape1")
    assert result.returncode == 2
    assert "shape1.png cannot be written: No space left on device" in result.stderr
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert "cannot be written: No space left" in iis("pictures", folder, "--out", tmp_path / "new").stderr


def test_no_picture_takes_the_place_of_another_file(tmp_path: Path, iis: Callable) -> None:
    folder = run(tmp_path / "run").path
    photograph = tmp_path / "data" / "shape1.png"
    photograph.parent.mkdir()
    photograph.write_bytes(b"photograph")
    result = iis("pictures", folder, "--ids", "shape1", "--out", photograph.parent)
    assert (result.returncode, photograph.read_bytes()) == (2, b"photograph")
    assert f"{photograph} is there already: remove it, or choose another --out" in result.stderr
    for _ in range(2):
        assert iis("pictures", folder, "--ids", "shape1").returncode == 0


def test_an_unfinished_run_is_drawn_as_far_as_it_went(tmp_path: Path, iis: Callable) -> None:
    folder = run(tmp_path / "run").path
    lines = (folder / "records.jsonl").read_text().splitlines(keepends=True)
    (folder / "records.jsonl").write_text("".join(lines[:2]))
    assert iis("pictures", folder).returncode == 0
    assert drawn(folder) == {"shape0#1.png", "shape0#2.png"}


def test_the_settings_of_a_run_load_the_model_again(tmp_path: Path) -> None:
    finished: Run = run(tmp_path / "run", model_keywords={"shrink": 0.7})
    plan = plan_replay(read_run(finished.path))
    assert plan.model.shrink == 0.7  # type: ignore[attr-defined]
    assert len(plan.dataset) == 8
    assert len(load_dataset("toy/shapes")) == 6
