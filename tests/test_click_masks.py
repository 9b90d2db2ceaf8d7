"""Masks after every click: kept or made again, they are the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from toy_parts import DisksModel
from toy_runs import essence, kill_after, run

from iis_core import Run, UserError, evaluate, read_run
from iis_core.evaluation.click_masks import masks_after_clicks
from iis_core.files.pages import read_pages, write_pages
from iis_core.metrics import count


def masks_of(finished: Run) -> dict[str, tuple[np.ndarray, ...]]:
    return {replay.record.id: replay.masks for replay in masks_after_clicks(finished)}


def assert_equal(one: dict[str, tuple[np.ndarray, ...]], other: dict[str, tuple[np.ndarray, ...]]) -> None:
    assert one.keys() == other.keys()
    for name, masks in one.items():
        assert len(masks) == len(other[name])
        assert all((mask == same).all() for mask, same in zip(masks, other[name], strict=True))


SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(st.tuples(st.integers(1, 5), SHAPES).flatmap(lambda drawn: arrays.arrays(bool, (drawn[0], *drawn[1]))))
def test_pages_are_lossless(tmp_path_factory: pytest.TempPathFactory, masks: np.ndarray) -> None:
    file = tmp_path_factory.mktemp("pages") / "a.tif"
    write_pages(file, list(masks))
    again = read_pages(file, len(masks), masks.shape[1:])
    assert len(again) == len(masks)
    assert all(mask.dtype == bool and (mask == same).all() for mask, same in zip(again, masks, strict=True))


@pytest.mark.parametrize("kind", ["noise", "stripes", "full", "empty", "wide"])
def test_large_pages_are_lossless(tmp_path: Path, kind: str) -> None:
    masks = np.zeros((2, 3, 70_001) if kind == "wide" else (2, 701, 999), bool)
    if kind in ("noise", "wide"):
        masks = np.random.default_rng(0).random(masks.shape) > 0.5
    elif kind == "stripes":
        masks[:, :, ::2] = True
    elif kind == "full":
        masks[:] = True
    write_pages(tmp_path / "a.tif", list(masks))
    assert (np.stack(read_pages(tmp_path / "a.tif", 2, masks.shape[1:])) == masks).all()


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"batch_size": 3, "workers": 2},
        {"overrides": {"stop_iou": None, "max_clicks": 4, "threshold": 0.0, "inclusive": True}},
    ],
)
def test_what_is_kept_is_what_a_replay_makes_again(tmp_path: Path, keywords: dict[str, Any]) -> None:
    kept = run(tmp_path / "kept", save_masks="every", **keywords)
    plain = run(tmp_path / "plain", **keywords)
    assert len(list((tmp_path / "kept" / "click-masks").iterdir())) == 8
    assert not (tmp_path / "kept" / "masks").exists()
    assert_equal(masks_of(kept), masks_of(plain))
    for replay in masks_after_clicks(kept):
        recorded = [replay.record.initial, *(click.counts for click in replay.record.clicks)]
        assert [count(mask, replay.object.target) for mask in replay.masks] == recorded


def test_kept_masks_need_no_model(tmp_path: Path, iis: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = run(tmp_path / "run", save_masks="every")
    monkeypatch.setattr(DisksModel, "__call__", None)
    assert len(masks_of(kept)) == 8
    assert iis("pictures", kept.path, "--ids", "shape1", "--every-click").returncode == 0


def test_a_run_killed_at_any_record_has_the_masks_of_every_record(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", save_masks="every")
    for records in (2, 5):
        kill_after(tmp_path / "run", records)
    assert_equal(masks_of(run(tmp_path / "run", save_masks="every")), masks_of(whole))
    assert essence(read_run(tmp_path / "run")) == essence(whole)


def test_masks_are_written_before_their_record(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "click-masks").write_text("in the way")
    with pytest.raises(UserError, match="click-masks cannot be written"):
        run(tmp_path / "run", save_masks="every")
    assert read_run(tmp_path / "run").records == ()


def test_a_finished_run_gets_the_masks_that_it_lacks_and_loses_them_with_its_records(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", save_masks="every")
    for _ in range(2):
        finished = run(tmp_path / "run")
    assert not (tmp_path / "run" / "click-masks").exists()
    run(tmp_path / "run", save_masks="every")
    files = sorted(file.name for file in (tmp_path / "run" / "click-masks").iterdir())
    assert files == sorted(file.name for file in (whole.path / "click-masks").iterdir())
    assert_equal(masks_of(finished), masks_of(whole))
    run(tmp_path / "run", overwrite=True)
    assert not (tmp_path / "run" / "click-masks").exists()


def test_a_part_of_the_objects_and_a_part_of_the_masks(tmp_path: Path) -> None:
    finished = run(tmp_path / "run", save_masks="every")
    whole = masks_of(finished)
    (tmp_path / "run" / "click-masks" / "shape1.tif").unlink()
    chosen = [finished["shape1"], finished["shape0#2"]]
    replays = {replay.record.id: replay for replay in masks_after_clicks(finished, chosen)}
    assert list(replays) == ["shape0#2", "shape1"]
    assert_equal({name: replay.masks for name, replay in replays.items()}, {name: whole[name] for name in replays})


def test_damaged_masks_are_named(tmp_path: Path) -> None:
    finished = run(tmp_path / "run", save_masks="every", limit=1)
    file = tmp_path / "run" / "click-masks" / "shape0#1.tif"
    (record,) = finished.records
    sound = masks_of(finished)["shape0#1"]
    for masks in (sound[:-1], [*sound, sound[0]], [mask[:, 1:] for mask in sound]):
        write_pages(file, masks)
        with pytest.raises(UserError, match=rf"does not hold {1 + len(record.clicks)} masks of 40 x 56 pixels: remove"):
            masks_of(finished)
    Image.fromarray(np.zeros((40, 56, 3), np.uint8)).save(file)
    with pytest.raises(UserError, match="does not hold"):
        masks_of(finished)
    file.write_bytes(b"II*\0")
    with pytest.raises(UserError, match=r"shape0#1.tif is damaged"):
        masks_of(finished)
    file.unlink()
    assert_equal(masks_of(finished), {"shape0#1": sound})


def test_the_command_keeps_the_last_mask_or_every_one(tmp_path: Path, iis: Callable) -> None:
    toy = ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--limit", 1)
    assert iis(*toy, "--save-masks", "--out", tmp_path / "last").returncode == 0
    assert iis(*toy, "--out", tmp_path / "every", "--save-masks", "every").returncode == 0
    assert (tmp_path / "last" / "masks" / "shape0#1.png").is_file()
    assert (tmp_path / "every" / "click-masks" / "shape0#1.tif").is_file()
    assert json.loads((tmp_path / "every" / "run.json").read_text())["ids"] == ["shape0#1"]
    assert "'some' is not one of 'last', 'every'" in iis(*toy, "--save-masks", "some").stderr
    with pytest.raises(UserError, match="save_masks must be true, false or \"every\", not 'all'"):
        evaluate("toy/disks", "toy/shapes", save_masks="all")  # type: ignore[arg-type]
