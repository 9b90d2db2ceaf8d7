"""Plots of runs."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from toy_runs import run

from iis_core import UserError, read_run
from iis_core.files.images import read_image
from iis_core.metrics import mean_iou_curve, noc_histogram, share_reached
from iis_core.report.curves import _style, draw_curves, plot_curves


def test_without_matplotlib_plots_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match=r"pip install 'iis-core\[plot\]'"):
        plot_curves([run(tmp_path / "run")], tmp_path / "plot.png")


def texts(axes: Any) -> str:
    return " ".join([axes.get_title(), *(text.get_text() for text in axes.texts)])


def test_the_mean_iou_is_drawn_only_where_it_is_defined(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    stopped = run(tmp_path / "stopped")
    free = run(tmp_path / "free", overrides={"stop_iou": None, "max_clicks": 5})
    for runs, lines, says in [
        ([stopped], 0, "evaluate with --stop-iou none"),
        ([stopped, free], 1, "not of 1 of 2 runs"),
        ([free], 1, ""),
    ]:
        _, _, axes = draw_curves(runs).axes
        assert len(axes.lines) == lines
        assert says in texts(axes)
    assert list(axes.lines[0].get_ydata()) == mean_iou_curve(free.records, free.protocol)
    assert not texts(axes).strip()


def test_the_share_that_reached_an_iou_is_defined_under_an_early_stop(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    stopped, free = run(tmp_path / "stopped"), run(tmp_path / "free", overrides={"stop_iou": None})
    axes, *_ = draw_curves([stopped, free]).axes
    first, second = (list(line.get_ydata()) for line in axes.lines)
    assert first == second == share_reached(stopped.records, 0.9, stopped.protocol)
    assert "0.9" in axes.get_ylabel()


def test_never_stands_apart_from_the_last_click(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    finished = run(tmp_path / "run", overrides={"max_clicks": 3})
    _, axes, _ = draw_curves([finished]).axes
    heights = {round(bar.get_x() + bar.get_width() / 2): bar.get_height() * 8 for bar in axes.patches}
    counts, never = noc_histogram(finished.records, 0.9, finished.protocol)
    assert sum(counts) + never == 8
    assert never > 0
    assert heights == pytest.approx({**dict(enumerate(counts)), 5: never})
    ticks = dict(zip(axes.get_xticks(), (label.get_text() for label in axes.get_xticklabels()), strict=True))
    assert ticks[5] == "never"


def test_runs_that_stop_below_the_usual_ious_are_plotted_at_the_lowest_stop(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    runs = [run(tmp_path / f"{stop}", overrides={"stop_iou": stop}) for stop in (0.5, 0.7)]
    assert "IoU 0.5" in draw_curves(runs).axes[0].get_ylabel()


@pytest.mark.parametrize("count", [1, 9])
def test_no_legend_lies_over_data(tmp_path: Path, count: int) -> None:
    pytest.importorskip("matplotlib")
    figure = draw_curves([run(tmp_path / "run")] * count)
    figure.savefig(io.BytesIO())
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert len(legend.get_texts()) == count
    assert all(not box.overlaps(axes.get_tightbbox()) for axes in figure.axes)


@pytest.mark.parametrize("name", ["a$\\frac$b", "_hidden", "b\u00e4nana"])
def test_a_run_is_named_in_the_legend_by_what_differs_else_by_its_folder(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    first, other = run(Path(name)), run(Path("other"), seed=1)
    (legend,) = draw_curves([first, other]).legends
    assert [text.get_text()[-6:] for text in legend.get_texts()] == ["seed=0", "seed=1"]
    figure = draw_curves([first, first])
    figure.savefig(io.BytesIO())
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [name] * 2


def test_many_runs_look_different() -> None:
    styles = [tuple(_style(place).items()) for place in range(28)]
    assert len(set(styles)) == 28


def is_drawn(file: Path) -> bool:
    """Whether it is of the format that its name says, and something is in it."""
    if file.suffix == ".png":
        return np.ptp(read_image(file)) > 100
    if file.suffix == ".svg":
        return len(ElementTree.parse(file).findall(".//{http://www.w3.org/2000/svg}path")) > 2
    content = file.read_bytes()
    return content.startswith(b"%PDF-") and b"/Type /Page " in content and content.rstrip().endswith(b"%%EOF")


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_plots_are_drawn(tmp_path: Path, iis: Callable, ending: str) -> None:
    pytest.importorskip("matplotlib")
    runs = [run(tmp_path / "a").path, run(tmp_path / "b", overrides={"stop_iou": None, "max_clicks": 5}).path]
    result = iis("report", *runs, "--plot", tmp_path / f"plot.{ending}")
    assert result.returncode == 0, result.stderr
    assert is_drawn(tmp_path / f"plot.{ending}")


@pytest.mark.parametrize("name", ["plot.mp3", "missing/plot.png"])
def test_a_plot_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(UserError, match=r"plot\.\w+ cannot be written"):
        plot_curves([run(tmp_path / "run")], tmp_path / name)


def test_an_empty_run_has_no_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folder = run(tmp_path / "run").path
    (folder / "records.jsonl").write_text("")
    with pytest.raises(UserError, match="has no records yet"):
        plot_curves([read_run(folder)], tmp_path / "plot.png")
