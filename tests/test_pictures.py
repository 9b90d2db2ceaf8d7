"""Pictures, masks and plots of a run."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from toy_runs import run

from iis_core import Sample, UserError, evaluate, load_dataset
from iis_core.files.images import read_image, read_mask
from iis_core.files.naming import name_file
from iis_core.metrics import count
from iis_core.report import drawing
from iis_core.report.drawing import BLUE
from iis_core.report.pictures import find_window, render_object
from iis_core.types import SignedClick


class Renamed:
    """One image of the toy dataset, under another id."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        sample = load_dataset("toy/shapes")[1]
        return Sample(sample.image, sample.masks, {**sample.info, "id": self.name})


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


@pytest.mark.parametrize("name", ["clip/1", "../clip/1", "像" * 60, "b\u00e4nana 1", "two\nlines", "caf\udce9"])
def test_files_are_named_after_any_id(tmp_path: Path, name: str) -> None:
    evaluate("toy/disks", Renamed(name), out=tmp_path / "run", pictures=1, save_masks=True)
    for folder in ("masks", "pictures"):
        assert name_file(tmp_path / "run" / folder, name, ".png").is_file()


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


@pytest.mark.parametrize("place", [(0, 0), (0, 319), (39, 0), (39, 319), (39, 100), (20, 319), (20, 100)])
@pytest.mark.parametrize("count", [1, 20])
def test_numbers_stay_inside_the_picture(place: tuple[int, int], count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, tuple[int, int]]] = []
    monkeypatch.setattr(drawing, "_write", lambda canvas, text, place: written.append((text, place)))
    drawing.mark_clicks(np.zeros((40, 320, 3), np.uint8), [SignedClick(*place, True)] * count)
    assert [text for text, _ in written] == [str(number) for number in range(1, count + 1)]
    for text, (left, top) in written:
        (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)
        assert 1 <= left <= 320 - width - 1
        assert 1 <= top <= 40 - height - 1


def test_a_small_object_is_enlarged_with_all_clicks_in_view() -> None:
    target = np.zeros((400, 600), np.int8)
    target[100:110, 200:230] = 1
    clicks = [SignedClick(105, 215, True), SignedClick(130, 190, False)]
    rows, columns = find_window(target, clicks)
    assert (rows, columns) == (slice(80, 151), slice(170, 250))
    whole = find_window(target, [*clicks, SignedClick(390, 10, False)])
    assert whole == (slice(0, 400), slice(0, 600))
    mask = np.zeros((400, 600), bool)
    picture = render_object(np.zeros((400, 600, 3), np.uint8), target, mask, [], "")
    missing = (picture[:, 480:] == np.array(BLUE) * 4 // 5).all(axis=2).sum()
    assert missing == 300 * (480 // 60) ** 2


def test_an_object_at_the_border_is_enlarged_within_the_image() -> None:
    target = np.zeros((400, 600), np.int8)
    target[399, 599] = 1
    assert find_window(target, []) == (slice(391, 400), slice(591, 600))
    assert find_window(np.zeros((4, 5), np.int8), []) == (slice(0, 4), slice(0, 5))


def luminance_free(colour: tuple[int, int, int], missing_cone: str) -> np.ndarray:
    """How a colour looks without one kind of cone (Viénot, Brettel, Mollon 1999)."""
    linear = (np.array(colour) / 255) ** 2.2
    matrices = {
        "protan": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
        "deutan": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    }
    return np.clip(np.array(matrices[missing_cone]) @ linear, 0, 1) ** (1 / 2.2)


@pytest.mark.parametrize("cone", ["protan", "deutan"])
@pytest.mark.parametrize("pair", [(drawing.BLUE, drawing.ORANGE), (drawing.GREEN, drawing.VERMILLION)])
def test_colours_differ_for_the_colour_blind(cone: str, pair: tuple) -> None:
    first, second = (luminance_free(colour, cone) for colour in pair)
    assert np.abs(first - second).max() > 0.2


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
    with pytest.raises(UserError, match=r"pictures cannot be written: "):
        run(tmp_path / "run", pictures=2)
    (tmp_path / "run" / "pictures").unlink()
    assert run(tmp_path / "run", pictures=2).is_complete
    with pytest.raises(UserError, match="pictures must be at least 0, not -1"):
        run(tmp_path / "other", pictures=-1)
