"""One image, some clicks, no ground truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from iis_core import IISModel, UserError, load_model, predict


class Good(IISModel):
    """Predicts what it is given."""

    device = torch.device("cpu")

    def __call__(self, x, z, pcs, ncs):
        return x[:, :1], z


IMAGE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)


def test_a_prediction_is_the_last_answer_to_clicks_in_order() -> None:
    y = predict(load_model("toy/disks", shrink=0.5), IMAGE, [(20, 30, True), (20, 40, False)])
    assert (y.dtype, y.shape) == (np.float32, (40, 60))
    assert (y[20, 30], y[20, 40], y[0, 0]) == (1, 0, 0)
    assert np.count_nonzero(y) > 300


@pytest.mark.parametrize(
    ("clicks", "message"),
    [
        ([(40, 0, True)], r"click \(40, 0\) lies outside the image of 40 x 60"),
        ([(0, -1, True)], "outside"),
        ([(1, 2, True), (1, 2, False)], r"pixel \(1, 2\) is clicked as object and as background"),
    ],
)
def test_impossible_clicks_are_refused(clicks: list[tuple[int, int, bool]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        predict(load_model("toy/disks"), IMAGE, clicks)


def test_other_forms_of_image_and_mask_are_refused() -> None:
    with pytest.raises(UserError, match=r"image must be uint8 \(H, W, 3\) RGB, not float64"):
        predict(load_model("toy/disks"), IMAGE / 255, [])
    with pytest.raises(UserError, match=r"initial_mask is \(3, 3\)"):
        predict(load_model("toy/disks"), IMAGE, [], np.zeros((3, 3), bool))


def test_without_clicks_the_first_prediction_is_returned() -> None:
    mask = IMAGE[:, :, 0] > 100
    assert (predict(Good(), IMAGE, [], mask) == mask).all()


def test_an_initial_mask_is_refused_where_the_model_makes_no_use_of_it() -> None:
    with pytest.raises(UserError, match="the image has an initial mask, of which toy/disks makes no use: leave it out"):
        predict(load_model("toy/disks"), IMAGE, [], IMAGE[:, :, 0] > 100)


def test_the_command_writes_a_mask(iis, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "image.png"), IMAGE)
    arguments = ("predict", tmp_path / "image.png", "--model", "toy/disks", "--out", tmp_path / "mask.png")
    result = iis(*arguments, "--click", "20,30,+", "--click", "5,5,-")
    assert result.returncode == 0, result.stderr
    mask = cv2.imread(str(tmp_path / "mask.png"), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(mask)) == {0, 255}
    assert f"{np.count_nonzero(mask)} of 2400 pixels" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("image.png", "--click", "1;2", "--out", "m.png"), "--click takes ROW,COL,+ or ROW,COL,-"),
        (("image.png", "--click", "99,2,+", "--out", "m.png"), "outside the image of 40 x 60"),
        (("image.png", "--click", "9,2,+", "--out", "m.jpg"), "must end in .png"),
        (("image.png", "--click", "9,2,+", "--out", "none/m.png"), "cannot be written: No such file or directory"),
        (("nothing.png", "--click", "9,2,+", "--out", "m.png"), "cannot be read: No such file or directory"),
    ],
)
def test_mistakes_are_explained(iis, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    cv2.imwrite(str(tmp_path / "image.png"), IMAGE)
    image, *options, out = arguments
    result = iis("predict", tmp_path / image, "--model", "toy/disks", *options, tmp_path / out)
    assert result.returncode == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("ending", "soften", "message"),
    [("png", True, "has soft edges"), ("jpg", False, "is a JPEG, which blurs the numbers of a mask")],
)
def test_an_initial_mask_that_is_soft_or_lossy_is_refused(
    ending: str, soften: bool, message: str, iis: Callable[..., Any], tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "image.png"), IMAGE)
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:50] = 255
    cv2.imwrite(str(tmp_path / f"start.{ending}"), cv2.GaussianBlur(mask, (5, 5), 0) if soften else mask)
    files = [tmp_path / "image.png", "--initial-mask", tmp_path / f"start.{ending}", "--out", tmp_path / "mask.png"]
    result = iis("predict", *files, "--model", "toy/disks", "--click", "20,30,+")
    assert result.returncode == 2
    assert message in result.stderr
    assert not (tmp_path / "mask.png").exists()
