"""What a training leaves at its end, and what is said about one that learnt nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from iis_lightning.folder import TrainingFolder
from iis_lightning.metrics import MetricsFile, read_metrics
from iis_lightning.summary import describe, draw_curve, list_warnings, summarise

from iis_core import UserError


def clicks(noc: float, **more: Any) -> dict[str, Any]:
    return {"NoC@85": noc, "NoC@90": noc + 1, **more}


@pytest.mark.parametrize(
    ("history", "warnings"),
    [
        ({}, []),
        ({0: clicks(20)}, []),
        ({0: clicks(20), 1: clicks(19)}, []),
        ({0: clicks(20), 1: clicks(20)}, ["none of 2 validations differs from the first"]),
        ({0: clicks(20), 1: clicks(19, masks="empty")}, ["every mask of the last validation is empty"]),
        ({0: clicks(20, masks="empty"), 1: clicks(19)}, []),
        ({4: clicks(20, masks="full")}, ["every mask of the last validation is full"]),
        ({0: clicks(20, masks="empty"), 1: clicks(20, masks="empty")}, ["none of 2", "every mask"]),
    ],
)
def test_a_validation_that_says_nothing_is_a_warning(history: dict[int, Any], warnings: list[str]) -> None:
    found = list_warnings(history)
    assert len(found) == len(warnings)
    assert all(text.startswith(begin) for text, begin in zip(found, warnings, strict=True))


def test_a_summary_has_the_first_and_last_loss_and_the_best_validation(tmp_path: Path) -> None:
    rows = [{"step": 0, "train/loss": 2.0}, {"step": 1, "lr-Adam": 0.1}, {"step": 2, "train/loss": 1.0}]
    summary = summarise(rows, {0: clicks(9), 1: clicks(7), 2: clicks(8)}, 1, epochs=3, step=12)
    assert summary["loss"] == [2.0, 1.0]
    assert summary["validation"] == {"last": {"epoch": 3, **clicks(8)}, "best": {"epoch": 2, **clicks(7)}}
    text = describe(summary, TrainingFolder(tmp_path))
    assert "3 epochs, 12 steps, loss 2.0000 -> 1.0000" in text
    assert f"best validation: NoC@85 7.00, NoC@90 8.00, epoch 2, {tmp_path / 'best'}" in text


def test_metrics_go_on_in_one_file_from_the_checkpoint(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    for step in range(4):
        metrics.log_metrics({"train/loss": float(step)}, step)
    metrics.log_metrics({"train/loss": float("nan")}, 1)
    with metrics.file.open("a") as stream:
        stream.write('{"step": 4, "trai')  # a kill
    metrics.keep_until(2)
    metrics.log_metrics({"train/loss": 9.0}, 2)
    assert [(row["step"], row["train/loss"]) for row in read_metrics(metrics.file)] == [
        (0, 0.0),
        (1, 1.0),
        (1, None),
        (2, 9.0),
    ]
    with pytest.raises(UserError, match=r"metrics\.jsonl cannot be written"):
        MetricsFile(tmp_path / "gone" / "metrics.jsonl").log_metrics({}, 0)


def test_the_curve_is_a_picture_where_matplotlib_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"step": step, "train/loss": 1.0, "val/NoC@85": 9.0} for step in range(3)]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.figure", None)
        assert not draw_curve(rows, tmp_path / "curve.png")
    pytest.importorskip("matplotlib")
    for some in (rows, [], [{"step": 1, "lr-Adam": 0.1}]):
        assert draw_curve(some, tmp_path / "curve.png")
        assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
