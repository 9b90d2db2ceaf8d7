"""Pictures, masks and plots of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from toy_runs import run

from iis_core import UserError, evaluate, load_dataset, read_run
from iis_core.files.images import read_image, read_mask
from iis_core.metrics.masks import count
from iis_core.report.pictures import render_object


def test_masks_are_those_that_the_records_count(tmp_path: Path) -> None:
    finished = run(tmp_path / "run", save_masks=True, batch_size=3, workers=2)
    data = load_dataset("toy/shapes")
    for record in finished.records:
        mask = read_mask(tmp_path / "run" / "masks" / f"{record.id}.png") > 0
        sample = data[int(record.path.removeprefix("shape").removesuffix(".png"))]
        target = np.where(sample.masks == -1, -1, sample.masks == record.object_id)[:, :, 0].astype(np.int8)
        assert count(mask, target) == record.clicks[-1].counts
    assert not (tmp_path / "run" / "pictures").exists()


def test_the_first_objects_get_pictures(tmp_path: Path) -> None:
    run(tmp_path / "run", pictures=3)
    names = {path.name for path in (tmp_path / "run" / "pictures").iterdir()}
    assert names == {"shape0#1.png", "shape0#2.png", "shape1.png"}
    assert read_image(tmp_path / "run" / "pictures" / "shape1.png").min() == 0
    assert not (tmp_path / "run" / "masks").exists()


def test_an_id_that_is_no_file_name_is_quoted(tmp_path: Path) -> None:
    class Nested:
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index):
            sample = load_dataset("toy/shapes")[1]
            return type(sample)(sample.image, sample.masks, {**sample.info, "id": "../clip/1"})

    evaluate("toy/disks", Nested(), out=tmp_path / "run", pictures=1, save_masks=True)
    assert [path.name for path in (tmp_path / "run" / "masks").iterdir()] == ["..%2Fclip%2F1.png"]
    assert [path.name for path in (tmp_path / "run" / "pictures").iterdir()] == ["..%2Fclip%2F1.png"]


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (40, 30), (700, 900)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    height, width = size
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
    target, mask = rng.integers(-1, 2, size).astype(np.int8), rng.random(size) > 0.5
    clicks = [(height - 1, width - 1, positive) for positive in (True, False)]
    picture = render_object(image, target, mask, clicks, "title")
    assert picture.dtype == np.uint8
    assert 480 <= max(picture.shape[:2]) <= 2 * 480 + 66


def test_the_colours_say_what_is_wrong() -> None:
    target = np.zeros((240, 480), np.int8)
    target[:, :120], target[:, 360:] = 1, -1
    mask = np.zeros((240, 480), bool)
    mask[:, 240:360] = True
    picture = render_object(np.zeros((240, 480, 3), np.uint8), target, mask, [], "")
    error = picture[-120, 480:].astype(int)
    missing, right, extra, ignored = (error[place] for place in (60, 180, 300, 420))
    assert missing.argmax() == 2
    assert extra.argmax() == 0
    assert (right == 0).all()
    assert np.ptp(ignored) == 0
    assert ignored[0] > 60


def test_pictures_that_cannot_be_written_leave_the_run_resumable(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "pictures").write_text("in the way")
    with pytest.raises(UserError, match=r"pictures cannot be made"):
        run(tmp_path / "run", pictures=2)
    (tmp_path / "run" / "pictures").unlink()
    assert run(tmp_path / "run", pictures=2).is_complete
    with pytest.raises(UserError, match="pictures must be at least 0, not -1"):
        run(tmp_path / "other", pictures=-1)


def test_without_matplotlib_plots_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from iis_core.report.curves import plot_curves

    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match=r"pip install 'iis-core\[plot\]'"):
        plot_curves([run(tmp_path / "run")], tmp_path / "plot.png")


def test_a_curve_ends_where_it_is_no_longer_defined(tmp_path: Path) -> None:
    from iis_core.report.curves import mean_iou_curve

    stopped = run(tmp_path / "stopped")
    first_end = min(len(record.clicks) for record in stopped.records if record.end == "stop_iou")
    assert len(mean_iou_curve(stopped)) == first_end
    free = run(tmp_path / "free", overrides={"stop_iou": None, "max_clicks": 5})
    assert len(mean_iou_curve(free)) == 5
    assert mean_iou_curve(free)[0] == pytest.approx(mean_iou_curve(stopped)[0])


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
    from iis_core.report.curves import plot_curves

    with pytest.raises(UserError, match=r"plot\.\w+ cannot be written"):
        plot_curves([run(tmp_path / "run")], tmp_path / name)


def test_an_empty_run_has_no_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from iis_core.report.curves import plot_curves

    folder = run(tmp_path / "run").path
    (folder / "records.jsonl").write_text("")
    with pytest.raises(UserError, match="has no records yet"):
        plot_curves([read_run(folder)], tmp_path / "plot.png")
